"""Stored rows back into columns: a binary COPY whose rows all have one size is read by numpy as it is, without a loop.

Nothing may be NULL for that, so a missing number travels as NaN and a missing integer as 0 beside its ``…_valid`` column. The
SQL is derived from `chelu.messages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.errors import MalformedError
from chelu.messages import HEADER, Batch, Field, Stream
from chelu.store.binary import EPOCH_US, TRAILER, WIRE
from chelu.store.binary import HEADER as HEADER_BYTES
from chelu.store.schema import TIME_TYPE, TableColumn, column_of, table_columns

WINDOW_US = 1_000_000
COMMITTED = Field("committed_us", "i8", "µs", "when the row's batch was durable, UTC", optional=True)


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the COPY: its SQL, its PostgreSQL type, and the name and numpy type it gets."""

    name: str
    sql: str
    sql_type: str
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows: [from_us, to_us) of event time, one device or all, from behind a (time, device) on, at most about `limit`."""

    from_us: int
    to_us: int
    limit: int
    device_key: int | None = None
    after: tuple[int, int] | None = None

    def windows(self, width_us: int = WINDOW_US) -> Iterator[tuple[int, int]]:
        """The page's time cut up, each piece eight times as long as the one before it.

        Rows lie in the table about as they came, and its index says which blocks hold which times, but not their order: a piece
        is what has to be sorted, so it should hold about a page's rows, however many there are a second. One device's rows come
        in order from the index over device and time: they are one piece.
        """
        start_us = max(self.from_us, self.after[0] if self.after else 0)
        if self.device_key is not None and start_us < self.to_us:
            yield start_us, self.to_us
            return
        while start_us < self.to_us:
            stop_us = min(self.to_us, start_us + width_us)
            yield start_us, stop_us
            start_us, width_us = stop_us, width_us * 8

    def parameters(self) -> dict[str, object]:
        """What `copy_sql` is executed with."""
        after_us, after_key = self.after or (self.from_us, -1)
        return {
            "from_us": self.from_us,
            "to_us": self.to_us,
            "limit": self.limit,
            "device_key": self.device_key,
            "after_us": after_us,
            "after_key": after_key,
        }


@cache
def outputs(stream: Stream) -> tuple[Output, ...]:
    """The columns of a stream as they are read back: header, the stream's own, when committed."""
    dtypes = {field.name: np.dtype(field.dtype) for field in (*HEADER, *stream.fields, COMMITTED)}
    columns = [output for column in table_columns(stream) for output in _outputs(column, "r", dtypes[column.source])]
    return (*columns, *_outputs(column_of(COMMITTED), "batch", dtypes[COMMITTED.name]))


@cache
def copy_sql(stream: Stream) -> str:
    """The COPY that reads one page. A page ends with all rows of its last (time, device), so that the next one loses none."""
    columns = ", ".join(output.sql for output in outputs(stream))
    return f"""COPY (SELECT {columns} FROM stream.{stream.name} AS r LEFT JOIN stream.batch USING (batch_id)
        WHERE r.time >= {_instant("from_us")} AND r.time < {_instant("to_us")}
          AND (r.time, r.device_key) > ({_instant("after_us")}, %(after_key)s)
          AND (%(device_key)s::integer IS NULL OR r.device_key = %(device_key)s)
        ORDER BY r.time, r.device_key FETCH FIRST %(limit)s ROWS WITH TIES) TO STDOUT (FORMAT BINARY)"""  # noqa: S608 - names of ours


def read(stream: Stream, copied: bytes) -> Batch:
    """The batch in the bytes of a COPY of `copy_sql`; MalformedError when their length is not that of whole rows."""
    columns = outputs(stream)
    layout = np.dtype([("fields", ">i2"), *(part for i, output in enumerate(columns) for part in _parts(i, output))])
    body = len(copied) - len(HEADER_BYTES) - len(TRAILER)
    if body < 0 or body % layout.itemsize:
        raise MalformedError("truncated", f"{body} bytes of rows of {layout.itemsize} bytes of stream {stream.name}")
    rows = np.frombuffer(copied, layout, count=body // layout.itemsize, offset=len(HEADER_BYTES))
    return Batch({output.name: _native(rows[f"value{i}"], output) for i, output in enumerate(columns)})


def read_nothing(stream: Stream) -> Batch:
    """The batch of an empty COPY."""
    return read(stream, HEADER_BYTES + TRAILER)


def cursor(batch: Batch) -> tuple[int, int]:
    """The (time, device) that a batch ends with."""
    return int(batch["time_us"][-1]), int(batch["device_key"][-1])


def _outputs(column: TableColumn, source: str, dtype: np.dtype[Any]) -> list[Output]:
    sql = f'{source}."{column.name}"'
    if not column.is_nullable:
        return [Output(column.source, sql, column.type, dtype)]
    absent = {"double precision": "'NaN'", "real": "'NaN'", TIME_TYPE: "'epoch'", "boolean": "false"}.get(column.type, "0")
    found = [Output(column.source, f"coalesce({sql}, {absent})::{column.type}", column.type, dtype)]
    if column.mask:
        found.append(Output(column.mask, f"{sql} IS NOT NULL", "boolean", np.dtype(np.bool_)))
    return found


def _parts(index: int, output: Output) -> tuple[tuple[str, str], tuple[str, str]]:
    return (f"length{index}", ">i4"), (f"value{index}", WIRE[output.sql_type])


def _native(column: npt.NDArray[Any], output: Output) -> npt.NDArray[Any]:
    if output.sql_type == TIME_TYPE:
        return column.astype(np.int64) + EPOCH_US
    return column.astype(output.dtype)


def _instant(parameter: str) -> str:
    return f"'epoch'::timestamptz + %({parameter})s::bigint * interval '1 microsecond'"
