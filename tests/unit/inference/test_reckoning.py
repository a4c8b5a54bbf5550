"""Vehicles that speak without knowing where they are, as in a tunnel: reckoned along their road, warned, and warned of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from chelu.applications.common import ReckoningParameters
from chelu.roads import sumo
from services.inference.life import Notice
from services.inference.network import NetworkRoads
from services.inference.reports import Reports, Track
from services.inference.site import Site, SiteParameters
from tests.unit.inference.scenes import EPOCH_US, Car, report, site
from tests.unit.inference.small_roads import bend_file

SPEED, LOST_S = 15.0, 3.0
Said = Callable[[Reports, float], None]  # changes what the first car says at a time


@cache
def _roads() -> NetworkRoads:
    return NetworkRoads(sumo.read(bend_file()))


def _on_bend(way_m: float) -> tuple[np.ndarray, float]:
    """Place and heading on the road of `bend_file`."""
    line = _roads().network.lanes.shape[0]
    step = np.diff(line[:, :2], axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*step.T))])
    place = np.array([np.interp(way_m, along, line[:, axis]) for axis in (0, 1)])
    piece = min(int(np.searchsorted(along, way_m, side="right")) - 1, len(step) - 1)
    return place, float(np.degrees(np.arctan2(*step[piece])) % 360)


def _lose(rows: Reports, t: float, *, row: int = 0) -> None:
    """No place from then on."""
    if t >= LOST_S - 1e-9:
        rows.xyz[row] = np.nan


def run(cars: list[Car], seconds: float, place: Site, say: Said = _lose) -> list[tuple[float, Notice]]:
    """The cars through a site at 10 Hz."""
    told = []
    for tick in range(round(seconds * 10)):
        t = tick * 0.1
        rows = report([car for car in cars if t >= car.from_s], t)
        say(rows, t)
        told += [(t, notice) for notice in place.step(rows, EPOCH_US + round(t * 1e6))]
    return told


def test_who_loses_its_place_is_carried_on_by_its_speed_and_heading_and_is_less_and_less_sure() -> None:
    place, car, sigmas = site(), Car(1, (0, 0, 0), 30, SPEED), []

    def say(rows: Reports, t: float) -> None:
        _lose(rows, t)
        sigmas.append(place.picture.floats["place_sigma_m"][0])

    run([car], 10, place, say)
    np.testing.assert_allclose(place.picture.xyz[0, :2], car.at(9.9)[0], atol=0.1)
    assert place.picture.is_reckoned[0]
    assert np.all(np.diff(sigmas[32:]) > 0)
    assert sigmas[-1] == pytest.approx(np.hypot(0.75, 0.02 * SPEED * 6.8), abs=0.05)
    assert place.counts.reckoned == 70
    assert place.counts.unjudged == 0


def test_a_bend_is_followed_on_the_road_though_speed_and_heading_are_told_a_little_wrong() -> None:
    place, car = site(roads=_roads()), Car(1, (0, 0, 0), 0, SPEED)

    def say(rows: Reports, t: float) -> None:
        rows.xyz[0, :2], heading = _on_bend(SPEED * t)
        rows.heading_deg[0] = (heading + 3.0) % 360
        rows.speed_mps[0] = 1.01 * SPEED
        _lose(rows, t)

    run([car], 14, place, say)
    there, heading = _on_bend(SPEED * 13.9)
    off = place.picture.xyz[0, :2] - there
    right = np.array([np.cos(np.radians(heading)), -np.sin(np.radians(heading))])
    assert abs(off @ right) < 0.8  # by its heading alone it would be 8 m aside
    assert np.hypot(*off) < 2.5
    assert place.picture.across_m[0] == pytest.approx(0.75)
    assert place.placement.lane[0] >= 0


def test_after_half_a_minute_or_when_too_unsure_it_has_no_place_any_more() -> None:
    slow = site()
    run([Car(1, (0, 0, 0), 0, 3.0)], 29, slow, lambda rows, t: _lose(rows, t + 2.9))
    assert slow.picture.is_reckoned[0]
    late = slow.picture.ints["time_us"][0] - EPOCH_US
    rows = report([Car(1, (0, 0, 0), 0, 3.0)], 29.9)
    rows.xyz[0] = np.nan
    for tick in range(1, 15):
        rows.time_us[:] = rows.arrival_us[:] = EPOCH_US + late + tick * 200_000
        slow.step(rows, int(rows.time_us[0]))
    assert not slow.picture.is_reckoned[0]
    assert np.isnan(slow.picture.xyz[0, 0])
    sure = replace(SiteParameters(), reckoning=replace(ReckoningParameters(), most_off_m=1.5))
    fast = site(parameters=sure)
    run([Car(1, (0, 0, 0), 0, 30.0)], 7, fast)
    assert not fast.picture.is_reckoned[0]


def test_an_accuracy_that_says_that_the_place_is_worth_nothing_counts_as_none() -> None:
    place, car = site(), Car(1, (0, 0, 0), 0, SPEED)

    def say(rows: Reports, t: float) -> None:
        if t >= LOST_S:
            rows.xyz[0, 0] += 60.0
            rows.place_sigma_m[0] = 51.0

    run([car], 6, place, say)
    np.testing.assert_allclose(place.picture.xyz[0, :2], car.at(5.9)[0], atol=0.1)


def test_who_never_had_a_better_place_is_taken_at_its_word() -> None:
    place, car = site(), Car(1, (0, 0, 0), 0, SPEED)

    def say(rows: Reports, t: float) -> None:
        rows.place_sigma_m[0] = 10.2

    run([car], 2, place, say)
    np.testing.assert_allclose(place.picture.xyz[0, :2], car.at(1.9)[0])
    assert not place.picture.is_reckoned[0]


def test_without_speed_or_heading_nothing_is_reckoned() -> None:
    place = site()

    def say(rows: Reports, t: float) -> None:
        _lose(rows, t)
        if t >= LOST_S:
            rows.heading_deg[0] = np.nan

    run([Car(1, (0, 0, 0), 0, SPEED)], 5, place, say)
    assert np.isnan(place.picture.xyz[0, 0])
    assert place.counts.unjudged >= 20


def test_a_slot_that_is_given_to_another_begins_anew() -> None:
    place = site()
    run([Car(1, (0, 0, 0), 0, SPEED)], 5, place)
    rows = report([Car(2, (500, 0, 0), 0, SPEED)], 20.0)
    rows.xyz[0] = np.nan
    place.step(report([], 19.9), EPOCH_US + 19_900_000)
    place.step(rows, EPOCH_US + 20_000_000)
    assert place.picture.find(Track.SPEAKS, rows.key).tolist() == [0]
    assert np.isnan(place.picture.xyz[0, 0])


def test_a_vehicle_in_a_tunnel_is_warned_through_its_own_unit_of_one_that_stands_there() -> None:
    told = run([Car(1, (0, 0, 0), 0, 20.0), Car(2, (0.2, 160, 0), 0, 0.0)], 8, site())
    raised = [(t, one) for t, one in told if one.application == "fcw" and one.state == "raised"]
    assert len(raised) == 1
    t, warning = raised[0]
    assert t > LOST_S
    assert (warning.host.vehicle_id, warning.host.own_key) == (1, 101)
    assert warning.ttc_s > 2.5


def test_others_are_warned_of_a_vehicle_that_stands_in_a_tunnel() -> None:
    stops = Car(1, (0, 100, 0), 0, 15.0, lambda t: -4.0 if t >= LOST_S else 0.0)
    told = run([stops, Car(2, (0.2, -40, 0), 0, 20.0)], 9, site())
    raised = [(t, one) for t, one in told if one.application == "fcw" and one.state == "raised"]
    assert [one.host.vehicle_id for _, one in raised] == [2]
    assert raised[0][1].other is not None
    assert raised[0][1].other.vehicle_id == 1


def _with_view(off_m: float, seconds: float) -> tuple[Site, Car, list[tuple[float, Notice]]]:
    """The car's own speed is told wrong; from 8 s on the roadside sees it. off_m: how far it is then off by that."""
    wrong = 1.0 + off_m / ((8.0 - LOST_S) * SPEED)
    place, own, view = site(), Car(1, (0, 0, 0), 0, SPEED), Car(7, (0.3, 0, 0), 0, SPEED, is_seen=True, from_s=8.0)

    def say(rows: Reports, t: float) -> None:
        _lose(rows, t)
        rows.speed_mps[0] *= wrong if t >= LOST_S else 1.0

    return place, own, run([own, view], seconds, place, say)


