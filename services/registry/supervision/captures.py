"""What is kept of the streams around an event: copied out of reach of retention half a minute after it, as columns.

Kept are all rows of the vehicle's own devices, what others said or were seen doing around where it drove, and the signals, from
30 s before to 30 s after. The table of events says what is still to be kept, so a registry that ends in between goes on there.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.clock import Clock
from chelu.codec import columns
from chelu.errors import UnreachableError
from chelu.messages import BSM, PARTICIPANT, SPAT, TELEMETRY, Batch, Stream
from services.registry import stream_rows
from services.registry.database import Register
from services.registry.device_rows import device_ids
from services.registry.rounds import InRounds, Rounds
from services.registry.supervision.rows import AFTER_S, BEFORE_S, at

LOG = logging.getLogger(__name__)
PERIOD_S = 1.0
MARGIN_DEG = 0.003  # around the vehicle's way: some 300 m
LEVEL = 6
PAUSE_US = 60_000_000  # before what failed is tried again
MOST_TRIES = 10
DUE = """SELECT event_id, site_id, device_key, (extract(epoch FROM time) * 1000000)::bigint AS time_us FROM register.vehicle_event
    WHERE capture = 'pending' AND capture_due <= %s ORDER BY capture_due LIMIT 1 FOR UPDATE SKIP LOCKED"""
OWN = "SELECT device_key FROM register.device WHERE device_key = %(key)s OR on_vehicle_key = %(key)s"
SITE = "SELECT device_key FROM register.device WHERE site_id = %s AND kind IN ('obu', 'rsu', 'rscu', 'signal', 'gateway')"
WAY = """SELECT min(latitude_deg) AS south, max(latitude_deg) AS north, min(longitude_deg) AS west, max(longitude_deg) AS east
    FROM stream.{} WHERE device_key = ANY(%(own)s) AND time >= %(start)s AND time < %(stop)s"""
COPY = """COPY (SELECT {columns} FROM stream.{stream} AS r LEFT JOIN stream.batch USING (batch_id)
    WHERE r.time >= %(start)s AND r.time < %(stop)s AND ({where}) ORDER BY r.time, r.device_key) TO STDOUT (FORMAT BINARY)"""
NEAR = """r.device_key = ANY(%(own)s) OR (r.device_key = ANY(%(site)s)
    AND r.latitude_deg BETWEEN %(south)s AND %(north)s AND r.longitude_deg BETWEEN %(west)s AND %(east)s)"""
WHERE = {
    BSM.name: NEAR,
    PARTICIPANT.name: NEAR,
    SPAT.name: "r.device_key = ANY(%(site)s)",
    TELEMETRY.name: "r.device_key = ANY(%(own)s)",
}
REPORTS = """SELECT (extract(epoch FROM time) * 1000000)::bigint AS time_us, device_id, stream, body FROM stream.report
    JOIN register.device USING (device_key)
    WHERE device_key = ANY(%(own)s) AND time >= %(start)s AND time < %(stop)s ORDER BY time"""
KEEP = """INSERT INTO run.capture (event_id, stream, rows, content) VALUES (%s, %s, %s, %s)
    ON CONFLICT (event_id, stream) DO UPDATE SET rows = excluded.rows, content = excluded.content"""
NOTE = "UPDATE register.vehicle_event SET capture = %s WHERE event_id = %s"
PUT_OFF = "UPDATE register.vehicle_event SET capture_due = %s WHERE event_id = %s"
KEPT = "SELECT stream, content FROM run.capture WHERE event_id = %s ORDER BY stream"
STREAMS: tuple[Stream, ...] = (BSM, PARTICIPANT, SPAT, TELEMETRY)
REPORT = "report"
Execute = Connection[DictRow]


@dataclass(frozen=True, slots=True)
class Capture:
    """What was kept around an event: batches by stream, with ``device_id``, and reports."""

    batches: dict[str, Batch]
    reports: list[dict[str, Any]]


class Keeper(InRounds):
    """Keeps what is due while it is entered; owns one thread, since a busy site's streams of a minute take seconds to copy."""

    def __init__(self, register: Register, clock: Clock) -> None:
        self._register, self._clock = register, clock
        self._failed: dict[int, int] = {}  # how often, by event
        self._rounds = Rounds.every(PERIOD_S, "captures", self._keep, "streams around events are not kept")

    def _keep(self) -> None:
        while not self._rounds.stopping.is_set() and self._keep_next():
            pass

    def _keep_next(self) -> bool:
        event: DictRow | None = None
        try:
            with self._register.transaction("registry") as connection:
                event = connection.execute(DUE, (at(self._clock.wall_us()),)).fetchone()
                if event is not None:
                    _keep(connection, event)
        except UnreachableError:
            raise
        except Exception as error:
            if event is None:
                raise
            self._put_off(event["event_id"], error)
        return event is not None

    def _put_off(self, event_id: int, error: Exception) -> None:
        """Let the others come first; what fails again and again is given up."""
        tries = self._failed.get(event_id, 0) + 1
        with self._register.transaction("registry") as connection:
            if tries < MOST_TRIES:
                connection.execute(PUT_OFF, (at(self._clock.wall_us() + PAUSE_US), event_id))
            else:
                connection.execute(NOTE, ("nothing", event_id))
        if tries == 1:
            LOG.warning("the streams around event %d are not kept yet: %s", event_id, error, exc_info=error)
        if tries == MOST_TRIES:
            LOG.error("the streams around event %d are given up after %d tries: %s", event_id, tries, error)
        self._failed[event_id] = tries


