"""The signals of a site: what each phase shows now and has announced, from SPAT.

Event time counts: a state holds from its start to its likely end. Beyond the last announced end nothing is known, and a phase
that was not heard of for `DARK_S` is dark, whatever it announced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.lights import Light, is_free, is_red
from chelu.messages import Batch
from services.inference.keys import KeyIndex
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

__all__ = [
    "ALWAYS",
    "DARK_S",
    "FOREVER_US",
    "STATES",
    "UNKNOWN",
    "Light",
    "Phases",
    "SignalTable",
    "is_free",
    "is_red",
    "named",
    "phase_key",
    "remaining_s",
]

_LIVE_US = 10_000_000  # a phase not heard of for 10 s is left out of the picture
DARK_S = 3.0  # SPAT comes ten times a second, from slow controllers once
STATES = 6  # of a phase that are kept: now, and those announced
ALWAYS, UNKNOWN = -1, -2  # in place of a phase's row: permanently free, or not known which
FOREVER_US = np.iinfo(np.int64).max
_NEVER_US = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Phases:
    """n phases: light is LightState, likely_end_us 0 when not said."""

    region: Ints
    intersection: Ints
    phase: Ints
    light: Ints
    likely_end_us: Ints
    time_us: Ints


class SignalTable:
    """States by phase, in rows that a phase keeps for ever. Owned by one thread.

    light, start_us, end_us (rows, STATES), unused places UNAVAILABLE; time_us (rows,): event time of the newest message.
    """

    def __init__(self) -> None:
        self._index = KeyIndex()
        self._keys: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self.light: Ints = np.empty((0, STATES), np.int64)
        self.start_us: Ints = np.empty((0, STATES), np.int64)
        self.end_us: Ints = np.empty((0, STATES), np.int64)
        self.time_us: Ints = np.empty(0, np.int64)
        self._places = 1  # that were ever used: most controllers announce little

    def __len__(self) -> int:
        return len(self._keys)

    def update(self, spat: Batch) -> None:
        """Take in SPAT rows: of each phase the newest message's states, now and announced."""
        if not len(spat):
            return
        keys = _keys_of(spat)
        rows = self._rows(keys)
        newest = np.full(len(self._keys), _NEVER_US)
        np.maximum.at(newest, rows, spat["time_us"])
        used = (spat["time_us"] == newest[rows]) & (spat["time_us"] >= self.time_us[rows]) & (spat["state_index"] < STATES)
        spat, rows = spat.take(used), rows[used]
        place, time_us = spat["state_index"].astype(np.int64), spat["time_us"].astype(np.int64)
        self._places = max(self._places, int(place.max(initial=0)) + 1)
        self.light[rows], self.end_us[rows] = Light.UNAVAILABLE, _NEVER_US
        self.time_us[rows] = time_us
        self.light[rows, place] = spat["light"]
        starts = np.where(np.isnan(spat["start_s"]), np.where(place == 0, 0.0, np.inf), spat["start_s"])
        self.start_us[rows, place] = _instant(time_us, np.where(starts <= 0, -np.inf, starts))
        self.end_us[rows, place] = _instant(time_us, np.where(np.isnan(spat["likely_end_s"]), np.inf, spat["likely_end_s"]))

    def rows_of(self, keys: Ints) -> Ints:
        """Rows of phases by `phase_key`; `ALWAYS` and `UNKNOWN` as they are, and those never heard of are `UNKNOWN`."""
        found = self._index.find(np.maximum(keys, 0).astype(np.uint64))
        return np.where(keys == ALWAYS, ALWAYS, np.where((keys >= 0) & (found >= 0), found, UNKNOWN))

    def at(self, rows: Ints, at_us: Ints, now_us: int) -> Ints:
        """What phases (any shape) show at instants (the same shape), as known now: `Light`, UNAVAILABLE where nobody knows.

        The row `ALWAYS` is green. A state whose end was not said lasts while it is heard of, and is known for now only.
        """
        light = np.zeros(rows.shape, np.int64)
        if len(self):
            row = np.maximum(rows, 0)
            for place in range(self._places):
                ends = self.end_us[row, place]
                ends = np.where(ends == FOREVER_US, now_us + 1, ends)
                holds = (self.start_us[row, place] <= at_us) & (at_us < ends)
                light = np.where(holds, self.light[row, place], light)
            light = np.where((rows >= 0) & ~self.is_dark(row, now_us), light, Light.UNAVAILABLE)
        return np.where(rows == ALWAYS, Light.PROTECTED_GREEN, light)

    def present(self, rows: Ints, now_us: int) -> tuple[Ints, Ints]:
        """What phases (any shape) show now, as `at`, and until when: µs, `FOREVER_US` when that was not said."""
        light = self.at(rows, np.full(rows.shape, now_us), now_us)
        end_us = np.full(rows.shape, FOREVER_US)
        if len(self):
            row = np.maximum(rows, 0)
            for place in range(self._places):
                holds = (self.start_us[row, place] <= now_us) & (now_us < self.end_us[row, place])
                end_us = np.where(holds & (rows >= 0), self.end_us[row, place], end_us)
        return light, end_us

    def free_from(self, rows: Ints, at_us: Ints, now_us: int) -> Ints:
        """When phases (any shape) next become free at or after instants, µs; `FOREVER_US` where that was not announced."""
        free_us = np.full(rows.shape, FOREVER_US)
        if len(self):
            row = np.maximum(rows, 0)
            for place in range(self._places):
                starts, fits = self.start_us[row, place], is_free(self.light[row, place]) & (self.end_us[row, place] > at_us)
                free_us = np.where(fits, np.minimum(free_us, np.maximum(starts, now_us)), free_us)
        return free_us

    def free_spans(self, rows: Ints, now_us: int, least_green_s: float) -> tuple[Floats, Floats]:
        """When phases (n, k) are free, in seconds from now: begins and ends (n, k, w), inf where a place holds nothing.

        A red whose end is known and after which nothing is announced is followed by a green of `least_green_s`, which is what the
        end of a red means. A green whose end was not said is known for now only, and gives no span.
        """
        row = np.maximum(rows, 0)
        if not len(self):
            begin = np.full((*rows.shape, 1), np.inf)
            end = begin.copy()
        else:
            light, start_us, end_us = (one[row, : self._places] for one in (self.light, self.start_us, self.end_us))
            is_said = (end_us != FOREVER_US) & (end_us > now_us) & (light > 0)
            begin = (np.maximum(start_us, now_us) - now_us) / 1e6
            end = np.where(is_said, end_us - now_us, 0) / 1e6
            last = is_said & is_red(light) & (end_us >= np.max(np.where(is_said, end_us, _NEVER_US), axis=-1, keepdims=True))
            begin, end = np.where(last, end, begin), np.where(last, end + least_green_s, end)
            holds = (is_said & is_free(light) | last) & ((rows >= 0) & ~self.is_dark(row, now_us))[..., None]
            begin, end = np.where(holds, begin, np.inf), np.where(holds, end, np.inf)
        begin[..., 0] = np.where(rows == ALWAYS, 0.0, begin[..., 0])
        return begin, end

    def is_dark(self, rows: Ints, now_us: int) -> Mask:
        """Whether phases that were heard of are so no longer."""
        return np.asarray(now_us - self.time_us[rows] > DARK_S * 1e6)

    def now(self, now_us: int) -> Phases:
        """The phases heard of lately that show something."""
        holds = (self.start_us <= self.time_us[:, None]) & (self.light > 0)
        place = np.argmax(holds, axis=1)
        live = np.flatnonzero((now_us - self.time_us <= _LIVE_US) & holds.any(axis=1))
        keys, place = self._keys[live].astype(np.int64), place[live]
        end_us = self.end_us[live, place]
        end_us = np.where(end_us == FOREVER_US, 0, end_us)
        return Phases(keys >> 32, (keys >> 16) & 0xFFFF, keys & 0xFFFF, self.light[live, place], end_us, self.time_us[live])

    def _rows(self, keys: npt.NDArray[np.uint64]) -> Ints:
        fresh = np.unique(keys[self._index.find(keys) < 0])
        if len(fresh):
            count = len(fresh)
            self._index.add(fresh, np.arange(len(self._keys), len(self._keys) + count))
            self._keys = np.concatenate([self._keys, fresh])
            blank = np.zeros((count, STATES), np.int64)
            self.light = np.concatenate([self.light, blank])
            self.start_us, self.end_us = np.concatenate([self.start_us, blank]), np.concatenate([self.end_us, blank])
            self.time_us = np.concatenate([self.time_us, np.full(count, _NEVER_US // 2)])
        return self._index.find(keys)


def phase_key(region: Ints, intersection: Ints, phase: Ints) -> Ints:
    """One number for a phase; all of them below 2⁴⁸."""
    return np.asarray((region << 32) | (intersection << 16) | phase)


def named(key: int) -> str:
    """region/intersection/phase, for people."""
    return f"{key >> 32}/{(key >> 16) & 0xFFFF}/{key & 0xFFFF}"


def _keys_of(spat: Batch) -> npt.NDArray[np.uint64]:
    region = np.where(spat["region_id_valid"], spat["region_id"], 0).astype(np.int64)
    return phase_key(region, spat["intersection_id"].astype(np.int64), spat["phase_id"].astype(np.int64)).astype(np.uint64)


def _instant(time_us: Ints, after_s: Floats) -> Ints:
    """time_us + seconds; −inf is from ever, +inf for ever."""
    known = np.isfinite(after_s)
    instant = time_us + np.round(np.where(known, after_s, 0.0) * 1e6).astype(np.int64)
    return np.where(known, instant, np.where(after_s > 0, FOREVER_US, _NEVER_US))


def remaining_s(phases: Phases, now_us: int) -> Floats:
    """Seconds until each phase's likely end, NaN when not said."""
    return np.where(phases.likely_end_us > 0, (phases.likely_end_us - now_us) / 1e6, np.nan)
