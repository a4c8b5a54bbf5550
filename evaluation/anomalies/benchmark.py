"""The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015), as it defines it.

An early alarm in a window counts nearly 1, one at its end nearly 0; a window without one −1; every alarm elsewhere up to −0.11,
less just behind a window. The first 15 % of a series (of 5000 rows at most) are for learning and count nothing. 100 is what a
perfect detector reaches, 0 one that says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from evaluation.anomalies.labelled import Window

FALSE, MISSED = 0.11, 1.0  # the standard profile
LEARNING, MOST_ROWS = 0.15, 5000
_FAR = 3.0  # widths behind a window from which on an alarm is simply false


def learning_rows(rows: int) -> int:
    """Rows at the beginning that count nothing."""
    return int(min(math.floor(LEARNING * rows), LEARNING * MOST_ROWS))


def score(alarms: Sequence[int], rows: int, windows: Sequence[Window]) -> float:
    """Of one series: alarms are rows, windows in order."""
    counted = [row for row in alarms if row >= learning_rows(rows)]
    total = sum(FALSE * _false(row, windows) for row in counted if _inside(row, windows) is None)
    for window in windows:
        first = min((row for row in counted if _inside(row, windows) is window), default=None)
        total += -MISSED if first is None else _value(_place(first, window)) / _value(-1.0)
    return total


def normalised(total: float, windows: int) -> float:
    """0 for silence, 100 for the perfect detector; total: of all series with so many windows together."""
    return 100.0 * (total + MISSED * windows) / ((1.0 + MISSED) * windows)


def _value(place: float) -> float:
    return -1.0 if place >= _FAR else 2.0 / (1.0 + math.exp(5.0 * place)) - 1.0


def _place(row: int, window: Window) -> float:
    """−1 at the window's first row, nearly 0 at its last."""
    return -(window.last - row + 1) / (window.last - window.first + 1)


def _inside(row: int, windows: Sequence[Window]) -> Window | None:
    return next((one for one in windows if one.first <= row <= one.last), None)


def _false(row: int, windows: Sequence[Window]) -> float:
    """What an alarm outside of all windows is worth, −1 to nearly 0."""
    before = [one for one in windows if one.last < row]
    if not before:
        return -1.0
    return _value((row - before[-1].last) / max(before[-1].last - before[-1].first, 1))
