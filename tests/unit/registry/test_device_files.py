"""Devices as CSV and GeoJSON: read with lines, written so that they can be read again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.device_files import COLUMNS, Record, read_csv, read_geojson, write_csv, write_geojson
from services.registry.device_models import Device, NewDevice

HEADER = "device_id,kind,site_id"


def written(**fields: Any) -> dict[str, Any]:
    key = {"device_key": 1, "created": "2026-01-01T00:00:00Z", "has_credential": True, "version": 1}
    known = {"device_id": "d", "kind": "sensor", "site_id": "s", "lifecycle": "active"}
    return Device.model_validate({**key, **known, **fields}).model_dump(mode="json")


def test_a_csv_gives_records_with_their_lines() -> None:
    content = (
        "\ufeffdevice_id,kind,site_id,name,mounting.height_m,label.bay,labels\n"
        'a,obu,s,"two\nlines",,,\n\n'
        'b,rsu,s,,6.5,3,"{""x"": ""y""}"\n'
    )
    found = read_csv(content.encode())
    assert not found.faults
    assert found.records == [
        Record(2, {"device_id": "a", "kind": "obu", "site_id": "s", "name": "two\nlines"}),
        Record(
            5,
            {"device_id": "b", "kind": "rsu", "site_id": "s", "mounting": {"height_m": "6.5"}, "labels": {"x": "y", "bay": "3"}},
        ),
    ]


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        (b"", 1, "(document)"),
        (b"\xff\xfe", 1, "(document)"),
        ("device_id,kind,site_id\na,obu,重".encode("gbk"), 2, "(document)"),
        (b"device_id,kind\na,obu", 1, "site_id"),
        (f"{HEADER},colour\na,obu,s,red".encode(), 1, "'colour'"),
        (f"{HEADER},kind\na,obu,s,obu".encode(), 1, "'kind'"),
        (f"{HEADER}\na,obu,s\nb,obu".encode(), 3, "(row)"),
        (f'{HEADER}\na,obu,s\n"b,obu,s'.encode(), 3, "(document)"),
        (f"{HEADER},labels\na,obu,s,bay".encode(), 2, "labels"),
        (f'{HEADER},labels\na,obu,s,"{{""bay"": 1, ""bay"": 2}}"'.encode(), 2, "labels"),
        (f'{HEADER},label.bay,labels\na,obu,s,3,"{{""bay"": ""4""}}"'.encode(), 2, "label.bay"),
        (f'{HEADER},labels,label.bay\na,obu,s,"{{""bay"": ""4""}}",3'.encode(), 2, "label.bay"),
        (f"{HEADER}\n{'a' * 200_000},obu,s".encode(), 2, "(document)"),
    ],
)
def test_what_is_no_csv_of_devices_is_refused_by_line_and_field(content: bytes, line: int, field: str) -> None:
    (fault,) = read_csv(content).faults
    assert (fault.line, fault.field) == (line, field)
    assert fault.allowed


def test_a_geojson_gives_records_with_their_lines() -> None:
    text = """{"name": "a [\\"features\\": [1]", "type": "FeatureCollection", "features": [
      {"type": "Feature", "geometry": null, "properties": {"device_id": "a"}},

      {"type": "Feature", "geometry": {"type": "Point", "coordinates": [106.5, 29.5, 245]},
       "properties": {"device_id": "b"}}, {"type": "Feature", "properties": {"device_id": "c"}}
    ]}"""
    found = read_geojson(text.encode())
    assert not found.faults
    place = {"longitude_deg": 106.5, "latitude_deg": 29.5, "elevation_m": 245}
    assert found.records == [
        Record(2, {"device_id": "a"}),
        Record(4, {"device_id": "b", **place}),
        Record(5, {"device_id": "c"}),
    ]


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("", 1, "(document)"),
        ('{"type":\n', 2, "(document)"),
        ('{"type": "Feature"}', 1, "(document)"),
        ("[1]", 1, "(document)"),
        (
            '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"kind": "a", "kind": "b"}}]}',
            1,
            "(document)",
        ),
        (
            '{"type": "FeatureCollection", "features": [{"type": "Feature", "id": "a", "properties": {"device_id": "b"}}]}',
            1,
            "id",
        ),
        ("[" * 100_000, 1, "(document)"),
        ('{"type": "FeatureCollection", "features": [\n1]}', 2, "type"),
        ('{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": 3}]}', 1, "properties"),
        ('{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "LineString"}}]}', 1, "geometry"),
        ('{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"heading_deg": NaN}}]}', 1, "(document)"),
        (
            '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]},'
            ' "properties": {"latitude_deg": 3}}]}',
            1,
            "latitude_deg",
        ),
    ],
)
def test_what_is_no_geojson_of_devices_is_refused_by_line_and_field(text: str, line: int, field: str) -> None:
    (fault,) = read_geojson(text.encode()).faults
    assert (fault.line, fault.field) == (line, field)


words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
devices = st.fixed_dictionaries(
    {},
    optional={
        "name": words,
        "model": words,
        "labels": st.dictionaries(words, words, max_size=3),
        "latitude_deg": st.floats(-90, 90),
        "longitude_deg": st.floats(-180, 180),
        "elevation_m": st.floats(-500, 9000),
        "mounting": st.fixed_dictionaries({"on": words}, optional={"height_m": st.floats(0, 10)}),
        "calibration": st.just({"at": "2026-01-02T03:04:05Z", "by": "lab", "parameters": {"k": [1.5, 2.0]}}),
    },
)


@given(devices)
def test_what_is_written_is_read_again(fields: dict[str, Any]) -> None:
    device = written(**fields)
    expected = NewDevice.model_validate({name: device[name] for name in NewDevice.model_fields if name in device})
    for found in (read_csv("".join(write_csv([device])).encode()), read_geojson("".join(write_geojson([device])).encode())):
        assert not found.faults
        assert [NewDevice.model_validate(record.values) for record in found.records] == [expected]


def test_no_devices_are_a_file_too() -> None:
    assert "".join(write_csv([])) == ",".join(COLUMNS) + "\n"
    assert json.loads("".join(write_geojson([]))) == {"type": "FeatureCollection", "features": []}
