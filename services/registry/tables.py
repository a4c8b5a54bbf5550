"""What ingest and inference have written beside the streams: accounts, batches, dead letters, warnings, traffic state.

Their tables are read as they are: an instant ``time`` becomes ``time_us``, bytes and vehicles' ids hexadecimal, and beside a
device's key stands its id.
"""

from __future__ import annotations

import datetime
import math
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import psycopg
from fastapi import Depends, Query
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.messages import DropReason
from chelu.topics import OPENV2X_PROFILE
from services.registry.device_rows import device_ids, hexadecimal
from services.registry.models import Identifier
from services.registry.parts import Parts, PartsOf
from services.registry.routing import Router
from services.registry.stored_models import Rows, StreamAccount
from services.registry.streams import END_OF_TIME_US, From, To, missing

ROUTER = Router(prefix="/api", tags=["what was stored"])
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
TIMESTAMPTZ_OID = 1184  # pg_type.dat
MICROSECOND = datetime.timedelta(microseconds=1)

RANGE = """{time} >= 'epoch'::timestamptz + %(from_us)s::bigint * interval '1 microsecond'
    AND {time} < 'epoch'::timestamptz + %(to_us)s::bigint * interval '1 microsecond'"""
AFTER = "(%(after)s::bigint IS NULL OR {time} > 'epoch'::timestamptz + %(after)s::bigint * interval '1 microsecond')"
EQUAL = "(%({column})s::{kind} IS NULL OR {column} = %({column})s)"
NO_FILTERS: Mapping[str, str] = {}
# Some speak under their serial number: who asks for such a one by its id means what it said there.
OF_SPEAKER = f"""(%(device_id)s::text IS NULL OR device_id = %(device_id)s OR device_id = (
    SELECT serial FROM register.device AS its WHERE its.device_id = %(device_id)s AND profile = '{OPENV2X_PROFILE}'))"""  # noqa: S608
PAGE = """SELECT * FROM {table} WHERE {where}
    ORDER BY {time} FETCH FIRST %(limit)s ROWS WITH TIES"""
ACCOUNTS = f"""SELECT stream, sum(messages)::bigint AS messages, sum(frames)::bigint AS frames, sum(received)::bigint AS received,
        sum(stored)::bigint AS stored, sum(missing)::bigint AS missing
    FROM stream.account JOIN stream.batch USING (batch_id) WHERE {RANGE.format(time="created")} GROUP BY stream"""  # noqa: S608 - constants only
DROPS = f"""SELECT stream, reason, sum(rows)::bigint AS rows FROM stream.drop JOIN stream.batch USING (batch_id)
    WHERE {RANGE.format(time="created")} GROUP BY stream, reason"""  # noqa: S608 - constants only

Limit = Annotated[int, Query(ge=1, le=50_000, description="rows a page; a page ends with all rows of its last instant")]
After = Annotated[int | None, Query(ge=0, le=END_OF_TIME_US, description="the last page's `next`")]


async def _asked(
    from_us: From = 0, to_us: To = END_OF_TIME_US, limit: Limit = 1000, after: After = None
) -> dict[str, int | None]:
    return {"from_us": from_us, "to_us": to_us, "limit": limit, "after": after}


Page = Annotated[dict[str, int | None], Depends(_asked)]


@ROUTER.get("/accounts")
def accounts(parts: PartsOf, from_us: From = 0, to_us: To = END_OF_TIME_US) -> dict[str, StreamAccount]:
    """By stream, rows received, stored and dropped by reason, of the batches that ingest began in a period."""
    period = {"from_us": from_us, "to_us": to_us}
    sums = read_rows(parts, "stream.account", ACCOUNTS, period)
    drops = read_rows(parts, "stream.drop", DROPS, period)
    found: dict[str, dict[str, Any]] = {row["stream"]: {**row, "dropped": {}} for row in sums}
    for drop in drops:
        empty = {"messages": 0, "frames": 0, "received": 0, "stored": 0, "missing": 0, "dropped": {}}
        found.setdefault(drop["stream"], empty)["dropped"][drop["reason"]] = drop["rows"]
    return {stream: StreamAccount(**{key: row[key] for key in StreamAccount.model_fields}) for stream, row in found.items()}


