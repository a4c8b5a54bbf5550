"""Tables of rows in time: TimescaleDB's hypertables where the extension is, else native range partitions of whole UTC hours.

Readers use the same SQL on both (``date_bin`` rather than ``time_bucket``). Native rows further from now than the window go to
the DEFAULT partition, so that a device with an absurd clock cannot make a partition per row; they move when their time comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection, errors, sql

from chelu.store.schema import identifier
from chelu.units import US_PER_S

US_PER_HOUR = 3600 * US_PER_S
US_PER_DAY = 24 * US_PER_HOUR
DAY_HOURS = 24
WINDOW_PAST = 400  # partitions
WINDOW_FUTURE_HOURS = 48
BY_TIME = "USING brin (time) WITH (pages_per_range = 32)"  # costs writers next to nothing
BY_DEVICE = "(device_key, time)"  # docs/decisions/004-how-a-series-is-laid-out.md
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu series'), hashtext(%s))"
# The partitions of a table but for DEFAULT, and their bounds as PostgreSQL prints them in a session in UTC.
PARTITIONS = r"""SELECT inhrelid::regclass::text, found[1]::timestamptz, found[2]::timestamptz
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid,
        regexp_matches(pg_get_expr(relpartbound, inhrelid), 'FROM \(''(.*)''\) TO \(''(.*)''\)') AS found
    WHERE inhparent = %s::regclass ORDER BY 2"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Series:
    """A time-series table as one writer sees it; remembers the hours it has seen, so that most batches cost no query.

    hours: width of a partition or chunk made from now on, a divisor of 24.
    """

    table: str
    is_hypertable: bool
    hours: int = DAY_HOURS
    known: set[int] = field(default_factory=set)

    def ensure(self, connection: Connection[Any], time_us: npt.NDArray[np.int64], *, now_us: int) -> int:
        """Make partitions for the times of a batch; returns how many were made. Call it before the transaction that copies.

        `connection` must be outside a transaction, which would keep others from writing until it ends.
        """
        if self.is_hypertable or not len(time_us):
            return 0
        slots = window_slots(time_us, now_us, self.hours)
        made = sum(_fill(connection, self.table, slot * self.hours, self.hours) for slot in sorted(slots - self.known))
        self.known |= slots
        return made


@dataclass(frozen=True, slots=True)
class Partition:
    """A native partition: [start_us, stop_us)."""

    table: str
    start_us: int
    stop_us: int


