"""How a series should be laid out: what indexes, order of rows, partitions and connections cost the writer, and spare readers.

Run as ``python -m evaluation.bench.indexes``, on a database of its own (``--set shared_buffers=1GB`` changes its settings) or on
one named with ``--database URL``; the server has to be on this machine, since its processor time is read from /proc. What was
chosen from its table is in docs/decisions/004-how-a-series-is-laid-out.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg
from rich.console import Console
from rich.table import Table

from chelu.messages import BSM, Batch
from chelu.store import copy_rows, create_series, table_columns
from chelu.store.schema import TableColumn, definitions, packed
from chelu.store.series import BY_DEVICE, BY_TIME, has_timescale
from evaluation.bench.store import START_US, database, mixed_bsm

COLUMNS = table_columns(BSM)
DEVICES = 1000
PERIOD_US = 100_000  # each device speaks at 10 Hz
BATCH_ROWS = 20_000  # of ingest's transactions
DEVICE, LAST_S, SLICE_S = 371, 60, 10
DIGITS = (2, 2, 0, 0, 1, 1)  # of the table's columns behind the rate
BRIN_BOTH = "USING brin (device_key, time) WITH (pages_per_range = 8)"


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to lay the series out.

    is_sorted: a batch's rows by device; is_packed: as `packed` orders columns; is_narrow: floats but the position in 4 bytes;
    is_direct: into the partition itself.
    """

    name: str
    indexes: Sequence[str] = ()
    is_sorted: bool = False
    is_packed: bool = False
    is_narrow: bool = False
    connections: int = 1
    is_direct: bool = False
    is_columnar: bool = False


LAYOUTS = (
    Layout("no index"),
    Layout("no index, packed", is_packed=True),
    Layout("no index, floats of 4 bytes", is_narrow=True),
    Layout("no index, into the partition itself", is_direct=True),
    Layout("no index, 2 connections", connections=2),
    Layout("BRIN time", (BY_TIME,)),
    Layout("BRIN time + B-tree device, time", (BY_TIME, BY_DEVICE)),
    Layout("the same, rows by device", (BY_TIME, BY_DEVICE), is_sorted=True),
    Layout("BRIN time + BRIN device, time; rows by device", (BY_TIME, BRIN_BOTH), is_sorted=True),
    Layout("the same, 2 connections", (BY_TIME, BRIN_BOTH), is_sorted=True, connections=2),
    Layout("chosen: packed, BRIN time + B-tree, rows by device", (BY_TIME, BY_DEVICE), is_sorted=True, is_packed=True),
)
COLUMNAR = Layout("columnstore by device", (BY_TIME,), is_sorted=True, is_columnar=True)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a layout costs; µs of processor and bytes a row, ms a read."""

    rows_per_s: float
    server_us: float
    client_us: float
    wal_bytes: float
    disk_bytes: float
    device_ms: float
    slice_ms: float


def measure(url: str, layout: Layout, batches: Sequence[Batch]) -> Cost:
    """Write the batches, a transaction each, and read from them."""
    rows = sum(map(len, batches))
    with psycopg.connect(url, autocommit=True) as connection:
        target, columns = _create(connection, layout, int(batches[0]["time_us"][0]))
        connection.execute("CHECKPOINT")
        before = _server_s(connection), time.process_time(), _wal(connection), time.perf_counter()
        _write(url, layout, target, columns, batches)
        after = _server_s(connection), time.process_time(), _wal(connection), time.perf_counter()
        server_s, client_s, wal, wall_s = (end - start for start, end in zip(before, after, strict=True))
        _settle(connection, layout)
        disk = _size(connection)
        end_us = int(batches[-1]["time_us"].max())
        device_ms, slice_ms = (_read_ms(connection, *query) for query in _queries(end_us))
        connection.execute("DROP SCHEMA stream CASCADE")
    return Cost(rows / wall_s, server_s / rows * 1e6, client_s / rows * 1e6, wal / rows, disk / rows, device_ms, slice_ms)


def traffic(rows: int, seed: int = 1) -> list[Batch]:
    """Batches of BSMs of `DEVICES` devices at 10 Hz, in the order of their arrival."""
    number = np.arange(rows)
    random = np.random.default_rng(seed)
    batch = mixed_bsm(rows, seed)
    time_us = START_US + number * PERIOD_US // DEVICES - random.integers(0, 30_000, rows)
    batch = batch.with_columns(
        time_us=time_us, arrival_us=time_us + 30_000, device_key=((number * 7919) % DEVICES).astype(np.int32)
    )
    return [batch.take(np.arange(start, start + BATCH_ROWS)) for start in range(0, rows, BATCH_ROWS)]


def _create(connection: psycopg.Connection[Any], layout: Layout, time_us: int) -> tuple[str, Sequence[TableColumn]]:
    columns = packed(COLUMNS) if layout.is_packed else COLUMNS
    if layout.is_narrow:
        columns = [replace(column, type="real") if _is_narrow(column) else column for column in columns]
    connection.execute("CREATE SCHEMA stream")
    series = create_series(connection, "stream.bsm", definitions(columns), indexes=layout.indexes)
    series.ensure(connection, np.array([time_us - 60_000_000, time_us + 3600_000_000]), now_us=time_us)
    parts = connection.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'stream.bsm'::regclass")
    direct = [str(row[0]) for row in parts if not str(row[0]).endswith("_default")]
    return direct[0] if layout.is_direct and direct else "stream.bsm", columns


def _is_narrow(column: TableColumn) -> bool:
    return column.type == "double precision" and column.name not in {"latitude_deg", "longitude_deg"}


def _write(url: str, layout: Layout, table: str, columns: Sequence[TableColumn], batches: Sequence[Batch]) -> None:
    def write(mine: Sequence[Batch]) -> None:
        with psycopg.connect(url) as connection:
            for batch in mine:
                rows = batch.take(np.argsort(batch["device_key"], kind="stable")) if layout.is_sorted else batch
                copy_rows(connection, table, rows, columns)
                connection.commit()

    shares = [batches[index :: layout.connections] for index in range(layout.connections)]
    with ThreadPoolExecutor(layout.connections) as pool:
        list(pool.map(write, shares))


def _settle(connection: psycopg.Connection[Any], layout: Layout) -> None:
    """What the server, or ingest's housekeeping, does in its own time."""
    if layout.is_columnar:
        connection.execute(
            "ALTER TABLE stream.bsm SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'device_key',"
            " timescaledb.orderby = 'time')"
        )
        for (chunk,) in connection.execute("SELECT show_chunks('stream.bsm')").fetchall():
            connection.execute("CALL convert_to_columnstore(%s)", (chunk,))
    connection.execute("ANALYZE stream.bsm")
    connection.execute(
        "SELECT brin_summarize_new_values(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'brin' AND c.relkind = 'i'"
    )


