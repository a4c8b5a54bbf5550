"""Sums by row: what vehicles do, added up by lane, segment or whatever a row is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.inference.reports import Floats, Ints


def tally(row: Ints, count: int, weight: npt.NDArray[np.generic] | None = None) -> Floats:
    """For each of `count` rows the sum of the weights (n,) given to it; without weights, how often it is named."""
    return np.asarray(np.bincount(row, weight, count), np.float64)


def mean_of(row: Ints, count: int, weight: Floats, values: Floats) -> Floats:
    """For each of `count` rows the weighted mean of the values (n,) given to it; NaN without any."""
    total = tally(row, count, weight)
    return np.asarray(tally(row, count, weight * values) / np.where(total > 0, total, np.nan))
