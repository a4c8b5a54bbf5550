"""Signal violation warning: who will cross on red and who will not, and when that cannot be told."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from chelu.messages import concatenate
from services.inference.network import NetworkRoads
from services.inference.reports import Lamp
from services.inference.signals import Light
from services.inference.site import site_parameters
from tests.unit.inference.scenes import EPOCH_US, Car, drive, parties, raised, site
from tests.unit.inference.signal_roads import FAR, NEVER, SOUTH, STOP_C, WEST, Shown, at, spat, town

RED, GREEN, YELLOW = Light.RED, Light.PROTECTED_GREEN, Light.YELLOW
RED_FOR_LONG: Shown = {SOUTH: [(RED, 0, 60)], WEST: [(GREEN, 0, 60)]}


def _tell(shown, place, t, now_us, *, until_s=np.inf, every_s=0.1):
    """Say what was announced at 0 as it is at t."""
    if t <= until_s and round(t * 10) % round(every_s * 10) == 0 and (now := at(shown, t)):
        place.signals.update(spat(now, now_us))


def _run(cars, seconds, shown, *, parameters=None, network=None, **how):
    options = {"parameters": parameters} if parameters else {}
    place = site(roads=NetworkRoads(network or town()), **options)
    found = drive(cars, seconds, place, tell=partial(_tell, shown, **how))
    return raised(found, "svw"), place


def _from(start_s: float, rate: float):
    return lambda t: rate if t >= start_s else 0.0


def _comes(speed: float = 14.0, seconds: float = 5.0, **how) -> Car:
    """A car whose bumper is at the stop line after so many seconds if it goes on."""
    return Car(1, (0, STOP_C - 2.3 - speed * seconds, 0), 0, speed, **how)


def test_who_does_not_brake_for_a_red_light_is_warned_before_the_line() -> None:
    found, _ = _run([_comes()], 5, RED_FOR_LONG)
    assert len(found) == 1
    t, one = found[0]
    left_m = 14 * (5 - t)
    assert 14**2 / (2 * (left_m + 1.0 + 14 * (0.3 - 1.5))) < 4.0 <= 14**2 / (2 * (left_m + 1.0 - 14 * 1.5))
    assert 5 - t >= 2.5
    assert one.other is None
    assert one.subject is not None
    assert (one.subject.kind, one.subject.id) == ("stop line", "south_0")
    assert one.subject.facts == {"phase": "0/1/1", "light": "red", "remaining_s": pytest.approx(60 - t, abs=0.11)}
    np.testing.assert_allclose(one.subject.place, [0, STOP_C, 0])


@pytest.mark.parametrize("speed_mps", [10.0, 12.0, 14.0, 18.0])
def test_whom_drivers_who_mean_to_stop_are_ahead_of_by_errors_and_delays_is_not_warned(speed_mps) -> None:
    """It begins to brake when drivers do, half a metre further on than it seems, and its messages are late."""
    way_m = speed_mps * 1.0 + speed_mps**2 / (2 * 3.0)
    begins = 5.0 - (way_m + 0.5) / speed_mps
    found, _ = _run([_comes(speed_mps, rate=_from(begins, -(speed_mps**2) / (2 * way_m)), delay_s=0.1)], 12, RED_FOR_LONG)
    assert found == []


def test_it_ends_soon_after_the_line() -> None:
    place = site(roads=NetworkRoads(town()))
    changes = [one for one in drive([_comes()], 8, place, tell=partial(_tell, RED_FOR_LONG)) if one[1].application == "svw"]
    t, last = changes[-1]
    assert last.state == "cleared"
    assert 5.0 < t < 6.2


@pytest.mark.parametrize("speed_mps", [5.0, 8.0, 11.0, 14.0, 18.0])
def test_who_begins_as_late_as_drivers_do_is_not_warned(speed_mps) -> None:
    """When a second's way and braking with 3 m/s² are left to a metre before the line."""
    way_m = speed_mps * 1.0 + speed_mps**2 / (2 * 3.0)
    begins = 5.0 - (way_m + 1.0) / speed_mps
    found, _ = _run([_comes(speed_mps, rate=_from(begins, -(speed_mps**2) / (2 * way_m)))], 12, RED_FOR_LONG)
    assert found == []


