"""The binary COPY format against a plain writer of the format, one row at a time."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from chelu.errors import OutOfRangeError
from chelu.messages import Batch
from chelu.store import binary
from chelu.store.schema import TYPES, TableColumn

COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("key", "integer", "key"),
    TableColumn("speed", "double precision", "speed", is_nullable=True),
    TableColumn("code", "smallint", "code", is_nullable=True, mask="code_valid"),
    TableColumn("vehicle_id", "bigint", "vehicle_id"),
    TableColumn("ratio", "real", "ratio", is_nullable=True),
)
WITH_BOOLEAN = (*COLUMNS, TableColumn("is_late", "boolean", "is_late"))
FORMATS = {
    "timestamptz": ">q",
    "integer": ">i",
    "double precision": ">d",
    "smallint": ">h",
    "bigint": ">q",
    "real": ">f",
    "boolean": ">?",
}


def build(columns: tuple[TableColumn, ...], batch: Batch) -> np.ndarray[Any, Any]:
    return binary.Builder(binary.layout_of(columns), len(batch)).build(batch)


def plain(columns: tuple[TableColumn, ...], batch: Batch) -> bytes:
    out = b""
    for row in range(len(batch)):
        out += struct.pack(">h", len(columns))
        for column in columns:
            value = batch[column.source][row].item()
            valid = bool(batch[column.mask][row]) if column.mask else not math.isnan(value)
            if column.type == "timestamptz":
                value -= binary.EPOCH_US
            if column.type == "bigint" and value >= 1 << 63:
                value -= 1 << 64
            field = struct.pack(FORMATS[column.type], value)
            out += struct.pack(">i", len(field)) + field if valid else struct.pack(">i", -1)
    return out


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    n = draw(st.integers(0, 12))

    def column(dtype: str, elements: st.SearchStrategy[int] | None = None) -> np.ndarray[Any, Any]:
        return draw(st_numpy.arrays(dtype, n, elements=elements))

    return Batch(
        {
            "time_us": column("i8", st.integers(binary.EARLIEST_US, binary.LATEST_US)),
            "key": column("i4"),
            "speed": column("f8"),
            "code": column("u1"),
            "code_valid": column("?"),
            "vehicle_id": column("u8"),
            "ratio": column("f4"),
            "is_late": column("?"),
        }
    )


@given(batches())
def test_rows_are_those_of_a_plain_writer(batch: Batch) -> None:
    assert build(COLUMNS, batch).tobytes() == plain(COLUMNS, batch)


@given(batches())
def test_a_column_of_odd_width_changes_nothing(batch: Batch) -> None:
    assert build(WITH_BOOLEAN, batch).tobytes() == plain(WITH_BOOLEAN, batch)


def test_a_value_its_column_cannot_hold_is_refused_with_its_bounds() -> None:
    columns = (TableColumn("key", "smallint", "key"),)
    with pytest.raises(OutOfRangeError, match=r"key = 40000 is outside -32768 … 32767"):
        build(columns, Batch({"key": np.array([1, 40_000])}))


def test_a_time_postgresql_does_not_know_is_refused() -> None:
    columns = (TableColumn("time", "timestamptz", "time_us"),)
    with pytest.raises(OutOfRangeError, match="time_us"):
        build(columns, Batch({"time_us": np.array([np.iinfo(np.int64).min])}))


def test_an_unavailable_value_where_the_table_takes_none_is_refused() -> None:
    columns = (TableColumn("speed", "double precision", "speed"),)
    with pytest.raises(ValueError, match="'speed' holds 1 unavailable"):
        build(columns, Batch({"speed": np.array([1.0, np.nan])}))


def test_the_batch_is_not_written_to() -> None:
    batch = Batch({"speed": np.array([1.0, np.nan])})
    batch["speed"].flags.writeable = False
    columns = (TableColumn("speed", "double precision", "speed", is_nullable=True),)
    assert len(build(columns, batch)) == 2 * 6 + 8


def test_every_type_of_a_stream_has_a_wire_type() -> None:
    assert set(TYPES.values()) <= set(binary.WIRE)


def test_what_a_builder_kept_from_a_batch_does_not_show_in_the_next() -> None:
    columns = (TableColumn("speed", "double precision", "speed", is_nullable=True),)
    builder = binary.Builder(binary.layout_of(columns), 3)
    builder.build(Batch({"speed": np.array([np.nan, 1.0, np.nan])}))
    batch = Batch({"speed": np.array([2.0, np.nan])})
    assert builder.build(batch).tobytes() == plain(columns, batch)
