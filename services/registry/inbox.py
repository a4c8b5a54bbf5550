"""The inbox over HTTP: devices that want to join, what they said, and the one action that registers them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import ValidationError

from services.registry import changes, device_rows, device_search
from services.registry.access import ActorOf, CallerOf, require
from services.registry.database import remember
from services.registry.device_models import NewDevice, Registered
from services.registry.devices import require_named
from services.registry.joining_models import Hello, Joining, Kept, State, Waiting, WaitingWithData
from services.registry.joining_rows import IS_LIVE, answers
from services.registry.lifecycle import SPEAKING, Lifecycle
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Caller, Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api/inbox", tags=["joining"])
SHOWN = 100
SELECT = """SELECT joining.serial, fingerprint, key_name AS key, place, address, key.site_id, said, state, device.device_id,
        first_heard, last_heard, (SELECT count(*) FROM register.quarantine
            WHERE quarantine.serial = joining.serial AND split_part(topic, '/', 3) = place) AS kept
    FROM register.joining JOIN register.provisioning_key AS key ON key.name = key_name
        LEFT JOIN register.device USING (device_key)"""
LIST = f"""{SELECT} WHERE (%(sites)s::text[] IS NULL OR key.site_id = ANY(%(sites)s)) AND state = %(state)s
    AND joining.serial > %(after)s ORDER BY joining.serial, fingerprint LIMIT %(limit)s"""
OF_SERIAL = f"{SELECT} WHERE joining.serial = %(serial)s ORDER BY last_heard DESC"
AT_PLACE = "serial = %(serial)s AND split_part(topic, '/', 3) = %(place)s"  # others may claim the serial at other places
DATA = f"""SELECT topic, encode(payload, 'hex') AS payload, heard FROM register.quarantine WHERE {AT_PLACE}
    ORDER BY quarantine_id DESC LIMIT %(limit)s"""  # noqa: S608 - constants only
LOCK = "SELECT verifier FROM register.joining WHERE serial = %s AND fingerprint = %s AND state = 'waiting' FOR UPDATE"
LOCK_KEY = f"""SELECT {IS_LIVE} AND key.joins < key.max_joins AS may_join FROM register.provisioning_key AS key
    WHERE name = %s FOR UPDATE"""  # noqa: S608 - constants only
COUNT = "UPDATE register.provisioning_key SET joins = joins + 1 WHERE name = %s"
DECIDE = "UPDATE register.joining SET state = %s, device_key = %s WHERE serial = %s AND fingerprint = %s"
CLEAR = f"DELETE FROM register.quarantine WHERE {AT_PLACE}"  # noqa: S608 - constants only

Serial = Annotated[Identifier, Path(description="what the device calls itself")]
Fingerprint = Annotated[str | None, Query(max_length=16, description="needed when several claim the serial")]


@ROUTER.get("")
def list_inbox(
    parts: PartsOf,
    who: CallerOf,
    state: State = State.WAITING,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    after: Annotated[str, Query(pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="the serial after which the page begins")] = "",
) -> list[Waiting]:
    """Devices that came with a key of one's sites, by serial."""
    query = {"sites": who.sites(Role.OPERATOR), "state": state, "limit": limit, "after": after}
    return [Waiting(**row) for row in parts.register.rows(LIST, query)]


@ROUTER.get("/{serial}")
def show_waiting(serial: Serial, parts: PartsOf, who: CallerOf, fingerprint: Fingerprint = None) -> WaitingWithData:
    """One device that wants to join, with the newest hundred messages of its quarantine."""
    with parts.register.reading() as connection:
        found = _find(connection, who, serial, fingerprint, list(State))
        data = connection.execute(DATA, {"serial": serial, "place": found.place, "limit": SHOWN}).fetchall()
    return WaitingWithData(**found.model_dump(), data=[Kept(**row) for row in data])