@pytest.mark.parametrize("off_m", [0.5, 3.0, -3.5])
def test_when_the_roadside_sees_it_it_is_carried_on_from_there_and_nobody_is_warned_of_itself(off_m) -> None:
    place, own, told = _with_view(off_m, 11)
    lead, member = (
        place.picture.find(Track.SPEAKS, np.array([1], np.uint64)),
        place.picture.find(Track.SEEN, np.array([7], np.uint64)),
    )
    assert place.twins.twin[member].tolist() == lead.tolist()
    assert place.picture.is_reckoned[lead].all()
    off = place.picture.xyz[lead[0], :2] - own.at(10.9)[0]
    assert np.hypot(*off) < 0.8
    assert place.picture.floats["place_sigma_m"][lead[0]] < 0.8
    assert told == []


def test_in_a_tunnel_a_view_that_drives_in_the_other_lane_is_somebody_else() -> None:
    place, own = site(), Car(1, (0, 0, 0), 0, SPEED)
    beside = Car(7, (3.6, 2.0, 0), 0, SPEED, is_seen=True, from_s=8.0)
    run([own, beside], 11, place)
    live = place.picture.live()
    assert place.twins.twin[live].tolist() == [-1, -1]


def test_where_the_satellites_are_seen_again_its_own_place_counts_at_once() -> None:
    place, car = site(), Car(1, (0, 0, 0), 0, SPEED)

    def say(rows: Reports, t: float) -> None:
        if LOST_S <= t < 6.0:
            _lose(rows, t)
            rows.speed_mps[0] *= 1.05

    run([car], 7, place, say)
    assert not place.picture.is_reckoned[0]
    np.testing.assert_allclose(place.picture.xyz[0, :2], car.at(6.9)[0])