def kept(connection: Execute, event_id: int) -> Capture | None:
    """What was kept around an event; None when nothing was."""
    rows = connection.execute(KEPT, (event_id,)).fetchall()
    if not rows:
        return None
    parts = {row["stream"]: zlib.decompress(bytes(row["content"])) for row in rows}
    batches = {name: columns.unpack(content)[0] for name, content in parts.items() if name != REPORT}
    return Capture(batches, [json.loads(line) for line in parts.get(REPORT, b"").splitlines()])


def _keep(connection: Execute, event: dict[str, Any]) -> None:
    rows = 0
    for name, count, content in _parts(connection, event):
        connection.execute(KEEP, (event["event_id"], name, count, zlib.compress(content, LEVEL)))
        rows += count
    connection.execute(NOTE, ("kept" if rows else "nothing", event["event_id"]))


def _parts(connection: Execute, event: dict[str, Any]) -> Iterator[tuple[str, int, bytes]]:
    """(stream, rows, bytes) of every stream that has rows; none while ingest has made no tables."""
    there = connection.execute("SELECT to_regclass('stream.telemetry') IS NOT NULL AS is_there").fetchone()
    if not there or not there["is_there"]:
        return
    query = _query(connection, event)
    for stream in STREAMS:
        batch = _copied(connection, stream, query)
        if len(batch):
            yield stream.name, len(batch), columns.pack(_named(connection, batch), {"stream": stream.name})
    if reports := connection.execute(REPORTS, query).fetchall():
        yield REPORT, len(reports), "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in reports).encode()


def _query(connection: Execute, event: dict[str, Any]) -> dict[str, Any]:
    start, stop = at(event["time_us"] - BEFORE_S * 1_000_000), at(event["time_us"] + AFTER_S * 1_000_000)
    own = [row["device_key"] for row in connection.execute(OWN, {"key": event["device_key"]})]
    site = [row["device_key"] for row in connection.execute(SITE, (event["site_id"],))]
    query = {"start": start, "stop": stop, "own": own, "site": site}
    ways = [connection.execute(WAY.format(name).encode(), query).fetchone() for name in (BSM.name, TELEMETRY.name)]
    known = [way for way in ways if way and way["south"] is not None]
    if not known:  # it said nowhere where it was: nobody is near
        return {**query, "south": 1.0, "north": 0.0, "west": 1.0, "east": 0.0}
    low = {name: min(way[name] for way in known) - MARGIN_DEG for name in ("south", "west")}
    high = {name: max(way[name] for way in known) + MARGIN_DEG for name in ("north", "east")}
    return {**query, **low, **high}


def _copied(connection: Execute, stream: Stream, query: dict[str, Any]) -> Batch:
    names = ", ".join(output.sql for output in stream_rows.outputs(stream))
    text = COPY.format(columns=names, stream=stream.name, where=WHERE[stream.name])
    with connection.cursor() as cursor, cursor.copy(text.encode(), query) as copy:
        return stream_rows.read(stream, b"".join(copy))


def _named(connection: Execute, batch: Batch) -> Batch:
    keys: Sequence[int] = batch["device_key"].tolist()
    ids = device_ids(connection, list(set(keys)))
    return batch.with_columns(device_id=np.array([ids.get(key, "") for key in keys], np.str_))


def rows_of(connection: Execute, event_id: int) -> dict[str, int]:
    """How many rows of each stream are kept around an event."""
    found = connection.execute("SELECT stream, rows FROM run.capture WHERE event_id = %s ORDER BY stream", (event_id,))
    return {row["stream"]: row["rows"] for row in found}
