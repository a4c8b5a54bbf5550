"""Every format of exports: read back by others' readers it is the rows, and however it was interrupted it is the same bytes."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from mcap.reader import make_reader

from chelu.messages import BSM, SPAT, STREAMS, TELEMETRY, Batch, Stream
from services.registry.data.arrow import columns_of
from services.registry.data.formats import FORMATS, Format
from services.registry.data.remembered import Remembered
from services.registry.json_rows import json_lines
from tests.unit.registry.rows_of_streams import rows_of

DEVICES = {1: "obu-1", 2: "obu-2", 3: "rsu.3"}
ROWS, PAGE = 300, 70
INTERNAL = ("device_key", "batch_id")
Parts = list[tuple[bytes, bytes]]


def pages(batch: Batch) -> list[Batch]:
    return [batch.take(np.arange(start, min(start + PAGE, len(batch)))) for start in range(0, len(batch), PAGE)]


def written(form: Format, stream: Stream, batch: Batch, *, interrupted_after: int | None = None) -> bytes:
    """The file, page by page; when it was interrupted another encoder goes on with what the first one remembered."""
    encoder = FORMATS[form].encoder(stream)
    content, remembered = bytearray(encoder.head()), list[bytes]()
    for number, page in enumerate(pages(batch)):
        if number == interrupted_after:
            encoder = FORMATS[form].encoder(stream)
            encoder.resume(remembered)
        piece, kept = encoder.part(page, DEVICES, len(content))
        content += piece
        remembered.append(kept)
    for piece in encoder.tail(len(content), Remembered(len(remembered), len(batch), iter(remembered))):
        content += piece
    return bytes(content)


def expected(batch: Batch) -> list[dict[str, Any]]:
    """The rows as the read API writes them."""
    rows = [json.loads(line) for line in json_lines(batch, DEVICES)]
    return [{name: value for name, value in row.items() if name not in INTERNAL} for row in rows]


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_json_lines_are_those_of_the_read_api(stream: Stream) -> None:
    batch = rows_of(stream, ROWS)
    lines = written(Format.NDJSON, stream, batch).decode().splitlines()
    assert [json.loads(line) for line in lines] == expected(batch)


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_csv_has_the_same_rows_and_empty_cells_for_what_is_not_there(stream: Stream) -> None:
    batch = rows_of(stream, ROWS)
    rows = list(csv.DictReader(io.StringIO(written(Format.CSV, stream, batch).decode())))
    assert len(rows) == ROWS
    for row, wanted in zip(rows, expected(batch), strict=True):
        assert list(row) == list(wanted)
        for name, value in wanted.items():
            assert _cell(row[name], value) == value, name


def _cell(text: str, like: Any) -> object:
    if text == "":
        return None
    if isinstance(like, bool):
        return {"true": True, "false": False}[text]
    if like in {"Infinity", "-Infinity"}:
        return {math.inf: "Infinity", -math.inf: "-Infinity"}[float(text)]
    return type(like)(text)


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_parquet_is_read_back_with_types_units_and_nothing_changed(stream: Stream) -> None:
    batch = rows_of(stream, ROWS)
    file = pq.ParquetFile(io.BytesIO(written(Format.PARQUET, stream, batch)))
    assert file.num_row_groups == len(pages(batch))
    table = file.read()
    assert table.column("device_id").to_pylist() == [DEVICES[key] for key in batch["device_key"].tolist()]
    for output in columns_of(stream):
        found = table.column(output.name)
        valid = batch.columns.get(f"{output.name}_valid", np.ones(ROWS, np.bool_))
        values = found.cast("int64").to_pylist() if output.name.endswith("_us") else found.to_pylist()
        for value, stored, is_valid in zip(values, batch[output.name].tolist(), valid.tolist(), strict=True):
            if not is_valid or (isinstance(stored, float) and math.isnan(stored)):
                assert value is None
            else:
                assert value == (f"{stored:016x}" if output.dtype == np.uint64 else stored)
    units = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in table.schema}
    assert all(units[field.name] == field.unit for field in stream.fields)


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_mcap_is_read_back_by_its_reader_and_says_where_vehicles_are(stream: Stream) -> None:
    batch = rows_of(stream, ROWS)
    reader = make_reader(io.BytesIO(written(Format.MCAP, stream, batch)), validate_crcs=True)
    messages = list(reader.iter_messages(log_time_order=False))
    rows = [json.loads(message.data) for _, channel, message in messages if channel.topic == f"/chelu/{stream.name}"]
    assert rows == expected(batch)
    times = [message.log_time for _, channel, message in messages if channel.topic == f"/chelu/{stream.name}"]
    assert times == [row["time_us"] * 1000 for row in rows]
    summary = reader.get_summary()
    assert summary is not None
    assert summary.statistics is not None
    assert summary.statistics.message_count == len(messages)
    places = [(channel.topic, json.loads(message.data)) for _, channel, message in messages if "location" in channel.topic]
    if stream.name in {BSM.name, TELEMETRY.name}:
        known = [row for row in rows if row["latitude_deg"] is not None and row["longitude_deg"] is not None]
        assert [(place["latitude"], place["longitude"]) for _, place in places] == [
            (row["latitude_deg"], row["longitude_deg"]) for row in known
        ]
        assert {schema.name for schema in summary.schemas.values()} == {f"chelu.{stream.name}", "foxglove.LocationFix"}
    else:
        assert places == []


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("stream", [BSM, SPAT], ids=lambda stream: stream.name)
def test_an_interrupted_file_is_the_same_bytes(form: Format, stream: Stream) -> None:
    batch = rows_of(stream, ROWS)
    whole = written(form, stream, batch)
    for after in range(1, len(pages(batch))):
        assert written(form, stream, batch, interrupted_after=after) == whole


@pytest.mark.parametrize("form", Format)
def test_a_file_without_rows_can_be_read(form: Format) -> None:
    content = written(form, BSM, rows_of(BSM, 0))
    if form is Format.PARQUET:
        assert pq.read_table(io.BytesIO(content)).num_rows == 0
    elif form is Format.MCAP:
        assert list(make_reader(io.BytesIO(content)).iter_messages()) == []
    else:
        assert len(content.decode().splitlines()) == (1 if form is Format.CSV else 0)


def test_more_vehicles_than_topics_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from services.registry.data import mcap_format

    monkeypatch.setattr(mcap_format, "MOST_VEHICLES", 5)
    reader = make_reader(io.BytesIO(written(Format.MCAP, BSM, rows_of(BSM, ROWS))))
    topics = [channel.topic for _, channel, _ in reader.iter_messages()]
    vehicles = {topic for topic in topics if topic.startswith("/vehicles/")}
    assert len(vehicles) == 6
    assert topics.count(mcap_format.OTHERS) > ROWS // 2


@pytest.mark.parametrize("form", [Format.PARQUET, Format.MCAP])
def test_the_end_of_a_file_comes_in_pieces_and_asks_for_one_part_at_a_time(form: Format) -> None:
    encoder, kept = FORMATS[form].encoder(BSM), list[bytes]()
    at = len(encoder.head())
    for page in pages(rows_of(BSM, ROWS)):
        content, one = encoder.part(page, DEVICES, at)
        at += len(content)
        kept.append(one)
    asked = 0

    def each() -> Iterator[bytes]:
        nonlocal asked
        for one in kept:
            asked += 1
            yield one

    tail = encoder.tail(at, Remembered(len(kept), ROWS, each()))
    seen = [asked for _ in tail]
    assert seen == sorted(seen)
    assert set(seen) == set(range(len(kept) + 1)), "no part is asked for before the one before it was given out"
