"""What manoeuvres make of places across the way: where an actor moves to, and how far it has come."""

from __future__ import annotations

import numpy as np

from simulators.scenario.manoeuvres import LaneChange
from simulators.scenario.plan import Plan
from simulators.scenario.progress import Progress, Rows
from simulators.scenario.shapes import PEAK_ACCELERATION, SHAPES, rate_of, share_of
from simulators.scenario.state import State
from simulators.scenario.trace import Floats

_AT_ONCE_S = 1e-9


class LaneChanges:
    """Targets of every actor in every run, (n, a). The newest manoeuvre of an actor replaces the one before it."""

    def __init__(self, made: Plan, progress: Progress) -> None:
        like = made.speed_mps
        self._plan, self._progress = made, progress
        self._is_crossing, self._shape, self._by = (
            np.zeros_like(like, np.bool_),
            np.zeros_like(like, np.int64),
            np.full_like(like, -1, np.intp),
        )
        self._from_m, self._to_m, self._begin_s = made.aside_m.copy(order="K"), made.aside_m.copy(order="K"), np.zeros_like(like)
        self._over_s, self._ramp_s = np.full_like(like, np.inf), np.zeros_like(like)
        self._movers: set[int] = set()  # actors of whom any run is crossing

    def begin(self, row: int, change: LaneChange, runs: Rows, state: State, now_s: float) -> None:
        """A manoeuvre (a row of the description's) begins in these runs."""
        column = self._plan.index(self._plan.description.manoeuvres[row].actor)
        at = runs, column
        self._movers.add(column)
        self._progress.end(self._by[at], runs, now_s)
        to = self._target(change, runs, column, state)
        if change.at_once:
            state.aside_m[at] = to
        over, ramp = self._paces(change, runs, np.abs(to - state.aside_m[at]), state.speed_mps[at])
        self._is_crossing[at], self._from_m[at], self._to_m[at], self._by[at] = True, state.aside_m[at], to, row
        self._begin_s[at], self._over_s[at], self._ramp_s[at] = now_s, np.maximum(over, _AT_ONCE_S), ramp
        self._shape[at] = SHAPES[change.shape]
        _, rate = self._way(column, now_s)
        way = self._to_m[:, column] - self._from_m[:, column]
        state.aside_mps[:, column] = np.where(self._is_crossing[:, column], way * rate, 0.0)

    def break_off(self, row: int, runs: Rows, state: State, now_s: float) -> None:
        """A manoeuvre is over where it still goes on: the place across stays what it is."""
        column = self._plan.index(self._plan.description.manoeuvres[row].actor)
        at = runs[(self._by[runs, column] == row) & self._is_crossing[runs, column]], column
        self._progress.end(self._by[at], at[0], now_s)
        self._is_crossing[at] = False
        state.aside_mps = state.aside_mps.copy()
        state.aside_mps[at] = 0.0

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
        if change.peak_mps2 is not None:
            peak = np.maximum(np.abs(of(change.peak_mps2)[runs]), 1e-9)
            return np.sqrt(PEAK_ACCELERATION[change.shape] * way_m / peak), at_once
        fast = np.maximum(of(change.lateral_mps or 0.0)[runs], 0.0)
        if change.lateral_mps2 is None:
            return _quotient(way_m, fast), at_once
        rate = np.maximum(np.abs(of(change.lateral_mps2)[runs]), 1e-9)
        reached = np.minimum(fast, np.sqrt(2.0 * way_m * rate))
        return _quotient(way_m, reached) + reached / rate / 2.0, reached / rate

    def move(self, state: State, now_s: float) -> None:
        """Bring lane changes on to an instant, actor by actor: seldom does more than one of them move aside."""
        for column in sorted(self._movers):
            if self._is_crossing[:, column].any():
                self._move(column, state, now_s)
            else:
                self._movers.remove(column)

    def _move(self, column: int, state: State, now_s: float) -> None:
        share, rate = self._way(column, now_s)
        is_crossing, begin = self._is_crossing[:, column], self._from_m[:, column]
        way = self._to_m[:, column] - begin
        state.aside_m[:, column] = np.where(is_crossing, begin + way * share, state.aside_m[:, column])
        state.aside_mps[:, column] = np.where(is_crossing, way * rate, 0.0)
        going = is_crossing & (now_s - self._begin_s[:, column] < self._over_s[:, column])
        if self._progress.is_watched:
            runs = np.flatnonzero(is_crossing & ~going)
            self._progress.end(self._by[runs, column], runs, now_s)
        self._is_crossing[:, column] = going

    def _way(self, column: int, now_s: float) -> tuple[Floats, Floats]:
        """Share of an actor's way aside that is done, and what of it is done in a second: (n,); 1 and 0 once there."""
        over, ramp_s, shape = self._over_s[:, column], self._ramp_s[:, column], self._shape[:, column]
        since = now_s - self._begin_s[:, column]
        into, even_s = np.minimum(since, over), over - ramp_s / 2.0
        share, rate = (into - ramp_s / 2.0) / even_s, 1.0 / even_s
        if ramp_s.any():
            is_ramp, ramp = into < ramp_s, np.where(ramp_s > 0, ramp_s, 1.0)
            share = np.where(is_ramp, into**2 / (2.0 * ramp) / even_s, share)
            rate = np.where(is_ramp, into / ramp / even_s, rate)
        if shape.any():
            gentle, time = shape > 0, into / over
            share = np.where(gentle, share_of(shape, time), share)
            rate = np.where(gentle, rate_of(shape, time) / over, rate)
        is_there = since >= over
        return np.where(is_there, 1.0, share), np.where(is_there, 0.0, rate)


def _quotient(way_m: Floats, speed_mps: Floats) -> Floats:
    """Way over speed, inf for somebody who does not move."""
    return np.where(speed_mps > 0, way_m / np.where(speed_mps > 0, speed_mps, 1.0), np.inf)
