"""What is usual of many series at each time of day: level and spread by half hour, working days and others apart, from the past.

A half hour that has been seen on few days borrows from its neighbours, from the other kind of day and from the series as a whole,
each by how many days it knows. All of it is arrays by series, so thousands of them cost what one does.
"""

from __future__ import annotations

import numpy as np

from services.inference.reports import Floats, Ints

SLOTS = 48  # half hours of a day
SLOT_S = 1800
_DAY_S = 86_400
_THURSDAY, _SATURDAY = 3, 5  # 1970 began on a Thursday; Monday is 0
SHARES = np.array([0.25, 1.0, 0.25, 0.2])  # own kind of day: the half hour before, this, the next; this one of the other kind
OWN_DAYS = 0.25  # the series' own mean counts as so many days of a half hour
MEAN_TO_DEVIATION = 1.2533  # √(π/2): standard deviation over mean absolute deviation of a normal distribution
CLIP = 4.0  # deviations beyond which a reading teaches no more than one at that distance
FLOOR = 0.25  # no half hour's spread is less than this share of the whole series'


def slots_of(time_us: Ints, utc_offset_h: float) -> Ints:
    """The half hour (n,): 0 to 47 on working days, 48 to 95 on Saturdays and Sundays."""
    local_s = time_us // 1_000_000 + round(utc_offset_h * 3600)
    is_weekend = (local_s // _DAY_S + _THURSDAY) % 7 >= _SATURDAY
    return np.asarray(local_s % _DAY_S // SLOT_S + SLOTS * is_weekend, np.int64)


class Seasonal:
    """Of n series. Owned by one thread; each series' readings come in order of time."""

    def __init__(self, series: int, *, memory_days: float) -> None:
        self._memory = memory_days
        self._level, self._spread, self._days = (np.zeros((series, 2 * SLOTS)) for _ in range(3))
        self._mean, self._deviation, self._weight = np.zeros(series), np.zeros(series), np.zeros(series)
        self._square = np.zeros(series)  # mean square distance from the mean, whatever the time of day

    def usual(self, series: Ints, slot: Ints) -> tuple[Floats, Floats]:
        """Expected reading and its standard deviation (m,); NaN of a series that has never been read.

        The spread is wider where few days are known: with one day by half.
        """
        own = slot // SLOTS * SLOTS
        around = np.stack([own + (slot - 1) % SLOTS, slot, own + (slot + 1) % SLOTS, (slot + SLOTS) % (2 * SLOTS)], axis=1)
        days = self._days[series[:, None], around] * SHARES
        whole = days.sum(axis=1) + OWN_DAYS
        level = (self._level[series[:, None], around] * days).sum(axis=1) + self._mean[series] * OWN_DAYS
        spread = (self._spread[series[:, None], around] * days).sum(axis=1) + self._deviation[series] * OWN_DAYS
        wider = 1.0 + 1.0 / (1.0 + self._days[series, slot])
        deviation = MEAN_TO_DEVIATION * np.maximum(spread / whole, FLOOR * self._deviation[series]) * wider
        is_known = self._weight[series] > 0
        return np.where(is_known, level / whole, np.nan), np.where(is_known, deviation, np.nan)

    def whole(self, series: Ints) -> tuple[Floats, Floats]:
        """Mean and standard deviation (m,) of all past readings, whatever the time of day."""
        return np.asarray(self._mean[series]), np.sqrt(self._square[series])

    def learn(self, series: Ints, slot: Ints, values: Floats, expected: Floats, deviation: Floats, lasted_s: Floats) -> None:
        """Take in readings (m,) that were judged by `usual`, each of which stands for `lasted_s` seconds."""
        share = np.minimum(lasted_s, SLOT_S) / SLOT_S
        off = np.where(np.isnan(expected), 0.0, values - expected)
        self._learn_whole(series, values, off, share)
        least = np.where(np.isfinite(deviation) & (deviation > 0), deviation, np.inf)
        reach = np.where(self._days[series, slot] >= 1.0, CLIP * least, np.inf)
        days = np.minimum(self._days[series, slot] + share, self._memory)
        step = share / np.maximum(days, share)
        level = self._level[series, slot]
        self._level[series, slot] = level + step * np.clip(values - level, -reach, reach)
        spread = self._spread[series, slot]
        self._spread[series, slot] = spread + step * (np.minimum(np.abs(off), reach) - spread)
        self._days[series, slot] = days

    def move(self, series: Ints, by: Floats) -> None:
        """Another level is the usual one from now on, at every time of day."""
        self._level[series] += by[:, None]
        self._mean[series] += by

    def _learn_whole(self, series: Ints, values: Floats, off: Floats, share: Floats) -> None:
        weight = np.minimum(self._weight[series] + share, self._memory * SLOTS)
        step = share / np.maximum(weight, share)
        self._square[series] += step * ((values - self._mean[series]) ** 2 * (1.0 - step) - self._square[series])
        self._mean[series] += step * (values - self._mean[series])
        self._deviation[series] += step * (np.abs(off) - self._deviation[series])
        self._weight[series] = weight
