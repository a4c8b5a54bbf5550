"""Decoded batch → database: our binary COPY against a COPY of the same bytes prepared beforehand, and against row inserts.

Runs on a database of its own in a temporary directory, with PostgreSQL's durability as on a site.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from chelu.clock import SystemClock
from chelu.local import postgres
from chelu.local.ports import free_port
from chelu.local.supervisor import Supervisor
from chelu.messages import BSM, HEADER, Batch
from chelu.store import binary, columns_sql, copy_rows, create_series, table_columns
from chelu.store.copy import CHUNK_ROWS
from evaluation.bench.report import Ratio, interleaved

TABLE = "stream.bsm"
COLUMNS = table_columns(BSM)
EXTENSION = (
    *("height_m", "fuel_type", "events", "lights", "path_radius_m", "path_confidence"),
    *("response_type", "siren", "lightbar"),
)
ACCURACY = (
    *("semi_major_m", "semi_minor_m", "semi_major_orientation_deg", "time_confidence", "position_confidence"),
    *("elevation_confidence", "speed_confidence", "heading_confidence", "steering_confidence"),
)
BRAKES = ("brake_pedal", "wheel_brakes", "traction_control", "abs", "stability_control", "brake_boost", "aux_brakes")
START_US = 1_700_000_000_000_000


def run(*, quick: bool) -> list[Ratio]:
    """Three ways of writing the same BSMs; the bar is design §5's."""
    rows, few = (20_000, 500) if quick else (100_000, 2_000)
    batch, small = mixed_bsm(rows), mixed_bsm(few)
    prepared = _prepared(batch)
    with database() as connection:
        series = create_series(connection, TABLE, columns_sql(BSM))
        series.ensure(connection, batch["time_us"], now_us=START_US)
        ours, limit, plain = interleaved(
            _emptied(connection, lambda: copy_rows(connection, TABLE, batch, COLUMNS)),
            _emptied(connection, lambda: copy_prepared(connection, prepared, rows)),
            _emptied(connection, lambda: _insert(connection, small)),
            rounds=9,
        )
    return [
        Ratio("BSM batch → database", ours, "COPY of prepared bytes", limit, "rows", 0.8, "write_vs_copy"),
        Ratio("BSM batch → database", ours, "row inserts (executemany)", plain, "rows", None),
    ]


def mixed_bsm(rows: int, seed: int = 1) -> Batch:
    """BSMs as design §5 mixes them: half have the core alone, the others the safety extension too.

    Of the core, each sender leaves out some of what the standard lets it: accuracy, confidences, brakes.
    """
    random = np.random.default_rng(seed)
    is_extended, has_accuracy, has_brakes = (random.random(rows) < share for share in (0.5, 0.8, 0.7))
    valid = dict.fromkeys(EXTENSION, is_extended) | dict.fromkeys(ACCURACY, has_accuracy) | dict.fromkeys(BRAKES, has_brakes)
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for name, dtype in ({field.name: np.dtype(field.dtype) for field in HEADER} | BSM.dtypes()).items():
        here = valid.get(name.removesuffix("_valid"), np.ones(rows, np.bool_))
        if dtype.kind == "b":
            columns[name] = here
        elif dtype.kind == "f":
            columns[name] = np.where(here, random.normal(20.0, 5.0, rows), np.nan)
        else:
            columns[name] = random.integers(0, 100, rows).astype(dtype)
    columns["time_us"] = START_US + np.arange(rows) * 10
    columns["arrival_us"] = columns["time_us"] + 5_000
    return Batch(columns)


@contextmanager
def database(settings: Mapping[str, str] | None = None) -> Iterator[psycopg.Connection[Any]]:
    """A server of its own, with a site's settings and these; the connection is in autocommit."""
    with tempfile.TemporaryDirectory(prefix="chelu-bench-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        cluster = postgres.prepare(directory / "postgres", port=free_port(), password=secrets.token_hex(16))
        supervisor = Supervisor(SystemClock())
        try:
            supervisor.start(postgres.program(cluster, log=directory / "postgres.log", settings=settings))
            with psycopg.connect(cluster.url_of("postgres"), autocommit=True) as connection:
                connection.execute("CREATE SCHEMA stream")
                yield connection
        finally:
            supervisor.close()


def _prepared(batch: Batch) -> list[bytes]:
    builder = binary.Builder(binary.layout_of(COLUMNS), CHUNK_ROWS)
    pieces = (batch.take(np.arange(start, min(start + CHUNK_ROWS, len(batch)))) for start in range(0, len(batch), CHUNK_ROWS))
    return [binary.HEADER, *(builder.build(piece).tobytes() for piece in pieces), binary.TRAILER]


def _emptied(connection: psycopg.Connection[Any], side: Callable[[], int]) -> Callable[[], int]:
    """A side that finds the table empty; a TRUNCATE takes a few milliseconds on all sides alike."""

    def work() -> int:
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(*TABLE.split("."))))
        return side()

    return work


def copy_prepared(connection: psycopg.Connection[Any], pieces: list[bytes], rows: int) -> int:
    """COPY of what `chelu.store.binary` has built: the limit of any writer; returns `rows`."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in COLUMNS)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(*TABLE.split(".")), names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in pieces:
            copy.write(piece)
    return rows


def _insert(connection: psycopg.Connection[Any], batch: Batch) -> int:
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in COLUMNS)
    time = sql.SQL("to_timestamp(%s::float8 / 1e6)")
    places = sql.SQL(", ").join(time if column.type == "timestamptz" else sql.Placeholder() for column in COLUMNS)
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(*TABLE.split(".")), names, places)
    lists = [_with_null(batch, column.source, column.mask) for column in COLUMNS]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(statement, list(zip(*lists, strict=True)))
    return len(batch)


def _with_null(batch: Batch, source: str, mask: str | None) -> list[Any]:
    values = batch[source]
    valid = batch[mask] if mask else ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), np.bool_)
    return [value if is_valid else None for value, is_valid in zip(values.tolist(), valid.tolist(), strict=True)]
