"""The signals of a site as they are now: one row per phase, from SPAT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch
from services.inference.keys import KeyIndex
from services.inference.reports import Floats, Ints

_LIVE_US = 10_000_000  # a phase not heard of for 10 s is left out


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
    """Newest state per (region, intersection, phase). Owned by one thread."""

    def __init__(self) -> None:
        self._index = KeyIndex()
        self._keys: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self._state: Ints = np.empty((0, 3), np.int64)  # light, likely end µs, time µs

    def update(self, spat: Batch) -> None:
        """Take in SPAT rows; only what holds now counts, not the states announced for later."""
        start, index = spat["start_s"], spat["state_index"]
        spat = spat.take(np.asarray((start <= 0) | (np.isnan(start) & (index == 0))))
        if not len(spat):
            return
        keys = _keys_of(spat)
        order = np.lexsort((spat["time_us"], keys))
        last = order[np.append(keys[order][1:] != keys[order][:-1], True)]
        spat, keys = spat.take(last), keys[last]
        rows = self._rows(keys)
        newer = spat["time_us"] >= self._state[rows, 2]
        end = np.where(np.isnan(spat["likely_end_s"]), -np.inf, spat["likely_end_s"])
        end_us = np.where(np.isfinite(end), spat["time_us"] + np.nan_to_num(end, neginf=0.0) * 1e6, 0).astype(np.int64)
        state = np.stack([spat["light"].astype(np.int64), end_us, spat["time_us"].astype(np.int64)], axis=1)
        self._state[rows[newer]] = state[newer]

    def now(self, now_us: int) -> Phases:
        """The phases heard of lately."""
        live = np.flatnonzero(now_us - self._state[:, 2] <= _LIVE_US)
        keys = self._keys[live].astype(np.int64)
        light, end_us, time_us = self._state[live].T
        return Phases(keys >> 32, (keys >> 16) & 0xFFFF, keys & 0xFFFF, light, end_us, time_us)

    def _rows(self, keys: npt.NDArray[np.uint64]) -> Ints:
        fresh = keys[self._index.find(keys) < 0]
        if len(fresh):
            self._index.add(fresh, np.arange(len(self._keys), len(self._keys) + len(fresh)))
            self._keys = np.concatenate([self._keys, fresh])
            self._state = np.concatenate([self._state, np.zeros((len(fresh), 3), np.int64)])
        return self._index.find(keys)


def _keys_of(spat: Batch) -> npt.NDArray[np.uint64]:
    region = np.where(spat["region_id_valid"], spat["region_id"], 0).astype(np.uint64)
    node, phase = spat["intersection_id"].astype(np.uint64), spat["phase_id"].astype(np.uint64)
    return np.asarray((region << np.uint64(32)) | (node << np.uint64(16)) | phase)


def remaining_s(phases: Phases, now_us: int) -> Floats:
    """Seconds until each phase's likely end, NaN when not said."""
    return np.where(phases.likely_end_us > 0, (phases.likely_end_us - now_us) / 1e6, np.nan)
