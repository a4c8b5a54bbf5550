"""The detector: readings of many series in, what changed about their alarms out.

Causal: nothing that is said of a reading depends on a later one. No I/O, no clock; state is arrays by series.

A series has one alarm at a time. It begins as a spike in the instant in which a reading jumps, and becomes a level shift when the
readings stay there; a run that proves to be frozen is called so.
"""

from __future__ import annotations

import enum

import numpy as np

from chelu.messages import Batch
from services.inference.city.anomalies.parameters import AnomalyParameters
from services.inference.city.anomalies.rules import Means, Runs
from services.inference.city.anomalies.seasonal import Seasonal, slots_of
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

_DAY_US = 86_400_000_000
_FIRST_US = _DAY_US // 2
_FARTHEST = 100.0  # deviations
_FIRST_STEP_S = 300.0  # what a series' first reading stands for


class Kind(enum.IntEnum):
    """What is odd about a series; a higher one takes the place of a lower one, but a drift does not become a shift."""

    NONE = 0
    SPIKE = 1
    SHIFT = 2
    DRIFT = 3
    FROZEN = 4


class Change(enum.IntEnum):
    """What became of an alarm. ACCEPTED: it is over, since the level is from now on the usual one."""

    RAISED = 0
    UPDATED = 1
    CLEARED = 2
    ACCEPTED = 3


