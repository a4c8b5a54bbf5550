"""What the board hears of by itself: alarms of the register, and findings of inference. As signs that begin or end.

Alarms are read in the order of their events. Findings are rows of ``city.finding``: of the last hour those are read that no sign
was made of yet, so that a board that was away for a while misses none. Inference may never have run: then there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from services.registry.alarms.kinds import Severity
from services.registry.cases.joining import Sign
from services.registry.cases.rows import Execute
from services.registry.database import Register
from services.registry.orders.machine import Moment

ALARM, FINDING = "alarm", "finding"
LEAST_ALARM = Severity.MAJOR  # lesser ones are the operators' of devices alone
STRANGE = Severity.WARNING  # of a severity that a newer inference may have: one finding must not keep the others away
MOST = 300  # a round: it takes about a second
AFTER = "SELECT after FROM register.case_source WHERE source = %s"
NEWEST_ALARM = "SELECT coalesce(max(event_id), 0) AS after FROM register.alarm_event"
READ = """INSERT INTO register.case_source (source, after) VALUES (%s, %s)
    ON CONFLICT (source) DO UPDATE SET after = excluded.after"""
ALARMS = """SELECT event_id, event, alarm_event.at, alarm_id, alarm.kind, subject, part, alarm.site_id, severity, value, bound,
        detail, since, device.latitude_deg, device.longitude_deg, device.elevation_m
    FROM register.alarm_event JOIN register.alarm USING (alarm_id) LEFT JOIN register.device USING (device_key)
    WHERE event_id > %(after)s AND event IN ('raised', 'cleared') AND alarm.site_id IS NOT NULL
        AND register.severity_rank(severity) >= register.severity_rank(%(least)s)
    ORDER BY event_id LIMIT %(most)s"""
FINDINGS = """SELECT time, site_id, finding_id, f.kind, f.state, severity, f.latitude_deg, f.longitude_deg, f.elevation_m, spot,
        since, text, detail
    FROM city.finding AS f JOIN register.site USING (site_id)
    WHERE time > %(now)s - interval '1 hour' AND NOT EXISTS (SELECT 1 FROM register.case_sign
        WHERE source = 'finding' AND source_id = f.finding_id AND (f.state = 'began' OR ended IS NOT NULL))
    ORDER BY time LIMIT %(most)s"""


@dataclass(frozen=True, slots=True)
class News:
    """A sign that began, or is over at `at`."""

    sign: Sign
    is_over: bool
    at: Moment


def alarms(connection: Execute) -> tuple[list[News], int]:
    """What became of alarms since they were read last, and up to which event that is; `note_read` keeps it.

    The first time there is nothing: what was before the board is not its business.
    """
    row = connection.execute(AFTER, (ALARM,)).fetchone()
    newest = int((connection.execute(NEWEST_ALARM).fetchone() or {"after": 0})["after"])
    if row is None:
        return [], newest
    rows = connection.execute(ALARMS, {"after": row["after"], "least": LEAST_ALARM, "most": MOST}).fetchall()
    return [_of_alarm(each) for each in rows], rows[-1]["event_id"] if len(rows) >= MOST else newest


def note_read(connection: Execute, source: str, after: int) -> None:
    """Keep how far a source has been read."""
    connection.execute(READ, (source, after))


def findings(register: Register, now: Moment) -> list[News]:
    """Findings of which no sign was made yet. In a transaction of its own: without the table it fails."""
    try:
        rows = register.rows(FINDINGS, {"now": now, "most": MOST})
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return []
    return [_of_finding(each) for each in rows]


def _of_alarm(row: Mapping[str, Any]) -> News:
    more = {name: row[name] for name in ("part", "value", "bound") if row[name] not in (None, "")}
    text = f"{row['kind']}: {row['subject']}" + (f" {row['part']}" if row["part"] else "")
    sign = Sign(
        source=ALARM,
        source_id=str(row["alarm_id"]),
        kind=row["kind"],
        site_id=row["site_id"],
        severity=Severity(row["severity"]),
        at=row["since"],
        place=_place(row),
        spot=row["subject"],
        text=text[:200],
        detail={**row["detail"], **more},
    )
    return News(sign, row["event"] == "cleared", row["at"])


def _of_finding(row: Mapping[str, Any]) -> News:
    sign = Sign(
        source=FINDING,
        source_id=row["finding_id"],
        kind=row["kind"],
        site_id=row["site_id"],
        severity=Severity(row["severity"]) if row["severity"] in set(Severity) else STRANGE,
        at=row["since"],
        place=_place(row),
        spot=row["spot"],
        text=row["text"],
        detail=row["detail"],
    )
    return News(sign, row["state"] == "over", row["time"])


def _place(row: Mapping[str, Any]) -> tuple[float, float, float | None] | None:
    if row["latitude_deg"] is None or row["longitude_deg"] is None:
        return None
    return row["latitude_deg"], row["longitude_deg"], row["elevation_m"]