@ROUTER.post("/{serial}/register", status_code=HTTPStatus.CREATED)
def register(serial: Serial, wanted: Joining, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Registered:
    """Register a device that waits: the secret that it made for itself becomes its credential, and it is told its id."""
    require_named(parts, who, [wanted.parent, wanted.on_vehicle])
    parts.broker.check()
    with parts.register.transaction(actor) as connection:
        found = _find(connection, who, serial, wanted.fingerprint, [State.WAITING])
        _check_key(connection, found.key)
        line = connection.execute(LOCK, (serial, found.fingerprint)).fetchone()
        if line is None:
            raise not_found("waiting device", serial)
        registered = _register(connection, wanted, found, line["verifier"], who, actor)
        connection.execute(COUNT, (found.key,))
        connection.execute(DECIDE, (State.REGISTERED, registered.device_key, serial, found.fingerprint))
        detail = {"serial": serial, "key": found.key, "fingerprint": found.fingerprint}
        remember(connection, actor, "join", registered.device_id, detail)
        told = answers(connection, [serial])
    parts.broker.announce()
    if parts.doorkeeper is not None:
        parts.doorkeeper.answer(told)
    return registered


@ROUTER.delete("/{serial}", status_code=HTTPStatus.NO_CONTENT)
def refuse(serial: Serial, parts: PartsOf, who: CallerOf, actor: ActorOf, fingerprint: Fingerprint = None) -> None:
    """Refuse a device: it is not listed among those that wait, however often it asks; its quarantine is emptied."""
    with parts.register.transaction(actor) as connection:
        found = _find(connection, who, serial, fingerprint, [State.WAITING])
        connection.execute(DECIDE, (State.REFUSED, None, serial, found.fingerprint))
        connection.execute(CLEAR, {"serial": serial, "place": found.place})
        remember(connection, actor, "refuse", serial, {"key": found.key, "fingerprint": found.fingerprint})


def _find(connection: Connection[DictRow], who: Caller, serial: str, fingerprint: str | None, states: Sequence[State]) -> Waiting:
    rows = [Waiting(**row) for row in connection.execute(OF_SERIAL, {"serial": serial})]
    found = [row for row in rows if row.state in states and fingerprint in {None, row.fingerprint}]
    if not found:
        raise not_found("waiting device", serial)
    if not (mine := [row for row in found if who.has(Role.OPERATOR, row.site_id)]):
        require(who, Role.OPERATOR, {row.site_id for row in found})
    found = mine
    if len(found) > 1:
        fault = Fault(
            "fingerprint", "nothing", f"one of {', '.join(row.fingerprint for row in found)}, which all claim the serial"
        )
        raise ProblemError(HTTPStatus.CONFLICT, f"several devices call themselves {serial!r}: say which is meant", [fault])
    return found[0]


def _check_key(connection: Connection[DictRow], name: str) -> None:
    row = connection.execute(LOCK_KEY, (name,)).fetchone()
    if row is None or not row["may_join"]:
        fault = Fault("key", repr(name), "one that is neither revoked, nor expired, nor used up")
        raise ProblemError(HTTPStatus.CONFLICT, f"the device came with the key {name!r}, which no longer counts", [fault])


def _register(
    connection: Connection[DictRow], wanted: Joining, found: Waiting, verifier: str, who: Caller, actor: str
) -> Registered:
    if wanted.replaces is not None:
        return _replace(connection, wanted.replaces, verifier, who)
    device = changes.changed(NewDevice, _as_said(found), _given(wanted))
    require(who, Role.OPERATOR, [device.site_id])
    registered = device_rows.register(connection, [device], {}, actor)[0]
    device_rows.trust(connection, {registered.device_key: verifier})
    return registered


def _replace(connection: Connection[DictRow], device_id: str, verifier: str, who: Caller) -> Registered:
    row = device_search.found(connection, device_id, for_update=True)
    if row is None:
        raise not_found("device", device_id)
    require(who, Role.OPERATOR, [row["site_id"]])
    if Lifecycle(row["lifecycle"]) not in SPEAKING:
        fault = Fault(
            "replaces", repr(device_id), f"a device that is one of {', '.join(it for it in Lifecycle if it in SPEAKING)}"
        )
        raise ProblemError(HTTPStatus.CONFLICT, f"a credential is not for a device that is {row['lifecycle']}", [fault])
    device_rows.trust(connection, {row["device_key"]: verifier})
    return Registered(device_id=device_id, device_key=row["device_key"], secret=None)


def _as_said(found: Waiting) -> dict[str, Any]:
    """The device as its hello and its key have it."""
    try:
        hello = Hello.model_validate(found.said)
    except ValidationError:  # an older registry may have let it pass
        hello = Hello()
    said = hello.model_dump(exclude_none=True, exclude={"id"})
    return {**said, "device_id": hello.id or found.serial, "serial": found.serial, "site_id": found.site_id, "credential": False}


def _given(wanted: Joining) -> Joining:
    """What names a field of the device, a null that was not asked for left out."""
    names = wanted.model_fields_set - {"fingerprint", "replaces"}
    return Joining.model_construct(_fields_set=names, **{name: getattr(wanted, name) for name in names})
