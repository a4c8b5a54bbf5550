"""Four rules on columns, each of which says how far a reading is beyond its threshold: spike, level shift, drift, frozen.

Spike: what the first-order autoregression of the deviations does not foresee. Level shift and drift: exponentially weighted
means of the deviations over an hour and over a day, in units of what such a mean of correlated readings deviates by itself
(Schmid 1997), or of what it was seen to. Frozen: a run of equal readings that is too unlikely. Every rule measures itself by
its own past, so one set of thresholds serves streams of any unit.
"""

from __future__ import annotations

import numpy as np

from services.inference.city.anomalies.parameters import AnomalyParameters
from services.inference.city.anomalies.seasonal import MEAN_TO_DEVIATION
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

LONGEST_STEP_S = 3 * 3600.0  # after a longer gap a reading is not compared with the one before
CLIP = 6.0  # deviations beyond which a reading moves a mean no further: one spike is no shift
MOST_CORRELATED = 0.98
_BORNE_OUT = 0.5  # of the mean of a day by that of an hour: else it only remembers what is over
_FEW = 20.0  # readings after which correlation is believed
_FORGET_RUN = 0.999  # a run may be as long as the longest before, which fades with every run
_LONGEST_MEMORY = 2000.0  # readings of which the rules' own deviations are means


class Means:
    """Spike, shift and drift of n series, from deviations in units of their usual spread."""

    def __init__(self, series: int, parameters: AnomalyParameters) -> None:
        self._p = parameters
        self.before = np.full(series, np.nan)  # the deviation read last
        self.means = np.zeros((series, 2))  # over shift_h and drift_h
        self._step_s = np.zeros(series)
        self._count = np.zeros(series)
        self._product, self._square = np.zeros(series), np.zeros(series)
        self._surprise = np.zeros(series)
        self._swing = np.zeros((series, 2))
        self._peaks = Peaks(series, parameters)

    def update(self, series: Ints, deviation: Floats, gap_s: Floats, day: Ints) -> Floats:
        """Deviations (m,) of readings `gap_s` after those before, on these days → ratios to the thresholds (m, 3)."""
        p, z = self._p, np.clip(deviation, -CLIP, CLIP)
        count = np.minimum(self._count[series] + 1.0, _LONGEST_MEMORY)
        self._count[series], share = count, 1.0 / count
        step_s = self._step_s[series] + share * (np.minimum(gap_s, LONGEST_STEP_S) - self._step_s[series])
        self._step_s[series] = step_s
        correlation = self._correlation(series, z, gap_s, share)
        surprise, spike = self._spike(series, deviation, correlation, gap_s, share)
        ratios, sizes = [spike], [surprise]
        for at, (hours, most, least) in enumerate(((p.shift_h, p.shift, p.least_shift), (p.drift_h, p.drift, p.least_drift))):
            mean = self._mean(series, at, z, gap_s, hours)
            usual = self._usual_swing(series, at, mean, np.maximum(step_s, gap_s), correlation, hours, share)
            ratios.append(np.minimum(np.abs(mean) / (most * usual), np.abs(mean) / least if least else np.inf))
            sizes.append(np.abs(mean))
        hour, day = self.means[series].T
        ratios[2] = np.where(hour * np.sign(day) >= _BORNE_OUT * np.abs(day), ratios[2], 0.0)
        self.before[series] = z
        ratios[:2] = [np.minimum(*both) for both in zip(ratios, self._peaks.update(series, sizes[:2], day), strict=False)]
        return np.stack(ratios, axis=1)

    def crept(self, series: Ints) -> Mask:
        """Whether the mean over a day is already on its way to where that over an hour is: what jumps leaves it behind."""
        hour, day = self.means[series].T
        return np.asarray((np.sign(hour) == np.sign(day)) & (np.abs(day) >= self._p.crept * np.abs(hour)))

    def forget(self, series: Ints) -> None:
        """A new level is the usual one: the means begin anew."""
        self.means[series] = 0.0
        self.before[series] = np.nan

    def forget_day(self, series: Ints) -> None:
        """What the mean of a day was off by has been told, and is over."""
        self.means[series, 1] = 0.0

    def _correlation(self, series: Ints, z: Floats, gap_s: Floats, share: Floats) -> Floats:
        is_next = (gap_s <= LONGEST_STEP_S) & np.isfinite(self.before[series])
        step = np.where(is_next, share, 0.0)
        self._product[series] += step * (z * np.where(is_next, self.before[series], 0.0) - self._product[series])
        self._square[series] += step * (z * z - self._square[series])
        believed = self._count[series] / (self._count[series] + _FEW)
        found = self._product[series] / np.maximum(self._square[series], 1e-9) * believed
        return np.clip(found, 0.0, MOST_CORRELATED)

    def _spike(self, series: Ints, deviation: Floats, correlation: Floats, gap_s: Floats, share: Floats) -> tuple[Floats, Floats]:
        """How far readings are from what those before foretell, and that as a share of the threshold."""
        before = np.where(np.isfinite(self.before[series]) & (gap_s <= LONGEST_STEP_S), self.before[series], 0.0)
        surprise = np.abs(deviation - correlation * before)
        usual = self._surprise[series]
        threshold = self._p.spike * np.maximum(MEAN_TO_DEVIATION * usual, np.sqrt(1.0 - correlation**2) * 0.5)
        capped = np.minimum(surprise, np.where(self._count[series] > _FEW, 4.0 * MEAN_TO_DEVIATION * usual + 0.1, np.inf))
        self._surprise[series] = usual + share * (capped - usual)
        return surprise, surprise / threshold

    def _mean(self, series: Ints, at: int, z: Floats, gap_s: Floats, hours: float) -> Floats:
        step = 1.0 - np.exp(-np.minimum(gap_s, LONGEST_STEP_S) / (hours * 3600.0))
        mean = self.means[series, at] + step * (z - self.means[series, at])
        self.means[series, at] = mean
        return np.asarray(mean)

    def _usual_swing(
        self, series: Ints, at: int, mean: Floats, step_s: Floats, correlation: Floats, hours: float, share: Floats
    ) -> Floats:
        """By how much the mean deviates of itself: what it was seen to, and at least what theory says."""
        seen = self._swing[series, at]
        weight = 1.0 - np.exp(-step_s / (hours * 3600.0))
        kept = (1.0 - weight) * correlation
        variance = self._square[series] * weight / (2.0 - weight) * (1.0 + kept) / (1.0 - kept)
        theory = np.sqrt(np.maximum(variance, 1e-6))
        capped = np.minimum(np.abs(mean), 3.0 * np.maximum(MEAN_TO_DEVIATION * seen, theory))
        self._swing[series, at] = seen + share * (capped - seen)
        return np.asarray(np.maximum(MEAN_TO_DEVIATION * seen, theory))


