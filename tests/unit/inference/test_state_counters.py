"""Counters that lie, stop, freeze, or live in another time are named and do not count."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.city.state.counters import DOUBTED, Counters, Counts, Wrong
from services.inference.city.state.layout import layout_of
from services.inference.city.state.passed import Passed
from tests.unit.inference.small_roads import crossing

MINUTE_US, STEP_US = 60_000_000, 5_000_000
NOW_US = 1_777_622_400_000_000


class Street:
    """Four counters, one a segment; probes are half of what truly passes."""

    def __init__(self) -> None:
        self.layout = layout_of(crossing())
        self.counters, self.passed, self.now_us = Counters(self.layout), Passed(8, STEP_US), NOW_US

    def minute(self, counted: list[float], probes: float = 10.0, *, late_us: int = 0, speed_mps: float = np.nan) -> None:
        for _ in range(12):
            self.now_us += STEP_US
            self.passed.add(np.full(8, probes / 12), self.now_us)
        at = np.full(4, self.now_us - late_us)
        rows = np.arange(4)
        self.counters.hear(
            Counts(rows, rows, at - MINUTE_US, at, np.array(counted), np.full(4, speed_mps)), self.passed, self.now_us
        )


@pytest.fixture
def street() -> Street:
    return Street()


def test_counters_that_agree_give_the_share_of_probes(street: Street) -> None:
    for minute in range(10):
        street.minute([20.0 + minute % 2, 19.0 + minute % 2, 21.0 - minute % 3, 20.0 + minute % 3])
    whole, by_segment = street.counters.shares()
    assert whole == pytest.approx(0.5, abs=0.03)
    assert by_segment == pytest.approx(0.5, abs=0.05)
    assert not street.counters.faults


def test_a_counter_that_counts_a_third_is_doubted_and_does_not_spoil_the_share(street: Street) -> None:
    for minute in range(15):
        street.minute([20.0 + minute % 3, 19.0 + minute % 2, 21.0 - minute % 2, 6.0 + minute % 2])
    assert street.counters.weight.tolist() == [1.0, 1.0, 1.0, DOUBTED]
    assert street.counters.faults[3, Wrong.DISAGREES] > 0
    assert street.counters.shares()[0] == pytest.approx(0.5, abs=0.03)


def test_a_counter_that_says_the_same_again_and_again_is_frozen(street: Street) -> None:
    for minute in range(9):
        street.minute([20.0 + minute % 2, 19.0 + minute % 3, 21.0 - minute % 3, 20.0])
    assert street.counters.weight[3] == 0.0
    assert street.counters.faults[3, Wrong.FROZEN] > 0
    assert {counter for counter, _ in street.counters.faults} == {3}


def test_what_cannot_be_is_left_out_by_name(street: Street) -> None:
    street.minute([20.0, 20.0, 20.0, 400.0])
    assert street.counters.faults == {(3, Wrong.IMPOSSIBLE): 1}
    street.minute([20.0, -1.0, 20.0, 20.0])
    assert street.counters.faults[1, Wrong.IMPOSSIBLE] == 1


def test_times_that_go_back_or_lie_ahead_are_left_out_by_name(street: Street) -> None:
    street.minute([20.0] * 4)
    street.minute([21.0] * 4, late_us=2 * MINUTE_US)
    assert street.counters.faults[0, Wrong.TIME_BACK] == 1
    street.minute([21.0] * 4, late_us=-MINUTE_US)
    assert street.counters.faults[0, Wrong.TIME_AHEAD] == 1


def test_a_counter_that_has_fallen_silent_says_nothing_any_more(street: Street) -> None:
    street.minute([20.0, 19.0, 21.0, 20.0])
    assert np.isfinite(street.counters.of(street.now_us - MINUTE_US, street.now_us).rate_ps[:4]).all()
    later = street.counters.of(street.now_us + 9 * MINUTE_US, street.now_us + 10 * MINUTE_US)
    assert np.isnan(later.rate_ps).all()
    assert street.counters.faults[0, Wrong.SILENT] == 1


def test_counts_of_a_longer_period_are_those_told_within_it(street: Street) -> None:
    for counted in (10.0, 20.0, 30.0):
        street.minute([counted] * 4)
    whole = street.counters.of(street.now_us - 3 * MINUTE_US, street.now_us)
    assert whole.rate_ps[0] == pytest.approx(60 / 180)
    assert whole.seconds[0] == pytest.approx(180)
    half = street.counters.of(street.now_us - MINUTE_US - MINUTE_US // 2, street.now_us)
    assert half.rate_ps[0] == pytest.approx((10 + 30) / 90)
    ahead = street.counters.of(street.now_us, street.now_us + STEP_US)  # nothing told yet: the newest minute stands for it
    assert (ahead.rate_ps[0], ahead.seconds[0]) == (pytest.approx(0.5), pytest.approx(60))
