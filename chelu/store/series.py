"""Tables of rows in time: TimescaleDB's hypertables where the extension is, else native range partitions, one per UTC day.

Readers use the same SQL on both (``date_bin`` rather than ``time_bucket``). Native rows further from now than the window go to
the DEFAULT partition, so that a device with an absurd clock cannot make a partition per row; they are moved when their day comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection, errors, sql

from chelu.store.schema import identifier

US_PER_DAY = 86_400_000_000
WINDOW_PAST_DAYS = 400
WINDOW_FUTURE_DAYS = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Series:
    """A time-series table as one writer sees it; remembers the days it has seen, so that most batches cost no query."""

    table: str
    is_hypertable: bool
    known_days: set[int] = field(default_factory=set)

    def ensure(self, connection: Connection[Any], time_us: npt.NDArray[np.int64], *, now_us: int) -> int:
        """Make partitions for the days of a batch; returns how many were made. Call it before the transaction that copies.

        `connection` must be outside a transaction, which would keep others from writing until it ends.
        """
        if self.is_hypertable or not len(time_us):
            return 0
        days = window_days(time_us, now_us)
        new = sorted(days - self.known_days)
        made = sum(_create_partition(connection, self.table, day) for day in new)
        self.known_days |= days
        return made

    def drop_before(self, connection: Connection[Any], before_us: int) -> tuple[str, ...]:
        """Retention: drop whole chunks or days that end before `before_us`; returns the names of the tables dropped."""
        before = _instant(before_us)
        if self.is_hypertable:
            rows = connection.execute("SELECT drop_chunks(%s::regclass, older_than => %s)", (self.table, before)).fetchall()
            return tuple(str(row[0]) for row in rows)
        names = [f"{self.table}_{day}" for day in _partition_days(connection, self.table) if day < f"{before:%Y%m%d}"]
        with connection.transaction():
            for name in names:
                connection.execute(sql.SQL("DROP TABLE {}").format(identifier(name)))
            stray = sql.SQL("DELETE FROM {} WHERE time < %s").format(identifier(self.table + "_default"))
            connection.execute(stray, (before,))
        self.known_days.clear()
        return tuple(names)


def window_days(time_us: npt.NDArray[np.int64], now_us: int) -> set[int]:
    """The days since 1970 that a batch touches, of those inside the window around now."""
    today = now_us // US_PER_DAY
    days = np.unique(time_us // US_PER_DAY)
    inside = (days >= today - WINDOW_PAST_DAYS) & (days <= today + WINDOW_FUTURE_DAYS)
    return set(days[inside].tolist())


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
    connection: Connection[Any], table: str, columns: sql.Composable, *, chunk: timedelta = timedelta(days=1)
) -> Series:
    """Create ``schema.table`` with these columns (one of them ``time timestamptz``), unless it is there.

    `chunk` is a hypertable's chunk interval; native partitions are days. A BRIN index on time costs writers next to nothing.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('chelu series'), hashtext(%s))", (table,))
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
            _create(connection, table, columns, chunk)
    return open_series(connection, table)


def open_series(connection: Connection[Any], table: str) -> Series:
    """The series of an existing table; LookupError when it is neither a hypertable nor partitioned."""
    row = connection.execute("SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", (table,)).fetchone()
    if row is None:
        raise LookupError(f"there is no table {table}")
    kind = row[0].decode() if isinstance(row[0], bytes) else row[0]
    return Series(table, is_hypertable=kind == "r")


def ensure_partitions(connection: Connection[Any], table: str, time_us: npt.NDArray[np.int64], *, now_us: int) -> int:
    """`Series.ensure` for a writer that keeps no Series: asks the catalogue each time."""
    return open_series(connection, table).ensure(connection, time_us, now_us=now_us)


def _create(connection: Connection[Any], table: str, columns: sql.Composable, chunk: timedelta) -> None:
    name = identifier(table)
    if has_timescale(connection):
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, columns))
        connection.execute(
            "SELECT create_hypertable(%s::regclass, by_range('time', %s::interval), create_default_indexes => false)",
            (table, chunk),
        )
    else:
        connection.execute(sql.SQL("CREATE TABLE {} ({}) PARTITION BY RANGE (time)").format(name, columns))
        connection.execute(sql.SQL("CREATE TABLE {} PARTITION OF {} DEFAULT").format(identifier(table + "_default"), name))
    connection.execute(sql.SQL("CREATE INDEX ON {} USING brin (time) WITH (pages_per_range = 32)").format(name))


def _create_partition(connection: Connection[Any], table: str, day: int) -> bool:
    """Make a day's partition unless another writer has; rows of that day that lie in DEFAULT move into it.

    Made beside the table and then attached, which blocks neither readers nor writers of the other days.
    """
    start = _EPOCH + timedelta(days=day)
    part, parent, stray = identifier(f"{table}_{start:%Y%m%d}"), identifier(table), identifier(table + "_default")
    low, high = sql.Literal(start), sql.Literal(start + timedelta(days=1))
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('chelu series'), hashtext(%s))", (table,))
        if connection.execute("SELECT to_regclass(%s)", (f"{table}_{start:%Y%m%d}",)).fetchone() != (None,):
            return False
        connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(part, parent))
        connection.execute(
            sql.SQL(
                "WITH moved AS (DELETE FROM {} WHERE time >= {} AND time < {} RETURNING *) INSERT INTO {} SELECT * FROM moved"
            ).format(stray, low, high, part)
        )
        connection.execute(
            sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(parent, part, low, high)
        )
    return True


def _partition_days(connection: Connection[Any], table: str) -> Iterable[str]:
    query = (
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = %s::regclass ORDER BY relname"
    )
    names = (str(row[0]) for row in connection.execute(query, (table,)).fetchall())
    return [name.rpartition("_")[2] for name in names if name.rpartition("_")[2].isdigit()]


def _instant(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)