def window_slots(time_us: npt.NDArray[np.int64], now_us: int, hours: int) -> set[int]:
    """The spans of `hours`, numbered since 1970, that a batch touches, of those inside the window around now."""
    width_us = hours * US_PER_HOUR
    present = now_us // width_us
    slots = np.unique(time_us // width_us)
    inside = (slots >= present - WINDOW_PAST) & (slots <= present + WINDOW_FUTURE_HOURS // hours)
    return set(slots[inside].tolist())


def partitions(connection: Connection[Any], table: str) -> list[Partition]:
    """The native partitions of a table but for DEFAULT, by time."""
    rows = connection.execute(PARTITIONS, (table,)).fetchall()
    return [Partition(str(name), _us(start), _us(stop)) for name, start, stop in rows]


def has_timescale(connection: Connection[Any]) -> bool:
    """Whether this database has TimescaleDB; creates the extension where the server has it loaded and we may."""
    if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone():
        return True
    # Creating it on a server that did not load it at its start is a FATAL error, which ends the session.
    is_loaded = connection.execute("SELECT 1 FROM pg_settings WHERE name LIKE 'timescaledb.%%' LIMIT 1", ()).fetchone()
    if not is_loaded:
        return False
    try:
        with connection.transaction():
            connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    except (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.UndefinedFile):
        return False
    return True


def create_series(
    connection: Connection[Any],
    table: str,
    columns: sql.Composable,
    *,
    hours: int = DAY_HOURS,
    indexes: Sequence[str] = (BY_TIME,),
) -> Series:
    """Create ``schema.table`` with these columns (one of them ``time timestamptz``) and indexes, unless they are there.

    An index that an older version did not make is built then and there, which keeps writers waiting a second per million rows.
    """
    with connection.transaction():
        connection.execute(LOCK, (table,))
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
            _create(connection, table, columns, hours)
        _index(connection, table, indexes)
    series = open_series(connection, table, hours=hours)
    if series.is_hypertable:
        connection.execute("SELECT set_chunk_time_interval(%s::regclass, %s::interval)", (table, timedelta(hours=hours)))
    return series


def open_series(connection: Connection[Any], table: str, *, hours: int = DAY_HOURS) -> Series:
    """The series of an existing table; LookupError when it is neither a hypertable nor partitioned."""
    row = connection.execute("SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", (table,)).fetchone()
    if row is None:
        raise LookupError(f"there is no table {table}")
    kind = row[0].decode() if isinstance(row[0], bytes) else row[0]
    return Series(table, is_hypertable=kind == "r", hours=hours)


def ensure_partitions(connection: Connection[Any], table: str, time_us: npt.NDArray[np.int64], *, now_us: int) -> int:
    """`Series.ensure` for a writer that keeps no Series: asks the catalogue each time."""
    return open_series(connection, table).ensure(connection, time_us, now_us=now_us)


def instant(time_us: int) -> datetime:
    """As psycopg sends it."""
    return _EPOCH + timedelta(microseconds=time_us)


def _create(connection: Connection[Any], table: str, columns: sql.Composable, hours: int) -> None:
    name = identifier(table)
    if has_timescale(connection):
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, columns))
        connection.execute(
            "SELECT create_hypertable(%s::regclass, by_range('time', %s::interval), create_default_indexes => false)",
            (table, timedelta(hours=hours)),
        )
    else:
        connection.execute(sql.SQL("CREATE TABLE {} ({}) PARTITION BY RANGE (time)").format(name, columns))
        connection.execute(sql.SQL("CREATE TABLE {} PARTITION OF {} DEFAULT").format(identifier(table + "_default"), name))


def _index(connection: Connection[Any], table: str, indexes: Sequence[str]) -> None:
    """Make the indexes of which the table has none that begins alike: an earlier version named them otherwise."""
    query = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
    there = [str(row[0]).replace('"', "") for row in connection.execute(query, (table,)).fetchall()]
    for index in indexes:
        columns = index[index.index("(") : index.index(")") + 1]
        if not any(columns in definition for definition in there):
            connection.execute(sql.SQL("CREATE INDEX ON {} {}").format(identifier(table), sql.SQL(index)))


def _fill(connection: Connection[Any], table: str, start_hour: int, hours: int) -> int:
    """Make partitions where [start, start + hours) has none yet, usually one; another width may have been in force before."""
    start_us, stop_us = start_hour * US_PER_HOUR, (start_hour + hours) * US_PER_HOUR
    with connection.transaction():
        connection.execute(LOCK, (table,))
        taken = [(part.start_us, part.stop_us) for part in partitions(connection, table)]
        gaps = list(_gaps(start_us, stop_us, taken))
        for gap in gaps:
            _create_partition(connection, table, *map(instant, gap))
    return len(gaps)


def _gaps(start_us: int, stop_us: int, taken: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """What of [start, stop) lies in none of the spans, which are in order and apart."""
    for start, stop in taken:
        if start_us < min(start, stop_us):
            yield start_us, min(start, stop_us)
        start_us = max(start_us, stop)
    if start_us < stop_us:
        yield start_us, stop_us


def _create_partition(connection: Connection[Any], table: str, start: datetime, stop: datetime) -> None:
    """Make a partition; rows of its time that lie in DEFAULT move into it.

    Made beside the table and then attached, which blocks neither readers nor writers of other times.
    """
    suffix = f"{start:%Y%m%d}" if start.hour == 0 else f"{start:%Y%m%d%H}"
    part, parent, stray = identifier(f"{table}_{suffix}"), identifier(table), identifier(table + "_default")
    low, high = sql.Literal(start), sql.Literal(stop)
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(part, parent))
    connection.execute(
        sql.SQL(
            "WITH moved AS (DELETE FROM {} WHERE time >= {} AND time < {} RETURNING *) INSERT INTO {} SELECT * FROM moved"
        ).format(stray, low, high, part)
    )
    connection.execute(sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(parent, part, low, high))


def _us(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)
