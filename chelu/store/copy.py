"""Batches into tables by COPY: columns of fixed width as arrays, tables with text or documents row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection, sql

from chelu.errors import OutOfRangeError
from chelu.messages import Batch
from chelu.store import binary
from chelu.store.schema import TableColumn, identifier

# A fixed price a chunk (some 0.2 ms for 55 columns) is spread over its rows; the server reads one piece while the next is built.
CHUNK_ROWS = 4096
FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 to 9999, as datetime has them


def copy_rows(connection: Connection[Any], table: str, batch: Batch, columns: Sequence[TableColumn]) -> int:
    """Append a batch to ``schema.table`` inside the connection's transaction; returns the number of rows.

    The batch must hold every column's `source`; its other columns are ignored. Raises OutOfRangeError before the row's chunk is
    sent for a value that its column cannot hold; the transaction is then the caller's to roll back.
    """
    if not len(batch):
        return 0
    if not binary.is_fixed(columns):
        return _copy_objects(connection, table, batch, tuple(columns))
    layout = _layout(tuple(columns))
    builder = binary.Builder(layout, min(len(batch), CHUNK_ROWS))
    with connection.cursor() as cursor, cursor.copy(_statement(table, columns)) as copy:
        copy.write(binary.HEADER)
        for chunk in _chunks(batch, columns):
            copy.write(builder.build(chunk).data)  # libpq takes a copy of its own
        copy.write(binary.TRAILER)
    return len(batch)


def _statement(table: str, columns: Sequence[TableColumn]) -> sql.Composed:
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(identifier(table), names)


@lru_cache(maxsize=64)
def _layout(columns: tuple[TableColumn, ...]) -> binary.Layout:
    return binary.layout_of(columns)


def _chunks(batch: Batch, columns: Sequence[TableColumn]) -> Iterator[Batch]:
    """Slices of the batch, only of the columns that are copied; a slice of an array copies nothing."""
    names = {name for column in columns for name in (column.source, column.mask) if name in batch.columns}
    for start in range(0, len(batch), CHUNK_ROWS):
        yield Batch({name: batch[name][start : start + CHUNK_ROWS] for name in names if name is not None})


def _copy_objects(connection: Connection[Any], table: str, batch: Batch, columns: tuple[TableColumn, ...]) -> int:
    """For tables of low rate: psycopg dumps each value by its column's type; None is NULL."""
    lists = [_objects(column, batch) for column in columns]
    with connection.cursor() as cursor, cursor.copy(_statement(table, columns)) as copy:
        copy.set_types([column.type for column in columns])
        for row in zip(*lists, strict=True):
            copy.write_row(row)
    return len(batch)


def _objects(column: TableColumn, batch: Batch) -> list[Any]:
    values = batch[column.source]
    null = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), np.bool_)
    if column.mask and column.mask in batch.columns:
        null = ~batch[column.mask]
    if column.type == "timestamptz":
        objects = _instants(column, np.where(null, 0, values))
    else:
        objects = (values.view(np.int64) if values.dtype == np.uint64 else values).tolist()
    return [None if is_null else value for value, is_null in zip(objects, null.tolist(), strict=True)]


def _instants(column: TableColumn, values: npt.NDArray[np.int64]) -> list[datetime]:
    """µs since 1970 as what psycopg takes, which ends before PostgreSQL's own instants do."""
    if len(values) and not (values.min() >= FIRST_US and values.max() <= LAST_US):
        worst = int(values.min()) if values.min() < FIRST_US else int(values.max())
        raise OutOfRangeError(column.source, worst, FIRST_US, LAST_US)
    return [instant.replace(tzinfo=UTC) for instant in values.astype("datetime64[us]").tolist()]
