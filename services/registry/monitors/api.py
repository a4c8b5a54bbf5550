"""What the quality monitors found over HTTP: events, assessments of hours and days, and what somebody has to be told.

A notification is told as an alarm, and acknowledged as one: there is one mechanism for that (decision 015).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import psycopg
from fastapi import Query
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.quality.monitors.assessments import Tally, Verdict
from chelu.quality.monitors.catalogue import BY_NAME, named
from chelu.quality.monitors.judged import Subject
from services.registry.access import CallerOf
from services.registry.alarms.kinds import QUALITY
from services.registry.alarms.monitored import ABOUT
from services.registry.models import Identifier
from services.registry.monitors.models import (
    MonitorName,
    Period,
    QualityAssessment,
    QualityEvent,
    QualityEventPage,
    QualityNotification,
)
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError
from services.registry.roles import Caller
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.streams import END_OF_TIME_US, From, To, missing
from services.registry.track.rows import site
from services.registry.whereabouts import asking, may_know, own_ids

ROUTER = Router(prefix="/api/sites/{site_id}/quality", tags=["quality monitors"])
NAMES = "SELECT device_key, device_id FROM register.device WHERE site_id = %s"
WITHIN = """{column} >= 'epoch'::timestamptz + %(from_us)s::bigint * interval '1 microsecond'
    AND {column} < 'epoch'::timestamptz + %(to_us)s::bigint * interval '1 microsecond'"""
ASKED = """site_id = %(site_id)s AND (%(monitor)s::text IS NULL OR monitor = %(monitor)s) AND (%(device)s::text IS NULL
        OR device_key = (SELECT device_key FROM register.device WHERE device_id = %(device)s))"""
MINE = f"{ASKED} AND {may_know('device_key')}"
SUBJECT = "monitor, device_key, region, node, part"
EVENTS = f"""SELECT event_id, {SUBJECT}, time, until, items, value, vehicle_id FROM quality.event
    WHERE {MINE} AND {WITHIN.format(column="time")} AND event_id > %(after)s ORDER BY event_id LIMIT %(limit)s"""  # noqa: S608
HOURS = f"""SELECT {SUBJECT}, hour AS begins, judged, bad, jsonb_build_array(passed) AS passed, verdict FROM quality.assessment
    WHERE {MINE} AND {WITHIN.format(column="hour")} AND (%(verdict)s::text IS NULL OR verdict = %(verdict)s)
    ORDER BY begins DESC, monitor, device_key, region, node, part LIMIT %(limit)s"""  # noqa: S608
DAYS = f"""SELECT {SUBJECT}, date_trunc('day', hour, 'UTC') AS begins, sum(judged)::bigint AS judged, sum(bad)::bigint AS bad,
        jsonb_agg(passed) AS passed, NULL AS verdict FROM quality.assessment
    WHERE {MINE} AND {WITHIN.format(column="hour")} GROUP BY {SUBJECT}, date_trunc('day', hour, 'UTC')
    ORDER BY begins DESC, monitor, device_key, region, node, part LIMIT %(most)s"""  # noqa: S608
NOTIFICATIONS = f"""SELECT n.monitor, n.device_key, n.region, n.node, n.part, n.hour, n.judged, n.bad,
        alarm_id, state, acknowledged, acknowledged_by, coalesce(comment, '') AS comment
    FROM quality.notification AS n LEFT JOIN register.device USING (device_key) LEFT JOIN register.alarm
        ON alarm.kind = '{QUALITY}' AND alarm.subject = coalesce(device_id, n.site_id)
            AND alarm.part = n.monitor || ': ' || {ABOUT} AND alarm.state <> 'cleared'
    WHERE n.site_id = %(site_id)s AND {may_know("n.device_key")} ORDER BY n.monitor, n.about"""  # noqa: S608
AWAY = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)
MOST = 50_000

Only = Annotated[MonitorName | None, Query()]
OfDevice = Annotated[Identifier | None, Query(description="only what is about it")]


@ROUTER.get("/events")
def list_quality_events(
    site_id: SiteId,
    parts: PartsOf,
    who: CallerOf,
    monitor: Only = None,
    device: OfDevice = None,
    from_us: From = 0,
    to_us: To = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="the event_id after which the page begins")] = 0,
) -> QualityEventPage:
    """Where a device, junction, phase, lane or place began to be bad, as the live monitors found it.

    Others' vehicles, what they are called and what is about their OBUs, are for the site's testers.
    """
    _refuse_backwards(from_us, to_us)
    asked = {"monitor": monitor, "device": device, "from_us": from_us, "to_us": to_us, "after": after, "limit": limit + 1}
    names, rows, own = _read(parts, who, site_id, EVENTS, asked)
    found = [_event(row, names, own) for row in rows[:limit]]
    return QualityEventPage(events=found, next=found[-1].event_id if len(rows) > limit else None)


@ROUTER.get("/assessments")
def list_quality_assessments(
    site_id: SiteId,
    parts: PartsOf,
    who: CallerOf,
    by: Annotated[Period, Query(description="of hours, or of days of UTC")] = "hour",
    monitor: Only = None,
    device: OfDevice = None,
    verdict: Verdict | None = None,
    from_us: From = 0,
    to_us: To = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[QualityAssessment]:
    """What share was bad, newest first. A day adds up its hours' items, and has a verdict of its own.

    What is about others' vehicles and OBUs is for the site's testers.
    """
    _refuse_backwards(from_us, to_us)
    asked = {"monitor": monitor, "device": device, "verdict": verdict, "from_us": from_us, "to_us": to_us}
    names, rows, _ = _read(parts, who, site_id, HOURS if by == "hour" else DAYS, {**asked, "limit": limit, "most": MOST})
    found = [_assessment(row, names) for row in rows]
    return [one for one in found if verdict in {None, one.verdict}][:limit]


@ROUTER.get("/notifications")
def list_quality_notifications(site_id: SiteId, parts: PartsOf, who: CallerOf) -> list[QualityNotification]:
    """What somebody has to be told now: assessments with too much that is bad, each with the alarm that acknowledges it.

    All places of one vehicle have one alarm. What is about others' vehicles and OBUs is for the site's testers.
    """
    names, rows, _ = _read(parts, who, site_id, NOTIFICATIONS, {})
    return [
        QualityNotification(
            **_about(row, names),
            **{name: row[name] for name in ("hour", "judged", "bad", "alarm_id", "state", "acknowledged", "acknowledged_by")},
            share=Tally(row["judged"], row["bad"]).share,
            action=BY_NAME[row["monitor"]].action,
            comment=row["comment"],
        )
        for row in rows
    ]


def _refuse_backwards(from_us: int, to_us: int) -> None:
    """ProblemError 422 for a stretch that ends before it begins: nothing found there would say that nothing was bad."""
    if to_us <= from_us:
        fault = Fault("to_us", str(to_us), f"after from_us = {from_us}")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"to_us = {to_us} is not allowed: after from_us = {from_us}", [fault])


def _read(
    parts: PartsOf, who: Caller, site_id: str, sql: str, asked: Mapping[str, Any]
) -> tuple[dict[int, str], list[dict[str, Any]], set[int] | None]:
    """The site's devices by key, rows of monitors that there are, and `own_ids`; ProblemError where none has ever run."""
    with parts.register.transaction() as connection:
        site(connection, site_id)
        names = {row["device_key"]: row["device_id"] for row in connection.execute(NAMES, (site_id,))}
        query = {"site_id": site_id, **asking(who, site_id), **asked}
        return names, _rows(connection, sql, query), own_ids(connection, who, site_id)


