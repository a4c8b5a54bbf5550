"""Many series of readings as arrays: each has a number, and its last readings lie on a grid of time. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch
from services.inference.reports import Floats, Ints

_FIRST_ROOM = 16
_NEVER = -1
Number = TypeVar("Number", bound=np.generic)


class Names:
    """A number for each (device, quantity, channel), given in the order in which they are first heard."""

    def __init__(self) -> None:
        self._of: dict[tuple[int, int, int], int] = {}

    def __len__(self) -> int:
        return len(self._of)

    def of(self, rows: Batch) -> Ints:
        """The series (n,) of rows of `chelu.messages.OBSERVATION` with their `device_key`."""
        channel = np.where(rows["channel_valid"], rows["channel"].astype(np.int64) + 1, 0)
        key = np.column_stack([rows["device_key"].astype(np.int64), rows["quantity"].astype(np.int64), channel])
        unique, place = np.unique(key, axis=0, return_inverse=True)
        numbers = [self._of.setdefault((device, quantity, one), len(self._of)) for device, quantity, one in unique.tolist()]
        return np.array(numbers, np.int64)[place.ravel()]

    @property
    def keys(self) -> list[tuple[int, int, int]]:
        """Device key, quantity's code, channel + 1 (0 for none), by number."""
        return list(self._of)


def rounds(series: Ints, time_us: Ints) -> Iterator[Ints]:
    """Rows in which no series is twice, each series' rows in the order of time: what arrays by series can take at once."""
    order = np.lexsort([time_us, series])
    ranked = series[order]
    is_first = np.r_[True, ranked[1:] != ranked[:-1]] if len(ranked) else np.empty(0, np.bool_)
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(ranked)), 0))
    rank = np.arange(len(ranked)) - start
    for number in range(int(rank.max(initial=-1)) + 1):
        yield order[rank == number]


def widened(values: npt.NDArray[Number], count: int, fill: float) -> npt.NDArray[Number]:
    """An array with room for so many rows at least, twice as many as before when it has to grow."""
    if count <= len(values):
        return values
    more = np.full((max(count, 2 * len(values), _FIRST_ROOM) - len(values), *values.shape[1:]), fill, values.dtype)
    return np.concatenate([values, more])


def slope(values: Floats, step_s: int, fewest: int) -> Floats:
    """How fast (n,) steps (n, t) change, per second, by least squares; NaN before so many, and half of the time, are known."""
    steps = values.shape[1]
    known = np.isfinite(values)
    count = known.sum(axis=1)
    at = np.where(known, np.arange(steps) * float(step_s), 0.0)
    mean_at = at.sum(axis=1) / np.maximum(count, 1)
    off = np.where(known, at - mean_at[:, None], 0.0)
    square = (off**2).sum(axis=1)
    first = np.argmax(known, axis=1)
    is_known = (count >= fewest) & (steps - first >= steps / 2)
    found = (off * np.where(known, values, 0.0)).sum(axis=1) / np.maximum(square, 1.0)
    return np.where(is_known, found, np.nan)


class Grid:
    """The mean reading of each series in each of the last `length` steps of `step_s` seconds; NaN where nothing was read."""

    def __init__(self, step_s: int, length: int) -> None:
        self.step_s, self.length = step_s, length
        self._step_us = step_s * 1_000_000
        self._value: Floats = np.empty((0, length))
        self._count: Floats = np.empty((0, length))
        self._slot: Ints = np.empty((0, length), np.int64)
        self.last: Ints = np.empty(0, np.int64)  # the newest step of each series, numbered since 1970

    def add(self, series: Ints, time_us: Ints, values: Floats) -> None:
        """Take in readings (n,), each series once; what is older than the grid is left out."""
        self._grow(int(series.max(initial=-1)) + 1)
        slot = time_us // self._step_us
        kept = np.isfinite(values) & (slot > self.last[series] - self.length)
        series, slot, values = series[kept], slot[kept], values[kept]
        cell = slot % self.length
        is_new = self._slot[series, cell] != slot
        count = np.where(is_new, 0.0, self._count[series, cell])
        mean = np.where(is_new, 0.0, self._value[series, cell])
        self._value[series, cell] = mean + (values - mean) / (count + 1.0)
        self._count[series, cell] = count + 1.0
        self._slot[series, cell] = slot
        self.last[series] = np.maximum(self.last[series], slot)

    def window(self, series: Ints, steps: int, until: Ints | None = None) -> Floats:
        """The last steps (n, steps), the newest last; `until`: the newest step wanted, else each series' own."""
        end = self.last[series] if until is None else until
        slot = end[:, None] + np.arange(1 - steps, 1)
        cell = slot % self.length
        rows = series[:, None]
        return np.where(self._slot[rows, cell] == slot, self._value[rows, cell], np.nan)

    def _grow(self, count: int) -> None:
        if count > len(self.last):
            self._value, self._count = widened(self._value, count, np.nan), widened(self._count, count, 0.0)
            self._slot = widened(self._slot, count, _NEVER)
            self.last = widened(self.last, count, _NEVER)
