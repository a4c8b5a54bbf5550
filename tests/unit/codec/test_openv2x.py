from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.codec import cv2x
from chelu.codec.openv2x import read_rsm
from chelu.codec.openv2x_rsi import read_rsi
from chelu.codec.roadside import AS_WRITTEN, MOST_PARTICIPANTS, Decoded, Reading
from chelu.geo import to_gcj02
from chelu.messages import PARTICIPANT, Batch, frames_of
from tests.unit.codec.plain_openv2x import plain_participants

DATA = Path(__file__).parents[2] / "data"
REFERENCE_US = 1_700_000_000_000_000
CAR: dict[str, Any] = {
    "ptcType": "motor",
    "ptcId": 6,
    "pos": {"lat": 295600000, "lon": 1065500000},
    "speed": 500,
    "heading": 8000,
}


def rsm(*participants: Any, **more: Any) -> bytes:
    return json.dumps({"content": {"rsms": [{"refPos": {}, "participants": list(participants)}]}, **more}).encode()


def read(*payloads: bytes, reading: Reading = AS_WRITTEN) -> Decoded:
    return read_rsm(frames_of(payloads, REFERENCE_US), [reading] * len(payloads))


def row_of(batch: Batch, row: int) -> dict[str, Any]:
    """What a row says, None for unknown."""
    found: dict[str, Any] = {}
    for name in batch:
        if name.endswith("_valid"):
            continue
        value = batch[name][row].item()
        is_known = bool(batch[name + "_valid"][row]) if name + "_valid" in batch.columns else not _is_nan(value)
        found[name] = value if is_known else None
    return found


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def test_the_case_is_read_as_it_says() -> None:
    decoded = read((DATA / "openv2x-rsm" / "input.json").read_bytes())
    expected = json.loads((DATA / "openv2x-rsm" / "expected.json").read_text())
    assert len(decoded.rejects) == 0
    assert [{name: row_of(decoded.participant, i)[name] for name in row} for i, row in enumerate(expected)] == expected


def test_rows_have_the_columns_of_an_rsm_and_their_types() -> None:
    for decoded in (read(rsm(CAR)), read(rsm()), read(b"{}"), read()):
        types = {name: column.dtype for name, column in decoded.participant.columns.items() if name != "frame"}
        assert types == PARTICIPANT.dtypes()


