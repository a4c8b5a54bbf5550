"""Abnormal vehicles, lost control and emergency vehicles: who is told, and who is not."""

from dataclasses import replace

import numpy as np
import pytest

from services.inference.ahead import Ahead
from services.inference.history import Recent
from services.inference.life import State
from services.inference.motion_model import KNOTS_S, PACES, Outlook, shares
from services.inference.reports import Event, Lamp
from services.inference.v2x.coming import MOST_EACH
from tests.unit.inference.crossroads import Crossroads
from tests.unit.inference.scenes import EPOCH_US, Car, drive, raised, report, site
from tests.unit.inference.staged import HOST, OTHER, scenes


def _told(cars, application, seconds=4.0):
    return [(round(t, 1), one.host.vehicle_id) for t, one in raised(drive(cars, seconds), application)]


@pytest.mark.parametrize("said", [{"events": int(Event.FLAT_TYRE)}, {"events": int(Event.AIRBAG)}, {"lights": int(Lamp.HAZARD)}])
def test_one_that_stands_and_says_why_is_told_to_those_who_come(said) -> None:
    host, other = scenes()["avw"]
    found = _told([host, replace(other, events=0, **said) if "events" not in said else replace(other, **said)], "avw")
    assert [who for _, who in found] == [HOST]
    assert (85 - 4.6 - 16 * found[0][0]) / 16 <= 4.1  # some four seconds before it is reached


@pytest.mark.parametrize(
    "change",
    [
        {"events": 0},  # stands and says nothing
        {"speed": 12.0},  # hazard lights on, but it flows with the traffic
        {"start": (14.0, 85, 0)},  # on another road
        {"start": (3.4, -30, 0)},  # behind
    ],
)
def test_nobody_is_told_of_one_that_is_no_concern(change) -> None:
    host, other = scenes()["avw"]
    assert _told([host, replace(other, heading=0, **change)], "avw") == []


def test_one_that_creeps_off_to_the_side_is_told_of_once() -> None:
    host, other = scenes()["avw"]
    moves = replace(other, start=(3.0, 85, 0), heading=90, speed=0.8)  # past `most_aside_m` within a second of the warning
    states = [one.state for _, one in drive([host, moves], 3.4) if one.application == "avw"]
    assert [state for state in states if state is not State.UPDATED] == [State.RAISED]


def test_who_skids_is_told_to_those_behind_and_to_those_who_come_towards_it() -> None:
    host, other = scenes()["clw"]
    oncoming = Car(7, (-6, 150, 0), 180, 15)
    found = _told([host, other, oncoming], "clw")
    assert {who for _, who in found} == {HOST, 7}
    assert _told([host, replace(other, events=int(Event.HARD_BRAKING)), oncoming], "clw") == []


@pytest.mark.parametrize("heading", [0.0, 180.0, 90.0])
def test_a_siren_is_told_to_whom_it_comes_from_whichever_side(heading) -> None:
    start = {0.0: (-3.0, -45, 0), 180.0: (-3.0, 90, 0), 90.0: (-60, 40, 0)}[heading]
    cars = [Car(HOST, (0, 0, 0), 0, 12), Car(OTHER, start, heading, 20, responds=True)]
    assert [who for _, who in _told(cars, "evw")] == [HOST]


@pytest.mark.parametrize(("start", "heading"), [((-3.0, -150, 0), 0.0), ((-3.0, 420, 0), 180.0), ((-225, 110, 0), 90.0)])
def test_a_siren_is_told_eight_seconds_ahead(start, heading) -> None:
    cars = [Car(HOST, (0, 0, 0), 0, 10), Car(OTHER, start, heading, 25, responds=True)]
    found = [(t, one) for t, one in drive(cars, 8) if one.application == "evw" and one.state is State.RAISED]
    assert [one.host.vehicle_id for _, one in found] == [HOST]
    assert 7.5 < found[0][1].ttc_s <= 8.0


def test_a_host_that_is_heard_seldom_is_told_of_a_siren_once_and_for_as_long_as_it_comes() -> None:
    cars = [Car(HOST, (0, 0, 0), 0, 10, every_s=0.7), Car(OTHER, (-3.0, -90, 0), 0, 25, responds=True)]
    states = [(t, one.state) for t, one in drive(cars, 5.4) if one.application == "evw" and one.state is not State.UPDATED]
    assert [state for _, state in states] == [State.RAISED]
    assert states[0][0] <= 0.8


class _Slows:
    """A motion model of drivers who lose a fifth of their pace at once, and go straight on."""

    def outlook(self, now: Recent, ahead: Ahead) -> Outlook:
        rows = len(ahead)
        lost = np.repeat((-0.2 * now.speed_mps[ahead.row, None] * KNOTS_S)[:, None], PACES, axis=1)
        error, zero = np.ones((rows, PACES, len(KNOTS_S))), np.zeros((rows, len(KNOTS_S)))
        score = -0.1 * np.abs(ahead.turn_deg)
        return Outlook(shares(score, ahead.row), np.full((rows, PACES), 1 / PACES), lost, error, zero, zero + 1.0)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_a_siren_is_told_as_early_whatever_pace_the_motion_model_expects(rate) -> None:
    """It knows drivers who slow down for lights and queues: one with a siren on need not."""
    place = site(roads=Crossroads(), model=_Slows())
    cars = [Car(HOST, (0, 50, 0), 0, 8), Car(OTHER, (0, -93, 0), 0, 21, rate=lambda t: rate if t > 2.5 else 0.0, responds=True)]
    found = [(t, one) for t, one in drive(cars, 6, place) if one.application == "evw" and one.state is State.RAISED]
    assert place.futures.is_modelled.any()
    assert [one.host.vehicle_id for _, one in found] == [HOST]
    assert 2.7 <= found[0][0] <= 3.4  # 143 m at 13 m/s are 11 s


def test_how_fast_a_siren_comes_nearer_is_what_both_measure_and_not_what_the_motion_model_expects() -> None:
    place = site(roads=Crossroads(), model=_Slows())
    cars = [Car(HOST, (0, 0, 0), 0, 10), Car(OTHER, (0, -40, 0), 0, 11.2, responds=True)]
    drive(cars, 2.5, place)
    assert place.evaluated is not None
    assert place.futures.is_modelled.sum() == 2
    assert place.evaluated.scene.coming.closing_mps == pytest.approx([1.2], abs=0.01)


def test_a_siren_on_another_deck_or_on_a_road_that_passes_far_off_is_not_told() -> None:
    host = Car(HOST, (0, 0, 0), 0, 10)
    for start in ((-3.0, -150, 8.0), (-45.0, -150, 0.0)):
        assert _told([host, Car(OTHER, start, 0.0, 25, responds=True)], "evw") == []


def test_of_many_sirens_that_somebody_invents_the_nearest_are_looked_at() -> None:
    cars = [Car(n, (7.0 * (n % 40), 7.0 * (n // 40), 0), 0, 10, responds=True) for n in range(200)]
    place = site()
    place.step(report(cars, 0.0), EPOCH_US)
    assert place.evaluated is not None
    assert 0 < len(place.evaluated.scene.coming) <= 200 * MOST_EACH


def test_a_siren_that_drives_away_or_is_off_is_not_told() -> None:
    away = [Car(HOST, (0, 0, 0), 0, 10), Car(OTHER, (-3, 20, 0), 0, 20, responds=True)]
    silent = [Car(HOST, (0, 0, 0), 0, 12), Car(OTHER, (-3, -45, 0), 0, 22)]
    assert _told(away, "evw") == []
    assert _told(silent, "evw") == []
