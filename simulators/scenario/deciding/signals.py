"""A signal controller: at each step it is told who wants to pass which stop line, and says what each signal shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from simulators.scenario.description import Description
from simulators.scenario.plan import Plan
from simulators.scenario.state import State
from simulators.scenario.trace import Floats, Ints

REACH_M = 200.0  # how far before its line a detector sees
STANDS_MPS = 0.1


@dataclass(frozen=True, slots=True)
class Demand:
    """What is wanted at one signal, every column (n,).

    shows: its light now (LightState); waiting: how many stand before its line, approaching: how many come, those included;
    distance_m, speed_mps: of the nearest (its front), inf and 0 without one; waited_s: the longest that one of them has stood;
    priority_m: how far the nearest is that asks for a green with its siren, inf without one.
    """

    name: str
    shows: Ints
    waiting: Ints
    approaching: Ints
    distance_m: Floats
    speed_mps: Floats
    waited_s: Floats
    priority_m: Floats


@dataclass(frozen=True, slots=True)
class Asked:
    """All signals that a controller controls, in the scenario's order."""

    time_s: float
    signals: tuple[Demand, ...]

    @property
    def runs(self) -> int:
        """How many runs side by side: n."""
        return len(self.signals[0].shows)


class SignalController(Protocol):
    """One for all runs of a simulation, made anew for each. Every run is to be looked at as if there were no other."""

    def step(self, asked: Asked) -> Mapping[str, Ints]:
        """What signals show from now on (n,), by name (LightState); one that is left out goes on showing what it does."""


Make = Callable[[Description, int], SignalController]  # for so many runs


@dataclass(slots=True)
class ControllerPilot:
    """Switches these signals by a controller that is asked every so many instants; the plan's lights are what it says."""

    plan: Plan
    signals: Sequence[str]
    controller: SignalController
    every: int
    _stood_s: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._stood_s = np.zeros_like(self.plan.speed_mps)

    def look(self, state: State, instant: int) -> None:
        step_s, lights = self.plan.description.step_s, self.plan.lights
        self._stood_s = np.where(state.speed_mps < STANDS_MPS, self._stood_s + step_s, 0.0)
        if instant:
            for name in self.signals:
                lights[name][instant] = lights[name][instant - 1]
        if instant % self.every == 0:
            for name, shown in self.controller.step(self._asked(state, instant)).items():
                lights[name][instant] = shown

    def drive(self, wanted_mps2: Floats) -> None:
        pass

    def steer(self, state: State, step_s: float) -> None:
        pass

    def _asked(self, state: State, instant: int) -> Asked:
        return Asked(instant * self.plan.description.step_s, tuple(self._demand(name, state, instant) for name in self.signals))

    def _demand(self, name: str, state: State, instant: int) -> Demand:
        plan, signal = self.plan, self.plan.description.road.signals[name]
        half = np.array([actor.length_m for actor in plan.actors]) / 2.0
        left = signal.stop_line_m - (state.along_m + half)
        comes = (plan.way == plan.ways.index(signal.way)) & (left >= 0.0) & (left <= REACH_M)
        stands = comes & (state.speed_mps < STANDS_MPS)
        away = np.where(comes, left, np.inf)
        nearest, runs = np.argmin(away, axis=1), np.arange(plan.runs)
        return Demand(
            name=name,
            shows=plan.lights[name][instant].copy(),
            waiting=stands.sum(axis=1),
            approaching=comes.sum(axis=1),
            distance_m=away[runs, nearest],
            speed_mps=np.where(comes[runs, nearest], state.speed_mps[runs, nearest], 0.0),
            waited_s=np.where(comes, self._stood_s, 0.0).max(axis=1),
            priority_m=np.where(comes & self._has_siren(), left, np.inf).min(axis=1),
        )

    def _has_siren(self) -> Ints:
        """(a,) whose siren is on at all: who has one asks for a green from the beginning."""
        wails = {one.actor for one in self.plan.description.manoeuvres if one.says is not None and one.says.siren}
        return np.array([actor.name in wails for actor in self.plan.actors])
