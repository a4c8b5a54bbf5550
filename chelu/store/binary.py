"""Rows in PostgreSQL's binary COPY format, built from columns without a Python loop over rows.

A tuple is an int16 count of fields, and per field an int32 length (−1: NULL) and the value, all big-endian (PostgreSQL manual,
COPY, "Binary Format"). All rows are first laid out at full width in one structured array; then the values that are NULL are
cut out by one boolean index, at two bytes an element where no column has an odd width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.errors import OutOfRangeError
from chelu.messages import Batch, Column
from chelu.store.schema import TIME_TYPE, TableColumn

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, flags, length of the header's extension
TRAILER = b"\xff\xff"
EPOCH_US = 946_684_800_000_000  # 2000-01-01 in µs since 1970: PostgreSQL's zero
# What PostgreSQL takes for a timestamp (datatype/timestamp.h), as µs since 1970.
EARLIEST_US = -211_813_488_000_000_000 + EPOCH_US
LATEST_US = 9_223_371_331_200_000_000 - 1  # also keeps the shift to 1970 inside int64

WIRE = {
    "boolean": "u1",
    "smallint": ">i2",
    "integer": ">i4",
    "bigint": ">i8",
    "real": ">f4",
    "double precision": ">f8",
    TIME_TYPE: ">i8",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The full-width row of a table: its structured type, and a row with every length filled in."""

    columns: tuple[TableColumn, ...]
    dtype: np.dtype[np.void]
    template: npt.NDArray[np.void]

    @property
    def unit(self) -> int:
        """The width in bytes at which NULLs can be cut out."""
        return 1 if any(column.type == "boolean" for column in self.columns) else 2


def is_fixed(columns: Sequence[TableColumn]) -> bool:
    """Whether every column has one of the types of fixed width that this module writes."""
    return all(column.type in WIRE for column in columns)


def layout_of(columns: Sequence[TableColumn]) -> Layout:
    """Lay out a row; KeyError for a type of variable width."""
    parts: list[tuple[str, str]] = [("count", ">i2")]
    for index, column in enumerate(columns):
        parts += [(f"length{index}", ">i4"), (f"value{index}", WIRE[column.type])]
    dtype = np.dtype(parts)
    template = np.zeros(1, dtype)
    template["count"] = len(columns)
    for index, column in enumerate(columns):
        template[f"length{index}"] = np.dtype(WIRE[column.type]).itemsize
    return Layout(tuple(columns), dtype, template)


def build(layout: Layout, batch: Batch) -> npt.NDArray[np.uint8]:
    """The batch's tuples as bytes, without the format's header and trailer.

    Raises OutOfRangeError for a value that its column cannot hold, ValueError for a NULL where the table has none.
    """
    rows = np.empty(len(batch), layout.dtype)
    rows[:] = layout.template
    nulls: list[tuple[int, npt.NDArray[np.bool_]]] = []
    for index, column in enumerate(layout.columns):
        values = _wire_values(column, batch[column.source])
        rows[f"value{index}"] = values
        null = _nulls(column, batch)
        if null is not None:
            rows[f"length{index}"][null] = -1
            nulls.append((index, null))
    flat = rows.view(np.uint8)
    return _cut(layout, flat, nulls) if nulls else flat


def _cut(layout: Layout, flat: npt.NDArray[np.uint8], nulls: list[tuple[int, npt.NDArray[np.bool_]]]) -> npt.NDArray[np.uint8]:
    unit = layout.unit
    units = flat.view(np.uint16 if unit == 2 else np.uint8)
    keep = np.ones((len(nulls[0][1]), layout.dtype.itemsize // unit), np.bool_)
    for index, null in nulls:
        kind, offset = layout.dtype.fields[f"value{index}"][:2]  # type: ignore[index]  # a structured type has fields
        keep[:, offset // unit : (offset + kind.itemsize) // unit] = ~null[:, None]
    kept: npt.NDArray[np.uint8] = units[keep.reshape(-1)].view(np.uint8)
    return kept


def _nulls(column: TableColumn, batch: Batch) -> npt.NDArray[np.bool_] | None:
    """Where the column is NULL, or None where it nowhere is."""
    values = batch[column.source]
    if column.mask and column.mask in batch.columns:
        null = ~batch[column.mask]
    elif values.dtype.kind == "f":
        null = np.isnan(values)
    else:
        return None
    if not null.any():
        return None
    if not column.is_nullable:
        raise ValueError(f"column {column.name!r} holds {int(null.sum())} unavailable values, and its table takes none")
    return null


def _wire_values(column: TableColumn, values: Column) -> Column:
    """Values of the type that is sent, in this machine's byte order."""
    if column.type == TIME_TYPE:
        _check_range(column, values, EARLIEST_US, LATEST_US)
        return values.astype(np.int64, copy=False) - EPOCH_US
    wire = np.dtype(WIRE[column.type]).newbyteorder("=")
    if values.dtype == np.uint64 and wire == np.int64:
        return values.view(np.int64)
    if values.dtype.kind in "iu" and not np.can_cast(values.dtype, wire):
        bounds = np.iinfo(wire)
        _check_range(column, values, int(bounds.min), int(bounds.max))
    return values


def _check_range(column: TableColumn, values: Column, low: int, high: int) -> None:
    if len(values) == 0:
        return
    least, most = int(values.min()), int(values.max())
    if least < low or most > high:
        raise OutOfRangeError(column.source, least if least < low else most, low, high)
