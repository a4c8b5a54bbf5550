"""What manoeuvres make of an actor from when they begin: a speed to be reached, a place aside to be moved to."""

from __future__ import annotations

import numpy as np

from simulators.scenario.lane_changes import LaneChanges
from simulators.scenario.plan import Plan
from simulators.scenario.progress import Progress, Rows
from simulators.scenario.speeds import Speeds
from simulators.scenario.state import State
from simulators.scenario.trace import Floats


class Controls:
    """All actors' scripts; `progress` is told which manoeuvres are over."""

    def __init__(self, made: Plan, progress: Progress) -> None:
        self._plan, self._progress = made, progress
        self._speeds, self._lane_changes = Speeds(made, progress), LaneChanges(made, progress)

    def begin(self, row: int, runs: Rows, state: State, now_s: float) -> None:
        """A manoeuvre (a row of the description's) begins in these runs."""
        one = self._plan.description.manoeuvres[row]
        for name in one.ends:
            self._break_off(name, runs, state, now_s)
        if one.speed is not None:
            self._speeds.begin(row, one.speed, runs, state, now_s)
        elif one.lane_change is not None:
            self._lane_changes.begin(row, one.lane_change, runs, state, now_s)
        else:
            self._progress.end(np.full(len(runs), row), runs, now_s)
        if one.driver is not None:
            self._speeds.let_go(self._plan.index(one.actor), runs, now_s)

    def _break_off(self, name: str, runs: Rows, state: State, now_s: float) -> None:
        row = next(row for row, one in enumerate(self._plan.description.manoeuvres) if one.name == name)
        self._speeds.break_off(row, runs, now_s)
        self._lane_changes.break_off(row, runs, state, now_s)

    def acceleration_mps2(self, state: State, now_s: float, step_s: float) -> Floats:
        """(n, a) towards each target speed; 0 for whoever has none."""
        return self._speeds.acceleration_mps2(state, now_s, step_s)

    def move_aside(self, state: State, now_s: float) -> None:
        """Bring lane changes on to an instant."""
        self._lane_changes.move(state, now_s)
