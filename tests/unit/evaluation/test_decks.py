"""A warning across decks is told by where the two really went."""

import numpy as np

from chelu.messages import Batch
from evaluation.demo.decks import WarnedPair, crossing_decks, least_height

NAMES = np.array(["low", "high", "level"])


def crossing(height_m: float) -> Batch:
    """Two vehicles that cross at a right angle at 2 s, the second `height_m` above the first."""
    times = np.arange(0, 5000, 100)
    along = (times - 2000) / 1000 * 10.0
    zero = np.zeros_like(along)
    rows = Batch(
        {
            "time_ms": np.concatenate([times, times]),
            "actor": np.repeat([0, 1], len(times)),
            "x_m": np.concatenate([along, zero]),
            "y_m": np.concatenate([zero, along]),
            "z_m": np.concatenate([zero, zero + height_m]),
        }
    )
    return rows.take(np.argsort(rows["time_ms"], kind="stable"))


def test_a_warning_between_decks_is_found() -> None:
    (sentence,) = crossing_decks(crossing(7.0), NAMES, [WarnedPair(0, 1, 0)])
    assert "low was warned of high at 0.0 s, 7.0 m" in sentence


def test_a_warning_on_one_deck_is_not() -> None:
    assert crossing_decks(crossing(0.4), NAMES, [WarnedPair(0, 1, 0)]) == []


def test_ways_that_never_meet_in_plan_say_nothing_of_decks() -> None:
    one = np.array([[0.0, 0.0, 0.0]])
    assert least_height(one, np.array([[100.0, 0.0, 9.0]])) is None
    assert least_height(one, np.empty((0, 3))) is None
