"""What manoeuvres make of an actor from when they begin: a speed to be reached, a place aside to be moved to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.units import KMH_PER_MPS
from simulators.scenario.description import LaneChange, SpeedChange
from simulators.scenario.plan import Plan
from simulators.scenario.state import State
from simulators.scenario.trace import Floats

Rows = npt.NDArray[np.intp]
_AT_ONCE_S = 1e-9


class Controls:
    """Targets of every actor in every run, (n, a). The newest manoeuvre of an actor replaces the one before it."""

    def __init__(self, made: Plan) -> None:
        shape = made.speed_mps.shape
        self._plan = made
        self._has_target = np.zeros(shape, np.bool_)
        self._target_mps, self._rate_mps2, self._jerk_mps3 = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
        self._reached_mps2 = np.zeros(shape)
        self._is_crossing = np.zeros(shape, np.bool_)
        self._from_m, self._to_m, self._begin_s = made.aside_m.copy(), made.aside_m.copy(), np.zeros(shape)
        self._over_s, self._ramp_s, self._is_gentle = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape, np.bool_)

    def begin(self, row: int, runs: Rows, state: State, now_s: float) -> None:
        """A manoeuvre (a row of the description's) begins in these runs."""
        one = self._plan.description.manoeuvres[row]
        column = self._plan.index(one.actor)
        if one.speed is not None:
            self._begin_speed(one.speed, runs, column, state)
        elif one.lane_change is not None:
            self._begin_lane_change(one.lane_change, runs, column, state, now_s)
        elif one.driver is not None:
            self._has_target[runs, column] = False

    def _begin_speed(self, change: SpeedChange, runs: Rows, column: int, state: State) -> None:
        of, at = self._plan.of, (runs, column)
        target = np.maximum(of(change.to_kmh)[runs] / KMH_PER_MPS, 0.0)
        if change.over_s is not None:
            over = np.maximum(of(change.over_s)[runs], 1e-9)
            rate = np.abs(target - state.speed_mps[at]) / over
        else:
            rate = np.abs(of(change.rate_mps2 or 0.0)[runs])
        self._has_target[at], self._target_mps[at], self._rate_mps2[at] = True, target, rate
        self._jerk_mps3[at] = np.inf if change.jerk_mps3 is None else np.abs(of(change.jerk_mps3)[runs])
        self._reached_mps2[at] = 0.0

    def _begin_lane_change(self, change: LaneChange, runs: Rows, column: int, state: State, now_s: float) -> None:
        of, at = self._plan.of, (runs, column)
        if change.to_lane is not None:
            to = self._plan.lane_aside_m(column, change.to_lane)[runs]
        else:
            to = state.aside_m[at] + of(change.aside_m or 0.0)[runs]
        over, ramp = self._paces(change, runs, np.abs(to - state.aside_m[at]))
        self._is_crossing[at], self._from_m[at], self._to_m[at] = True, state.aside_m[at], to
        self._begin_s[at], self._over_s[at], self._ramp_s[at] = now_s, np.maximum(over, _AT_ONCE_S), ramp
        self._is_gentle[at] = change.shape == "sine"
        _, rate = self._way(now_s)
        state.aside_mps = np.where(self._is_crossing, (self._to_m - self._from_m) * rate, 0.0)

    def _paces(self, change: LaneChange, runs: Rows, way_m: Floats) -> tuple[Floats, Floats]:
        """How long a change takes, inf for one that never gets there, and how long its even speed takes to be reached."""
        of = self._plan.of
        if change.over_s is not None:
            return of(change.over_s)[runs], np.zeros(len(runs))
        fast = np.maximum(of(change.lateral_mps or 0.0)[runs], 0.0)
        if change.lateral_mps2 is None:
            return _quotient(way_m, fast), np.zeros(len(runs))
        rate = np.maximum(np.abs(of(change.lateral_mps2)[runs]), 1e-9)
        reached = np.minimum(fast, np.sqrt(2.0 * way_m * rate))
        return _quotient(way_m, reached) + reached / rate / 2.0, reached / rate

    def acceleration_mps2(self, state: State, step_s: float) -> Floats:
        """(n, a) towards each target; 0 for whoever has none. A target is met exactly."""
        if not self._has_target.any():
            return np.zeros(state.speed_mps.shape)
        self._reached_mps2 = np.minimum(
            self._reached_mps2 + np.where(self._has_target, self._jerk_mps3 * step_s, 0.0), self._rate_mps2
        )
        missing = (self._target_mps - state.speed_mps) / step_s
        return np.where(self._has_target, np.clip(missing, -self._reached_mps2, self._reached_mps2), 0.0)

    def move_aside(self, state: State, now_s: float) -> None:
        """Bring lane changes on to an instant."""
        if not self._is_crossing.any():
            return
        share, rate = self._way(now_s)
        way = self._to_m - self._from_m
        state.aside_m = np.where(self._is_crossing, self._from_m + way * share, state.aside_m)
        state.aside_mps = np.where(self._is_crossing, way * rate, 0.0)
        self._is_crossing &= now_s - self._begin_s < self._over_s

    def _way(self, now_s: float) -> tuple[Floats, Floats]:
        """Share of the way aside that is done, and what of it is done in a second: (n, a); 1 and 0 once there."""
        into = np.minimum(now_s - self._begin_s, self._over_s)
        even_s = self._over_s - self._ramp_s / 2.0
        is_ramp = into < self._ramp_s
        ramp = np.where(self._ramp_s > 0, self._ramp_s, 1.0)
        share = np.where(is_ramp, into**2 / (2.0 * ramp), into - self._ramp_s / 2.0) / even_s
        rate = np.where(is_ramp, into / ramp, 1.0) / even_s
        if self._is_gentle.any():
            turn = np.pi * into / self._over_s
            share = np.where(self._is_gentle, (1.0 - np.cos(turn)) / 2.0, share)
            rate = np.where(self._is_gentle, np.pi / 2.0 * np.sin(turn) / self._over_s, rate)
        is_there = now_s - self._begin_s >= self._over_s
        return np.where(is_there, 1.0, share), np.where(is_there, 0.0, rate)


def _quotient(way_m: Floats, speed_mps: Floats) -> Floats:
    """Way over speed, inf for somebody who does not move."""
    return np.where(speed_mps > 0, way_m / np.where(speed_mps > 0, speed_mps, 1.0), np.inf)