wires = st.fixed_dictionaries(
    {
        "ptcType": st.sampled_from(["unknown", "motor", "non-motor", "pedestrian", "rsu", 0, 1, 2, 3, 4]),
        "ptcId": st.integers(0, 65535),
        "pos": st.fixed_dictionaries(
            {"lat": st.integers(-900_000_000, 900_000_001), "lon": st.integers(-1_799_999_999, 1_800_000_001)},
            optional={"ele": st.integers(-4096, 61439) | st.none()},
        ),
    },
    optional={
        "source": st.integers(0, 7),
        "secMark": st.integers(0, 65535),
        "speed": st.integers(0, 8191),
        "heading": st.integers(0, 28800),
        "size": st.fixed_dictionaries({}, optional={"width": st.integers(0, 1023), "length": st.integers(0, 4095)}),
    },
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(wires, max_size=6), min_size=1, max_size=5))
def test_random_messages_say_what_a_plain_reading_says(messages: list[list[dict[str, Any]]]) -> None:
    payloads = [rsm(*message) for message in messages]
    decoded = read(*payloads)
    assert len(decoded.rejects) == 0
    plain = [{**row, "frame": i} for i, one in enumerate(payloads) for row in plain_participants(one, REFERENCE_US // 1000)]
    assert len(decoded.participant) == len(plain)
    for place, expected in enumerate(plain):
        row = row_of(decoded.participant, place)
        assert row["time_us"] == expected.pop("time_ms") * 1000
        assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"speed": 9000}, "rsms[0].participants[0].speed = 9000 is outside 0 … 8191"),
        ({"heading": -1}, "rsms[0].participants[0].heading = -1 is outside 0 … 28800"),
        ({"ptcId": 65536}, "rsms[0].participants[0].ptcId = 65536 is outside 0 … 65535"),
        ({"ptcId": 1.5}, "rsms[0].participants[0].ptcId = 1.5 is not allowed: a whole number"),
        ({"ptcId": None}, "rsms[0].participants[0].ptcId is missing"),
        ({"ptcId": True}, "rsms[0].participants[0].ptcId = True is not allowed: a number"),
        ({"ptcId": 10**400}, "rsms[0].participants[0].ptcId = inf is outside 0 … 65535"),
        ({"pos": 5}, "rsms[0].participants[0].pos = 5 is not allowed: an object"),
        (
            {"pos": {"lat": 900_000_002, "lon": 0}},
            "rsms[0].participants[0].pos.lat = 900000002 is outside -900000000 … 900000001",
        ),
        ({"pos": {"lat": 0, "lon": "east"}}, "rsms[0].participants[0].pos.lon = 'east' is not allowed: a number"),
        ({"speed": [500]}, "rsms[0].participants[0].speed = [500] is not allowed: a number"),
        ({"speed": "9000"}, "rsms[0].participants[0].speed = '9000' is outside 0 … 8191"),
        (
            {"ptcType": "tram"},
            "rsms[0].participants[0].ptcType = 'tram' is not allowed: "
            "one of motor, non-motor, pedestrian, rsu, unknown, or 0 … 4",
        ),
        ({"heading": 1e308}, "rsms[0].participants[0].heading = 1e+308 is outside 0 … 28800"),
        ({"source": 8}, "rsms[0].participants[0].source = 8 is outside 0 … 7"),
        ({"size": {"width": 1024}}, "rsms[0].participants[0].size.width = 1024 is outside 0 … 1023"),
    ],
)
def test_a_bad_participant_costs_itself_with_field_value_and_bound(change: dict[str, Any], sentence: str) -> None:
    decoded = read(rsm({**CAR, **change}, {**CAR, "ptcId": 7}), rsm(CAR))
    assert list(zip(decoded.rejects.index.tolist(), decoded.rejects.reason, decoded.rejects.detail, strict=True)) == [
        (0, "out_of_range", sentence)
    ]
    assert decoded.participant["participant_id"].tolist() == [7, 6]
    assert decoded.participant["frame"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("payload", "reason", "part"),
    [
        (b"", "undecodable", "not JSON"),
        (b"[1]", "undecodable", "a JSON object is expected"),
        (b'{"rsms": 5}', "undecodable", "rsms = 5 is not allowed: a list"),
        (b'{"content": 3}', "undecodable", "content = 3 is not allowed: an object"),
        (b'{"rsms": [{"participants": {}}]}', "undecodable", "rsms[0].participants = {} is not allowed: a list"),
        (b'{"rsms": [7]}', "undecodable", "rsms[0] = 7 is not allowed: an object"),
        (b'{"rsms": [{"participants": [NaN]}]}', "undecodable", "NaN is not a JSON number"),
        (rsm(*[{}] * (MOST_PARTICIPANTS + 1)), "overlong", "1025 participants where 1024 are taken"),
    ],
)
def test_what_is_no_rsm_is_refused_whole(payload: bytes, reason: str, part: str) -> None:
    decoded = read(rsm(CAR), payload, rsm(CAR))
    assert (decoded.rejects.index.tolist(), list(decoded.rejects.reason)) == ([1], [reason])
    assert part in decoded.rejects.detail[0]
    assert decoded.participant["frame"].tolist() == [0, 2]


def test_numbers_may_be_texts_and_the_list_may_stand_at_the_top() -> None:
    car = {**CAR, "speed": "500", "ptcId": "6", "source": "3.0"}
    row = row_of(read(json.dumps({"rsms": [{"participants": [car]}]}).encode()).participant, 0)
    assert (row["speed_mps"], row["participant_id"], row["source"]) == (10.0, 6, 3)


def test_quirks_are_off_by_default_and_of_one_device_only() -> None:
    frames = frames_of([rsm(CAR)] * 3, REFERENCE_US)
    readings = [AS_WRITTEN, Reading(is_heading_mirrored=True), Reading(speed_factor=3.6)]
    rows = read_rsm(frames, readings).participant
    assert rows["heading_deg"].tolist() == [100.0, 260.0, 100.0]
    assert rows["speed_mps"].tolist() == [10.0, 10.0, 36.0]


