"""The ladder finds the rate at which something breaks, from either side, and never tries more rungs than it must."""

from __future__ import annotations

import pytest

from evaluation.bench.climb import Climb, climb


def climbed(limit: float, halvings: int = 4) -> Climb[bool]:
    return climb(lambda rate: rate <= limit, lambda step: step, first=10, highest=1000, halvings=halvings)


@pytest.mark.parametrize("limit", [11, 57, 200, 820])
def test_the_top_is_just_below_where_it_breaks(limit: float) -> None:
    top = climbed(limit).top
    assert top <= limit < top * 1.1


def test_what_never_breaks_is_tried_up_to_the_highest_and_no_further() -> None:
    found = climbed(5000)
    assert found.top == 1000
    assert max(rate for rate, _ in found.rungs) == 1000


def test_a_first_rung_that_breaks_is_followed_by_lower_ones() -> None:
    assert 3.0 <= climbed(3.3).top <= 3.3


def test_what_holds_at_no_rung_has_no_top() -> None:
    found = climbed(0.1)
    assert found.top == 0
    assert min(rate for rate, _ in found.rungs) >= 1


def test_rungs_are_sorted_for_a_plot() -> None:
    rates = [rate for rate, _ in climbed(57).sorted]
    assert rates == sorted(rates)
    assert len(rates) == len(set(rates))
