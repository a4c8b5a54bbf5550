"""Forecasts that need no training: what a model must beat, and what serves while it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from services.inference.city.forecast.features import HORIZON_S, days_before
from services.inference.city.forecast.readings import LONGEST_GAP_STEPS, Readings, Rows, Values, scaled


def last_value(readings: Readings, rows: Rows) -> Values:
    """(r, n, h): it stays as it is."""
    now = _last(readings, rows)
    return np.repeat(now[..., None], HORIZON_S // readings.step_s, axis=2)


def days_like_before(readings: Readings, rows: Rows) -> Values:
    """(r, n, h): as at the same time of up to seven days before; the last value where no such day is known."""
    ahead = range(1, HORIZON_S // readings.step_s + 1)
    days = np.stack([days_before(readings.values, rows + step, readings.steps_a_day) for step in ahead], axis=2)
    return np.where(np.isfinite(days), days, _last(readings, rows)[..., None])


def _last(readings: Readings, rows: Rows) -> Values:
    """(r, n): the last reading known, carried over; of a sensor that has long been silent, the mean of what it said until now.

    Of what lies long before the rows only the sum is looked at: a forecast now costs little however long the table is.
    """
    first, end = max(0, int(rows.min(initial=0)) - LONGEST_GAP_STEPS), int(rows.max(initial=-1)) + 1
    values = readings.values[:end]
    is_told = np.isfinite(values)
    told = np.where(is_told, values, np.float32(0.0))
    total = told[:first].sum(axis=0, dtype=np.float64) + np.cumsum(told[first:], axis=0, dtype=np.float64)
    count = np.count_nonzero(is_told[:first], axis=0) + np.cumsum(is_told[first:], axis=0)
    mean = (total / np.maximum(count, 1)).astype(np.float32)
    one = np.ones(len(readings.sensors), np.float32)
    return np.asarray((scaled(values[first:] - mean, one * 0, one).last + mean)[rows - first])


METHODS: Mapping[str, Callable[[Readings, Rows], Values]] = {
    "last_value": last_value,
    "days_before": days_like_before,
}
