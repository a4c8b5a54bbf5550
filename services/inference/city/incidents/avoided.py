"""Places that one vehicle after the other avoids: they leave the lane before it, and none passes there.

A lane is cut into cells. Who was on a lane and is then seen on another of the same road has left it at that cell: that counts
for the cells ahead of it, until somebody passes there. How many usually leave there is learned, since before turns many do.
"""

from __future__ import annotations

import numpy as np

from services.inference.city.incidents.lanes import LaneSpots, Spot
from services.inference.city.incidents.parameters import IncidentParameters
from services.inference.picture import resized
from services.inference.reports import Ints

CELL_M = 20.0
AHEAD_CELLS = 3  # who leaves a lane avoids something within so many cells
_END_CELLS = 5  # before a lane ends drivers sort themselves into lanes


class Avoided:
    """Counts by lane and cell. Owned by one thread."""

    def __init__(self, spots: LaneSpots, parameters: IncidentParameters) -> None:
        self._p, self._link = parameters, spots.link
        cells = np.maximum(np.ceil(spots.length_m / CELL_M).astype(np.int64), 1)
        self._first = np.concatenate([[0], np.cumsum(cells)])
        self._cells = cells
        total = int(self._first[-1])
        self._left = np.zeros(total, np.int64)  # vehicles that left before the cell since somebody passed it
        self._since_us = np.zeros(total, np.int64)  # the first of them
        self._ever_left, self._ever_passed = np.zeros(total), np.zeros(total)
        self._before: Ints = np.empty(0, np.int64)  # per slot: the cell it was in, −1
        self._lane_before: Ints = np.empty(0, np.int64)
        self._time_us: Ints = np.empty(0, np.int64)

    def update(self, slot: Ints, spot: Spot, rows: Ints, now_us: int) -> list[tuple[int, float, int]]:
        """Vehicles at `slot`, whose spots are these rows. Lane, metres along it and since when, of every place avoided now."""
        self._fit(int(slot.max(initial=-1)) + 1)
        lane = spot.lane[rows]
        cell = self._first[lane] + np.clip(spot.along_m[rows] / CELL_M, 0, self._cells[lane] - 1).astype(np.int64)
        is_recent = (self._before[slot] >= 0) & (now_us - self._time_us[slot] <= 5_000_000)
        lane_before, before = self._lane_before[slot], self._before[slot]
        changed = is_recent & (lane_before != lane) & (self._link[np.maximum(lane_before, 0)] == self._link[lane])
        stayed = is_recent & (lane_before == lane) & (cell >= before)
        for begin, end in zip(before[stayed].tolist(), cell[stayed].tolist(), strict=True):
            self._left[begin : end + 1] = 0
            self._ever_passed[begin + 1 : end + 1] += 1
        self._count(lane_before[changed], before[changed], now_us)
        self._left[cell] = 0
        self._before[slot], self._lane_before[slot], self._time_us[slot] = cell, lane, now_us
        return self._found(now_us)

    def _count(self, lane: Ints, cell: Ints, now_us: int) -> None:
        for of, at in zip(lane.tolist(), cell.tolist(), strict=True):
            ahead = np.arange(at + 1, min(at + 1 + AHEAD_CELLS, int(self._first[of + 1])))
            old = ahead[now_us - self._since_us[ahead] > self._p.avoided_s * 1e6]
            self._left[old] = 0
            self._since_us[ahead[self._left[ahead] == 0]] = now_us
            self._left[ahead] += 1
            self._ever_left[ahead] += 1

    def _found(self, now_us: int) -> list[tuple[int, float, int]]:
        """The cell of each lane that most avoid, but those near the lane's end."""
        before = self._ever_left - self._left  # what these do now says nothing of what is usual
        usual = (before + 1.0) / (before + self._ever_passed + 2.0)
        is_odd = self._left * np.log(usual) <= np.log(self._p.avoided_chance)
        is_now = now_us - self._since_us <= self._p.avoided_s * 1e6
        cells = np.flatnonzero((self._left >= self._p.avoided_by) & is_odd & is_now)
        lane = np.searchsorted(self._first, cells, side="right") - 1
        within = cells - self._first[lane]
        is_told = within < self._cells[lane] - _END_CELLS
        best: dict[int, int] = {}
        for of, cell in zip(lane[is_told].tolist(), cells[is_told].tolist(), strict=True):
            if of not in best or self._left[cell] > self._left[best[of]]:
                best[of] = cell
        return [(of, float((at - self._first[of] + 0.5) * CELL_M), int(self._since_us[at])) for of, at in best.items()]

    def _fit(self, capacity: int) -> None:
        if capacity > len(self._before):
            capacity = max(capacity, 2 * len(self._before))
            self._before, self._lane_before = resized(self._before, capacity, -1), resized(self._lane_before, capacity, -1)
            self._time_us = resized(self._time_us, capacity)