class AnomalyDetector:
    """Of n series. Owned by one thread."""

    def __init__(self, series: int, parameters: AnomalyParameters) -> None:
        self._p = parameters
        self._seasonal = Seasonal(series, memory_days=parameters.memory_days)
        self._means, self._runs = Means(series, parameters), Runs(series, parameters)
        self._first_us, self._last_us = np.zeros(series, np.int64), np.zeros(series, np.int64)
        self.kind = np.zeros(series, np.int64)
        self._since_us, self._raised_us, self._beyond_us = (np.zeros(series, np.int64) for _ in range(3))
        self._turned_us = np.zeros((series, 2), np.int64)  # since when each mean is on the side of the usual on which it is
        self._amount = np.zeros(series)  # the mean difference from the usual, as far back as shift_h
        self.missing = self.backward = 0  # readings without a value, and readings no newer than the one before

    def update(self, series: Ints, time_us: Ints, values: Floats) -> Batch:
        """Readings (m,) of different series, each at its own time. Gives a row for each alarm that changed.

        Columns: `series`, `time_us`, `since_us`, `kind` (`Kind`), `change` (`Change`), `value`, `usual`, `amount` (by how much it
        is off: of a spike the reading, else the mean), `deviation` (the usual one), `beyond` (how far, 1 at the threshold).
        """
        is_told, is_newer = np.isfinite(values), time_us > self._last_us[series]
        self.missing += int(np.count_nonzero(~is_told))
        self.backward += int(np.count_nonzero(is_told & ~is_newer))
        kept = is_told & is_newer
        return self._judge(series[kept], time_us[kept], values[kept])

    def _judge(self, series: Ints, time_us: Ints, values: Floats) -> Batch:
        is_first = self._last_us[series] == 0
        self._first_us[series[is_first]] = time_us[is_first]
        gap_s = np.where(is_first, _FIRST_STEP_S, (time_us - self._last_us[series]) / 1e6)
        self._last_us[series] = time_us
        slot = slots_of(time_us, self._p.utc_offset_h)
        usual, deviation = self._seasonal.usual(series, slot)
        off = np.where(np.isnan(usual), 0.0, values - usual)
        scaled = np.clip(off / np.where(deviation > 0, deviation, np.inf), -_FARTHEST, _FARTHEST)
        day = (time_us + round(self._p.utc_offset_h * 3600e6)) // _DAY_US
        age_us = time_us - self._first_us[series]
        is_known = age_us >= self._p.learn_days * _DAY_US
        frozen = self._runs.update(series, values, time_us, is_known)
        beyond = np.column_stack([np.zeros((len(series), 3)), frozen])
        knows = age_us >= _FIRST_US  # before, what is usual is anybody's guess
        beyond[knows, :3] = self._means.update(series[knows], scaled[knows], gap_s[knows], day[knows])
        beyond[:, 0] = self._sized(series, values, off, beyond[:, 0])
        beyond[~is_known] = 0.0
        self._follow(series, time_us, off, gap_s)
        self._seasonal.learn(series, slot, values, usual, deviation, gap_s)
        change = self._change(series, time_us, beyond)
        return self._told(series, time_us, change, values=values, usual=usual, off=off, deviation=deviation, beyond=beyond)

    def _sized(self, series: Ints, values: Floats, off: Floats, spike: Floats) -> Floats:
        """A spike must be one beside all that the series has read, and what is far from all of it is one."""
        mean, deviation = self._seasonal.whole(series)
        unit = np.where(deviation > 0, deviation, np.inf)
        least = np.abs(off) / unit / max(self._p.least_spike, 1e-9)
        return np.maximum(np.minimum(spike, least), np.abs(values - mean) / unit / self._p.extreme)

    def _follow(self, series: Ints, time_us: Ints, off: Floats, gap_s: Floats) -> None:
        """By how much readings have been off of late, and since when each mean lies on its side of the usual."""
        step = 1.0 - np.exp(-gap_s / (self._p.shift_h * 3600.0))
        self._amount[series] += step * (off - self._amount[series])
        turned = np.sign(self._means.means[series]) * np.sign(off)[:, None] < 0
        self._turned_us[series] = np.where(turned | (self._turned_us[series] == 0), time_us[:, None], self._turned_us[series])

    def _change(self, series: Ints, time_us: Ints, beyond: Floats) -> Ints:
        """What becomes of the alarms of these series: −1 nothing, else a `Change`."""
        found, up = _kind_of(beyond, self._means.crept(series)), self.kind[series]
        is_loud = self._is_loud(beyond, up)
        self._beyond_us[series[is_loud]] = time_us[is_loud]
        raised = (up == Kind.NONE) & (found > Kind.NONE)
        worse = (up > Kind.NONE) & (found > up) & ~((up == Kind.SHIFT) & (found == Kind.DRIFT))
        over = (up > Kind.NONE) & ~is_loud & (time_us - self._beyond_us[series] >= self._p.calm_h * 3600e6)
        stays = time_us - self._raised_us[series] >= self._p.accept_days * 86_400e6
        accepted = ((up == Kind.SHIFT) | (up == Kind.DRIFT)) & ~over & stays
        change = np.full(len(series), -1)
        for which, name in (
            (accepted, Change.ACCEPTED),
            (over, Change.CLEARED),
            (worse, Change.UPDATED),
            (raised, Change.RAISED),
        ):
            change[which] = name
        self._begin(series, time_us, found, raised, worse)
        self._accept(series[change == Change.ACCEPTED])
        self._means.forget_day(series[change == Change.CLEARED])
        return change

    def _is_loud(self, beyond: Floats, up: Ints) -> Mask:
        """Whether a series goes on to be odd in the way in which it is (m,); the mean of a day remembers a shift long after."""
        kept = beyond >= self._p.release
        of_kind = np.select(
            [up == Kind.NONE, up == Kind.DRIFT, up == Kind.FROZEN],
            [np.zeros(len(up), np.bool_), kept[:, 1] | kept[:, 2], kept[:, 3]],
            kept[:, 0] | kept[:, 1],
        )
        return np.asarray(of_kind | (beyond >= 1.0).any(axis=1))

    def _begin(self, series: Ints, time_us: Ints, found: Ints, raised: Mask, worse: Mask) -> None:
        self._raised_us[series[raised]] = time_us[raised]
        named = raised | worse
        kind, of = found[named], series[named]
        since = time_us[named].copy()
        for at, one in enumerate((Kind.SHIFT, Kind.DRIFT)):
            since[kind == one] = self._turned_us[of[kind == one], at]
        since[kind == Kind.FROZEN] = self._runs.since_us[of[kind == Kind.FROZEN]]
        is_kept = worse[named] & (kind != Kind.FROZEN)  # a spike that stays began when it jumped
        self._since_us[of] = np.where(is_kept, self._since_us[of], since)
        self.kind[of] = kind

    def _accept(self, series: Ints) -> None:
        self._seasonal.move(series, self._amount[series])
        self._means.forget(series)

    def _told(
        self, series: Ints, time_us: Ints, change: Ints, *,
        values: Floats, usual: Floats, off: Floats, deviation: Floats, beyond: Floats,
    ) -> Batch:  # fmt: skip
        rows = np.flatnonzero(change >= 0)
        of = series[rows]
        kind = self.kind[of].copy()
        told = Batch(
            {
                "series": of,
                "time_us": time_us[rows],
                "since_us": self._since_us[of].copy(),
                "kind": kind,
                "change": change[rows],
                "value": values[rows],
                "usual": usual[rows],
                "amount": np.where(kind == Kind.SPIKE, off[rows], self._amount[of]),
                "deviation": deviation[rows],
                "beyond": np.where(kind == Kind.DRIFT, beyond[rows, 1:3].max(axis=1), beyond[rows, kind - 1]),
            }
        )
        self.kind[of[change[rows] >= Change.CLEARED]] = Kind.NONE
        return told


def _kind_of(beyond: Floats, crept: Mask) -> Ints:
    """The kind (m,) that ratios (m, 4) of spike, shift, drift and frozen say: frozen first, then what stays, then a spike."""
    over = beyond >= 1.0
    names = [Kind.FROZEN, Kind.DRIFT, Kind.SHIFT, Kind.DRIFT, Kind.SPIKE]
    found = np.select([over[:, 3], over[:, 1] & crept, over[:, 1], over[:, 2], over[:, 0]], names, Kind.NONE)
    return np.asarray(found, np.int64)