def _rows(connection: Connection[DictRow], sql: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        return [row for row in connection.execute(sql.encode(), query) if row["monitor"] in BY_NAME]
    except AWAY as error:
        raise missing("quality", error) from None


def _about(row: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    monitor = BY_NAME[row["monitor"]]
    subject = Subject(row["device_key"], row["region"], row["node"], row["part"])
    return {
        "monitor": monitor.name,
        "title": monitor.title,
        "device_id": names.get(row["device_key"]),
        "subject": named(monitor, subject, names),
    }


def _event(row: Mapping[str, Any], names: Mapping[int, str], own: set[int] | None) -> QualityEvent:
    fields = {name: row[name] for name in ("event_id", "time", "until", "items", "value")}
    may_tell = row["vehicle_id"] and (own is None or row["vehicle_id"] in own)
    vehicle = f"{row['vehicle_id'] % 2**64:016x}" if may_tell else None
    return QualityEvent(**_about(row, names), **fields, unit=BY_NAME[row["monitor"]].unit, vehicle_id=vehicle)


def _assessment(row: Mapping[str, Any], names: Mapping[int, str]) -> QualityAssessment:
    """verdict: null in a day's row, which is then judged by the monitor's usual parameters."""
    tally = Tally(row["judged"], row["bad"])
    passed: Counter[str] = Counter()
    for each in row["passed"]:
        passed.update(each)
    verdict = row["verdict"] or tally.verdict(BY_NAME[row["monitor"]].parameters())
    fields = {name: row[name] for name in ("begins", "judged", "bad")}
    return QualityAssessment(**_about(row, names), **fields, share=tally.share, passed=dict(passed), verdict=Verdict(verdict))
