"""Schema ``quality``: what a round found goes in, and what the next one must know comes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from chelu.quality.monitors.assessments import Hours, Tally
from chelu.quality.monitors.catalogue import BY_NAME, named
from chelu.quality.monitors.events import Event
from chelu.quality.monitors.judged import Subject
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.notifications import Key, Notification
from chelu.store import migrate
from chelu.store.series import instant
from services.quality.stored import Site

SUBJECT = "device_key, region, node, part"
EVENT = f"""INSERT INTO quality.event (site_id, monitor, {SUBJECT}, time, until, items, value, vehicle_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""  # noqa: S608 - constants only
ASSESSMENT = f"""INSERT INTO quality.assessment (site_id, monitor, {SUBJECT}, hour, judged, bad, worst, passed, verdict)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (site_id, monitor, {SUBJECT}, hour) DO UPDATE SET judged = excluded.judged, bad = excluded.bad,
        worst = excluded.worst, passed = excluded.passed, verdict = excluded.verdict"""  # noqa: S608 - constants only
NOTIFICATION = f"""INSERT INTO quality.notification (site_id, monitor, {SUBJECT}, about, hour, judged, bad)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (site_id, monitor, {SUBJECT}) DO UPDATE SET hour = excluded.hour, judged = excluded.judged,
        bad = excluded.bad"""  # noqa: S608 - constants only
OVER = f"DELETE FROM quality.notification WHERE site_id = %s AND monitor = %s AND ({SUBJECT}) = (%s, %s, %s, %s)"  # noqa: S608
STANDING = f"SELECT monitor, {SUBJECT} FROM quality.notification WHERE site_id = %s"  # noqa: S608 - constants only
HOURS = f"""SELECT monitor, {SUBJECT}, (extract(epoch FROM hour) * 1000000)::bigint, judged, bad, worst, passed
    FROM quality.assessment WHERE site_id = %s AND hour >= %s AND hour < %s"""  # noqa: S608 - constants only
KNOWN = """SELECT monitor, device_key, region, node, (extract(epoch FROM max(hour)) * 1000000)::bigint FROM quality.assessment
    WHERE site_id = %s AND monitor IN ('spat-zero', 'map-zero') AND judged > bad AND hour >= %s GROUP BY 1, 2, 3, 4"""
THROUGH = "SELECT (extract(epoch FROM through) * 1000000)::bigint FROM quality.progress"
PROGRESS = """INSERT INTO quality.progress (through) VALUES (%s) ON CONFLICT (is_one) DO UPDATE SET through = excluded.through"""
STALE = "DELETE FROM quality.notification WHERE hour < %s"  # their hour is the last that was bad
OLD = ("DELETE FROM quality.event WHERE time < %s", "DELETE FROM quality.assessment WHERE hour < %s")
MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(connection: Connection[Any]) -> None:
    """Bring schema quality up to date."""
    migrate(connection, "quality", MIGRATIONS)


def through_us(connection: Connection[Any]) -> int | None:
    """Up to which instant everything is judged; None before the first round."""
    row = connection.execute(THROUGH).fetchone()
    return None if row is None else int(row[0])


def known_streams(connection: Connection[Any], site: Site, since_us: int) -> dict[tuple[str, int, int, int], int]:
    """SPAT and MAP streams that were there since an instant, and the last hour in which each was heard, µs."""
    rows = connection.execute(KNOWN, (site.site_id, instant(since_us))).fetchall()
    return {(str(monitor).removesuffix("-zero"), *subject): int(hour_us) for monitor, *subject, hour_us in rows}


def hours_between(connection: Connection[Any], site: Site, since_us: int, until_us: int) -> dict[str, Hours]:
    """The tallies of the hours from an instant on, until another."""
    found: dict[str, Hours] = {}
    for monitor, *subject, hour_us, judged, bad, worst, passed in connection.execute(
        HOURS.encode(), (site.site_id, instant(since_us), instant(until_us))
    ).fetchall():
        if monitor in BY_NAME:
            found.setdefault(monitor, {})[Subject(*subject), hour_us] = Tally(judged, bad, worst, passed)
    return found


def standing(connection: Connection[Any], site: Site) -> list[Key]:
    """Of what somebody has been told, and what is not over."""
    rows = connection.execute(STANDING.encode(), (site.site_id,)).fetchall()
    return [(str(monitor), Subject(*subject)) for monitor, *subject in rows]


def write_events(connection: Connection[Any], site: Site, events: Iterable[Event]) -> None:
    """New events."""
    rows = [
        (
            *(site.site_id, one.monitor, *_subject(one.subject), instant(one.time_us), instant(one.until_us)),
            *(one.items, one.value, one.who - (1 << 64) if one.who >= 1 << 63 else one.who),
        )
        for one in events
    ]
    with connection.cursor() as cursor:
        cursor.executemany(EVENT.encode(), rows)


def write_hours(connection: Connection[Any], site: Site, hours: Mapping[str, Hours], parameters: Mapping[str, Assessed]) -> None:
    """The tallies of hours as they are now."""
    rows = [
        (
            *(site.site_id, monitor, *_subject(subject), instant(hour_us), tally.judged, tally.bad, tally.worst),
            *(Jsonb(dict(tally.passed)), tally.verdict(parameters[monitor]).value),
        )
        for monitor, tallies in hours.items()
        for (subject, hour_us), tally in tallies.items()
    ]
    with connection.cursor() as cursor:
        cursor.executemany(ASSESSMENT.encode(), rows)


def write_notifications(connection: Connection[Any], site: Site, told: Sequence[Notification], over: Sequence[Key]) -> None:
    """What somebody has to be told, and what is over."""
    rows = [
        (
            *(site.site_id, one.monitor, *_subject(one.subject), named(BY_NAME[one.monitor], one.subject, site.names)),
            *(instant(one.hour_us), one.tally.judged, one.tally.bad),
        )
        for one in told
    ]
    with connection.cursor() as cursor:
        cursor.executemany(NOTIFICATION.encode(), rows)
        cursor.executemany(OVER.encode(), [(site.site_id, monitor, *_subject(subject)) for monitor, subject in over])


def end_stale(connection: Connection[Any], before_us: int) -> None:
    """What was not found bad since an instant is over: a place nobody came to again, a signal or device that was taken away."""
    connection.execute(STALE, (instant(before_us),))


def write_progress(connection: Connection[Any], through: int) -> None:
    """Up to where everything is judged."""
    connection.execute(PROGRESS, (instant(through),))


def forget(connection: Connection[Any], before_us: int) -> None:
    """Delete what is older."""
    for statement in OLD:
        connection.execute(statement, (instant(before_us),))


def _subject(subject: Subject) -> tuple[int, int, int, int]:
    return subject.device_key, subject.region, subject.node, subject.part
