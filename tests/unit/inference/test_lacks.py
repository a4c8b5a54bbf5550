"""What cannot be judged, and for want of what: counted by reason, and told of the applications that it concerns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from services.inference.lacks import INTERVAL_S, Lack, Lacks, by_application, lack_row
from services.inference.network import NetworkRoads
from services.inference.reports import Reports
from services.inference.site import Site, SiteParameters
from tests.unit.inference.scenes import EPOCH_US, Car, report, site
from tests.unit.inference.small_roads import crossing

WRONG: dict[Lack, Callable[[Reports, int], object]] = {
    Lack.LATE: lambda rows, tick: rows.time_us.__isub__(6_000_000),
    Lack.NO_PLACE: lambda rows, tick: rows.xyz.fill(np.nan),
    Lack.NO_MOTION: lambda rows, tick: rows.heading_deg.fill(np.nan),
    Lack.OLD: lambda rows, tick: rows.time_us.__isub__(1_200_000),
    Lack.AHEAD: lambda rows, tick: rows.time_us.__iadd__(1_200_000),
}


def _run(place: Site, car: Car, say: Callable[[Reports, int], object], ticks: int = 10, every: int = 1) -> Lacks:
    for tick in range(0, ticks, every):
        rows = report([car], tick * 0.1)
        arrival_us = rows.arrival_us.copy()
        say(rows, tick)
        place.step(replace(rows, arrival_us=arrival_us), EPOCH_US + tick * 100_000)
    return place.counts.lacks


@pytest.mark.parametrize("lack", list(WRONG))
def test_every_reason_is_counted_as_what_it_is_and_only_once(lack: Lack) -> None:
    lacks = _run(site(), Car(1, (0, 0, 0), 0, 10), WRONG[lack])
    of_states = {one: count for one, count in lacks.of.items() if one in WRONG}
    assert of_states == {lack: 10}
    assert lacks.states == 10
    told = by_application(lacks, {"fcw": ()})
    assert told == {"fcw": {str(lack): 10}}


def test_who_is_a_little_ahead_is_judged_as_if_it_spoke_of_now() -> None:
    lacks = _run(site(), Car(1, (0, 0, 0), 0, 10), lambda rows, tick: rows.time_us.__iadd__(900_000))
    assert (lacks.of[Lack.AHEAD], lacks.hosts) == (0, 10)


def test_whose_clock_is_right_again_is_judged_again() -> None:
    place, car = site(), Car(1, (0, 0, 0), 0, 10)
    for tick in range(60):
        rows = report([car], tick * 0.1)
        rows.time_us[:] += 8_000_000 if tick < 10 else 0
        place.step(rows, EPOCH_US + tick * 100_000)
    assert place.counts.lacks.of[Lack.AHEAD] == 10
    assert place.counts.lacks.hosts == 60 - 10 - 21  # until the track of the wrong clock ends: two seconds


def test_a_wrong_clock_moves_nobody_elses_warnings() -> None:
    place = site()
    cars = [Car(1, (0, 0, 0), 0, 20), Car(2, (0.3, 110, 0), 0, 0), *(Car(n, (900.0 * n, 0, 0), 0, 10) for n in range(3, 9))]
    told = []
    for tick in range(30):
        rows = report(cars, tick * 0.1)
        rows.time_us[2:] += 9_000_000
        told += place.step(rows, EPOCH_US + tick * 100_000)
    assert [one.host.vehicle_id for one in told if one.state == "raised"] == [1]
    assert place.counts.lacks.of[Lack.AHEAD] == 6 * 30


def test_who_speaks_too_seldom_is_counted() -> None:
    lacks = _run(site(), Car(1, (0, 0, 0), 0, 10), lambda rows, tick: None, ticks=60, every=15)
    assert lacks.of[Lack.SELDOM] == 3


def test_an_application_tells_of_what_it_needs_itself_and_of_nothing_else() -> None:
    place = site()
    _run(place, Car(1, (0, 0, 0), 0, 10, height_known=False), lambda rows, tick: None)
    told = by_application(place.counts.lacks, place.needs())
    assert told["fcw"] == {"no height": 10, "no weather": 10}
    assert told["svw"] == {"no road": 10, "no weather": 10}
    assert told["slw"] == {"no speed limit": 10, "no weather": 10}
    assert told["ivs"] == {}


def test_on_known_roads_with_signals_that_say_nothing_the_signal_is_what_lacks() -> None:
    place = site(roads=NetworkRoads(crossing(has_signals=True)))
    _run(place, Car(1, (-1.75, 100, 0), 180, 10), lambda rows, tick: None, ticks=20)
    told = by_application(place.counts.lacks, place.needs())
    assert told["svw"].get("no road") is None
    assert told["svw"]["no signal state"] > 0
    assert told["glosa"]["no signal state"] > 0
    assert "no signal state" not in told["fcw"]
    assert "no speed limit" not in told["slw"]


def test_an_application_that_is_switched_off_lacks_nothing() -> None:
    defaults = SiteParameters()
    off = {**defaults.applications, "fcw": replace(defaults.applications["fcw"], is_on=0.0)}
    assert "fcw" not in site(parameters=replace(defaults, applications=off)).needs()


def test_a_row_has_what_came_since_the_last_one() -> None:
    lacks, before = Lacks(), Lacks()
    lacks.add(10, 5, {Lack.AHEAD: 3})
    first = lacks.since(before)
    before = lacks.copy()
    lacks.add(7, 2, {Lack.AHEAD: 1, Lack.NO_SIGNAL: 2})
    row = lack_row("north", lacks.since(before), {"svw": {Lack.NO_SIGNAL}}, interval_s=INTERVAL_S, now_us=EPOCH_US)
    assert first.of == {Lack.AHEAD: 3}
    assert (row["states"][0], row["hosts"][0]) == (7, 2)
    assert row["lacking"][0] == {"svw": {"clock ahead": 1, "no signal state": 2}}


def test_whose_clock_is_slow_is_in_the_picture_and_what_waited_is_not() -> None:
    slow, waited = site(), site()
    late = _run(slow, Car(1, (0, 0, 0), 0, 10), lambda rows, tick: rows.time_us.__isub__(20_000_000), 40).of[Lack.LATE]
    assert (late, len(slow.picture)) == (20, 1)
    drained = _run(waited, Car(1, (0, 0, 0), 0, 10), lambda rows, tick: rows.time_us.__isub__(90_000_000 - 1_000_000 * tick), 40)
    assert (drained.of[Lack.LATE], len(waited.picture)) == (40, 0)
