"""SI batches → frames → SI batches: what is written is read again, as far as the wire can say it; the rest is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chelu.codec import cv2x
from chelu.codec.cv2x_spec import slow_decode, slow_encode
from chelu.errors import OutOfRangeError
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, Stream, empty, frames_of
from tests.unit.codec.support import REFERENCE_US

CORE = bytes.fromhex("0000aac8a90606060606260739adb9da161585c1e2366856c7081d61f7e09fc1744f65c8ee1d0280")
PLACE = np.array([[29.56, 106.55, 240.0]])
HOUR_US = 3_600_000_000


def vehicles(rows: int, **columns: Any) -> Batch:
    core = cv2x.decode(frames_of([CORE], REFERENCE_US)).bsm.take(np.zeros(rows, np.int64))
    return core.with_columns(**{name: np.full(rows, value, core[name].dtype) for name, value in columns.items()})


def filled(stream: Stream, rows: int, **columns: Any) -> Batch:
    """Zeros, nothing unavailable, with these columns."""
    zeros = {
        name: np.ones(rows, dtype) if dtype.kind == "b" else np.zeros(rows, dtype) for name, dtype in stream.dtypes().items()
    }
    return Batch(zeros | {name: np.broadcast_to(value, (rows,)) for name, value in columns.items()})


def points(latitude_deg: list[float], longitude_deg: list[float], elevation_m: list[float]) -> Batch:
    rows, unknown = len(latitude_deg), np.zeros(len(latitude_deg), np.bool_)
    codes = {f"{name}_confidence{end}": unknown for name in ("position", "elevation") for end in ("", "_valid")}
    given = {"latitude_deg": latitude_deg, "longitude_deg": longitude_deg, "elevation_m": elevation_m}
    nothing = {name: np.full(rows, np.nan) for name in ("speed_mps", "heading_deg")}
    place = {name: np.array(values, np.float64) for name, values in given.items()}
    return Batch({"row": np.zeros(rows, np.int64), "age_s": np.ones(rows), **place, **nothing, **codes})


def read_again(batch: Batch, path: Batch | None = None) -> cv2x.Decoded:
    frames = cv2x.encode_bsm(batch, path)
    found = cv2x.decode(frames)
    assert found.rejects.detail == ()
    assert all(slow_decode(frames.frame(row))[0] == "bsmFrame" for row in range(len(frames)))
    return found


def test_batches_of_no_rows_give_no_frames() -> None:
    nobody = empty(PARTICIPANT).with_columns(frame=np.empty(0, np.int64))
    assert len(cv2x.encode_bsm(empty(BSM))) == 0
    assert len(cv2x.encode_rsm(nobody, reference_position=np.empty((0, 3)))) == 0
    assert len(cv2x.encode_spat(empty(SPAT).with_columns(frame=np.empty(0, np.int64)))) == 0


@pytest.mark.parametrize("identity", [0, 2**63 - 1, 2**63, 2**64 - 1])
def test_vehicle_ids_have_64_bits(identity: int) -> None:
    assert read_again(vehicles(2, vehicle_id=identity)).bsm["vehicle_id"].tolist() == [identity] * 2


def test_headings_are_turned_into_the_circle() -> None:
    batch = vehicles(5).with_columns(heading_deg=np.array([-90, 360, 359.999, 720.5, np.nan]))
    np.testing.assert_array_equal(read_again(batch).bsm["heading_deg"], [270, 0, 0, 0.5, np.nan])


@pytest.mark.parametrize(
    ("column", "value", "bounds"),
    [
        ("latitude_deg", 90.1, "-90.0 … 90.0"),
        ("latitude_deg", np.inf, "-90.0 … 90.0"),
        ("elevation_m", -500.0, "-409.5 … 6143.9"),
        ("heading_deg", np.inf, "0.0 … 359.9875"),
        ("speed_mps", 200.0, "0.0 … 163.8"),
        ("path_confidence", 1.5, "0.0 … 1.0"),
    ],
)
def test_what_does_not_fit_is_refused_with_column_value_and_bounds(column: str, value: float, bounds: str) -> None:
    with pytest.raises(OutOfRangeError, match=f"{column} = {value} is outside {bounds}"):
        cv2x.encode_bsm(vehicles(3, **{column: value}))


def test_what_a_crash_exceeds_is_the_fields_end() -> None:
    found = read_again(vehicles(1, acceleration_longitudinal_mps2=-np.inf, steering_angle_deg=900.0)).bsm
    assert (found["acceleration_longitudinal_mps2"][0], found["steering_angle_deg"][0]) == (-20.0, 189.0)


@pytest.mark.parametrize("size", [2047, 2048, 8191, 8192, 32768, 131072, 2097152, 8388607, 8388608])
@pytest.mark.parametrize("sign", [1, -1])
def test_path_points_of_all_offset_forms_come_back(size: int, sign: int) -> None:
    far = sign * size / 1e7
    heights = [50 + sign * up for up in (6.3, 6.4, 12.8, 25.6, 51.2, 102.4, 204.7, 204.8)]
    path = points([30 + far] * 8, [110.0] * 8, heights)
    found = read_again(vehicles(1, latitude_deg=30, longitude_deg=110, elevation_m=50), path).path_points
    np.testing.assert_allclose(found["latitude_deg"], 30 + far, atol=1e-9)
    np.testing.assert_allclose(found["longitude_deg"], 110, atol=1e-9)
    np.testing.assert_allclose(found["elevation_m"], heights, atol=1e-9)


def test_path_points_cross_the_date_line() -> None:
    found = read_again(vehicles(1, longitude_deg=179.9999), points([39.9, 39.9], [179.99995, -179.9999], [np.nan] * 2))
    np.testing.assert_allclose(found.path_points["longitude_deg"], [179.99995, -179.9999], atol=1e-9)
    assert np.isnan(found.path_points["elevation_m"]).all()


def test_offsets_from_an_unknown_place_are_unknown_and_absolute_ones_are_not() -> None:
    name, value = slow_decode(CORE)
    offset = {"offsetLL": ("position-LL1", {"lon": 5, "lat": 7}), "offsetV": ("offset1", 3)}
    whole = {"offsetLL": ("position-LatLon", {"lon": 1_100_000_000, "lat": 300_000_000}), "offsetV": ("elevation", 500)}
    crumbs = [{"llvOffset": llv, "timeOffset": 10} for llv in (offset, whole)]
    value |= {"pos": {"lat": 900_000_001, "long": 1_800_000_001}, "safetyExt": {"pathHistory": {"crumbData": crumbs}}}
    found = cv2x.decode(frames_of([slow_encode((name, value))], REFERENCE_US)).path_points
    np.testing.assert_array_equal(found["latitude_deg"], [np.nan, 30])
    np.testing.assert_array_equal(found["longitude_deg"], [np.nan, 110])
    np.testing.assert_array_equal(found["elevation_m"], [np.nan, 50])


def test_a_paths_own_initial_position_counts_for_its_points_only() -> None:
    name, value = slow_decode(CORE)
    crumbs = [{"llvOffset": {"offsetLL": ("position-LL1", {"lon": 5, "lat": 7})}, "timeOffset": 10}]
    start = {"pos": {"lat": 300_000_000, "long": 1_100_000_000, "elevation": 0}}
    moved = value | {"safetyExt": {"pathHistory": {"initialPosition": start, "crumbData": crumbs}}}
    plain = value | {"safetyExt": {"pathHistory": {"crumbData": crumbs}}}
    frames = [slow_encode((name, body)) for body in (plain, moved, plain)]
    found = cv2x.decode(frames_of(frames, REFERENCE_US)).path_points
    np.testing.assert_allclose(found["latitude_deg"], [39.9042007, 30.0000007, 39.9042007], atol=1e-9)
    assert np.isnan(found["elevation_m"]).all()


def test_participants_that_differ_in_every_optional_come_back() -> None:
    rows, random = 16 * 40, np.random.default_rng(7)
    batch = filled(
        PARTICIPANT, rows, latitude_deg=29.5601, longitude_deg=106.5501, time_us=REFERENCE_US, width_m=1.5, length_m=4.0
    )
    columns = dict(batch.with_columns(participant_type=np.ones(rows, np.uint8), transmission=np.full(rows, 2, np.uint8)).columns)
    for name, column in batch.columns.items():
        is_there = random.random(rows) < 0.5
        if name.endswith("_valid"):
            columns[name] = is_there
            columns[name.removesuffix("_valid")] = np.where(is_there, 2, 0).astype(columns[name.removesuffix("_valid")].dtype)
        elif column.dtype.kind == "f" and name not in ("latitude_deg", "longitude_deg"):
            columns[name] = np.where(is_there, 1.5, np.nan)
    sent = Batch(columns).with_columns(frame=np.repeat(np.arange(40), 16))
    found = cv2x.decode(cv2x.encode_rsm(sent, reference_position=np.tile(PLACE, (40, 1))))
    axes = [~np.isnan(sent[f"acceleration_{axis}_mps2"]) for axis in ("longitudinal", "lateral", "vertical")]
    yaw = np.where(np.any(axes, axis=0) & np.isnan(sent["yaw_rate_dps"]), 0, sent["yaw_rate_dps"])  # has no "unavailable"
    sent = sent.with_columns(yaw_rate_dps=yaw)
    assert found.rejects.detail == ()
    for name in PARTICIPANT.dtypes():
        if name not in ("time_us", "sec_mark_ms"):
            np.testing.assert_allclose(found.participant[name].astype(float), sent[name].astype(float), atol=0.1, err_msg=name)


def phases(timing: int, rows: int = 1, **columns: Any) -> Batch:
    """One intersection's states, 16 to a phase and 16 phases to an intersection."""
    place = np.arange(rows)
    numbers = {"intersection_id": place // 256, "phase_id": place // 16 % 16, "state_index": place % 16, "frame": 0 * place}
    given = {"timing": timing, "likely_end_s": 5.0, "region_id": 0, "region_id_valid": True, "time_us": REFERENCE_US}
    batch = filled(SPAT, rows).with_columns(**{name: np.broadcast_to(value, rows) for name, value in (given | columns).items()})
    return batch.with_columns(**numbers)


def test_the_largest_signal_message_comes_back_whole() -> None:
    sent = phases(2, 32 * 16 * 16)
    found = cv2x.decode(cv2x.encode_spat(sent)).spat
    for name in ("intersection_id", "phase_id", "state_index", "timing"):
        np.testing.assert_array_equal(found[name], sent[name])
    np.testing.assert_allclose(found["likely_end_s"], 5.0, atol=0.051)


@pytest.mark.parametrize("timing", [1, 2])
@pytest.mark.parametrize("before_the_hour_s", [0.0, 0.05, 3, 1800])
def test_signal_times_survive_the_turn_of_the_hour(timing: int, before_the_hour_s: float) -> None:
    now_us = REFERENCE_US // HOUR_US * HOUR_US + HOUR_US - int(before_the_hour_s * 1e6)
    times: dict[str, Any] = {
        "start_s": 1.0,
        "min_end_s": 4.0,
        "likely_end_s": 6.0,
        "max_end_s": np.nan,
        "next_start_s": 60.0,
        "next_duration_s": 25.0,
    }
    found = cv2x.decode(cv2x.encode_spat(phases(timing, time_us=now_us, **times))).spat
    assert found["time_us"].tolist() == [now_us]
    for name, seconds in times.items():
        np.testing.assert_allclose(found[name], [seconds], atol=0.101, err_msg=name)


@pytest.mark.parametrize("timing", [1, 2])
@pytest.mark.parametrize("seconds", [3600.0, 5000.0, np.inf])
def test_signal_times_an_hour_away_say_an_hour_and_no_duration(timing: int, seconds: float) -> None:
    sent = phases(timing, likely_end_s=seconds, next_start_s=seconds, next_duration_s=np.nan)
    found = cv2x.decode(cv2x.encode_spat(sent)).spat
    assert (found["likely_end_s"][0], found["next_start_s"][0]) == (3600, 3600)
    assert np.isnan(found["next_duration_s"]).all()
