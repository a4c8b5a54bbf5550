"""What a map of the past is made of: reports as columns beside their road users, twins, lights, warnings with their lives."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, filled
from services.registry.past.lights import lights
from services.registry.past.tracks import Reports, columns_of, header_of, reports
from services.registry.past.twins import ALONE, twins
from services.registry.past.warnings import on_map

FRAME = LocalFrame(29.53, 106.57, 240.0)
START_US = 1_795_000_000_000_000
RSU_KEY = 7
Columns = dict[str, npt.NDArray[Any]]


def vehicles(rows: list[tuple[float, int, float, float, float]]) -> Batch:
    """BSMs of (s, vehicle, east m, north m, speed northwards)."""
    at_s, ids, east, north, speed = (np.array(column) for column in zip(*rows, strict=True))
    latitude, longitude, elevation = FRAME.to_geodetic(np.column_stack([east, north, np.full(len(rows), 3.0)]))
    batch = filled(BSM, len(rows), vehicle_id=ids.astype(np.uint64), time_us=(START_US + at_s * 1e6).astype(np.int64))
    place: Columns = {
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        "elevation_m": elevation,
        "heading_deg": np.zeros(len(rows)),
    }
    return batch.with_columns(**place, speed_mps=speed, device_key=np.full(len(rows), 3, np.int32))


def participants(rows: list[tuple[float, int, float, float, float]], kind: int = 1) -> Batch:
    """What the roadside unit sees, likewise."""
    batch = vehicles(rows)
    numbers = np.array([row[1] for row in rows], np.uint16)
    columns: Columns = {
        name: batch[name] for name in ("time_us", "latitude_deg", "longitude_deg", "elevation_m", "heading_deg", "speed_mps")
    }
    kinds: Columns = {"participant_type": np.full(len(rows), kind, np.uint8), "participant_id": numbers}
    return filled(PARTICIPANT, len(rows), **columns, **kinds).with_columns(device_key=np.full(len(rows), RSU_KEY, np.int32))


def nobody(stream: Any) -> Batch:
    return filled(stream, 0).with_columns(device_key=np.empty(0, np.int32))


def driving(east_m: float, speed_mps: float, offset_s: float = 0.0, steps: int = 20) -> list[tuple[float, float, float]]:
    """(s, north m, speed) ten times a second."""
    return [(offset_s + step / 10, speed_mps * (offset_s + step / 10), speed_mps) for step in range(steps)]


def test_reports_are_columns_and_their_road_users_are_told_once() -> None:
    bsm = vehicles([(0.0, 0xA, 1, 10, 5), (0.5, 0xB, 2, 20, 6), (0.1, 0xA, 1, 11, 5)])
    bsm = bsm.with_columns(length_m=np.array([4.5, np.nan, 0.0]))
    seen = participants([(0.2, 9, 3, 30, 1)], kind=3)
    found = reports(bsm, seen, FRAME)
    table, header = columns_of(found, START_US), header_of(found, twins(found))
    assert table["at_ms"].tolist() == [0, 100, 200, 500]
    np.testing.assert_allclose(table["east_m"], [1, 1, 3, 2], atol=1e-3)
    np.testing.assert_allclose(table["up_m"], 3.0, atol=1e-3)
    assert [header["key"][track] for track in table["track"]] == [f"{key:016x}" for key in (0xA, 0xA, RSU_KEY * 65_536 + 9, 0xB)]
    assert (header["kind"], header["participant_type"], header["length_m"]) == ([1, 1, 2], [1, 1, 3], [4.5, None, None])
    assert header["device_key"] == [3, 3, RSU_KEY]


def test_a_report_without_a_place_is_nowhere_on_a_map() -> None:
    bsm = vehicles([(0.0, 0xA, 1, 10, 5), (0.1, 0xB, 1, 10, 5)])
    found = reports(bsm.with_columns(latitude_deg=np.array([np.nan, 29.53])), nobody(PARTICIPANT), FRAME)
    assert found.key.tolist() == [0xB]


def test_a_moment_without_reports_is_an_empty_table() -> None:
    found = reports(nobody(BSM), nobody(PARTICIPANT), FRAME)
    assert (len(columns_of(found, START_US)), header_of(found, twins(found))["key"]) == (0, [])


def twins_of(beside_m: float, seen_speed: float = 15.0, kind: int = 1) -> list[int]:
    """Of a vehicle that speaks, and of one that is seen beside it 50 ms later each time."""
    bsm = vehicles([(at, 0xA, 0, north, speed) for at, north, speed in driving(0, 15.0)])
    seen = participants([(at, 4, beside_m, north, speed) for at, north, speed in driving(beside_m, seen_speed, 0.05)], kind)
    found: Reports = reports(bsm, seen, FRAME)
    return [int(lead) for lead in twins(found)]


def test_who_is_seen_where_somebody_speaks_is_its_twin() -> None:
    assert twins_of(0.8) == [ALONE, 0]


@pytest.mark.parametrize(("beside_m", "speed_mps", "kind"), [(3.6, 15.0, 1), (0.8, 2.0, 1), (0.8, 15.0, 3)])
def test_who_drives_in_the_next_lane_at_another_speed_or_is_no_vehicle_is_none(
    beside_m: float, speed_mps: float, kind: int
) -> None:
    assert twins_of(beside_m, speed_mps, kind) == [ALONE, ALONE]


def spat(rows: list[tuple[float, int, int, float]]) -> Batch:
    """(s, phase, light, s until its end)."""
    at_s, phase, light, end = (np.array(column) for column in zip(*rows, strict=True))
    columns: Columns = {"time_us": (START_US + at_s * 1e6).astype(np.int64), "intersection_id": np.ones(len(rows), np.uint16)}
    return filled(SPAT, len(rows), **columns, phase_id=phase.astype(np.int16), light=light.astype(np.uint8), likely_end_s=end)


def test_lights_are_told_once_a_second_and_whenever_they_change() -> None:
    rows = [(step / 10, 1, 3 if step < 15 else 5, (1.5 if step < 15 else 6.0) - step / 10) for step in range(20)]
    found = lights(spat([*rows, (0.3, 2, 5, np.nan)]), START_US)
    assert found["at_ms"] == [0, 300, 1000, 1500]
    assert (found["phase"], found["light"]) == ([1, 2, 1, 1], [3, 5, 3, 5])
    assert found["end_ms"] == [1500, None, 1500, 6000]
    assert lights(spat(rows), START_US + 1_000_000)["at_ms"][0] == -1000


def warning_row(state: str, at_s: float, level: int, **others: Any) -> dict[str, Any]:
    party = {"vehicle_id": "00000000000000aa", "participant_id": None}
    seen = {"vehicle_id": None, "participant_id": 5}
    time_us = START_US + round(at_s * 1e6)
    row = {
        "warning_id": "w",
        "application": "fcw",
        "state": state,
        "level": level,
        "time_us": time_us,
        "ttc_s": 2.0,
        "decided_us": time_us + 50_000,
        "distance_m": 9.0,
        "valid_until_us": None if state == "cleared" else time_us + 1_050_000,
        "host_vehicle_id": "00000000000000aa",
        "host_device_key": 3,
        "other_vehicle_id": None,
        "other_device_key": RSU_KEY,
        "detail": {"host": party, "other": seen, "subject": None},
    }
    return {**row, **others}


def test_a_warning_is_told_with_its_states_and_names_its_road_users_as_tracks_do() -> None:
    rows = [warning_row("updated", 0.0, 1), warning_row("updated", 0.4, 2), warning_row("cleared", 1.0, 0)]
    (found,) = on_map(rows, {"w": START_US - 2_000_000}, FRAME, START_US)
    assert found["raised_us"] == START_US - 2_000_000
    assert [(one["at_ms"], one["level"], one["until_ms"]) for one in found["states"]] == [
        (0, 1, 1000),
        (400, 2, 1400),
        (1000, 0, None),
    ]
    assert (found["host"], found["other"]) == (
        {"kind": 1, "key": "00000000000000aa"},
        {"kind": 2, "key": f"{RSU_KEY * 65_536 + 5:016x}"},
    )


def test_a_warning_s_states_are_told_to_the_microsecond() -> None:
    (found,) = on_map([warning_row("raised", 0.000_250, 1), warning_row("cleared", 0.000_750, 0)], {}, FRAME, START_US)
    assert [one["at_ms"] for one in found["states"]] == [0.25, 0.75]


def test_a_thing_that_was_warned_of_has_its_place_on_the_map() -> None:
    latitude, longitude, _ = (float(one[0]) for one in FRAME.to_geodetic(np.array([[100.0, 50.0, 0.0]])))
    subject = {"kind": "stop line", "id": 4, "latitude_deg": latitude, "longitude_deg": longitude, "elevation_m": None}
    row = warning_row("raised", 0.0, 1)
    (found,) = on_map([{**row, "detail": {**row["detail"], "other": None, "subject": subject}}], {}, FRAME, START_US)
    assert (found["other"], found["raised_us"]) == (None, START_US)
    assert found["subject"] == {"kind": "stop line", "id": "4", "place": [100.0, 50.0, None]}
