"""What manoeuvres make of speeds: a target for an actor, how it is reached, and whether it is reached."""

from __future__ import annotations

import numpy as np

from chelu.units import KMH_PER_MPS
from simulators.scenario.manoeuvres import SpeedChange
from simulators.scenario.plan import Plan
from simulators.scenario.progress import Progress, Rows
from simulators.scenario.shapes import PEAK_RATE, SHAPES, share_of
from simulators.scenario.state import State
from simulators.scenario.trace import Floats

_AT_ONCE_S = 1e-9


class Speeds:
    """Targets of every actor in every run, (n, a). The newest manoeuvre of an actor replaces the one before it."""

    def __init__(self, made: Plan, progress: Progress) -> None:
        like = made.speed_mps
        self._plan, self._progress = made, progress
        self._has_target, self._shape, self._by = (
            np.zeros_like(like, np.bool_),
            np.zeros_like(like, np.int64),
            np.full_like(like, -1, np.intp),
        )
        self._target_mps, self._rate_mps2, self._jerk_mps3 = (np.full_like(like, one) for one in (0.0, 0.0, np.inf))
        self._reached_mps2, self._from_mps, self._begin_s = (np.zeros_like(like) for _ in range(3))
        self._over_s = np.ones_like(like)
        self._is_open = np.zeros_like(like, np.bool_)  # of a manoeuvre that ends once its speed is reached
        self._lasting: list[tuple[int, Rows, int, SpeedChange]] = []

    def begin(self, row: int, change: SpeedChange, runs: Rows, state: State, now_s: float) -> None:
        """A manoeuvre (a row of the description's) begins in these runs."""
        column = self._plan.index(self._plan.description.manoeuvres[row].actor)
        at = runs, column
        self.let_go(column, runs, now_s)
        target, speed = self._target(change, runs, state), state.speed_mps[at]
        if change.at_once:
            state.speed_mps = state.speed_mps.copy(order="K")
            state.speed_mps[at] = speed = target
        over = self._over(change, runs, speed, target)
        self._has_target[at], self._target_mps[at], self._by[at] = True, target, row
        self._rate_mps2[at] = self._rate(change, runs, np.abs(target - speed) / over)
        self._jerk_mps3[at] = np.inf if change.jerk_mps3 is None else np.abs(self._plan.of(change.jerk_mps3)[runs])
        self._reached_mps2[at], self._is_open[at] = 0.0, not change.is_lasting
        self._shape[at], self._from_mps[at], self._begin_s[at], self._over_s[at] = SHAPES[change.shape], speed, now_s, over
        if change.is_lasting:
            self._lasting.append((row, runs, column, change))

    def let_go(self, column: int, runs: Rows, now_s: float) -> None:
        """An actor's speed is no longer a manoeuvre's business."""
        at = runs, column
        self._progress.end(self._by[at], runs, now_s)
        self._has_target[at], self._by[at], self._shape[at], self._is_open[at] = False, -1, 0, False

    def break_off(self, row: int, runs: Rows, now_s: float) -> None:
        """A manoeuvre is over where it still goes on: the speed stays what it is."""
        column = self._plan.index(self._plan.description.manoeuvres[row].actor)
        self.let_go(column, runs[self._by[runs, column] == row], now_s)

    def _target(self, change: SpeedChange, runs: Rows, state: State) -> Floats:
        of = self._plan.of
        if change.to_kmh is not None:
            return np.maximum(of(change.to_kmh)[runs] / KMH_PER_MPS, 0.0)
        other = state.speed_mps[runs, self._plan.index(change.like or "")]
        return np.asarray(np.maximum(other * of(change.times)[runs] + of(change.by_kmh)[runs] / KMH_PER_MPS, 0.0))

    def _rate(self, change: SpeedChange, runs: Rows, even_mps2: Floats) -> Floats:
        if change.at_once:
            return np.full(len(runs), np.inf) if change.is_lasting else np.zeros(len(runs))
        return even_mps2 if change.rate_mps2 is None else np.abs(self._plan.of(change.rate_mps2)[runs])

    def _over(self, change: SpeedChange, runs: Rows, speed: Floats, target: Floats) -> Floats:
        """How long it takes; of a rate that is the highest of a gentle shape's, too."""
        of = self._plan.of
        if change.over_s is not None:
            over = of(change.over_s)[runs]
        elif change.over_m is not None:
            over = 2.0 * of(change.over_m)[runs] / np.maximum(speed + target, 1e-9)
        elif change.rate_mps2 is not None:
            rate = np.maximum(np.abs(of(change.rate_mps2)[runs]), 1e-9)
            over = np.abs(target - speed) * PEAK_RATE[change.shape] / rate
        else:
            over = np.zeros(len(runs))
        return np.maximum(over, _AT_ONCE_S)

    def acceleration_mps2(self, state: State, now_s: float, step_s: float) -> Floats:
        """(n, a) towards each target; 0 for whoever has none. A target is met exactly."""
        if not self._has_target.any():
            return np.zeros_like(state.speed_mps)
        for row, runs, column, change in self._lasting:
            still = runs[self._by[runs, column] == row]
            self._target_mps[still, column] = self._target(change, still, state)
        self._reached_mps2 = np.minimum(
            self._reached_mps2 + np.where(self._has_target, self._jerk_mps3 * step_s, 0.0), self._rate_mps2
        )
        missing = (self._target_mps - state.speed_mps) / step_s
        wanted = np.where(self._has_target, np.clip(missing, -self._reached_mps2, self._reached_mps2), 0.0)
        if self._shape.any():
            wanted = np.where(self._shape > 0, self._shaped(state, now_s + step_s, step_s), wanted)
        if self._progress.is_watched:
            self._tell_reached(state, now_s)
        return wanted

    def _shaped(self, state: State, until_s: float, step_s: float) -> Floats:
        share = share_of(self._shape, np.clip((until_s - self._begin_s) / self._over_s, 0.0, 1.0))
        return np.asarray((self._from_mps + (self._target_mps - self._from_mps) * share - state.speed_mps) / step_s)

    def _tell_reached(self, state: State, now_s: float) -> None:
        if not self._is_open.any():
            return
        at = np.nonzero(self._is_open & (np.abs(state.speed_mps - self._target_mps) < 1e-9))
        self._progress.end(self._by[at], at[0], now_s)
        self._is_open[at] = False