def test_endless_numbers_are_refused_without_a_warning() -> None:
    payload = (
        rsm({**CAR, "heading": 0, "speed": 1})
        .replace(b'"heading": 0', b'"heading": 1e999')
        .replace(b'"speed": 1', b'"speed": -1e999')
    )
    assert list(read(payload).rejects.detail) == ["rsms[0].participants[0].speed = -inf is outside 0 … 8191"]


def test_places_of_a_device_that_speaks_gcj02_become_wgs84() -> None:
    shifted = Reading(is_gcj02=True)
    rows = read(rsm(CAR), reading=shifted).participant
    latitude, longitude = to_gcj02(rows["latitude_deg"], rows["longitude_deg"])
    assert abs(latitude[0] - 29.56) < 1e-8
    assert abs(longitude[0] - 106.55) < 1e-8
    assert abs(rows["longitude_deg"][0] - 106.55) > 1e-3
    payload = (DATA / "openv2x-rsi" / "input.json").read_bytes()
    (found,) = read_rsi(frames_of([payload], REFERENCE_US), [shifted]).messages
    place = found.value["rtes"][0]["reference_paths"][0]["active_path"][1]["offset_ll"]["position-LatLon"]
    latitude, longitude = to_gcj02(place["latitude_deg"], place["longitude_deg"])
    assert abs(latitude[0] - 29.5654) < 2e-7
    assert abs(longitude[0] - 106.5519) < 2e-7
    assert abs(found.value["reference_position"]["latitude_deg"] - 29.5653853) > 1e-3
    sendable = {name: value for name, value in found.value.items() if name != "alert_ids"}
    assert cv2x.to_json(cv2x.from_json(sendable)) == sendable


def test_a_mirrored_north_stays_north_and_an_unknown_heading_unknown() -> None:
    mirrored = read(rsm({**CAR, "heading": 0}, {**CAR, "heading": 28800}), reading=Reading(is_heading_mirrored=True))
    assert mirrored.participant["heading_deg"][0] == 0
    assert np.isnan(mirrored.participant["heading_deg"][1])


# -- RSI -------------------------------------------------------------------------------------------------------------------------


def read_one(document: Any) -> Decoded:
    return read_rsi(frames_of([json.dumps(document).encode()], REFERENCE_US), [AS_WRITTEN])


def test_the_case_of_an_rsi_is_read_as_it_says_and_is_an_rsi_that_can_be_sent_on() -> None:
    document = json.loads((DATA / "openv2x-rsi" / "input.json").read_text())
    (found,) = read_one(document).messages
    assert found.value == json.loads((DATA / "openv2x-rsi" / "expected.json").read_text())
    sendable = {name: value for name, value in found.value.items() if name != "alert_ids"}
    assert cv2x.to_json(cv2x.from_json(sendable)) == sendable


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"eventType": 70000}, "rsi.eventType = 70000 is outside 0 … 65535"),
        ({"eventType": None}, "rsi.eventType = None is not allowed: a whole number of 0 … 65535"),
        ({"eventSource": "rumour"}, "rsi.eventSource = 'rumour' is not allowed: one of unknown, police"),
        ({"eventPosition": [{"lat": 1e9, "lon": 0}]}, "rsi.eventPosition.lat = 1000000000.0 is outside -900000000 … 900000000"),
        ({"eventPriority": 8}, "rsi.eventPriority = 8 is outside 0 … 7"),
        ({"eventRadius": 10**300}, "rsi.eventRadius = inf is outside 0 … 65535"),
        ({"alertID": ""}, "rsi.alertID = '' is not allowed: a text of 1 … 512 characters"),
        ({"referencePaths": [{"active_path": []}]}, "rsi.referencePaths[0].active_path = 0 is not allowed: a list of 1 … 32"),
    ],
)
def test_a_bad_event_is_refused_with_field_value_and_bound(change: dict[str, Any], sentence: str) -> None:
    event = {"alertID": "1", "eventType": 707, "eventSource": "detection", **change}
    decoded = read_one({"rsi": event})
    assert decoded.messages == ()
    assert list(decoded.rejects.reason) == ["out_of_range"]
    assert sentence in decoded.rejects.detail[0]


def test_an_empty_or_endless_list_of_events_is_refused() -> None:
    documents: tuple[dict[str, Any], ...] = ({"rsiDatas": []}, {"rsiDatas": [{}] * 9}, {"rsi": None}, {})
    for document in documents:
        assert len(read_one(document).rejects) == 1
