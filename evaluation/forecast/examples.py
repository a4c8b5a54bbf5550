"""Examples to learn from and to be judged by: inputs at rows of a table, and what the sensors then read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.forecast.network import Examples
from services.inference.city.forecast.features import HORIZON_S, Basis, inputs_at
from services.inference.city.forecast.readings import Readings, Rows, Values


@dataclass(frozen=True, slots=True)
class Told:
    """inputs (r, n, f); now (r, n): the last reading known; then (r, n, h): what was read 1 to h steps later, NaN: unknown."""

    inputs: Values
    now: Values
    then: Values

    def examples(self, unit: float) -> Examples:
        """Changes from now on, in `unit`."""
        return Examples(self.inputs, (self.then - self.now[..., None]) / np.float32(unit))


def told_of(readings: Readings, basis: Basis, rows: Rows) -> Told:
    """These rows of a table as examples."""
    given = inputs_at(readings, rows, basis)
    return Told(given.features, given.now, later(readings.values, HORIZON_S // readings.step_s, rows))


def later(values: Values, horizons: int, rows: Rows) -> Values:
    """Of values (t, n) those one to h steps after these rows, (r, n, h); NaN beyond the end."""
    at = rows[:, None] + np.arange(1, horizons + 1)
    found = values[np.minimum(at, len(values) - 1)].transpose(0, 2, 1)
    return np.where((at < len(values))[:, None], found, np.float32(np.nan))


def unit_of(basis: Basis) -> float:
    """In which changes are learned: the sensors' usual deviation, one number, so that errors of all count alike."""
    return float(basis.deviation.mean())