class Peaks:
    """What the highest of a day usually is: where tails are heavy, readings may be so far off every day. n series, two sizes."""

    def __init__(self, series: int, parameters: AnomalyParameters) -> None:
        self._p = parameters
        self._day = np.full(series, -1)
        self._highest, self._usual = np.zeros((series, 2)), np.zeros((series, 2))
        self._days = np.zeros(series)

    def update(self, series: Ints, sizes: list[Floats], day: Ints) -> list[Floats]:
        """Sizes (m,) as shares of what they may be (m,): `above_peaks` times the mean of the highest of past days."""
        self._end(series[(day != self._day[series]) & (self._day[series] >= 0)])
        self._day[series] = day
        size = np.stack(sizes, axis=1)
        usual = self._usual[series]
        most = np.where(self._days[series, None] > 1, np.maximum(2.0 * usual, 1e-9), np.inf)
        self._highest[series] = np.maximum(self._highest[series], np.minimum(size, most))
        shares = size / np.maximum(self._p.above_peaks * usual, 1e-9)
        return [shares[:, 0], shares[:, 1]]

    def _end(self, series: Ints) -> None:
        """A day is over: what was highest in it is one of so many days'."""
        days = np.minimum(self._days[series] + 1.0, self._p.memory_days)
        self._days[series] = days
        self._usual[series] += (self._highest[series] - self._usual[series]) / days[:, None]
        self._highest[series] = 0.0


class Runs:
    """Runs of equal readings of n series."""

    def __init__(self, series: int, parameters: AnomalyParameters) -> None:
        self._p = parameters
        self._value = np.full(series, np.nan)
        self.since_us = np.zeros(series, np.int64)
        self._length = np.zeros(series)
        self._longest_s = np.zeros(series)
        self._equal, self._count = np.zeros(series), np.zeros(series)
        self._is_frozen = np.zeros(series, np.bool_)

    def update(self, series: Ints, values: Floats, time_us: Ints, is_known: Mask) -> Floats:
        """How far (m,) the run that each reading goes on with is beyond the threshold; 0 where a series is not known yet."""
        is_equal = values == self._value[series]
        self._end(series[~is_equal], time_us[~is_equal], values[~is_equal])
        self._length[series] += 1.0
        lasted_s = (time_us - self.since_us[series]) / 1e6
        chance = (self._equal[series] + 1.0) / (self._count[series] + 2.0)
        unlikely = self._length[series] * np.log(chance) / np.log(max(self._p.frozen_chance, 1e-300))
        least_s = np.maximum(self._p.frozen_least_h * 3600.0, self._p.frozen_longer * self._longest_s[series])
        beyond = np.where(is_known, np.minimum(unlikely, lasted_s / np.maximum(least_s, 1e-9)), 0.0)
        self._is_frozen[series] |= beyond >= 1.0
        return np.asarray(beyond)

    def _end(self, series: Ints, time_us: Ints, values: Floats) -> None:
        """A run is over: it says how likely equal readings are, and how long they may be, unless it was a frozen one."""
        length, was_frozen = self._length[series], self._is_frozen[series]
        lasted_s = np.where((length > 1) & ~was_frozen, (time_us - self.since_us[series]) / 1e6, 0.0)
        taught = np.where(was_frozen, 0.0, length)
        keep = np.where(self._count[series] > _LONGEST_MEMORY, 0.5, 1.0)
        self._equal[series] = (self._equal[series] + np.maximum(taught - 1.0, 0.0)) * keep
        self._count[series] = (self._count[series] + taught) * keep
        self._longest_s[series] = np.maximum(self._longest_s[series] * _FORGET_RUN, lasted_s)
        self._value[series], self.since_us[series] = values, time_us
        self._length[series], self._is_frozen[series] = 0.0, False
