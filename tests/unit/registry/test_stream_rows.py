"""The pure part of reading streams: windows, bytes into columns, columns into JSON lines."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.errors import MalformedError
from chelu.messages import BSM, SPAT, STREAMS, Stream
from chelu.store.binary import HEADER, TRAILER
from services.registry.json_rows import json_lines
from services.registry.stream_rows import Page, copy_sql, outputs, read, read_nothing
from services.registry.tables import plain

INSTANTS = st.integers(0, 4_102_444_800_000_000)


@given(INSTANTS, INSTANTS, st.none() | INSTANTS)
def test_windows_cover_the_pages_time_once_and_are_few(from_us: int, to_us: int, after_us: int | None) -> None:
    windows = list(Page(from_us, to_us, 10, after=None if after_us is None else (after_us, 3)).windows())
    start_us = max(from_us, after_us or 0)
    assert [stop for _, stop in windows[:-1]] == [start for start, _ in windows[1:]]
    assert (windows[0][0], windows[-1][1]) == (start_us, to_us) if windows else start_us >= to_us
    assert len(windows) <= 12


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_every_field_of_a_stream_is_read_back_with_its_type(stream: Stream) -> None:
    empty = read_nothing(stream)
    for name, dtype in stream.dtypes().items():
        assert empty[name].dtype == dtype
    assert {"arrival_us", "device_key", "batch_id", "flags", "committed_us", "committed_us_valid"} <= set(empty)
    assert copy_sql(stream).count("coalesce(") == sum(field.optional for field in stream.fields) + 1


@pytest.mark.parametrize("copied", [b"", HEADER, HEADER + b"\0" + TRAILER, HEADER + TRAILER + b"\0" * 7])
def test_bytes_that_are_no_whole_rows_are_refused(copied: bytes) -> None:
    with pytest.raises(MalformedError, match="truncated"):
        read(BSM, copied)


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_every_column_is_written_as_json_writes_it(stream: Stream) -> None:
    ones = {output.name: np.ones(2, output.dtype) for output in outputs(stream)}
    rows = [json.loads(line) for line in json_lines(read_nothing(stream).with_columns(**ones), {1: "obu-1"})]
    written = {"u8": f"{1:016x}", "f8": 1.0, "b1": True}
    expected = {name: written.get(column.dtype.str[1:], 1) for name, column in ones.items() if not name.endswith("_valid")}
    assert rows == [{"device_id": "obu-1", **expected}] * 2
    assert [{name: type(value) for name, value in row.items()} for row in rows] == [
        {"device_id": str} | {name: type(value) for name, value in expected.items()}
    ] * 2


def test_json_lines_say_what_is_not_there() -> None:
    fill = {output.name: np.zeros(2, output.dtype) for output in outputs(SPAT)}
    batch = read_nothing(SPAT).with_columns(**fill)
    batch = batch.with_columns(device_key=np.array([1, 2], np.int32), min_end_s=np.array([np.nan, -np.inf]))
    batch = batch.with_columns(region_id=np.array([7, 8], np.uint16), region_id_valid=np.array([False, True]))
    rows = [json.loads(line, parse_constant=pytest.fail) for line in json_lines(batch, {1: "rsu-1"})]
    assert [row["device_id"] for row in rows] == ["rsu-1", None]
    assert [row["min_end_s"] for row in rows] == [None, "-Infinity"]
    assert [row["region_id"] for row in rows] == [None, 8]
    assert rows[0]["phase_id"] == 0
    assert list(rows[0])[:3] == ["device_id", "time_us", "arrival_us"]
    assert not any(name.endswith("_valid") for name in rows[0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC), 1_000_005),
        (b"\xff\x00", "ff00"),
        (float("nan"), None),
        (Decimal("1.5"), 1.5),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([uuid.UUID(int=1), None], ["00000000-0000-0000-0000-000000000001", None]),
        ({"a": [1]}, {"a": [1]}),
        (None, None),
    ],
)
def test_values_become_json(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_one_devices_rows_are_one_window_since_an_index_has_them_in_order() -> None:
    assert list(Page(5, 4_102_444_800_000_000, 10, device_key=7).windows()) == [(5, 4_102_444_800_000_000)]
    assert list(Page(5, 9, 10, device_key=7, after=(9, 7)).windows()) == []
