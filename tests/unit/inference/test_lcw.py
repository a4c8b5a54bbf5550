"""Blind spot and lane change: where the other must be, and what counts as moving over."""

from __future__ import annotations

import numpy as np
import pytest

from chelu.motion.footprints import forward
from services.inference.reports import Lamp
from tests.unit.inference.scenes import Car, drive, parties, raised

HOST, OTHER = 1, 2
LANE_M, LENGTH_M, SPEED_MPS = 3.5, 4.6, 20.0
LAMP = {-1: int(Lamp.LEFT), 1: int(Lamp.RIGHT)}


def _told(host: Car, *others: Car, seconds: float = 1.0) -> list[tuple[int, int]]:
    return [parties(one) for _, one in raised(drive([host, *others], seconds), "lcw")]


def _signalling(side: int = -1, **how) -> Car:
    return Car(HOST, (0, 0, 0), 0, SPEED_MPS, lights=LAMP[side], **how)


def _beside(
    ahead_m: float = 0.0, *, side: int = -1, aside_m: float = LANE_M, speed: float = SPEED_MPS, heading: float = 0
) -> Car:
    return Car(OTHER, (side * aside_m, ahead_m, 0), heading, speed)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(
    ("ahead_m", "is_warned"),
    [(0.0, True), (2.5, True), (-LENGTH_M, True), (-LENGTH_M - 3.5, True), (-LENGTH_M - 5.0, False), (6.0, False)],
)
def test_who_signals_is_warned_of_what_is_in_the_zone_that_mirrors_do_not_show(side, ahead_m, is_warned) -> None:
    assert _told(_signalling(side), _beside(ahead_m, side=side)) == ([(HOST, OTHER)] if is_warned else [])


@pytest.mark.parametrize(("comes_s", "is_warned"), [(2.0, True), (3.0, True), (6.0, False)])
def test_one_that_comes_up_from_behind_counts_when_it_will_soon_be_level(comes_s, is_warned) -> None:
    faster = 8.0
    other = _beside(-LENGTH_M - faster * comes_s, speed=SPEED_MPS + faster)
    assert bool(_told(_signalling(), other, seconds=0.5)) == is_warned


def test_one_that_falls_back_behind_the_zone_does_not_count() -> None:
    assert _told(_signalling(), _beside(-LENGTH_M - 8.0, speed=SPEED_MPS - 5)) == []


def test_a_slower_one_ahead_on_the_next_lane_counts_when_the_host_will_soon_be_level_with_it() -> None:
    assert _told(_signalling(), _beside(LENGTH_M + 16.0, speed=SPEED_MPS - 8), seconds=0.5) == [(HOST, OTHER)]


@pytest.mark.parametrize("lights", [LAMP[1], LAMP[-1] | LAMP[1], 0])
def test_without_a_signal_to_its_side_the_one_beside_is_no_concern(lights) -> None:
    host = Car(HOST, (0, 0, 0), 0, SPEED_MPS, lights=lights)
    assert _told(host, _beside()) == []


def test_the_lane_after_the_next_is_no_concern() -> None:
    assert _told(_signalling(), _beside(aside_m=2 * LANE_M)) == []


def test_one_that_points_elsewhere_or_comes_towards_is_no_concern() -> None:
    for heading in (20.0, 180.0):
        assert _told(_signalling(), _beside(heading=heading), seconds=0.3) == []


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(("slant_deg", "is_warned"), [(0.6, False), (2.5, True), (4.0, True)])
def test_who_drifts_towards_the_one_beside_is_warned_and_who_wanders_is_not(side, slant_deg, is_warned) -> None:
    host = Car(HOST, (0, 0, 0), side * slant_deg % 360, SPEED_MPS)
    found = _told(host, _beside(side=side), seconds=0.6)
    assert ((HOST, OTHER) in found) == is_warned


@pytest.mark.parametrize("speed_mps", [25.0, 45.0])
def test_what_headings_may_be_off_is_no_drift_however_fast_both_are(speed_mps) -> None:
    host, other = Car(HOST, (0, 0, 0), 358.6, speed_mps), Car(OTHER, (-2.4, 0, 0), 0, speed_mps)
    assert _told(host, other, seconds=0.4) == []


def test_who_drifts_behind_the_one_on_the_next_lane_is_not_warned() -> None:
    """It will not be level when the sides would touch."""
    assert _told(Car(HOST, (0, 0, 0), 358.0, SPEED_MPS), _beside(3 * LENGTH_M), seconds=0.6) == []


def test_who_drifts_away_is_not_warned() -> None:
    assert _told(Car(HOST, (0, 0, 0), 3.0, SPEED_MPS), _beside(side=-1)) == []


@pytest.mark.parametrize("yaw", [-12.0, 12.0])
def test_two_that_follow_one_bend_side_by_side_do_not_come_together(yaw) -> None:
    radius = SPEED_MPS / np.radians(abs(yaw))
    outer = SPEED_MPS * (radius + np.sign(yaw) * LANE_M) / radius  # the one on the left is further out in a bend to the right
    host = Car(HOST, (0, 0, 0), 0, SPEED_MPS, yaw=yaw)
    assert _told(host, Car(OTHER, (-LANE_M, 0, 0), 0, outer, yaw=yaw), seconds=2.0) == []


@pytest.mark.parametrize("heading", [0.0, 77.0, 180.0, 301.0])
def test_the_side_is_that_of_the_host_wherever_the_road_points(heading) -> None:
    east, north = (LANE_M * forward(np.array([heading + 90.0]))[0]).tolist()
    host = Car(HOST, (0, 0, 0), heading, SPEED_MPS, lights=LAMP[1])
    right, left = Car(OTHER, (east, north, 0), heading, SPEED_MPS), Car(OTHER + 1, (-east, -north, 0), heading, SPEED_MPS)
    assert _told(host, right, left) == [(HOST, OTHER)]
