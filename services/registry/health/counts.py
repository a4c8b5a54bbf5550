"""What came of every device and when, counted out of the stored rows: one query a table for all devices, never one a device.

Periods are by arrival, which ingest's BRIN index finds; they end `SETTLED_S` ago, when what arrived before is committed. While
ingest stores nothing at all, nothing can be said: a device is not blamed for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.topics import TOPICS, Kind
from services.registry import traffic

Execute = Connection[DictRow]
SETTLED_S = 2.0
START, STOP = traffic.START, traffic.STOP
PERIOD = f"arrival >= {START} AND arrival < {STOP}"
DELAY = "sum(extract(epoch FROM arrival - time))::double precision"
UNTIMED = "NULL::double precision"
# By table, what tells messages apart whose rows these are: a BSM or a telemetry frame is one row, an RSM or a SPAT shares arrival
# and count, a JSON document its arrival and the instant it speaks of; and whether that is when it was said, so that it has a
# delay.
TABLES = {
    "bsm": ("", DELAY),
    "telemetry": ("", UNTIMED),
    "participant": ("message_count", DELAY),
    "spat": ("message_count", DELAY),
    **dict.fromkeys(("event", "traffic", "observation"), ("time", UNTIMED)),
}
FRAMES = f"""SELECT device_key, '{{table}}' AS stream, count(*) AS rows, count(*) AS frames, {{delay}} AS delay_s,
        max(arrival) AS last FROM stream.{{table}} WHERE {PERIOD} GROUP BY device_key"""  # noqa: S608 - constants only
OF_SEVERAL = f"""SELECT device_key, '{{table}}' AS stream, sum(rows)::bigint AS rows, count(*) AS frames,
        sum(delay_s) AS delay_s, max(arrival) AS last
    FROM (SELECT device_key, arrival, count(*) AS rows, {{delay}} AS delay_s FROM stream.{{table}} WHERE {PERIOD}
        GROUP BY device_key, arrival, {{apart}}) AS frame GROUP BY device_key"""  # noqa: S608 - constants only
DOCUMENTS = f"""SELECT device_key, stream, count(*) AS rows, count(*) AS frames, NULL::double precision AS delay_s,
        max(arrival) AS last FROM stream.report WHERE {PERIOD} GROUP BY device_key, stream"""  # noqa: S608 - constants only
MESSAGES = f"""SELECT device_key, kind AS stream, count(*) AS rows, count(*) AS frames, NULL::double precision AS delay_s,
        max(arrival) AS last FROM stream.message WHERE {PERIOD} GROUP BY device_key, kind"""  # noqa: S608 - constants only
QUERIES = (
    *(
        (OF_SEVERAL if apart else FRAMES).format(table=table, apart=apart, delay=delay)
        for table, (apart, delay) in TABLES.items()
    ),
    DOCUMENTS,
    MESSAGES,
)
# A table's rows are of another stream for each kind of device: participants are an RSU's RSMs.
STREAMS = {(kind, row.table): row.stream for row in TOPICS if row.from_device and row.table for kind in row.kinds}
IS_STORING = f"SELECT EXISTS (SELECT 1 FROM stream.batch WHERE created >= {START} AND committed IS NOT NULL) AS is_storing"  # noqa: S608
IS_IDLE = f"""SELECT EXISTS (SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'chelu ingest') AS is_there,
    EXISTS (SELECT 1 FROM stream.batch WHERE created >= {START} AND committed IS NULL) AS is_writing"""  # noqa: S608 - constants only
SENT = f"""SELECT device_key, stream, sum({traffic.NUMBER.format("count")}
        - coalesce({traffic.NUMBER.format("sent_first -> stream")}, 0))::bigint AS frames
    FROM (BEATS) AS beat, jsonb_each(sent_last) AS sent (stream, count)
    WHERE stream = ANY(%(streams)s) GROUP BY device_key, stream"""  # noqa: S608 - constants only
CAME = f"""SELECT row.device_key, count({{frame}}) AS frames FROM stream.{{table}} AS row JOIN ({{beats}}) AS beat
        ON {traffic.BETWEEN}
    WHERE row.arrival >= {START} AND row.arrival < {STOP} GROUP BY row.device_key"""  # noqa: S608 - constants only
REFUSED = f"""SELECT stream.drop.device_key, stream, sum(rows)::bigint AS frames
    FROM stream.drop JOIN stream.batch USING (batch_id) JOIN ({{beats}}) AS beat
        ON stream.drop.device_key = beat.device_key AND created > beat.first AND created <= beat.last
    WHERE reason <> 'duplicate' AND created >= {START} AND created < {STOP}
    GROUP BY stream.drop.device_key, stream"""  # noqa: S608 - constants only
ON_ONE_CORE = "SET LOCAL max_parallel_workers_per_gather = 0"
MISSING = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName)


@dataclass(slots=True)
class Counts:
    """Of one period, by device key.

    frames: by table, or stream of a report; last_us: of the newest row; delay_s: summed over `timed` rows.
    """

    seconds: float
    frames: dict[int, dict[str, int]] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    timed: dict[int, int] = field(default_factory=dict)
    delay_s: dict[int, float] = field(default_factory=dict)
    last_us: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loss:
    """Of what a device says it sent between two heartbeats: frames, and how many did not come; a few may be on their way."""

    sent: int
    lost: int


def on_one_core(connection: Execute) -> None:
    """Let nothing of this transaction take more: millions of rows, counted on all cores at once, would keep everybody waiting."""
    connection.execute(ON_ONE_CORE)


def stream_of(kind: str, counted: str) -> str:
    """What a device of this kind calls what was counted under this name."""
    return STREAMS.get((Kind(kind), counted), counted)


def count(connection: Execute, *, from_us: int, to_us: int) -> Counts | None:
    """What arrived in a period; None when it cannot be known: ingest has not begun, or stored nothing."""
    period = {"from_us": from_us, "to_us": to_us}
    try:
        row = connection.execute(IS_STORING.encode(), period).fetchone()
        if row is None or not row["is_storing"]:
            return None
        counts = Counts((to_us - from_us) / 1e6)
        for sql in QUERIES:
            for found in connection.execute(sql.encode(), period):
                _add(counts, found)
    except MISSING:
        return None
    return counts


def is_idle(connection: Execute, *, from_us: int, to_us: int) -> bool:
    """Whether ingest is there and has nothing to store: then what was not stored did not come."""
    try:
        row = connection.execute(IS_IDLE.encode(), {"from_us": from_us, "to_us": to_us}).fetchone()
    except (*MISSING, psycopg.errors.InFailedSqlTransaction):  # ingest has not begun, as was seen before in this transaction
        return False
    return row is not None and row["is_there"] and not row["is_writing"]


def together(one: Counts | None, other: Counts | None) -> Counts | None:
    """Of two periods that follow each other; of one when nothing is known of the former, None when not of the latter."""
    if one is None or other is None:
        return other
    both = Counts(one.seconds + other.seconds, last_us={**one.last_us, **other.last_us})
    for each in (one, other):
        for key, by_stream in each.frames.items():
            mine = both.frames.setdefault(key, {})
            for stream, number in by_stream.items():
                mine[stream] = mine.get(stream, 0) + number
        for name in ("rows", "timed", "delay_s"):
            sums = getattr(both, name)
            for key, number in getattr(each, name).items():
                sums[key] = sums.get(key, 0) + number
    return both


def losses(connection: Execute, *, from_us: int, to_us: int) -> Mapping[int, Loss]:
    """By device key, of those whose heartbeats of the period count what they sent."""
    period = {"from_us": from_us, "to_us": to_us, "streams": list(traffic.TABLES)}
    beats = traffic.BEATS.format(period=PERIOD)
    came: dict[tuple[int, str], int] = {}
    try:
        sent = connection.execute(SENT.replace("BEATS", beats).encode(), period).fetchall()
        for stream, (table, frame) in traffic.TABLES.items():
            sql = CAME.format(frame=frame or traffic.FRAME, table=table, beats=beats)
            came |= {(row["device_key"], stream): row["frames"] for row in connection.execute(sql.encode(), period)}
        for row in connection.execute(REFUSED.format(beats=beats).encode(), period):
            key = row["device_key"], row["stream"]
            came[key] = came.get(key, 0) + row["frames"]
    except MISSING:
        return {}
    found: dict[int, Loss] = {}
    for row in sent:
        before = found.get(row["device_key"], Loss(0, 0))
        lost = max(0, row["frames"] - came.get((row["device_key"], row["stream"]), 0))
        found[row["device_key"]] = Loss(before.sent + row["frames"], before.lost + lost)
    return found


def _add(counts: Counts, row: DictRow) -> None:
    key = row["device_key"]
    by_stream = counts.frames.setdefault(key, {})
    by_stream[row["stream"]] = by_stream.get(row["stream"], 0) + row["frames"]
    counts.rows[key] = counts.rows.get(key, 0) + row["rows"]
    if row["delay_s"] is not None:
        counts.delay_s[key] = counts.delay_s.get(key, 0.0) + row["delay_s"]
        counts.timed[key] = counts.timed.get(key, 0) + row["rows"]
    counts.last_us[key] = max(counts.last_us.get(key, 0), round(row["last"].timestamp() * 1e6))
