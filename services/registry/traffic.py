"""How a site does just now: rows in and out by stream, what was lost and where, how far ingest is behind, and the broker's word.

What was lost in transit is what agents say they sent, less what came: for each agent from its first to its last heartbeat of
the period. Heartbeats follow the frames they count over the same connection, so what came before one was sent before it. What a
reader takes up at once has one arrival, after a stall that of seconds: within it the devices' own times say what came before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import psycopg
from fastapi import Query
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.units import US_PER_S
from services.registry.parts import PartsOf
from services.registry.routing import Router
from services.registry.stored_models import Lag, StreamAccount, StreamTraffic, Traffic
from services.registry.streams import missing
from services.registry.tables import accounts

ROUTER = Router(prefix="/api", tags=["what was stored"])
BEATS = """SELECT device_key, min(arrival) AS first, max(arrival) AS last,
        (array_agg(time ORDER BY arrival, time))[1] AS first_time,
        (array_agg(time ORDER BY arrival DESC, time DESC))[1] AS last_time,
        (array_agg(body -> 'sent' ORDER BY arrival, time))[1] AS sent_first,
        (array_agg(body -> 'sent' ORDER BY arrival DESC, time DESC))[1] AS sent_last
    FROM stream.report WHERE stream = 'heartbeat' AND {period} AND jsonb_typeof(body -> 'sent') = 'object'
    GROUP BY device_key, body ->> 'start_id' HAVING count(*) > 1"""
SENT = """SELECT stream, sum({last} - coalesce({first}, 0))::bigint AS frames
    FROM ({beats}) AS beat, jsonb_each(sent_last) AS sent (stream, count)
    WHERE stream = ANY(%(streams)s) AND {last} IS NOT NULL GROUP BY stream"""
NUMBER = (
    "CASE WHEN jsonb_typeof({0}) = 'number' THEN least(greatest(({0} #>> '{{}}')::numeric, 0), 1e12) END"  # of what a device says
)
BETWEEN = """row.device_key = beat.device_key AND (row.arrival, row.time) > (beat.first, beat.first_time)
            AND (row.arrival, row.time) <= (beat.last, beat.last_time)"""
CAME = f"""SELECT count({{frame}}) AS frames FROM stream.{{table}} AS row JOIN ({{beats}}) AS beat
        ON {BETWEEN}
    WHERE {{period}} AND row.time > {{start}} - interval '1 day'"""  # noqa: S608 - constants only
REFUSED = """SELECT stream, sum(rows)::bigint AS rows FROM stream.drop JOIN stream.batch USING (batch_id) JOIN ({beats}) AS beat
        ON stream.drop.device_key = beat.device_key AND created > beat.first AND created <= beat.last
    WHERE reason <> 'duplicate' AND {created} GROUP BY stream"""
LAG = """SELECT count(*) AS rows,
        1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM committed - arrival)) AS p50_ms,
        1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM committed - arrival)) AS p99_ms
    FROM stream.bsm JOIN stream.batch USING (batch_id)
    WHERE arrival > {stop} - interval '5 seconds' AND arrival <= {stop} AND time > {stop} - interval '1 minute'"""
NEWEST = "SELECT (extract(epoch FROM max(committed)) * 1000000)::bigint AS at FROM stream.batch WHERE {created}"
START, STOP = (f"('epoch'::timestamptz + %({name})s::bigint * interval '1 microsecond')" for name in ("from_us", "to_us"))
# A frame of several rows is told by its arrival and its message's count; rows of BSMs are frames.
TABLES = {"bsm": ("bsm", "*"), "rsm": ("participant", None), "spat": ("spat", None)}
FRAME = "DISTINCT (row.device_key, row.arrival, row.message_count)"

Seconds = Annotated[int, Query(ge=1, le=3600, description="how long the period is that ends now")]


@ROUTER.get("/traffic")
def traffic(parts: PartsOf, seconds: Seconds = 60) -> Traffic:
    """What came in and was stored in the last seconds, what was lost on the way, and how far ingest is behind."""
    to_us = parts.clock.wall_us()
    from_us = to_us - seconds * US_PER_S
    period = {"from_us": from_us, "to_us": to_us, "streams": list(TABLES)}
    books = accounts(parts, from_us, to_us)
    try:
        with parts.register.reading() as connection:
            sent, came = _sent(connection, period), _came(connection, period)
            lag = _lag(connection, period)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName) as error:
        raise missing("stream.report", error) from None
    streams = {name: _stream(books.get(name), sent.get(name), came.get(name, 0)) for name in {**books, **sent}}
    return Traffic(
        from_us=from_us, to_us=to_us, streams=streams, lag=lag, broker=parts.doorkeeper.broker if parts.doorkeeper else None
    )


def _stream(book: StreamAccount | None, sent: int | None, came: int) -> StreamTraffic:
    known = book.model_dump() if book else {"messages": 0, "frames": 0, "received": 0, "stored": 0, "missing": 0, "dropped": {}}
    return StreamTraffic(**known, sent=sent, in_transit=None if sent is None else sent - came)


def _sent(connection: Connection[DictRow], period: Mapping[str, Any]) -> dict[str, int]:
    sql = SENT.format(beats=_beats(), last=NUMBER.format("count"), first=NUMBER.format("sent_first -> stream"))
    rows = connection.execute(sql.encode(), period).fetchall()
    return {row["stream"]: row["frames"] for row in rows}


def _came(connection: Connection[DictRow], period: Mapping[str, Any]) -> dict[str, int]:
    """Frames by stream that came from agents between their heartbeats, refused ones too."""
    came = {}
    for stream, (table, frame) in TABLES.items():
        sql = CAME.format(frame=frame or FRAME, table=table, beats=_beats(), period=_period("row.arrival"), start=START)
        row = connection.execute(sql.encode(), period).fetchone()
        came[stream] = row["frames"] if row else 0
    for row in connection.execute(REFUSED.format(beats=_beats(), created=_period("created")).encode(), period).fetchall():
        came[row["stream"]] = came.get(row["stream"], 0) + row["rows"]
    return came


def _lag(connection: Connection[DictRow], period: Mapping[str, Any]) -> Lag:
    newest = connection.execute(NEWEST.format(created=_period("created")).encode(), period).fetchone()
    rows = connection.execute(LAG.format(stop=STOP).encode(), period).fetchone()
    return Lag(
        committed_us=newest["at"] if newest else None,
        p50_ms=rows["p50_ms"] if rows else None,
        p99_ms=rows["p99_ms"] if rows else None,
    )


def _beats() -> str:
    return BEATS.format(period=_period("arrival") + f" AND time > {START} - interval '1 day'")


def _period(column: str) -> str:
    return f"{column} >= {START} AND {column} < {STOP}"
