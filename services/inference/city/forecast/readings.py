"""Readings of a network of sensors at a fixed step: the table that forecasts are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.float32]
Rows: TypeAlias = npt.NDArray[np.int64]

DAY_S = 86_400
LONGEST_GAP_STEPS = 36  # a reading older than this says nothing of now
_AGE_STEPS = 12.0


@dataclass(frozen=True, slots=True)
class Readings:
    """values (t, n): one row each `step_s` seconds, one column each sensor, NaN where a reading is missing.

    start_us: event time of the first row, None where the table does not say it.
    """

    sensors: tuple[str, ...]
    step_s: int
    values: Values
    start_us: int | None = None

    def __len__(self) -> int:
        return len(self.values)

    def of(self, sensors: Sequence[str]) -> Readings:
        """Only these sensors' columns, in this order."""
        at = {name: column for column, name in enumerate(self.sensors)}
        return Readings(tuple(sensors), self.step_s, self.values[:, [at[name] for name in sensors]], self.start_us)

    @property
    def steps_a_day(self) -> int:
        """Rows of one day."""
        return DAY_S // self.step_s


@dataclass(frozen=True, slots=True)
class Scaled:
    """Readings in deviations from each sensor's mean, (t, n) each.

    last: the last reading, carried over at most `LONGEST_GAP_STEPS`, then the mean (0); age: of that reading, in twelve steps.
    """

    last: Values
    age: Values


def scaled(values: Values, mean: Values, deviation: Values) -> Scaled:
    """Scale readings (t, n) by what is usual of each sensor, (n,) each."""
    told = (values - mean) / deviation
    row = np.arange(len(told), dtype=np.int32)[:, None]
    heard = np.where(np.isfinite(told), row, np.int32(-1))
    np.maximum.accumulate(heard, axis=0, out=heard)
    age = np.where(heard >= 0, np.minimum(row - heard, LONGEST_GAP_STEPS), np.int32(LONGEST_GAP_STEPS))
    last = np.take_along_axis(told, np.maximum(heard, 0), axis=0)
    last[age >= LONGEST_GAP_STEPS] = 0.0
    return Scaled(last.astype(np.float32, copy=False), (age / np.float32(_AGE_STEPS)).astype(np.float32))