@ROUTER.get("/batches")
def batches(parts: PartsOf, page: Page) -> Rows:
    """Ingest's batches: when each was begun, and when it was durable."""
    return page_of(parts, "stream.batch", "created", page)


@ROUTER.get("/dead-letters")
def dead_letters(
    parts: PartsOf,
    page: Page,
    device: Annotated[Identifier | None, Query(description="only of whom calls itself so, or is registered so")] = None,
    reason: DropReason | None = None,
) -> Rows:
    """Messages that could not be used: topic, reason and bytes."""
    query = {**page, "device_id": device, "reason": reason}
    return page_of(parts, "stream.dead_letter", "time", query, {"reason": "text"}, [OF_SPEAKER])


@ROUTER.get("/messages")
def messages(parts: PartsOf, page: Page) -> Rows:
    """MAP and RSI messages and telemetry, whole and read."""
    return page_of(parts, "stream.message", "time", page)


@ROUTER.get("/reports")
def reports(parts: PartsOf, page: Page) -> Rows:
    """JSON documents that devices sent."""
    return page_of(parts, "stream.report", "time", page)


@ROUTER.get("/warnings")
def warnings(parts: PartsOf, page: Page) -> Rows:
    """Warnings raised, updated and cleared, with what it took to publish them."""
    return page_of(parts, "city.warning", "time", page)


@ROUTER.get("/segments")
def segments(parts: PartsOf, page: Page) -> Rows:
    """Traffic state by road segment: flow, mean speed, density, congestion index."""
    return page_of(parts, "city.segment_state", "time", page)


def page_of(
    parts: Parts,
    table: str,
    time: str,
    query: Mapping[str, Any],
    filters: Mapping[str, str] = NO_FILTERS,
    conditions: Sequence[str] = (),
) -> Rows:
    """A page by time; filters: columns, with their types, that must be as the query says, where it says something."""
    equal = (EQUAL.format(column=column, kind=kind) for column, kind in filters.items())
    where = [RANGE.format(time=time), AFTER.format(time=time), *equal, *conditions]
    sql = PAGE.format(table=table, time=time, where=" AND ".join(where))
    rows = read_rows(parts, table, sql, query)
    return Rows(rows=rows, next=rows[-1][f"{time}_us"] if len(rows) >= query["limit"] else None)


def read_rows(parts: Parts, table: str, sql: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a query over `table` answers, as JSON can hold it; ProblemError 503 while nobody has made the table."""
    try:
        with parts.register.reading() as connection:
            cursor = connection.execute(sql.encode(), query)
            names = [_name(column) for column in cursor.description or ()]
            rows = [dict(zip(names, map(plain, row.values()), strict=True)) for row in cursor]
            return _named(connection, names, rows)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName) as error:
        raise missing(table, error) from None


def _named(connection: Connection[DictRow], names: Sequence[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with ``…device_id`` beside each ``…device_key``, and vehicles' 8-byte ids in hexadecimal."""
    keys = [name for name in names if name.endswith("device_key")]
    vehicles = [name for name in names if name.endswith("vehicle_id")]
    ids = device_ids(connection, list({row[name] for row in rows for name in keys} - {None})) if keys else {}
    for row in rows:
        row.update({f"{name.removesuffix('key')}id": ids.get(row[name]) for name in keys})
        row.update({name: hexadecimal(row[name]) for name in vehicles})
    return rows


def _name(column: psycopg.Column) -> str:
    return f"{column.name}_us" if column.type_code == TIMESTAMPTZ_OID else column.name


def plain(value: Any) -> Any:
    """A column's value as JSON can hold it: instants in µs, bytes and ids as text, NaN and infinity null."""
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // MICROSECOND
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, list):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, uuid.UUID) else value
