"""Green-light speed advice: who follows it passes on green, and nobody is advised what cannot be driven in comfort."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chelu.applications.rules import GlosaParameters
from services.inference.approach import LinesAhead
from services.inference.signals import Light
from services.inference.stop_lines import MOST_LINES
from services.inference.v2x.glosa import advised, speed_to_arrive
from tests.unit.inference.scenes import Car, drive
from tests.unit.inference.signal_roads import FAR, LIMIT_MPS, SOUTH, STOP_C
from tests.unit.inference.staged import in_town, mover, says

RED, GREEN = Light.RED, Light.PROTECTED_GREEN
P = GlosaParameters()
FREE = [(GREEN, 0, 90)]


def _driven(speed: float, to: float, seconds: float) -> float:
    """Way after so many seconds of one who goes over to another speed in comfort at once."""
    rate = -P.slows_mps2 if to < speed else P.speeds_up_mps2
    changing = min(abs(to - speed) / abs(rate), seconds)
    return speed * changing + rate * changing**2 / 2 + to * (seconds - changing)


@settings(deadline=None, max_examples=300, derandomize=True)
@given(way=st.floats(20, 600), speed=st.floats(5, 25), after=st.floats(2, 60))
def test_the_speed_to_arrive_at_a_time_does_arrive_then(way, speed, after) -> None:
    found = float(speed_to_arrive(np.array([way]), np.array([speed]), np.array([after]), P.slows_mps2, P.speeds_up_mps2)[0])
    assume(np.isfinite(found) and found >= 0)
    assert _driven(speed, found, after) == pytest.approx(way, abs=1e-6)


def test_who_cannot_arrive_so_late_or_so_early_in_comfort_is_told_no_speed() -> None:
    late, early = speed_to_arrive(np.array([30.0, 300.0]), np.array([15.0, 10.0]), np.array([6.0, 8.0]), 1.5, 1.0)
    assert np.isnan(late)
    assert np.isnan(early)


def _lines(ways, limit=LIMIT_MPS):
    n = len(ways)
    distance = np.full((1, MOST_LINES), np.inf)
    distance[0, :n] = ways
    lane = np.where(np.isfinite(distance), 1, -1)
    return LinesAhead(lane, distance, np.full((1, MOST_LINES), limit), lane)


def _advice(ways, spans, speed):
    begin, end = np.full((1, MOST_LINES, 3), np.inf), np.full((1, MOST_LINES, 3), np.inf)
    for line, some in enumerate(spans):
        for place, (a, b) in enumerate(some):
            begin[0, line, place], end[0, line, place] = a, b
    found = advised(_lines(ways), begin, end, np.array([speed]), P)
    return float(found.lowest_mps[0]), float(found.highest_mps[0]), int(found.lights[0])


def test_a_red_that_ends_while_one_comes_is_reached_just_after() -> None:
    low, high, lights = _advice([250], [[(22, 60)]], 14.0)
    assert lights == 1
    assert _driven(14.0, high, 22) == pytest.approx(250, abs=1e-6)
    assert low == P.least_mps  # with which one arrives well before the green ends


def test_green_now_is_advised_only_while_it_can_be_reached_within_the_limit() -> None:
    low, high, lights = _advice([150], [[(0, 12)]], 14.0)
    assert (high, lights) == (LIMIT_MPS, 1)
    assert _driven(14.0, low, 12) == pytest.approx(150, abs=1e-6)
    assert _advice([200], [[(0, 12)]], 14.0)[2] == 0


def test_of_two_greens_the_first_that_can_be_reached_is_chosen() -> None:
    low, high, _ = _advice([200], [[(0, 5), (20, 30)]], 14.0)
    assert _driven(14.0, high, 20) == pytest.approx(200, abs=1e-6)
    assert low < high


def test_further_lines_narrow_the_range_to_speeds_that_pass_them_too() -> None:
    alone = _advice([200], [[(14, 30)]], 14.0)
    both = _advice([200, 500], [[(14, 30)], [(45, 60)]], 14.0)
    assert (alone[2], both[2]) == (1, 2)
    assert alone[0] <= both[0] <= both[1] < alone[1]
    for speed in both[:2]:
        assert 45 - 1e-6 <= _time(14.0, speed, 500) <= 60 + 1e-6


def _time(speed, to, way) -> float:
    """When a way is driven by one who goes over to another speed in comfort at once."""
    rate = -P.slows_mps2 if to < speed else P.speeds_up_mps2
    changing = (to - speed) / rate
    left = way - _driven(speed, to, changing)
    if left >= 0:
        return float(changing + left / to)
    return float((np.sqrt(speed**2 + 2 * rate * way) - speed) / rate)


def test_a_line_that_cannot_be_passed_as_well_does_not_spoil_the_first() -> None:
    assert _advice([200, 230], [[(14, 30)], [(60, 70)]], 14.0)[2] == 1


@settings(deadline=None, max_examples=300, derandomize=True)
@given(
    way=st.floats(15, 300), more=st.floats(50, 400), speed=st.floats(5.5, 16), first=st.floats(0, 40), lasts=st.floats(5, 30),
    second=st.floats(0, 60),
)  # fmt: skip
def test_who_follows_any_advised_speed_passes_all_its_lines_on_green(way, more, speed, first, lasts, second) -> None:
    spans = [[(first, first + lasts)], [(second, second + lasts)]]
    low, high, lights = _advice([way, way + more], spans, speed)
    for chosen in (low, (low + high) / 2, high):
        for line in range(lights):
            at = _time(speed, chosen, [way, way + more][line])
            begin, end = spans[line][0]
            assert begin - 1e-6 <= at <= end + 1e-6
    assert lights == 0 or P.least_mps <= low <= high <= LIMIT_MPS


def _told(cars, seconds, shown):
    changes = drive(cars, seconds, in_town(mover()), tell=says(shown))
    return [(t, one) for t, one in changes if one.application == "glosa"]


def _comes(speed: float = 14.0, metres: float = 250.0, **how) -> Car:
    return Car(1, (0, STOP_C - 2.3 - metres, 0), 0, speed, **how)


def test_the_advice_names_speeds_lights_and_the_green_and_lives_like_a_warning() -> None:
    found = _told([_comes(12.0)], 30, {SOUTH: [(RED, 0, 22), (GREEN, 22, 52)]})
    t, one = found[0]
    assert (t, one.state, one.level) == (pytest.approx(0.2), "raised", 0)
    assert one.subject is not None
    advice = one.subject.advice
    assert advice is not None
    assert advice["lights"] == 1
    assert advice["lowest_mps"] < advice["highest_mps"] < 12.0
    assert advice["green_until_us"] - advice["green_from_us"] == pytest.approx(28e6, abs=1.1e6)  # less a second at both ends
    assert one.subject.facts["light"] == "red"
    assert [each.state for _, each in found].count("cleared") == 1
    assert len(found) < 2 * 25


def test_it_looks_over_several_signals() -> None:
    shown = {SOUTH: [(GREEN, 0, 90)], FAR: [(RED, 0, 60), (GREEN, 60, 90)]}
    (_, one), *_ = _told([_comes(14.0, 200.0)], 1, shown)
    assert one.subject is not None
    assert one.subject.advice is not None
    assert one.subject.advice["lights"] == 2
    assert _time(14.0, one.subject.advice["highest_mps"], 500.0) >= 60.5


@pytest.mark.parametrize(
    "shown", [{SOUTH: [(RED, 0, float("nan"))]}, {SOUTH: [(Light.DARK, 0, 20)]}, {FAR: FREE}, {SOUTH: [(RED, 0, 90)]}]
)
def test_nobody_is_advised_where_no_green_is_known_or_can_be_reached(shown) -> None:
    assert _told([_comes()], 2, shown) == []


def test_who_stands_or_is_at_the_line_is_not_advised() -> None:
    assert _told([_comes(0.0)], 2, {SOUTH: FREE}) == []
    assert _told([_comes(6.0, 8.0)], 1, {SOUTH: FREE}) == []


def test_advice_is_no_warning() -> None:
    place = in_town(mover())
    drive([_comes()], 2, place, tell=says({SOUTH: FREE}))
    assert place.life.levels(place.twins.seats) == {0: 0}


def test_slower_advice_than_may_be_driven_is_none() -> None:
    begin, end = (np.full((1, MOST_LINES, 1), at) for at in (40.0, 60.0))
    found, none = (advised(_lines([250]), begin, end, np.array([14.0]), one) for one in (P, replace(P, least_mps=10.0)))
    assert (found.lights[0], none.lights[0]) == (1, 0)
