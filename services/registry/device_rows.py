"""SQL of the devices: registering many at once, finding them, their credentials, and what the broker must know of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from psycopg import Connection, errors
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from chelu.topics import Kind
from services.registry.broker_files import BrokerState
from services.registry.models import NewDevice, Registered
from services.registry.problems import Fault, ProblemError
from services.registry.rights import SERVICE_ACCOUNTS, Child

SHOWN_FAULTS = 100
COLUMNS = """device.device_key, device.device_id, device.kind, device.subtype, device.site_id, device.name,
    parent.device_id AS parent, device.standard, device.envelope, device.vehicle_id, device.latitude_deg, device.longitude_deg,
    device.elevation_m, device.labels, device.created, credential.device_key IS NOT NULL AS has_credential"""
SOURCE = """register.device AS device LEFT JOIN register.device AS parent ON parent.device_key = device.parent_key
    LEFT JOIN register.credential ON credential.device_key = device.device_key"""
FIND = f"""SELECT {COLUMNS} FROM {SOURCE} WHERE device.device_id = %(device_id)s"""  # noqa: S608 - constants only
LIST = f"""SELECT {COLUMNS} FROM {SOURCE}
    WHERE device.device_id > %(after)s AND (%(kind)s::text IS NULL OR device.kind = %(kind)s)
      AND (%(site)s::text IS NULL OR device.site_id = %(site)s)
    ORDER BY device.device_id LIMIT %(limit)s"""  # noqa: S608 - constants only
INSERT = """INSERT INTO register.device (device_id, kind, subtype, site_id, name, standard, envelope, vehicle_id, latitude_deg,
        longitude_deg, elevation_m, labels)
    SELECT device_id, kind, subtype, site_id, name, standard, envelope, vehicle_id, latitude_deg, longitude_deg, elevation_m,
        labels
    FROM jsonb_to_recordset(%s) AS new (device_id text, kind text, subtype text, site_id text, name text, standard text,
        envelope text, vehicle_id bigint, latitude_deg double precision, longitude_deg double precision,
        elevation_m double precision, labels jsonb)
    RETURNING device_id, device_key"""
ADOPT = """UPDATE register.device SET parent_key = parent.device_key
    FROM unnest(%s::text[], %s::text[]) AS pair (child, parent) JOIN register.device AS parent ON parent.device_id = pair.parent
    WHERE device.device_id = pair.child"""
TRUST = """INSERT INTO register.credential (device_key, verifier) SELECT * FROM unnest(%s::integer[], %s::text[])
    ON CONFLICT (device_key) DO UPDATE SET verifier = excluded.verifier, created = now()"""
KNOWN = "SELECT device_id, kind FROM register.device WHERE device_id = ANY(%s)"
CHILDREN = """WITH RECURSIVE below AS (
        SELECT device_key, device_id AS gateway FROM register.device WHERE kind = 'gateway'
        UNION SELECT child.device_key, below.gateway FROM register.device AS child
            JOIN below ON child.parent_key = below.device_key)
    SELECT gateway, kind, device_id FROM below JOIN register.device USING (device_key) WHERE gateway <> device_id"""
VERIFIERS = """SELECT device_id AS name, verifier FROM register.credential JOIN register.device USING (device_key)
    UNION ALL SELECT name, verifier FROM register.service_account"""

Execute = Connection[DictRow]


def register(connection: Execute, devices: Sequence[NewDevice], secrets: Mapping[str, tuple[str, str]]) -> list[Registered]:
    """Insert all devices or none; `secrets` has (secret, verifier) by id. Raises ProblemError naming each bad device."""
    _check(connection, devices)
    try:
        rows = connection.execute(INSERT, (Jsonb([_row(device) for device in devices]),)).fetchall()
    except errors.UniqueViolation as error:
        raise ProblemError(HTTPStatus.CONFLICT, f"a device was registered meanwhile: {error.diag.message_detail}") from None
    keys = {row["device_id"]: row["device_key"] for row in rows}
    pairs = [(device.device_id, device.parent) for device in devices if device.parent]
    if pairs:
        connection.execute(ADOPT, ([child for child, _ in pairs], [parent for _, parent in pairs]))
    trust(connection, {keys[device_id]: line for device_id, (_, line) in secrets.items()})
    made = {device_id: secret for device_id, (secret, _) in secrets.items()}
    return [
        Registered(device_id=device.device_id, device_key=keys[device.device_id], secret=made.get(device.device_id))
        for device in devices
    ]


def trust(connection: Execute, verifiers: Mapping[int, str]) -> None:
    """Give devices, by key, these verifiers in the place of what they had."""
    if verifiers:
        connection.execute(TRUST, (list(verifiers), list(verifiers.values())))


def broker_state(connection: Execute) -> BrokerState:
    """What the broker must know, as committed."""
    verifiers = {row["name"]: row["verifier"] for row in connection.execute(VERIFIERS)}
    children = tuple(Child(row["gateway"], Kind(row["kind"]), row["device_id"]) for row in connection.execute(CHILDREN))
    accounts = tuple(row["name"] for row in connection.execute("SELECT name FROM register.service_account"))
    return BrokerState(verifiers, accounts, children)


def device_ids(connection: Execute, keys: Sequence[int]) -> dict[int, str]:
    """Device ids by key, of those that are registered."""
    rows = connection.execute("SELECT device_key, device_id FROM register.device WHERE device_key = ANY(%s)", (list(keys),))
    return {row["device_key"]: row["device_id"] for row in rows}


def device(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `FIND` or `LIST` as `models.Device` takes it."""
    return {**row, "vehicle_id": hexadecimal(row["vehicle_id"])}


