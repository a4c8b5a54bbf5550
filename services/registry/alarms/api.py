"""Alarms over HTTP: listed, acknowledged, cleared by hand."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.access import ActorOf, CallerOf, require
from services.registry.alarms import rows
from services.registry.alarms.kinds import KINDS, Severity
from services.registry.alarms.models import (
    Alarm,
    AlarmEvent,
    AlarmId,
    AlarmKindName,
    AlarmKindShown,
    AlarmPage,
    AlarmState,
    AlarmWithEvents,
    Remark,
)
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Caller, Role
from services.registry.routing import Router
from services.registry.track import stopped

ROUTER = Router(prefix="/api", tags=["alarms"])
COLUMNS = """alarm_id, kind, subject, part, site_id, severity, state, value, bound, detail, since, raised, cleared, acknowledged,
    acknowledged_by, comment"""
FILTERS = {
    "site": "site_id = %(site)s",
    "kind": "kind = %(kind)s",
    "subject": "subject = %(subject)s",
    "severity": "register.severity_rank(severity) >= register.severity_rank(%(severity)s)",
    "is_acknowledged": "(acknowledged IS NOT NULL) = %(is_acknowledged)s",
    "sites": "site_id = ANY(%(sites)s)",
}
OPEN = "state IN ('raised', 'clearing')"
LIST = f"SELECT {COLUMNS} FROM register.alarm WHERE {{where}} ORDER BY alarm_id LIMIT %(limit)s"  # noqa: S608 - constants only
ONE = f"SELECT {COLUMNS} FROM register.alarm WHERE alarm_id = %s"  # noqa: S608 - constants only
EVENTS = "SELECT at, event, actor, comment FROM register.alarm_event WHERE alarm_id = %s ORDER BY event_id"
Number = Annotated[AlarmId, Path()]


@ROUTER.get("/alarm-kinds")
def list_alarm_kinds() -> list[AlarmKindShown]:
    """What alarms there are, and the limits that count unless a threshold says otherwise."""
    return [AlarmKindShown(**asdict(kind)) for kind in KINDS.values()]


@ROUTER.get("/alarms")
def list_alarms(
    parts: PartsOf,
    who: CallerOf,
    *,
    state: AlarmState = AlarmState.OPEN,
    site: Annotated[Identifier | None, Query()] = None,
    kind: Annotated[AlarmKindName | None, Query()] = None,
    subject: Annotated[Identifier | None, Query(description="id of a device, vehicle, area …")] = None,
    severity: Annotated[Severity | None, Query(description="at least so grave")] = None,
    is_acknowledged: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="the alarm_id after which the page begins")] = 0,
) -> AlarmPage:
    """The alarms of one's sites, by default those that are open, oldest first."""
    asked: dict[str, Any] = {"site": site, "kind": kind, "subject": subject, "severity": severity}
    asked |= {"is_acknowledged": is_acknowledged, "sites": who.sites(Role.VIEWER)}
    given = {name: value for name, value in asked.items() if value is not None}
    of_state = OPEN if state is AlarmState.OPEN else "state = %(state)s"
    where = " AND ".join(["alarm_id > %(after)s", of_state, *(FILTERS[name] for name in given)])
    query = {**given, "state": state, "after": after, "limit": limit + 1}
    found = [Alarm(**row) for row in parts.register.rows(LIST.format(where=where), query)]
    return AlarmPage(alarms=found[:limit], next=found[limit - 1].alarm_id if len(found) > limit else None)


@ROUTER.get("/alarms/{alarm_id}")
def show_alarm(alarm_id: Number, parts: PartsOf, who: CallerOf) -> AlarmWithEvents:
    """One alarm, with who did what when."""
    with parts.register.transaction() as connection:
        return _shown(connection, _find(connection, who, alarm_id, Role.VIEWER))


@ROUTER.post("/alarms/{alarm_id}/acknowledge")
def acknowledge_alarm(alarm_id: Number, remark: Remark, parts: PartsOf, who: CallerOf, actor: ActorOf) -> AlarmWithEvents:
    """Say that somebody has seen it and cares; it stays open until it is over. Saying so again replaces name and comment."""
    with parts.register.transaction(actor) as connection:
        found = _find(connection, who, alarm_id, Role.OPERATOR)
        now_us = parts.clock.wall_us()
        if not rows.acknowledge(connection, alarm_id, actor=actor, comment=remark.comment, now_us=now_us):
            raise _not_open(found)
        remember(connection, actor, "acknowledge alarm", found.subject, _detail(found, remark))
        return _shown(connection, _find(connection, who, alarm_id, Role.OPERATOR))


@ROUTER.post("/alarms/{alarm_id}/clear")
def clear_alarm(alarm_id: Number, remark: Remark, parts: PartsOf, who: CallerOf, actor: ActorOf) -> AlarmWithEvents:
    """Let it be over: for what nobody measures any more, and for events. What is still measured is raised anew.

    409 for an emergency stop's while that is in force: it ends with the stop's release.
    """
    with parts.register.transaction(actor) as connection:
        found = _find(connection, who, alarm_id, Role.OPERATOR)
        stopped.keep_alarm(connection, found.kind, found.subject)
        if not rows.clear_by_hand(connection, alarm_id, comment=remark.comment, now_us=parts.clock.wall_us()):
            raise _not_open(found)
        remember(connection, actor, "clear alarm", found.subject, _detail(found, remark))
        return _shown(connection, _find(connection, who, alarm_id, Role.OPERATOR))


def _find(connection: Connection[DictRow], who: Caller, alarm_id: int, role: Role) -> Alarm:
    row = connection.execute(ONE.encode(), (alarm_id,)).fetchone()
    if row is None:
        raise not_found("alarm", str(alarm_id))
    require(who, role, [row["site_id"]])
    return Alarm(**row)


def _shown(connection: Connection[DictRow], alarm: Alarm) -> AlarmWithEvents:
    events = [AlarmEvent(**row) for row in connection.execute(EVENTS, (alarm.alarm_id,))]
    return AlarmWithEvents(**alarm.model_dump(), events=events)


def _detail(alarm: Alarm, remark: Remark) -> dict[str, Any]:
    return {"alarm_id": alarm.alarm_id, "kind": alarm.kind, "comment": remark.comment}


def _not_open(alarm: Alarm) -> ProblemError:
    fault = Fault("alarm_id", str(alarm.alarm_id), "an alarm that is raised or clearing")
    return ProblemError(HTTPStatus.CONFLICT, f"alarm {alarm.alarm_id} is {alarm.state}: there is nothing to do about it", [fault])
