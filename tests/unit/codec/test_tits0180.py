"""Documents of T/ITS 0180.1: cases, an independent reading, back and forth, and what is refused with which sentence."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.codec.roadside import AS_WRITTEN, Decoded, Reading
from chelu.codec.roadside_readers import READERS
from chelu.codec.tits0180_write import write_events, write_participants, write_traffic
from chelu.codec.wire_id import wire_number
from chelu.geo import to_gcj02
from chelu.messages import EVENT, PARTICIPANT, SPAT, TRAFFIC, Batch, DropReason, frames_of
from tests.unit.codec import plain_tits0180 as plain

DATA = Path(__file__).parents[2] / "data"
US = 1_700_000_000_000_000
MS = US // 1000
CAR: dict[str, Any] = {"timestamp": MS, "ptcType": 1, "ptcId": 12, "longitude": 106.57, "latitude": 29.53, "speed": 10.0}
EVENT_ITEM: dict[str, Any] = {"eventType": 904, "longitude": 106.57, "latitude": 29.53}
FLOW: dict[str, Any] = {"branchId": "E1", "flowType": 1, "trafficNumber": 3}
PERIOD: dict[str, Any] = {"periodTime": 4, "startTime": MS - 60_000, "endTime": MS}


def document(**fields: Any) -> bytes:
    return json.dumps({"timeStamp": MS, "rscuSn": "R1", **fields}).encode()


def read(stream: str, *payloads: bytes, reading: Reading = AS_WRITTEN) -> Decoded:
    return READERS[f"rscu/{{id}}/{stream}/up"](frames_of(payloads, US), [reading] * len(payloads))


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    """Rows with None for what is unknown."""
    found = []
    for row in range(len(batch)):
        said = {}
        for name in (name for name in batch if not name.endswith("_valid")):
            value = batch[name][row]
            value = value.item() if isinstance(value, np.generic) else value
            mask = batch.columns.get(f"{name}_valid")
            is_there = mask[row] if mask is not None else not (isinstance(value, float) and math.isnan(value))
            said[name] = value if is_there else None
        found.append(said)
    return found


@pytest.mark.parametrize("stream", ["participant", "lamp", "event", "traffic"])
def test_the_case_is_read_as_it_says(stream: str) -> None:
    folder = DATA / f"tits0180-{stream}"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    decoded = read(stream, (folder / "input.json").read_bytes())
    remarks = [[one.subject, one.body] for one in decoded.remarks]
    assert remarks == expected.pop("remarks", [])
    assert len(decoded.rejects) == 0, decoded.rejects.detail
    for table, rows in expected.items():
        batch = decoded.participant if table == "participant" else decoded.others[table]
        found = rows_of(batch)
        assert [{name: row[name] for name in wanted} for row, wanted in zip(found, rows, strict=True)] == rows


@pytest.mark.parametrize("payloads", [(), (b"{}",), (document(),), (document(), b"rubbish")])
@pytest.mark.parametrize(
    ("stream", "definition"), [("participant", PARTICIPANT), ("lamp", SPAT), ("event", EVENT), ("traffic", TRAFFIC)]
)
def test_rows_have_their_streams_columns_and_types_even_when_there_are_none(
    stream: str, definition: Any, payloads: tuple[bytes, ...]
) -> None:
    decoded = read(stream, *payloads)
    batch = decoded.participant if stream == "participant" else decoded.others[definition.name]
    types = {name: column.dtype for name, column in batch.columns.items() if name not in {"frame", "details"}}
    assert types == definition.dtypes()
    assert len(batch) == 0


# -- participants ----------------------------------------------------------------------------------------------------------------

stamps = st.integers(946_684_800_000, 4_102_444_800_000)
tenths = st.integers(0, 3000).map(lambda value: value / 10)
places = st.integers(-899_999_999, 899_999_999).map(lambda value: value / 1e7)
signed = st.integers(-900, 900).map(lambda value: value / 10)
axes = st.fixed_dictionaries({}, optional=dict.fromkeys(("long", "lat", "vert", "yaw"), signed))
items = st.fixed_dictionaries(
    {
        "timestamp": stamps,
        "ptcType": st.integers(0, 5),
        "ptcId": st.integers(0, 65535),
        "longitude": places,
        "latitude": places,
    },
    optional={
        "vehicleClass": st.integers(0, 255),
        "sourceType": st.integers(0, 8),
        "elevation": signed.map(lambda value: value + 200),
        "positionConfidence": st.integers(0, 15),
        "speed": tenths,
        "speedConfidence": st.integers(0, 7),
        "heading": st.integers(0, 3600).map(lambda value: value / 10),
        "headingConfidence": st.integers(0, 7),
        "acceleration": signed | axes,
        "length": st.integers(0, 1000).map(lambda value: value / 10),
        "width": st.integers(0, 1000).map(lambda value: value / 10),
        "height": st.integers(0, 1000).map(lambda value: value / 10),
        "license": st.text(max_size=8).filter(lambda text: "\x00" not in text and text.isprintable()),
        "laneId": st.integers(0, 255),
        "tracking": st.integers(1, 65535),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(items, max_size=4), max_size=3))
def test_participants_are_read_as_the_table_says_in_the_order_of_their_documents(lists: list[list[dict[str, Any]]]) -> None:
    decoded = read("participant", *(document(ptcList=items) for items in lists))
    assert len(decoded.rejects) == 0, decoded.rejects.detail
    rows = rows_of(decoded.participant)
    expected = [{"frame": frame, **plain.participant(item)} for frame, items in enumerate(lists) for item in items]
    assert [{name: row[name] for name in wanted} for row, wanted in zip(rows, expected, strict=True)] == expected
    assert all(row["rsu_id"] == wire_number("R1") for row in rows)


@settings(max_examples=150, deadline=None)
@given(st.lists(items, min_size=1, max_size=5))
def test_what_was_read_is_written_as_it_was(given_items: list[dict[str, Any]]) -> None:
    decoded = read("participant", document(ptcList=given_items))
    details: list[dict[str, Any] | None] = [None] * len(given_items)
    remarks = {(one.subject, one.time_us): one.body for one in decoded.remarks}
    for row, item in enumerate(given_items):
        details[row] = remarks.get((item["ptcId"], item["timestamp"] * 1000))
    if len({(item["ptcId"], item["timestamp"]) for item in given_items}) < len(given_items):
        return  # which of two the remark is about cannot be told
    (written,) = write_participants(decoded.participant, serial="R1", details=details)
    assert [_usual(item) for item in json.loads(written)["ptcList"]] == [_usual(item) for item in given_items]


def _usual(item: dict[str, Any]) -> dict[str, Any]:
    """With one of the spellings that mean the same."""
    usual = dict(item)
    usual["sourceType"] = item.get("sourceType", 0)
    classes = {10: 1, 25: 2, 40: 3, 50: 4, 60: 5, 80: 6}
    if "vehicleClass" in usual:
        usual["vehicleClass"] = classes.get(usual["vehicleClass"], usual["vehicleClass"])
    usual["heading"] = usual["heading"] % 360 if "heading" in usual else None
    acceleration = usual.pop("acceleration", None)
    usual["axes"] = acceleration if isinstance(acceleration, dict) else {} if acceleration is None else {"long": acceleration}
    return usual


def test_a_device_s_peculiarities_are_taken_away() -> None:
    latitude, longitude = to_gcj02([29.53], [106.57])
    item = {**CAR, "latitude": float(latitude[0]), "longitude": float(longitude[0]), "speed": 36.0, "heading": 90}
    reading = Reading(is_heading_mirrored=True, speed_factor=1 / 3.6, is_gcj02=True)
    decoded = read("participant", document(ptcList=[item]), reading=reading).participant
    assert decoded["latitude_deg"][0] == pytest.approx(29.53, abs=1e-8)
    assert decoded["longitude_deg"][0] == pytest.approx(106.57, abs=1e-8)
    assert decoded["speed_mps"][0] == pytest.approx(10.0)
    assert decoded["heading_deg"][0] == 270.0
    (again,) = write_participants(decoded, serial="R1", reading=reading)
    assert json.loads(again)["ptcList"][0] == pytest.approx({**item, "sourceType": 0})


def test_four_accelerations_may_come_as_a_list() -> None:
    decoded = read("participant", document(ptcList=[{**CAR, "acceleration": [1.0, 2.0, 0.5, -3.0]}, CAR])).participant
    assert decoded["acceleration_longitudinal_mps2"].tolist()[0] == 1.0
    assert decoded["yaw_rate_dps"].tolist()[0] == -3.0
    assert np.isnan(decoded["yaw_rate_dps"][1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"speed": -1}, "ptcList[1].speed = -1 is outside 0 … 300"),
        ({"speed": "fast"}, "ptcList[1].speed = 'fast' is not allowed: a number"),
        ({"latitude": 91}, "ptcList[1].latitude = 91 is outside -90 … 90"),
        ({"longitude": None}, "ptcList[1].longitude is missing"),
        ({"ptcId": 65536}, "ptcList[1].ptcId = 65536 is outside 0 … 65535"),
        ({"ptcId": 1.5}, "ptcList[1].ptcId = 1.5 is not allowed: a whole number"),
        ({"ptcType": 6}, "ptcList[1].ptcType = 6 is outside 0 … 5"),
        ({"ptcType": True}, "ptcList[1].ptcType = True is not allowed: a number"),
        ({"timestamp": 1_700_000_000}, "ptcList[1].timestamp = 1700000000 is outside 946684800000 … 4102444800000"),
        ({"timestamp": 10**400}, "ptcList[1].timestamp = inf is outside 946684800000 … 4102444800000"),
        ({"laneId": 256}, "ptcList[1].laneId = 256 is outside 0 … 255"),
        ({"pathHistory": "none"}, "ptcList[1].pathHistory = 'none' is not allowed: a list"),
        ({"license": "A\x00"}, "ptcList[1]: a text holds the character NUL"),
        ({"acceleration": {"long": 101}}, "ptcList[1].acceleration.long = 101 is outside -100 … 100"),
        ({"acceleration": [1, 2]}, "ptcList[1].acceleration = [1, 2] is not allowed: an object"),
    ],
)
def test_a_bad_participant_costs_itself_and_says_field_value_and_bound(change: dict[str, Any], said: str) -> None:
    decoded = read("participant", document(ptcList=[CAR, {**CAR, **change}, {**CAR, "ptcId": 14}]))
    assert decoded.rejects.detail == (said,)
    assert decoded.rejects.index.tolist() == [0]
    assert decoded.participant["participant_id"].tolist() == [12, 14]


def test_a_participant_that_is_no_object_costs_itself() -> None:
    decoded = read("participant", document(ptcList=[CAR, 5, None, [CAR]]))
    assert next(detail.partition(" is ")[0] for detail in decoded.rejects.detail) == "ptcList[1] = 5"
    assert len(decoded.rejects) == 3
    assert len(decoded.participant) == 1


@pytest.mark.parametrize(
    ("payload", "reason", "said"),
    [
        (b"\xff", DropReason.UNDECODABLE, "it is not JSON in UTF-8"),
        (b"[]", DropReason.UNDECODABLE, "a JSON object is expected, not list"),
        (b"{}", DropReason.OUT_OF_RANGE, "document.timeStamp is missing"),
        (json.dumps({"timeStamp": MS}).encode(), DropReason.UNDECODABLE, "rscuSn = None is not allowed: 1 to 128 characters"),
        (document(ptcList={}), DropReason.UNDECODABLE, "ptcList = {} is not allowed: a list"),
        (document(ptcList=[CAR] * 1025), DropReason.OVERLONG, "ptcList has 1025 objects where 1024 are taken"),
        (b'{"timeStamp": NaN}', DropReason.UNDECODABLE, "NaN is not a JSON number"),
        (b'{"a":' * 100_000, DropReason.UNDECODABLE, "it is not JSON"),
    ],
)
def test_a_bad_document_is_refused_whole_and_its_neighbours_are_not(payload: bytes, reason: DropReason, said: str) -> None:
    decoded = read("participant", document(ptcList=[CAR]), payload, document(ptcList=[CAR]))
    assert decoded.rejects.reason == (reason,)
    assert said in decoded.rejects.detail[0]
    assert decoded.participant["frame"].tolist() == [0, 2]


def test_either_spelling_of_the_time_stamp_is_taken() -> None:
    item = {("timeStamp" if name == "timestamp" else name): value for name, value in CAR.items()}
    payload = json.dumps({"timestamp": MS, "rscuSn": 7, "ptcList": [item]}).encode()
    assert read("participant", payload).participant["time_us"].tolist() == [US]


@pytest.mark.parametrize("value", [10**400, -(10**400), 1e308, 2**63])
@pytest.mark.parametrize("field", ["longitude", "latitude", "heading", "timestamp", "speed", "linkId"])
def test_what_no_integer_and_no_float_holds_is_refused_without_a_warning(field: str, value: float) -> None:
    gcj = Reading(is_gcj02=True, is_heading_mirrored=True)
    decoded = read("participant", document(ptcList=[{**CAR, field: value}, CAR]), reading=gcj)
    assert len(decoded.rejects) == 1
    assert len(decoded.participant) == 1


# -- events and traffic ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"eventType": None}, "eventList[1].eventType is missing"),
        ({"eventType": 65536}, "eventList[1].eventType = 65536 is outside 0 … 65535"),
        ({"startTime": 1_700_000_000}, "eventList[1].startTime = 1700000000.0 is outside 946684800000 … 4102444800000"),
        ({"ptcList": 3}, "eventList[1].ptcList = 3 is not allowed: a list"),
        ({"priority": "\ud800"}, "eventList[1]: it is not JSON in UTF-8"),
    ],
)
def test_a_bad_event_costs_itself(change: dict[str, Any], said: str) -> None:
    decoded = read("event", document(eventList=[EVENT_ITEM, {**EVENT_ITEM, **change}]))
    assert said in decoded.rejects.detail[0]
    assert len(decoded.others["event"]) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"directionFlowData": [{"branchId": "E"}]}, "directionFlowData[0].flowType is missing"),
        ({"directionFlowData": [{"flowType": 1}]}, "directionFlowData[0].branchId is missing"),
        ({"laneFlowData": [{"branchId": "E"}]}, "laneFlowData[0].laneId is missing"),
        (
            {"laneFlowData": [{"branchId": "E", "laneId": "1", "congestionLevel": 4}]},
            "laneFlowData[0].congestionLevel = 4 is outside 0 … 3",
        ),
        (
            {"directionFlowData": [{"branchId": "E", "x": [{"flowType": 5}]}]},
            "directionFlowData[0].x[0].flowType = 5 is outside 1 … 4",
        ),
        ({"periodTime": 7}, "document.periodTime = 7 is outside 1 … 6"),
        ({"endTime": MS - 60_001}, "endTime = 1699999939999 is before startTime = 1699999940000"),
    ],
)
def test_bad_traffic_says_what_is_wrong(fields: dict[str, Any], said: str) -> None:
    decoded = read("traffic", document(**{**PERIOD, **fields}))
    assert decoded.rejects.detail == (said,)
    assert len(decoded.others["traffic"]) == 0


@pytest.mark.parametrize(("stream", "write"), [("event", write_events), ("traffic", write_traffic)])
def test_events_and_traffic_that_were_read_are_written_and_read_again(stream: str, write: Any) -> None:
    once = read(stream, (DATA / f"tits0180-{stream}" / "input.json").read_bytes()).others[stream]
    more = {"cross": "7-12"} if stream == "traffic" else {}
    written = write(once, serial="CQ-RSCU-0007", details=once["details"].tolist(), **more)
    again = read(stream, *written)
    assert again.rejects.detail == ()
    for row, other in zip(rows_of(once), rows_of(again.others[stream]), strict=True):
        details = {"details", "duration"}
        assert {name: value for name, value in row.items() if name not in details} == {
            name: value for name, value in other.items() if name not in details
        }
