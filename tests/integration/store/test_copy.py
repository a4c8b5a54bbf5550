"""COPY against ordinary INSERTs into the same table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import sql

from chelu.errors import OutOfRangeError
from chelu.messages import HEADER, STREAMS, Batch, Stream
from chelu.store import columns_sql, copy_rows, table_columns
from chelu.store.copy import CHUNK_ROWS
from chelu.store.schema import TableColumn, definitions

ROWS = CHUNK_ROWS + 1_500  # more than one chunk


def random_batch(stream: Stream, rows: int, seed: int) -> Batch:
    """Every bit pattern of every column may come, floats with many NaN and infinities, times between the years 1900 and 2200."""
    random = np.random.default_rng(seed)
    dtypes = {field.name: np.dtype(field.dtype) for field in HEADER} | stream.dtypes()
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for name, dtype in dtypes.items():
        if name.endswith("_us"):
            columns[name] = random.integers(-2_208_988_800_000_000, 7_258_118_400_000_000, rows)
        elif dtype.kind == "f":
            columns[name] = random.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1.7e308, 0.1], rows)
        elif dtype.kind == "b":
            columns[name] = random.random(rows) < random.choice([0.0, 0.3, 1.0])
        else:
            columns[name] = np.frombuffer(random.bytes(rows * dtype.itemsize), dtype)
    return Batch(columns)


def insert_rows(connection: psycopg.Connection[Any], table: str, batch: Batch, columns: tuple[TableColumn, ...]) -> None:
    """The plain way: a parameter a value; times and unsigned integers converted by SQL and Python."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    time = sql.SQL("'epoch'::timestamptz + %s * interval '1 microsecond'")
    places = sql.SQL(", ").join(time if column.type == "timestamptz" else sql.Placeholder() for column in columns)
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, places)
    rows = []
    for row in range(len(batch)):
        values = []
        for column in columns:
            value = batch[column.source][row].item()
            is_null = math.isnan(value) or (column.mask is not None and not batch[column.mask][row])
            signed = value - (1 << 64) if isinstance(value, int) and value >= 1 << 63 else value
            values.append(None if is_null else signed)
        rows.append(values)
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


@pytest.mark.parametrize("name", STREAMS)
def test_copied_rows_are_the_inserted_rows(database_url: str, name: str) -> None:
    stream = STREAMS[name]
    columns = table_columns(stream)
    with psycopg.connect(database_url) as connection:
        for table in ("copied", "inserted"):
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(table), columns_sql(stream)))
        batch = random_batch(stream, ROWS, seed=len(name))
        assert copy_rows(connection, "copied", batch, columns) == ROWS
        insert_rows(connection, "inserted", batch, columns)
        for one, other in (("copied", "inserted"), ("inserted", "copied")):
            query = sql.SQL("SELECT count(*) FROM (TABLE {} EXCEPT ALL TABLE {}) AS rest")
            count = connection.execute(query.format(sql.Identifier(one), sql.Identifier(other))).fetchone()
            assert count == (0,)


def test_text_documents_and_bytes_take_the_slower_path(database_url: str) -> None:
    columns = (
        TableColumn("time", "timestamptz", "time_us"),
        TableColumn("topic", "text", "topic"),
        TableColumn("body", "jsonb", "body", is_nullable=True),
        TableColumn("payload", "bytea", "payload"),
        TableColumn("vehicle_id", "bigint", "vehicle_id", is_nullable=True, mask="vehicle_id_valid"),
    )
    batch = Batch(
        {
            "time_us": np.array([0, 1_500_000]),
            "topic": np.array(["a/b", "c"], object),
            "body": np.array([{"x": [1, None]}, None], object),
            "payload": np.array([b"\x00\xff", b""], object),
            "vehicle_id": np.array([2**64 - 1, 7], np.uint64),
            "vehicle_id_valid": np.array([True, False]),
        }
    )
    with psycopg.connect(database_url) as connection:
        connection.execute(sql.SQL("CREATE TABLE report ({})").format(definitions(columns)))
        assert copy_rows(connection, "report", batch, columns) == 2
        query = "SELECT extract(epoch FROM time)::float8, topic, body, payload, vehicle_id FROM report ORDER BY time"
        rows = connection.execute(query).fetchall()
    assert rows == [(0.0, "a/b", {"x": [1, None]}, b"\x00\xff", -1), (1.5, "c", None, b"", None)]


def test_an_empty_batch_costs_nothing(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert copy_rows(connection, "there_is_no_such_table", Batch({}), ()) == 0


def test_a_refused_value_leaves_the_connection_usable(database_url: str) -> None:
    columns = (TableColumn("key", "smallint", "key"),)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE small (key smallint)")
        with pytest.raises(OutOfRangeError):
            copy_rows(connection, "small", Batch({"key": np.array([1, 99_999])}), columns)
        assert connection.execute("SELECT count(*) FROM small").fetchone() == (0,)