def _queries(end_us: int) -> tuple[tuple[str, tuple[object, ...]], ...]:
    instant = "'epoch'::timestamptz + %s * interval '1 microsecond'"
    where = f"time >= {instant} AND time < {instant}"
    what = "SELECT time, device_key, latitude_deg, longitude_deg, speed_mps FROM stream.bsm WHERE "
    one = what + "device_key = %s AND " + where + " ORDER BY time"
    middle_us = end_us - 2 * SLICE_S * 1_000_000
    return (
        (one, (DEVICE, end_us - LAST_S * 1_000_000, end_us)),
        (
            what.replace("time, device_key, latitude_deg, longitude_deg, speed_mps", "count(speed_mps)") + where,
            (middle_us, middle_us + SLICE_S * 1_000_000),
        ),
    )


def _read_ms(connection: psycopg.Connection[Any], query: str, parameters: tuple[object, ...]) -> float:
    def once() -> float:
        start = time.perf_counter()
        if not connection.execute(query.encode(), parameters).fetchall():
            raise RuntimeError("the query found nothing")
        return (time.perf_counter() - start) * 1000

    once()
    return median(once() for _ in range(5))


def _size(connection: psycopg.Connection[Any]) -> int:
    if has_timescale(connection):
        query = "SELECT hypertable_size('stream.bsm')"
    else:
        query = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('stream.bsm')"
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _wal(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchone()
    return int(row[0]) if row else 0


def _server_s(connection: psycopg.Connection[Any]) -> float:
    """Processor seconds of the whole server so far: of its first process's children, those that ended included."""
    server = _stat(connection.info.backend_pid)[1]
    own = _stat(server)
    ticks = sum(own[11:15])
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(OSError):
                found = _stat(int(directory.name))
                ticks += sum(found[11:13]) if found[1] == server else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[int]:
    """/proc/PID/stat behind the name, in numbers: proc(5)'s fields from 3 on, the state as 0."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, *map(int, words[1:])]


@contextlib.contextmanager
def _server(url: str | None, settings: Mapping[str, str]) -> Iterator[str]:
    """The URL of an empty database."""
    if url is None:
        with database(settings) as connection:
            connection.execute("DROP SCHEMA stream")
            yield f"{connection.info.dsn} password={connection.info.password}"
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE chelu_bench_indexes TEMPLATE template0")
        try:
            yield f"{url.rpartition('/')[0]}/chelu_bench_indexes"
        finally:
            connection.execute("DROP DATABASE chelu_bench_indexes WITH (FORCE)")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What layouts of a series cost and spare.")
    parser.add_argument("--database", metavar="URL", help="somebody else's PostgreSQL on this machine")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a setting of our own")
    parser.add_argument("--only", metavar="WORDS", default="", help="layouts with these words in their names")
    parser.add_argument("--rows", type=int, default=800_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    batches = traffic(asked.rows)
    with _server(asked.database, dict(setting.split("=", 1) for setting in asked.set)) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            layouts = (*LAYOUTS, COLUMNAR) if has_timescale(connection) else LAYOUTS
        costs: dict[str, list[Cost]] = {layout.name: [] for layout in layouts if asked.only in layout.name}
        for _ in range(asked.rounds):
            for layout in layouts:
                if layout.name in costs:
                    costs[layout.name].append(measure(url, layout, batches))
    _show(costs)


def _show(costs: dict[str, list[Cost]]) -> None:
    table = Table("layout", box=None, pad_edge=False, header_style="bold")
    for name in ("rows/s", "server µs", "client µs", "WAL B", "disk B", "device ms", "slice ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for layout, found in costs.items():
        rate, *others = (median(getattr(cost, field.name) for cost in found) for field in fields(Cost))
        table.add_row(layout, f"{rate:,.0f}", *(f"{value:.{digits}f}" for value, digits in zip(others, DIGITS, strict=True)))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
