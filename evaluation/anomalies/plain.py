"""Plain methods to compare with: how far each reading is beyond a limit, knowing nothing of the time of day. All causal.

`fixed`: deviations from mean and standard deviation of the first days. `median`: from the rolling median of a day of readings,
by its median absolute deviation. `ewma`: the chart of exponentially weighted means (Roberts 1959). `cusum`: two-sided sums
(Page 1954) of deviations beyond half a deviation, begun anew when they are far beyond their limit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evaluation.anomalies.benchmark import learning_rows
from services.inference.reports import Floats

DAY_ROWS = 288
EWMA_SHARE = 0.1
_MAD_TO_DEVIATION = 1.4826
LIMITS = {"fixed": 3.0, "median": 6.0, "ewma": 4.0, "cusum": 20.0}  # at sensitivity 1; the judge tries others


def fixed(values: Floats) -> Floats:
    """(t,) → deviations."""
    return np.abs(_scaled(values))


def median(values: Floats) -> Floats:
    """(t,) → deviations of each reading from those of the day before it."""
    found = np.zeros(len(values))
    for row in range(10, len(values)):
        past = values[max(0, row - DAY_ROWS) : row]
        middle = np.median(past)
        spread = max(_MAD_TO_DEVIATION * float(np.median(np.abs(past - middle))), 1e-3 * abs(float(middle)), 1e-9)
        found[row] = abs(values[row] - middle) / spread
    return found


def ewma(values: Floats) -> Floats:
    """(t,) → deviations of the weighted mean."""
    scaled, mean, found = _scaled(values), 0.0, np.zeros(len(values))
    usual = np.sqrt(EWMA_SHARE / (2.0 - EWMA_SHARE))
    for row, one in enumerate(scaled):
        mean += EWMA_SHARE * (one - mean)
        found[row] = abs(mean) / usual
    return found


def cusum(values: Floats) -> Floats:
    """(t,) → the larger sum."""
    up = down = 0.0
    found = np.zeros(len(values))
    for row, one in enumerate(_scaled(values)):
        up, down = max(0.0, up + one - 0.5), max(0.0, down - one - 0.5)
        found[row] = max(up, down)
        if found[row] > 2.0 * LIMITS["cusum"]:
            up = down = 0.0
    return found


METHODS: dict[str, Callable[[Floats], Floats]] = {"fixed": fixed, "median": median, "ewma": ewma, "cusum": cusum}


def _scaled(values: Floats) -> Floats:
    """In deviations of the first rows, which are for learning."""
    known = values[: max(learning_rows(len(values)), 10)]
    return np.asarray((values - known.mean()) / max(float(known.std()), 1e-9))
