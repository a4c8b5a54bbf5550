"""SQL of the devices: registering many at once, changing one, their credentials, and what the broker must know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from chelu.topics import OPENV2X_PROFILE, Kind
from services.registry import device_rules, joining_rows, rotation_rows
from services.registry.broker_files import BrokerState
from services.registry.changes import refuse
from services.registry.device_models import DeviceFields, NewDevice, Registered
from services.registry.device_rules import Known
from services.registry.rights import Child, Speaker
from services.registry.site_models import OrganisationRole

# After so many new devices, and that part of all, the planner's statistics are made anew; else the database does it in its time.
ANALYSED_FROM, ANALYSED_PART = 1000, 0.1
KNOWN_ROWS = "SELECT reltuples FROM pg_class WHERE oid = 'register.device'::regclass"  # at the last look; -1 before it
TYPES = {
    "vehicle_id": "bigint",
    "automation_level": "smallint",
    **dict.fromkeys(("latitude_deg", "longitude_deg", "elevation_m", "heading_deg", "coverage_m"), "double precision"),
    **dict.fromkeys(("length_m", "width_m", "height_m"), "double precision"),
    **dict.fromkeys(("mounting", "calibration", "reading", "labels"), "jsonb"),
}
REFERENCES = {"parent": "parent_key", "on_vehicle": "on_vehicle_key"}  # given as ids, kept as keys
PLAIN = (
    *("device_id", "kind", "site_id", "lifecycle"),
    *(name for name in DeviceFields.model_fields if name not in REFERENCES),
)
FIELDS = ", ".join(PLAIN)
RECORD = ", ".join(f"{name} {TYPES.get(name, 'text')}" for name in PLAIN)
INSERT = f"""INSERT INTO register.device ({FIELDS}) SELECT {FIELDS} FROM jsonb_to_recordset(%s) AS new ({RECORD})
    RETURNING device_id, device_key"""  # noqa: S608 - constants only
CHANGE = "UPDATE register.device SET {assignments}, version = version + 1 WHERE device_id = %(device_id)s RETURNING version"
KEY_OF = "{column} = (SELECT device_key FROM register.device WHERE device_id = %({field})s)"
BEGIN = """INSERT INTO register.lifecycle (device_key, state, actor)
    SELECT device_key, lifecycle, %s FROM register.device WHERE device_key = ANY(%s)"""
REFER = """UPDATE register.device SET {column} = target.device_key
    FROM unnest(%s::text[], %s::text[]) AS pair (id, target) JOIN register.device AS target ON target.device_id = pair.target
    WHERE device.device_id = pair.id"""
MOUNT = """UPDATE register.device SET on_vehicle_key = vehicle.device_key, version = device.version + 1
    FROM unnest(%s::text[], %s::text[]) AS pair (id, vehicle_id)
        JOIN register.device AS vehicle ON vehicle.device_id = pair.vehicle_id
    WHERE device.device_id = pair.id"""
TRUST = """INSERT INTO register.credential (device_key, verifier) SELECT * FROM unnest(%s::integer[], %s::text[])
    ON CONFLICT (device_key) DO UPDATE SET verifier = excluded.verifier, created = now(),
        rotation = NULL, rotation_by = NULL, next_verifier = NULL, next_until = NULL"""
KNOWN = """WITH RECURSIVE above AS (
        SELECT device_key, device_id, kind, parent_key FROM register.device WHERE device_id = ANY(%(ids)s)
        UNION SELECT up.device_key, up.device_id, up.kind, up.parent_key FROM register.device AS up JOIN above
            ON up.device_key = above.parent_key)
    SELECT above.device_id, above.kind, parent.device_id AS parent FROM above
        LEFT JOIN above AS parent ON parent.device_key = above.parent_key"""
TAKEN = """SELECT vin, serial, vendor, profile FROM register.device
    WHERE (vin = ANY(%(vins)s) OR serial = ANY(%(serials)s)) AND device_id IS DISTINCT FROM %(but)s"""
ROLES = "SELECT organisation_id, role FROM register.organisation WHERE organisation_id = ANY(%s)"
SITES = "SELECT site_id FROM register.site WHERE site_id = ANY(%s)"
BELOW = """WITH RECURSIVE below AS (
        SELECT device_key, device_id AS gateway FROM register.device WHERE kind = 'gateway'
        UNION SELECT child.device_key, below.gateway FROM register.device AS child
            JOIN below ON child.parent_key = below.device_key)"""
CHILDREN = f"""{BELOW} SELECT gateway, kind, device_id FROM below JOIN register.device USING (device_key)
    WHERE gateway <> device_id"""  # noqa: S608 - constants only
SPEAKERS = f"""{BELOW}, roadside AS (SELECT device_key, device_id, serial FROM register.device
        WHERE kind = 'rsu' AND profile = '{OPENV2X_PROFILE}' AND serial IS NOT NULL)
    SELECT device_id AS speaker, serial FROM roadside
    UNION SELECT gateway, serial FROM below JOIN roadside USING (device_key)"""  # noqa: S608 - constants only
VERIFIERS = """SELECT device_id AS name, verifier FROM register.credential JOIN register.device USING (device_key)
    UNION ALL SELECT name, verifier FROM register.service_account"""

Execute = Connection[DictRow]


def register(
    connection: Execute, devices: Sequence[NewDevice], secrets: Mapping[str, tuple[str, str]], actor: str
) -> list[Registered]:
    """Insert all devices or none; `secrets` has (secret, verifier) by id. Raises ProblemError naming each bad device.

    What another request registered meanwhile is psycopg's IntegrityError, which is answered with 409 and names it.
    """
    refuse(device_rules.find_faults(devices, known(connection, devices)))
    rows = connection.execute(INSERT, (Jsonb([as_row(device) for device in devices]),)).fetchall()
    keys = {row["device_id"]: row["device_key"] for row in rows}
    for field, column in REFERENCES.items():
        _refer(connection, column, {device.device_id: getattr(device, field) for device in devices})
    if carried := {name: device.device_id for device in devices for name in device.carries}:
        connection.execute(MOUNT, (list(carried), list(carried.values())))
    connection.execute(BEGIN, (actor, list(keys.values())))
    trust(connection, {keys[device_id]: line for device_id, (_, line) in secrets.items()})
    if len(devices) >= ANALYSED_FROM and _is_much(connection, len(devices)):
        connection.execute("ANALYZE register.device")
    made = {device_id: secret for device_id, (secret, _) in secrets.items()}
    return [Registered(device_id=it.device_id, device_key=keys[it.device_id], secret=made.get(it.device_id)) for it in devices]


def change(connection: Execute, device: NewDevice) -> int:
    """Let a registered device be as `device` is, and answer its new version. Raises ProblemError by field."""
    refuse(device_rules.find_faults([device], known(connection, [device], but=device.device_id)), is_list=False)
    row = {name: value for name, value in as_row(device).items() if name in PLAIN[4:] or name == "site_id"}
    values = {name: Jsonb(value) if TYPES.get(name) == "jsonb" and value is not None else value for name, value in row.items()}
    assignments = [f"{name} = %({name})s" for name in row] + [
        KEY_OF.format(column=column, field=field) for field, column in REFERENCES.items()
    ]
    values |= {field: getattr(device, field) for field in REFERENCES}
    sql = CHANGE.format(assignments=", ".join(assignments))
    found = connection.execute(sql.encode(), {**values, "device_id": device.device_id}).fetchone()
    return int(found["version"]) if found else 0


def known(connection: Execute, devices: Sequence[NewDevice], *, but: str | None = None) -> Known:
    """What the register holds of what these devices name, the device `but` left out."""
    above = connection.execute(KNOWN, {"ids": device_rules.wanted(devices)}).fetchall()
    others = [row for row in above if row["device_id"] != but]
    vins, serials = ([value for it in devices if (value := getattr(it, name))] for name in ("vin", "serial"))
    taken = connection.execute(TAKEN, {"vins": vins, "serials": serials, "but": but}).fetchall() if vins or serials else []
    named = list({name for it in devices for name in (it.vendor, it.team) if name})
    sites = list({it.site_id for it in devices})
    return Known(
        kinds={row["device_id"]: Kind(row["kind"]) for row in others},
        parents={row["device_id"]: row["parent"] for row in others if row["parent"]},
        sites=frozenset(row["site_id"] for row in connection.execute(SITES, (sites,))),
        roles={row["organisation_id"]: OrganisationRole(row["role"]) for row in connection.execute(ROLES, (named,))},
        vins=frozenset(row["vin"] for row in taken if row["vin"]),
        serials=frozenset((row["serial"], row["vendor"]) for row in taken if row["serial"]),
        esns=frozenset(row["serial"] for row in taken if row["profile"] == OPENV2X_PROFILE),
    )


def trust(connection: Execute, verifiers: Mapping[int, str]) -> None:
    """Give devices, by key, these verifiers in the place of what they had."""
    if verifiers:
        connection.execute(TRUST, (list(verifiers), list(verifiers.values())))


def broker_state(connection: Execute) -> BrokerState:
    """What the broker must know, as committed."""
    verifiers = {row["name"]: row["verifier"] for row in connection.execute(VERIFIERS)}
    children = tuple(Child(row["gateway"], Kind(row["kind"]), row["device_id"]) for row in connection.execute(CHILDREN))
    accounts = tuple(row["name"] for row in connection.execute("SELECT name FROM register.service_account"))
    strangers = joining_rows.live_accounts(connection)
    verifiers |= {account.user: line for account, line in strangers.items()}
    following = rotation_rows.next_verifiers(connection)
    speakers = tuple(Speaker(row["speaker"], row["serial"]) for row in connection.execute(SPEAKERS))
    return BrokerState(verifiers, accounts, children, tuple(strangers), following, speakers)


def device_ids(connection: Execute, keys: Sequence[int]) -> dict[int, str]:
    """Device ids by key, of those that are registered."""
    rows = connection.execute("SELECT device_key, device_id FROM register.device WHERE device_key = ANY(%s)", (list(keys),))
    return {row["device_key"]: row["device_id"] for row in rows}


def hexadecimal(vehicle_id: int | None) -> str | None:
    """An 8-byte id out of its two's complement."""
    return None if vehicle_id is None else f"{vehicle_id % 2**64:016x}"


def as_row(device: NewDevice) -> dict[str, Any]:
    """A device as its row holds it, references left out."""
    row = device.model_dump(mode="json", exclude={*REFERENCES, "credential", "carries"})
    if device.vehicle_id is not None:
        row["vehicle_id"] = int.from_bytes(bytes.fromhex(device.vehicle_id), signed=True)
    return row


def _is_much(connection: Execute, count: int) -> bool:
    row = connection.execute(KNOWN_ROWS).fetchone()
    return row is None or count >= ANALYSED_PART * row["reltuples"]


def _refer(connection: Execute, column: str, targets: Mapping[str, str | None]) -> None:
    pairs = {device_id: target for device_id, target in targets.items() if target}
    if pairs:
        connection.execute(REFER.format(column=column).encode(), (list(pairs), list(pairs.values())))
