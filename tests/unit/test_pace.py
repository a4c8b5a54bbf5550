from __future__ import annotations

import numpy as np
import pytest

from chelu.pace import GAP_US, Pace

S = 1_000_000
NOW = 1_790_000_000 * S


def judged(pace: Pace, second: float, **late_s: float) -> dict[str, bool]:
    """Whether each is steady whose stamp is so many seconds old at a second."""
    ours = np.full(len(late_s), NOW + round(second * S))
    stamps = ours - np.array([round(late * S) for late in late_s.values()])
    keys = np.array([ord(name) for name in late_s], np.uint64)
    return dict(zip(late_s, pace.steady(keys, stamps, ours).tolist(), strict=True))


@pytest.mark.parametrize("slow_s", [2.0, 5.0, 20.0, 86_400.0])
@pytest.mark.parametrize("every_s", [0.1, 1.0])
def test_a_slow_clock_goes_as_ours_does(slow_s: float, every_s: float) -> None:
    pace = Pace()
    found = [judged(pace, second, a=slow_s)["a"] for second in np.arange(0, 10, every_s)]
    first = found.index(True)
    assert first * every_s <= 2.1
    assert all(found[first:])
    assert not judged(pace, 10 + GAP_US / S, a=slow_s)["a"]  # it was away, and may have kept what it would have said


def test_what_waited_comes_faster_than_time_goes_and_who_is_silent_does_not_go_on() -> None:
    pace = Pace()
    for second in np.arange(0, 10, 0.1):
        drained, silent = 600 - 9 * second, 2 + second
        assert judged(pace, second, a=drained, b=silent, c=20)["c"] is bool(second >= 1.99)
        assert judged(pace, second + 0.05, a=drained, b=silent + 0.05) == {"a": False, "b": False}


def test_several_rows_of_one_and_those_that_are_gone() -> None:
    pace = Pace()
    for second in range(5):
        ours = np.full(3, NOW + second * S)
        answer = pace.steady(np.array([7, 3, 7], np.uint64), ours - [3 * S, 9 * S, 4 * S], ours)
    assert answer.tolist() == [True, True, True]
    assert len(pace) == 2
    judged(pace, 30, a=2.0)
    assert len(pace) == 1
    assert not len(pace.steady(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64)))
