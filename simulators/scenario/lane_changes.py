"""What manoeuvres make of places across the way: where an actor moves to, and how far it has come."""

from __future__ import annotations

import numpy as np

from simulators.scenario.manoeuvres import LaneChange
from simulators.scenario.plan import Plan
from simulators.scenario.progress import Progress, Rows
from simulators.scenario.shapes import SHAPES, rate_of, share_of
from simulators.scenario.state import State
from simulators.scenario.trace import Floats

_AT_ONCE_S = 1e-9


class LaneChanges:
    """Targets of every actor in every run, (n, a). The newest manoeuvre of an actor replaces the one before it."""

    def __init__(self, made: Plan, progress: Progress) -> None:
        shape = made.speed_mps.shape
        self._plan, self._progress = made, progress
        self._is_crossing = np.zeros(shape, np.bool_)
        self._from_m, self._to_m, self._begin_s = made.aside_m.copy(), made.aside_m.copy(), np.zeros(shape)
        self._over_s, self._ramp_s, self._shape = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape, np.int64)
        self._by = np.full(shape, -1, np.intp)

    def begin(self, row: int, change: LaneChange, runs: Rows, state: State, now_s: float) -> None:
        """A manoeuvre (a row of the description's) begins in these runs."""
        column = self._plan.index(self._plan.description.manoeuvres[row].actor)
        at = runs, column
        self._progress.end(self._by[at], runs, now_s)
        to = self._target(change, runs, column, state)
        if change.at_once:
            state.aside_m = state.aside_m.copy()
            state.aside_m[at] = to
        over, ramp = self._paces(change, runs, np.abs(to - state.aside_m[at]), state.speed_mps[at])
        self._is_crossing[at], self._from_m[at], self._to_m[at], self._by[at] = True, state.aside_m[at], to, row
        self._begin_s[at], self._over_s[at], self._ramp_s[at] = now_s, np.maximum(over, _AT_ONCE_S), ramp
        self._shape[at] = SHAPES[change.shape]
        _, rate = self._way(now_s)
        state.aside_mps = np.where(self._is_crossing, (self._to_m - self._from_m) * rate, 0.0)

    def _target(self, change: LaneChange, runs: Rows, column: int, state: State) -> Floats:
        plan, offset = self._plan, self._plan.of(change.offset_m)[runs]
        if change.aside_m is not None:
            return np.asarray(state.aside_m[runs, column] + plan.of(change.aside_m)[runs] + offset)
        if change.offset_of is not None:
            other = plan.index(change.offset_of)
            aside = state.aside_m[runs, other]
            offset = offset + aside - plan.middle_m(other, runs, plan.lane_at(other, runs, aside))
        if change.to_lane is not None:
            return plan.lane_aside_m(column, change.to_lane)[runs] + offset
        whose = plan.index(change.lane_of or "")
        lane = plan.lane_at(whose, runs, state.aside_m[runs, whose]) + change.lanes_left
        return plan.middle_m(column, runs, lane) + offset

    def _paces(self, change: LaneChange, runs: Rows, way_m: Floats, speed_mps: Floats) -> tuple[Floats, Floats]:
        """How long a change takes, inf for one that never gets there, and how long its even speed takes to be reached."""
        of, at_once = self._plan.of, np.zeros(len(runs))
        if change.at_once:
            return at_once, at_once
        if change.over_s is not None:
            return of(change.over_s)[runs], at_once
        if change.over_m is not None:
            return _quotient(of(change.over_m)[runs], speed_mps), at_once
        if change.peak_mps2 is not None:  # of half a cosine wave: π²/2 of the way over the square of the time
            return np.pi * np.sqrt(way_m / (2.0 * np.maximum(np.abs(of(change.peak_mps2)[runs]), 1e-9))), at_once
        fast = np.maximum(of(change.lateral_mps or 0.0)[runs], 0.0)
        if change.lateral_mps2 is None:
            return _quotient(way_m, fast), at_once
        rate = np.maximum(np.abs(of(change.lateral_mps2)[runs]), 1e-9)
        reached = np.minimum(fast, np.sqrt(2.0 * way_m * rate))
        return _quotient(way_m, reached) + reached / rate / 2.0, reached / rate

    def move(self, state: State, now_s: float) -> None:
        """Bring lane changes on to an instant."""
        if not self._is_crossing.any():
            return
        share, rate = self._way(now_s)
        way = self._to_m - self._from_m
        state.aside_m = np.where(self._is_crossing, self._from_m + way * share, state.aside_m)
        state.aside_mps = np.where(self._is_crossing, way * rate, 0.0)
        going = self._is_crossing & (now_s - self._begin_s < self._over_s)
        if self._progress.is_watched:
            runs, columns = np.nonzero(self._is_crossing & ~going)
            self._progress.end(self._by[runs, columns], runs, now_s)
        self._is_crossing = going

    def _way(self, now_s: float) -> tuple[Floats, Floats]:
        """Share of the way aside that is done, and what of it is done in a second: (n, a); 1 and 0 once there."""
        into = np.minimum(now_s - self._begin_s, self._over_s)
        even_s = self._over_s - self._ramp_s / 2.0
        is_ramp = into < self._ramp_s
        ramp = np.where(self._ramp_s > 0, self._ramp_s, 1.0)
        share = np.where(is_ramp, into**2 / (2.0 * ramp), into - self._ramp_s / 2.0) / even_s
        rate = np.where(is_ramp, into / ramp, 1.0) / even_s
        if self._shape.any():
            gentle, time = self._shape > 0, into / self._over_s
            share = np.where(gentle, share_of(self._shape, time), share)
            rate = np.where(gentle, rate_of(self._shape, time) / self._over_s, rate)
        is_there = now_s - self._begin_s >= self._over_s
        return np.where(is_there, 1.0, share), np.where(is_there, 0.0, rate)


def _quotient(way_m: Floats, speed_mps: Floats) -> Floats:
    """Way over speed, inf for somebody who does not move."""
    return np.where(speed_mps > 0, way_m / np.where(speed_mps > 0, speed_mps, 1.0), np.inf)
