"""Stored rows back into columns: a binary COPY whose rows all have one size is read by numpy as it is, without a loop.

Nothing may be NULL for that, so a missing number travels as NaN and a missing integer as 0 beside its ``…_valid`` column. The
SQL is derived from `chelu.messages`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.errors import MalformedError
from chelu.messages import HEADER, Batch, Stream
from chelu.store.binary import EPOCH_US, TRAILER, WIRE
from chelu.store.binary import HEADER as HEADER_BYTES
from chelu.store.schema import TIME_TYPE, TableColumn, table_columns

NOTHING = HEADER_BYTES + TRAILER  # an empty COPY


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the COPY: its SQL, its PostgreSQL type, and the name and numpy type it gets."""

    name: str
    sql: str
    sql_type: str
    dtype: np.dtype[Any]


@cache
def stream_outputs(stream: Stream) -> tuple[Output, ...]:
    """The columns of a stream's table, which the query calls r: header, and the stream's own."""
    dtypes = {field.name: np.dtype(field.dtype) for field in (*HEADER, *stream.fields)}
    return tuple(output for column in table_columns(stream) for output in outputs_of(column, "r", dtypes[column.source]))


def outputs_of(column: TableColumn, source: str, dtype: np.dtype[Any]) -> list[Output]:
    """A table's column, and the mask beside it where it has one; source: what the query calls the table."""
    sql = f'{source}."{column.name}"'
    if not column.is_nullable:
        return [Output(column.source, sql, column.type, dtype)]
    absent = {"double precision": "'NaN'", "real": "'NaN'", TIME_TYPE: "'epoch'", "boolean": "false"}.get(column.type, "0")
    found = [Output(column.source, f"coalesce({sql}, {absent})::{column.type}", column.type, dtype)]
    if column.mask:
        found.append(Output(column.mask, f"{sql} IS NOT NULL", "boolean", np.dtype(np.bool_)))
    return found


def read(columns: Sequence[Output], copied: bytes) -> Batch:
    """The batch in the bytes of a COPY of these columns; MalformedError when their length is not that of whole rows."""
    return batch_of(columns, rows_in(columns, copied))


def rows_in(columns: Sequence[Output], copied: bytes | bytearray) -> npt.NDArray[Any]:
    """The rows (n,) in the bytes of such a COPY as they lie: column i is the field ``value<i>``, big-endian."""
    layout = np.dtype([("fields", ">i2"), *(part for i, output in enumerate(columns) for part in _parts(i, output))])
    body = len(copied) - len(NOTHING)
    if body < 0 or body % layout.itemsize:
        raise MalformedError("truncated", f"{body} bytes of rows of {layout.itemsize} bytes")
    return np.frombuffer(copied, layout, count=body // layout.itemsize, offset=len(HEADER_BYTES))


def batch_of(columns: Sequence[Output], rows: npt.NDArray[Any]) -> Batch:
    """Such rows as columns in this machine's byte order."""
    return Batch({output.name: _native(rows[f"value{i}"], output) for i, output in enumerate(columns)})


def instant(parameter: str) -> str:
    """SQL for the instant that a parameter of the query gives in µs since 1970."""
    return f"'epoch'::timestamptz + %({parameter})s::bigint * interval '1 microsecond'"


def _parts(index: int, output: Output) -> tuple[tuple[str, str], tuple[str, str]]:
    return (f"length{index}", ">i4"), (f"value{index}", WIRE[output.sql_type])


def _native(column: npt.NDArray[Any], output: Output) -> npt.NDArray[Any]:
    if output.sql_type == TIME_TYPE:
        return column.astype(np.int64) + EPOCH_US
    return column.astype(output.dtype)
