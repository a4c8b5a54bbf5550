"""Emergency brake: who brakes so that the host must know, where it is, and when that is over."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.reports import Event
from tests.unit.inference.scenes import Car, drive, parties, raised

HOST, OTHER, BETWEEN = 1, 2, 3
SPEED_MPS, BRAKES_FROM_S = 18.0, 1.0


def _brakes(rate: float):
    return lambda t: rate if t >= BRAKES_FROM_S else 0.0


def _host(**how) -> Car:
    return Car(HOST, (0, 0, 0), 0, SPEED_MPS, **how)


def _ahead(metres: float = 40.0, rate: float = -7.0, *, aside_m: float = 0.0, heading: float = 0.0, events: int = 0) -> Car:
    return Car(OTHER, (aside_m, metres, 0), heading, SPEED_MPS, rate=_brakes(rate), events=events)


def _told(*cars: Car, seconds: float = 3.5) -> list[tuple[float, tuple[int, int]]]:
    return [(t, parties(one)) for t, one in raised(drive(cars, seconds), "ebw")]


@pytest.mark.parametrize(("rate", "is_warned"), [(-4.0, False), (-4.5, False), (-5.5, True), (-8.0, True)])
def test_hard_braking_ahead_is_told_at_once_and_ordinary_braking_is_not(rate, is_warned) -> None:
    found = _told(_host(), _ahead(rate=rate))
    assert [one for _, one in found] == ([(HOST, OTHER)] if is_warned else [])
    assert all(BRAKES_FROM_S <= t <= BRAKES_FROM_S + 0.5 for t, _ in found)


def test_who_says_that_it_brakes_hard_is_believed() -> None:
    assert [one for _, one in _told(_host(), _ahead(rate=-4.0, events=int(Event.HARD_BRAKING)))] == [(HOST, OTHER)]


def test_one_hidden_behind_another_is_told_of_before_that_one_brakes() -> None:
    between = Car(BETWEEN, (0, 22, 0), 0, SPEED_MPS)
    found = _told(_host(), between, _ahead(44.0), seconds=1.6)
    assert (HOST, OTHER) in [one for _, one in found]
    assert (BETWEEN, OTHER) in [one for _, one in found]
    assert (HOST, BETWEEN) not in [one for _, one in found]


@pytest.mark.parametrize(("aside_m", "is_warned"), [(0.9, True), (-0.9, True), (3.5, False), (-3.5, False)])
def test_only_the_own_path_counts(aside_m, is_warned) -> None:
    assert bool(_told(_host(), _ahead(aside_m=aside_m))) == is_warned


def test_who_brakes_behind_the_host_is_no_concern() -> None:
    assert _told(_host(), _ahead(-20.0)) == []


def test_an_oncoming_one_that_brakes_is_no_concern() -> None:
    assert _told(_host(), _ahead(100.0, heading=180.0), seconds=2.5) == []


@pytest.mark.parametrize(("metres", "is_warned"), [(60.0, True), (135.0, False), (170.0, False)])
def test_one_so_far_ahead_that_the_host_can_brake_gently_is_no_concern(metres, is_warned) -> None:
    """18 m/s need 81 m at 2 m/s², and 14 m for the reaction; the other comes to rest within 23 m."""
    assert bool(_told(_host(), _ahead(metres))) == is_warned


def test_a_host_at_walking_pace_is_not_warned() -> None:
    host, other = Car(HOST, (0, 0, 0), 0, 2.5), Car(OTHER, (0, 8, 0), 0, 6.0, rate=_brakes(-7.0))
    assert _told(host, other) == []


@pytest.mark.parametrize("yaw", [-9.0, 9.0])
def test_a_bend_counts_as_a_straight_road(yaw) -> None:
    radius, ahead_m = SPEED_MPS / np.radians(abs(yaw)), 35.0
    angle = ahead_m / radius
    place = (np.sign(yaw) * radius * (1 - np.cos(angle)), radius * np.sin(angle), 0)
    heading = float(np.sign(yaw) * np.degrees(angle) % 360)
    bent = Car(OTHER, place, heading, SPEED_MPS, rate=_brakes(-7.0), yaw=yaw)
    assert [one for _, one in _told(_host(yaw=yaw), bent, seconds=2.0)] == [(HOST, OTHER)]


def test_it_ends_soon_after_the_braking() -> None:
    eases = Car(OTHER, (0, 40, 0), 0, SPEED_MPS, rate=lambda t: -7.0 if BRAKES_FROM_S <= t < 2.0 else 0.0)
    changes = [(t, one) for t, one in drive([_host(), eases], 5.0) if one.application == "ebw"]
    assert [one.state for _, one in changes][-1] == "cleared"
    assert 2.0 <= changes[-1][0] <= 3.5
