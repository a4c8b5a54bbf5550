"""What forecasts are worth: MAE, RMSE and MAPE of each method at 15, 30 and 60 minutes, and what share the intervals cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from evaluation.forecast.examples import later
from services.inference.city.forecast.features import HORIZON_S
from services.inference.city.forecast.readings import Readings, Rows, Values
from services.inference.reports import Floats

HORIZONS_S = (900, 1800, 3600)
BLOCK = 500_000  # forecasts at once, so that memory stays bounded

Forecaster = Callable[[Readings, Rows], Values]  # (r, n, h) or (r, n, h, 3), h the steps to be judged


@dataclass(slots=True)
class Errors:
    """Sums over all readings that were told, by horizon."""

    absolute: Floats
    squared: Floats
    relative: Floats
    within: Floats
    count: Floats

    @classmethod
    def none(cls, horizons: int) -> Errors:
        """Before the first."""
        return cls(*(np.zeros(horizons) for _ in range(5)))

    def add(self, told: Values, read: Values) -> None:
        """Forecasts (r, n, h[, 3]) and what was read (r, n, h), NaN where missing."""
        middle = told[..., told.shape[3] // 2] if told.ndim == 4 else told
        known = np.isfinite(read)
        error = np.where(known, np.abs(middle - read), 0.0).astype(np.float64)
        over = (0, 1)
        self.absolute += error.sum(axis=over)
        self.squared += (error**2).sum(axis=over)
        self.relative += np.divide(error, np.abs(read), out=np.zeros_like(error), where=known & (read != 0.0)).sum(axis=over)
        self.count += known.sum(axis=over)
        if told.ndim == 4:
            self.within += (known & (told[..., 0] <= read) & (read <= told[..., -1])).sum(axis=over)

    def figures(self, horizons_s: tuple[int, ...], *, has_intervals: bool) -> dict[str, dict[str, float]]:
        """By horizon ("15", "30", "60" minutes); nothing where nothing was read."""
        found = {}
        for at, ahead_s in enumerate(horizons_s):
            if self.count[at]:
                one = {
                    "mae": self.absolute[at] / self.count[at],
                    "rmse": float(np.sqrt(self.squared[at] / self.count[at])),
                    "mape_percent": 100.0 * self.relative[at] / self.count[at],
                    "n": int(self.count[at]),
                }
                if has_intervals:
                    one["covered_percent"] = 100.0 * self.within[at] / self.count[at]
                found[str(ahead_s // 60)] = {name: round(float(value), 4) for name, value in one.items()}
        return found


def judged_steps(step_s: int) -> tuple[int, ...]:
    """Steps ahead of those of 15, 30 and 60 minutes that are whole steps of the table."""
    return tuple(ahead_s // step_s for ahead_s in HORIZONS_S if ahead_s % step_s == 0)


def judge(
    test: Readings, methods: Mapping[str, Forecaster], tell: Callable[[float], None] = lambda _: None
) -> dict[str, dict[str, dict[str, float]]]:
    """Every method's figures by horizon, all on the same readings: each row of the table whose future was told."""
    steps = judged_steps(test.step_s)
    errors = {name: Errors.none(len(steps)) for name in methods}
    has_intervals = dict.fromkeys(methods, False)
    size = max(1, BLOCK // len(test.sensors))
    for begin in range(0, len(test), size):
        rows = np.arange(begin, min(begin + size, len(test)))
        read = later(test.values, HORIZON_S // test.step_s, rows)[..., [step - 1 for step in steps]]
        for name, method in methods.items():
            told = method(test, rows)
            has_intervals[name] = told.ndim == 4
            errors[name].add(told, read)
        tell(rows[-1] / len(test))
    horizons_s = tuple(step * test.step_s for step in steps)
    return {name: one.figures(horizons_s, has_intervals=has_intervals[name]) for name, one in errors.items()}
