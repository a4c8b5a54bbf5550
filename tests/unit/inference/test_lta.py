"""Left-turn assist: who turns across oncoming traffic, to whichever side it comes, and who only seems to."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.life import Notice
from tests.unit.inference.scenes import Car, drive, parties, raised

HOST, OTHER = 1, 2
SPEED_MPS, RADIUS_M = 7.0, 12.0
YAW_DPS = float(np.degrees(SPEED_MPS / RADIUS_M))


def _oncoming(late_s: float = 0.0, *, side: int = -1, lane_m: float = 9.0, speed_mps: float = 15.0, **how) -> Car:
    """One on the lane beside, that so many seconds after the host is where the host's turn leads across that lane."""
    angle = np.arccos(1.0 - lane_m / RADIUS_M)
    meets_s, north_m = RADIUS_M * angle / SPEED_MPS, RADIUS_M * np.sin(angle)
    return Car(OTHER, (side * lane_m, north_m + speed_mps * (meets_s + late_s), 0), 180, speed_mps, **how)


def _turning(side: int = -1, **how) -> Car:
    return Car(HOST, (0, 0, 0), 0, SPEED_MPS, yaw=side * YAW_DPS, **how)


def _told(*cars: Car, seconds: float = 1.5, application: str = "lta") -> list[Notice]:
    return [one for _, one in raised(drive(cars, seconds), application)]


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("lane_m", [5.0, 7.0, 9.0, 11.0])
@pytest.mark.parametrize("speed_mps", [9.0, 15.0, 22.0])
def test_who_turns_across_one_that_comes_is_warned_on_either_side_of_the_road(side, lane_m, speed_mps) -> None:
    found = _told(_turning(side), _oncoming(side=side, lane_m=lane_m, speed_mps=speed_mps))
    assert [parties(one) for one in found] == [(HOST, OTHER)]


def test_the_oncoming_one_is_told_of_the_crossing_and_not_of_a_turn() -> None:
    cars = _turning(), _oncoming()
    assert OTHER not in {parties(one)[0] for one in _told(*cars)}
    assert (OTHER, HOST) in {parties(one) for one in _told(*cars, application="icw")}


@pytest.mark.parametrize("late_s", [-3.0, 3.0])
def test_who_turns_behind_or_well_before_the_oncoming_one_is_not_warned(late_s) -> None:
    assert _told(_turning(), _oncoming(late_s), seconds=3.0) == []


def test_who_turns_away_from_the_oncoming_lane_is_not_warned() -> None:
    assert _told(_turning(side=1), _oncoming(side=-1)) == []


def test_who_goes_straight_on_past_the_oncoming_one_is_not_warned() -> None:
    assert _told(Car(HOST, (0, 0, 0), 0, SPEED_MPS), _oncoming(lane_m=3.5), seconds=3.0) == []


@pytest.mark.parametrize("yaw", [-30.0, 30.0])
def test_an_oncoming_one_that_turns_as_well_is_no_left_turns_concern(yaw) -> None:
    assert _told(_turning(), _oncoming(yaw=yaw)) == []


@pytest.mark.parametrize("heading", [255.0, 270.0, 285.0])
def test_one_that_comes_from_the_side_is_the_crossing_s_concern(heading) -> None:
    angle = np.radians(heading)
    meets_s, place = 1.8, np.array([-4.5, 10.0])
    start = place - 14.0 * meets_s * np.array([np.sin(angle), np.cos(angle)])
    assert _told(_turning(), Car(OTHER, (*start.tolist(), 0), heading, 14.0)) == []


def test_who_stands_on_the_oncoming_lane_gives_way() -> None:
    assert _told(_turning(), Car(OTHER, (-9.0, 11.0, 0), 180, 0.0)) == []


def test_who_stands_and_waits_for_the_gap_is_not_warned() -> None:
    assert _told(Car(HOST, (0, 0, 0), 330, 0.0), _oncoming(), seconds=4.0) == []


def test_who_brakes_already_to_give_way_is_not_warned_and_who_cannot_stop_any_more_is() -> None:
    assert _told(_turning(rate=lambda t: -1.5), _oncoming(0.7), seconds=0.6) == []
    assert _told(_turning(rate=lambda t: -1.5), _oncoming(lane_m=4.0), seconds=0.6) != []


def test_one_that_comes_on_the_deck_above_is_no_concern() -> None:
    other = _oncoming()
    above = Car(OTHER, (*other.start[:2], 7.0), other.heading, other.speed)
    assert _told(_turning(), above) == []