def hexadecimal(vehicle_id: int | None) -> str | None:
    """An 8-byte id out of its two's complement."""
    return None if vehicle_id is None else f"{vehicle_id % 2**64:016x}"


def _row(device: NewDevice) -> dict[str, Any]:
    row = device.model_dump(mode="json", exclude={"parent", "credential"})
    if device.vehicle_id is not None:
        row["vehicle_id"] = int.from_bytes(bytes.fromhex(device.vehicle_id), signed=True)
    return row


def _check(connection: Execute, devices: Sequence[NewDevice]) -> None:
    wanted = {device.parent for device in devices if device.parent} | {device.device_id for device in devices}
    known = {row["device_id"] for row in connection.execute(KNOWN, (list(wanted),))}
    sites = {row["site_id"] for row in connection.execute("SELECT site_id FROM register.site")}
    counts = Counter(device.device_id for device in devices)
    parents = known | counts.keys()
    _refuse(HTTPStatus.CONFLICT, devices, "device_id", "one that is not registered yet", lambda it: it.device_id in known)
    _refuse(HTTPStatus.CONFLICT, devices, "device_id", "each id once", lambda it: counts[it.device_id] > 1)
    _refuse(HTTPStatus.CONFLICT, devices, "device_id", "a name no service has", lambda it: it.device_id in SERVICE_ACCOUNTS)
    _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, devices, "site_id", "a registered site", lambda it: it.site_id not in sites)
    _refuse(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        devices,
        "parent",
        "a registered device",
        lambda it: bool(it.parent) and it.parent not in parents,
    )
    circular = _circular(devices)
    _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, devices, "parent", "not below itself", lambda it: it.device_id in circular)


def _refuse(
    status: HTTPStatus, devices: Sequence[NewDevice], field: str, allowed: str, is_bad: Callable[[NewDevice], bool]
) -> None:
    bad = [Fault(f"[{index}].{field}", repr(getattr(it, field)), allowed) for index, it in enumerate(devices) if is_bad(it)]
    if bad:
        first = bad[0]
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise ProblemError(status, f"{first.field} = {first.value} is not allowed: {first.allowed}{more}", bad[:SHOWN_FAULTS])


def _circular(devices: Iterable[NewDevice]) -> set[str]:
    parents = {device.device_id: device.parent for device in devices if device.parent}
    fine: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}
        here: str | None = start
        while here in parents and here not in fine:
            if here in path:
                return set(path)
            path[here] = None
            here = parents[here]
        fine.update(path)
    return set()
