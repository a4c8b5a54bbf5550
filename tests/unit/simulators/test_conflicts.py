"""The staged conflicts, on the district's own network and trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chelu.messages import Batch
from chelu.motion.footprints import overlap
from chelu.roads import sumo
from simulators import conflicts, trace
from simulators.conflicts import Staging, staged_district
from simulators.scene import Role
from simulators.signals import Light
from simulators.sources import district
from simulators.staging import CAR_M, in_the_way

DATA = Path(__file__).parents[3] / "simulators" / "data"


@pytest.fixture(scope="module")
def recorded() -> trace.Trace:
    return trace.read(DATA / "district_trace.npz")


@pytest.fixture(scope="module")
def staging() -> Staging:
    return staged_district()


def tracks(staging: Staging, *names: str) -> list[Batch]:
    samples = staging.scene.read(staging.scene.begin_ms, staging.scene.end_ms).samples
    rows = [int(np.flatnonzero(staging.scene.actors["name"] == name)[0]) for name in names]
    return [samples.take(samples["actor"] == row) for row in rows]


def overlaps(one: Batch, two: Batch) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the footprints overlap in plan, sample by sample; both tracks cover the same times."""
    np.testing.assert_array_equal(one["time_ms"], two["time_ms"])
    offset = np.stack([two["x_m"] - one["x_m"], two["y_m"] - one["y_m"]], axis=1)
    size = np.tile(CAR_M[:2], (len(one), 1))
    return np.asarray(overlap(offset, one["heading_deg"], size, two["heading_deg"], size))


def test_staged_cars_have_obus(staging: Staging) -> None:
    staged = np.char.startswith(staging.scene.actors["name"].astype(str), "staged-")
    assert staged.sum() == 7
    assert (staging.scene.actors["role"][staged] == Role.OBU).all()


def test_the_late_follower_stops_short_of_the_leader_but_would_not_without_its_brake(staging: Staging) -> None:
    leader, follower = tracks(staging, "staged-leader", "staged-follower")
    assert not overlaps(leader, follower).any()
    between = np.hypot(leader["x_m"] - follower["x_m"], leader["y_m"] - follower["y_m"])
    assert 0 < between.min() - CAR_M[0] < 2
    brakes_at = follower["time_ms"][np.argmax(follower["acceleration_mps2"] < 0)]
    window = staging.conflicts[0].expectations[0]
    assert brakes_at / 1000 == pytest.approx(window.latest_s, abs=0.11)
    assert leader["time_ms"][np.argmax(leader["acceleration_mps2"] < 0)] / 1000 == pytest.approx(window.earliest_s, abs=0.11)
    # At an even speed it would be where the leader stands before it has gone its 14 m/s for 2.5 s after the brake.
    assert between[0] - CAR_M[0] + 14.0**2 / (2 * 7.0) < 14.0 * 2.5


def test_the_red_light_runner_and_who_crosses_overlap_at_grade_within_the_window(staging: Staging) -> None:
    runner, crosser = tracks(staging, "staged-runner", "staged-crosser")
    contact = overlaps(runner, crosser)
    assert contact.any()
    assert np.abs(runner["z_m"] - crosser["z_m"])[contact].max() < 0.5
    first = runner["time_ms"][contact][0] / 1000
    for wanted in staging.conflicts[1].expectations:
        assert wanted.latest_s < first < wanted.latest_s + 1.5
    assert (runner["acceleration_mps2"] == 0).all()
    assert (crosser["acceleration_mps2"] == 0).all()


def test_the_runner_has_red_and_who_crosses_has_green(staging: Staging, recorded: trace.Trace) -> None:
    at_ms = staging.conflicts[1].scripts[0].at_ms
    place = next(place for place in conflicts.RED_PLACES if np.allclose(line_end(staging), place_end(place), atol=1.0))
    signals = staging.scene.read(at_ms, at_ms + 1).signals
    node = district.intersections(recorded)[place.node]
    here = signals["intersection_id"] == node
    shown = dict(zip(signals["phase_id"][here].tolist(), signals["light"][here].tolist(), strict=True))
    assert shown[place.runner_group + 1] == Light.RED
    assert shown[place.crosser_group + 1] in conflicts.GREEN


def line_end(staging: Staging) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(staging.conflicts[1].scripts[0].line.points[-1])


def place_end(place: conflicts.RedPlace) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    network = sumo.read((DATA / "district.net.xml.gz").read_bytes())
    return np.asarray(network.lanes.shape[network.lane_of[place.runner[-1]]][-1])


@pytest.mark.parametrize(
    ("one", "two", "is_hit"),
    [("avenue", "riverside", True), ("avenue", "gorge", True), ("riverside", "gorge", False)],
)
def test_cars_on_different_decks_overlap_in_plan_and_are_far_apart_in_height(
    staging: Staging, one: str, two: str, is_hit: bool
) -> None:
    a, b = tracks(staging, f"staged-{one}", f"staged-{two}")
    contact = overlaps(a, b)
    assert contact.any() or not is_hit
    away = np.hypot(a["x_m"] - b["x_m"], a["y_m"] - b["y_m"])
    assert away.min() < 6
    assert np.abs(a["z_m"] - b["z_m"])[away < 10].min() >= conflicts.DECK_GAP_M


def test_nobody_of_the_trace_is_in_a_staged_cars_way(staging: Staging) -> None:
    scene = staging.scene
    whole = scene.read(scene.begin_ms, scene.end_ms)
    is_staged = np.char.startswith(scene.actors["name"].astype(str), "staged-")[whole.samples["actor"]]
    traffic = type(whole)(whole.samples.take(~is_staged), whole.signals)
    assert in_the_way(traffic, whole.samples.take(is_staged), clearance_m=conflicts.CLEARANCE_M).size == 0
    assert len(staging.removed) < 60


def test_the_removed_are_off_the_road_and_the_others_unchanged(staging: Staging, recorded: trace.Trace) -> None:
    plain = district.scene_of(recorded)
    before = plain.read(plain.begin_ms, plain.end_ms).samples
    after = staging.scene.read(staging.scene.begin_ms, staging.scene.end_ms).samples
    gone = np.isin(plain.actors["name"], staging.removed)
    own = after.take(after["actor"] < len(plain.actors))
    expected = before.take(~gone[before["actor"]])
    np.testing.assert_array_equal(own["x_m"], expected["x_m"])


def test_different_conflicts_keep_out_of_each_others_way(staging: Staging) -> None:
    places = [conflict.scripts[0].line.place(np.array([conflict.scripts[0].along_m]))[0][0] for conflict in staging.conflicts]
    for i, one in enumerate(places):
        for two in places[i + 1 :]:
            assert np.hypot(*(one - two)[:2]) > 150


def test_only_what_is_decided_by_the_end_is_expected(staging: Staging) -> None:
    assert staging.expectations(0.0) == []
    assert len(staging.expectations()) == 6
    assert len(staging.expectations(max(one.latest_s for one in staging.expectations()) - 0.1)) < 6
