"""Rows in PostgreSQL's binary COPY format, built from columns without a Python loop over rows.

A tuple is an int16 count of fields, and per field an int32 length (−1: NULL) and the value, all big-endian (PostgreSQL manual,
COPY, "Binary Format"). All rows are first laid out at full width in one structured array; then the values that are NULL are
cut out by one boolean index, at two bytes an element where no column has an odd width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.errors import OutOfRangeError
from chelu.messages import Batch, Column
from chelu.store.schema import TIME_TYPE, TableColumn

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, flags, length of the header's extension
TRAILER = b"\xff\xff"
ALL_ONES = np.uint32(0xFFFF_FFFF)  # −1 in either byte order
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
    """The full-width row of a table: its structured type, and a row with every length filled in.

    `keep` is the same row with one byte, 1, for each `unit` of two bytes (one where a column has an odd width): a mask of the
    row's units in which a NULL value is one number to write.
    """

    columns: tuple[TableColumn, ...]
    dtype: np.dtype[np.void]
    template: npt.NDArray[np.uint8]
    unit: int
    keep: np.dtype[np.void]


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
    unit = 1 if any(column.type == "boolean" for column in columns) else 2
    keep = np.dtype([(name, f"u{np.dtype(kind).itemsize // unit}") for name, kind in parts])
    return Layout(tuple(columns), dtype, template.view(np.uint8), unit, keep)


class Builder:
    """Builds tuples of up to `rows` rows at a time in buffers that it keeps: fresh ones would cost a page fault each 4 KiB.

    For one thread; what `build` returns is overwritten by the next call.
    """

    def __init__(self, layout: Layout, rows: int) -> None:
        self._layout = layout
        self._flat = np.empty((rows, layout.dtype.itemsize), np.uint8)
        self._mask = np.empty((rows, layout.keep.itemsize), np.bool_)
        fields, keep = self._flat.reshape(-1).view(layout.dtype), self._mask.reshape(-1).view(layout.keep)
        # Views of each column's place in the buffers; a length as its bytes lie, which is cheaper than swapping each.
        self._slots = tuple(
            _Slot(column, fields[f"value{index}"], fields[f"length{index}"].view(np.uint32), keep[f"value{index}"])
            for index, column in enumerate(layout.columns)
        )

    def build(self, batch: Batch) -> npt.NDArray[np.uint8]:
        """The batch's tuples as bytes, without the format's header and trailer.

        Raises OutOfRangeError for a value that its column cannot hold, ValueError for a NULL where the table has none.
        """
        n = len(batch)
        flat = self._flat[:n]
        flat[:] = self._layout.template
        nulls: list[tuple[_Slot, npt.NDArray[np.bool_]]] = []
        for slot in self._slots:
            slot.values[:n] = _wire_values(slot.column, batch[slot.column.source])
            null = _nulls(slot.column, batch)
            if null is not None:
                slot.lengths[:n] = np.where(null, ALL_ONES, slot.lengths[:1])
                nulls.append((slot, null))
        return self._without(flat.reshape(-1), nulls) if nulls else flat.reshape(-1)

    def _without(self, flat: npt.NDArray[np.uint8], nulls: list[tuple[_Slot, npt.NDArray[np.bool_]]]) -> npt.NDArray[np.uint8]:
        """The bytes that are left when the NULL values are cut out."""
        n = len(flat) // self._layout.dtype.itemsize
        mask = self._mask[:n]
        mask[:] = True
        for slot, null in nulls:
            slot.keep[:n] = np.where(null, slot.keep.dtype.type(0), slot.keep[:1])
        left: npt.NDArray[np.uint8] = flat.view(f"u{self._layout.unit}")[mask.reshape(-1)].view(np.uint8)
        return left


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a column lies in a builder's buffers, all (rows,)."""

    column: TableColumn
    values: Column
    lengths: npt.NDArray[np.uint32]
    keep: npt.NDArray[np.unsignedinteger[Any]]


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