@pytest.mark.parametrize("brake_mps2", [3.5, 4.2])
def test_who_begins_so_late_that_a_warning_would_have_helped_is_warned(brake_mps2) -> None:
    begins = 5.0 - 14 / (2 * brake_mps2)  # stands at the line
    found, _ = _run([_comes(rate=_from(begins, -brake_mps2))], 9, RED_FOR_LONG)
    assert len(found) == 1
    assert found[0][0] < begins


def test_who_is_slow_is_warned_only_when_it_must_brake_noticeably() -> None:
    found, _ = _run([_comes(6.0)], 5, RED_FOR_LONG)
    assert len(found) == 1
    left_m = 6 * (5 - found[0][0])
    assert 6**2 / (2 * (left_m + 1.0)) >= 2.0


def test_who_brakes_too_gently_to_stop_is_warned_all_the_same() -> None:
    found, _ = _run([_comes(rate=_from(1.0, -1.2))], 8, RED_FOR_LONG)
    assert len(found) == 1
    assert found[0][1].level == 2


@pytest.mark.parametrize("light", [GREEN, Light.PERMISSIVE_GREEN, Light.FLASHING_GREEN, Light.FLASHING_YELLOW])
def test_nobody_is_warned_who_may_go(light) -> None:
    assert _run([_comes()], 5, {SOUTH: [(light, 0, 60)]})[0] == []


def test_red_that_will_be_green_on_arrival_warns_nobody() -> None:
    assert _run([_comes()], 5, {SOUTH: [(RED, 0, 4.0)]})[0] == []
    assert _run([_comes()], 5, {SOUTH: [(RED, 0, 4.0), (GREEN, 4.0, 30.0)]})[0] == []


def test_green_of_which_red_is_announced_before_the_arrival_counts_as_red() -> None:
    found, _ = _run([_comes()], 5, {SOUTH: [(GREEN, 0, 1.5), (YELLOW, 1.5, 3.5), (RED, 3.5, 60)]})
    assert len(found) == 1


def test_in_the_dilemma_zone_nobody_is_warned_until_it_is_red() -> None:
    """At 14 m/s and 15 m nobody can stop: the yellow begins then, and lasts until after the line."""
    late = {SOUTH: [(GREEN, 0, 3.9), (YELLOW, 3.9, 6.9), (RED, 6.9, 60)]}
    assert _run([_comes()], 6, late)[0] == []


def test_a_red_light_whose_end_is_never_said_is_red() -> None:
    assert len(_run([_comes()], 5, {SOUTH: [(RED, 0, NEVER)]})[0]) == 1


def test_a_state_that_is_over_without_news_is_not_known() -> None:
    """The red's likely end has passed, and the controller says nothing new: it may be green."""
    found, place = _run([_comes()], 5, {SOUTH: [(RED, 0, 2.0)]}, until_s=1.5)
    assert found == []
    assert place.counts.dark > 20


def test_a_signal_that_falls_silent_goes_dark_and_is_counted() -> None:
    found, place = _run([_comes(seconds=8)], 8, RED_FOR_LONG, until_s=1.0)
    assert found == []
    assert place.counts.dark >= 25
    assert _run([_comes(seconds=8)], 8, RED_FOR_LONG)[1].counts.dark == 0


@pytest.mark.parametrize("light", [Light.DARK, Light.UNAVAILABLE])
def test_a_signal_that_shows_nothing_is_not_judged_and_counted(light) -> None:
    found, place = _run([_comes()], 5, {SOUTH: [(light, 0, 60)]})
    assert found == []
    assert place.counts.dark == 50


def test_a_signal_that_speaks_once_a_second_is_enough() -> None:
    assert len(_run([_comes()], 5, RED_FOR_LONG, every_s=1.0)[0]) == 1


def test_who_may_turn_right_on_red_is_warned_only_when_too_fast_for_the_turn() -> None:
    free = town(may_turn_right=True)
    assert _run([_comes(7.0)], 5, RED_FOR_LONG, network=free)[0] == []
    assert len(_run([_comes(16.0)], 5, RED_FOR_LONG, network=free)[0]) == 1
    straight_on = _comes(7.0, lights=int(Lamp.LEFT))  # no way on the left: the turn signal tells nothing
    assert _run([straight_on], 5, RED_FOR_LONG, network=free)[0] == []


def test_downhill_the_brakes_reach_their_limit_earlier_than_uphill() -> None:
    """Who brakes, but too gently, is told when full braking is near; by choice people slow down alike on any slope."""
    times = []
    for gradient in (-0.08, 0.08):
        place = (0, STOP_C - 2.3 - 70, gradient * (STOP_C - 72.3))
        car = Car(1, place, 0, 14, rises=gradient, rate=_from(0.5, -1.2))
        times.append(_run([car], 9, RED_FOR_LONG, network=town(rises=gradient))[0][0][0])
    assert times[0] < times[1]


def test_only_the_next_line_counts() -> None:
    """Green here and red 300 m on: nobody is warned yet."""
    assert _run([_comes()], 5, {SOUTH: [(GREEN, 0, 60)], FAR: [(RED, 0, 60)]})[0] == []


def test_the_second_line_has_a_warning_of_its_own() -> None:
    found, _ = _run([_comes(16.0, 4.0)], 24, {SOUTH: [(RED, 0, 60)], FAR: [(RED, 0, 60)]})
    assert [one.subject.id for _, one in found if one.subject] == ["south_0", "middle_0"]


def test_a_signal_that_is_not_on_the_map_says_nothing_to_anybody() -> None:
    found, place = _run([_comes()], 5, {(77, 1): [(RED, 0, 60)]})
    assert found == []
    assert place.counts.dark == 50


def test_site_without_roads_has_no_lines() -> None:
    assert raised(drive([_comes()], 5, site(), tell=partial(_tell, RED_FOR_LONG)), "svw") == []


def test_a_red_light_holds_two_crossing_ways_apart_until_one_does_not_stop() -> None:
    cars = [_comes(14.0, 4.2), Car(2, (-70, 0, 0), 90, 14)]
    off = site_parameters({"svw": {"is_on": 0}}, where="here")
    plain = raised(drive(cars, 5, site(roads=NetworkRoads(town()))), "icw")
    assert {parties(one) for _, one in plain} == {(1, 2), (2, 1)}
    place = site(roads=NetworkRoads(town()), parameters=off)
    held = raised(drive(cars, 5, place, tell=partial(_tell, RED_FOR_LONG)), "icw")
    assert {parties(one) for _, one in held} == {(1, 2), (2, 1)}
    first_plain, first_held = min(t for t, _ in plain), min(t for t, _ in held)
    assert first_plain < first_held  # not while it could still stop by choice
    assert 14 * (4.2 - first_held) > 10.0  # but long before the place where both meet


def test_who_stops_late_but_stops_is_not_warned_of_where_a_signal_says_that_it_must() -> None:
    """Brakes with 3.5 m/s² at the last moment: without the signal the intersection warning speaks."""
    cars = [_comes(14.0, 4.2, rate=_from(4.2 - 14 / 7.0, -3.5)), Car(2, (-70, 0, 0), 90, 14)]
    assert raised(drive(cars, 8, site(roads=NetworkRoads(town()))), "icw")
    place = site(roads=NetworkRoads(town()))
    assert raised(drive(cars, 8, place, tell=partial(_tell, RED_FOR_LONG)), "icw") == []


def test_of_several_messages_at_once_the_newest_counts() -> None:
    place = site(roads=NetworkRoads(town()))
    old, new = (spat({SOUTH: [(light, 0, 60)]}, EPOCH_US + later) for light, later in ((RED, 0), (GREEN, 100_000)))
    place.signals.update(concatenate([new, old]))
    place.signals.update(old)
    assert place.signals.now(EPOCH_US + 200_000).light.tolist() == [GREEN]
