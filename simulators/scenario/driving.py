"""Who drives by judgement rather than by script: what each driver model sees of everybody on its way, and what it does then.

`idm` follows (Treiber, Hennecke & Helbing 2000). `competent`, `fsm`, `rss` and `regulation` keep their speed until they see
danger and then brake as UN R157's models do (`simulators.scenario.r157.drivers`): they wait for their reaction time once, then
brake ever harder up to their limit, and never speed up again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from chelu.units import KMH_PER_MPS
from simulators.scenario.manoeuvres import Driver as DriverDescription
from simulators.scenario.plan import Plan
from simulators.scenario.r157.drivers import DRIVERS, Driver, Situation
from simulators.scenario.state import State
from simulators.scenario.trace import Actor, Floats

Rows = npt.NDArray[np.intp] | slice
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Following:
    """IDM's numbers for a car on a road outside a town (Treiber & Kesting 2013, table 11.2, rounded)."""

    headway_s: float = 1.5
    standing_gap_m: float = 2.0
    speeding_up_mps2: float = 1.4
    comfortable_mps2: float = 2.0
    exponent: float = 4.0


class Drivers:
    """One driver at a time for each actor in each run: (n, a) numbers of the models, 0 for none."""

    def __init__(self, made: Plan) -> None:
        self._plan, nothing = made, np.zeros_like(made.speed_mps)
        self._model, self._desired_mps = np.zeros_like(made.way), made.speed_mps.copy(order="K")
        self._waited_s, self._braking_mps2 = nothing, nothing.copy(order="K")
        self._driving: list[tuple[int, Rows, int]] | None = None
        pairs = permutations(range(len(made.actors)), 2)
        self._is_on_way = {(one, other): made.way[:, one] == made.way[:, other] for one, other in pairs}
        everywhere = np.arange(made.runs)
        for column, one in enumerate(made.description.actors.values()):
            self._take_over(one.driver, everywhere, column)

    def begin(self, row: int, runs: Rows) -> None:
        """A manoeuvre begins in these runs: another driver takes over, or a script that drives instead of one."""
        one = self._plan.description.manoeuvres[row]
        column, self._driving = self._plan.index(one.actor), None
        if one.driver is not None:
            self._take_over(one.driver, runs, column)
        elif one.speed is not None:
            self._model[runs, column] = 0

    def _take_over(self, driver: DriverDescription, runs: Rows, column: int) -> None:
        at = runs, column
        self._model[at] = _NUMBERS[driver.model]
        self._waited_s[at] = self._braking_mps2[at] = 0.0
        if driver.desired_kmh is not None:
            self._desired_mps[at] = self._plan.of(driver.desired_kmh)[runs] / KMH_PER_MPS

    def acceleration_mps2(self, state: State, scripted_mps2: Floats, step_s: float) -> Floats:
        """(n, a) of everybody: the driver's where there is one, else what the script says."""
        wanted = scripted_mps2
        if self._driving is None:
            self._driving = list(self._drives())
        for number, runs, column in self._driving:
            wanted[runs, column] = self._driven(number, runs, column, state, step_s)
        return wanted

    def _drives(self) -> Iterator[tuple[int, Rows, int]]:
        """Which model drives which actor in which runs."""
        for column in range(len(self._plan.actors)):
            models = self._model[:, column]
            for number in np.unique(models[models > 0]).tolist():
                runs = np.flatnonzero(models == number)
                yield number, slice(None) if len(runs) == len(models) else runs, column  # all of them without copies

    def _driven(self, number: int, runs: Rows, column: int, state: State, step_s: float) -> Floats:
        if number == _IDM:
            return self._follow(runs, column, state)
        return self._react(_REACTING[number], runs, column, state, step_s)

    def _follow(self, runs: Rows, column: int, state: State) -> Floats:
        p, speed = Following(), state.speed_mps[runs, column]
        gap, leader_mps = self._nearest(runs, column, state)
        closing = speed - leader_mps
        wanted = p.standing_gap_m + np.maximum(
            speed * p.headway_s + speed * closing / (2.0 * math.sqrt(p.speeding_up_mps2 * p.comfortable_mps2)), 0.0
        )
        share = np.where(np.isfinite(gap), wanted / np.maximum(gap, 0.1), 0.0)
        desired = np.maximum(self._desired_mps[runs, column], 0.1)
        return np.asarray(p.speeding_up_mps2 * (1.0 - (speed / desired) ** p.exponent - share**2))

    def _nearest(self, runs: Rows, column: int, state: State) -> tuple[Floats, Floats]:
        """Gap to whoever is next ahead within the own width, and that one's speed; inf and 0 where the road is free."""
        gap, leader = np.full_like(state.speed_mps[runs, column], np.inf), np.zeros_like(state.speed_mps[runs, column])
        for seen, is_there in self._others(runs, column, state):
            nearer = is_there & ~seen.is_ahead & (seen.side_m < 0) & (seen.gap_m < gap)
            gap, leader = np.where(nearer, seen.gap_m, gap), np.where(nearer, seen.other_mps, leader)
        return gap, leader

    def _react(self, driver: Driver, runs: Rows, column: int, state: State, step_s: float) -> Floats:
        brake = np.zeros(len(state.speed_mps[runs, column]))
        is_danger = np.zeros(len(brake), np.bool_)
        for seen, is_there in self._others(runs, column, state):
            judged = driver.cut_in(seen)
            sees = judged.is_danger & is_there
            if driver is DRIVERS["regulation"]:
                sees |= self._goes_on(runs, column, seen) & is_there
            is_danger |= sees
            brake = np.where(sees, np.maximum(brake, judged.brake_mps2), brake)
        return self._respond(driver, runs, column, is_danger, brake, step_s)

    def _goes_on(self, runs: Rows, column: int, seen: Situation) -> Bools:
        """Who brakes as hard as it can goes on until it is no faster than what lies before it.

        The regulation's model lets go as soon as its time to collision is long enough, and so comes ever closer.
        """
        is_before = ~seen.is_ahead & (seen.side_m < 0) & (seen.ego_mps > seen.other_mps)
        return np.asarray(is_before & (self._braking_mps2[runs, column] > 0))

    def _respond(self, driver: Driver, runs: Rows, column: int, is_danger: Bools, brake_mps2: Floats, step_s: float) -> Floats:
        """Once the reaction time is spent, harder by the pedal's ramp up to the least of limit and what the danger asks."""
        at = runs, column
        waited_s, braking_mps2 = self._waited_s[at], self._braking_mps2[at]
        is_waiting = is_danger & (waited_s < driver.reaction_s - 1e-9)
        self._waited_s[at] = waited_s + is_waiting * step_s
        harder = np.minimum(braking_mps2 + driver.ramp_mps3 * step_s, driver.full_brake_mps2)
        wanted = np.where(is_waiting, driver.coasting_mps2, np.minimum(harder, brake_mps2))
        self._braking_mps2[at] = np.where(is_danger, wanted, braking_mps2)
        return np.where(is_danger, -wanted, 0.0)

    def _others(self, runs: Rows, column: int, state: State) -> list[tuple[Situation, Bools]]:
        """What the driver sees of every other actor, and where that one is on its way and in sight."""
        plan, sight = self._plan, self._plan.description.weather.sight_m
        own, views = plan.actors[column], []
        for other, actor in enumerate(plan.actors):
            if other == column:
                continue
            at = (getattr(state, name)[runs, other] for name in ("along_m", "aside_m", "aside_mps", "speed_mps"))
            seen = _situation(own, actor, state, (runs, column), *at)
            is_there = self._is_on_way[column, other][runs]
            views.append((seen, is_there if sight is None else is_there & (seen.gap_m <= sight)))
        for one in state.traffic:
            if (place := one.on_ways.get(int(plan.way[0, column]))) is not None:
                at = (np.array([value]) for value in (*place, 0.0, one.speed_mps))
                seen = _situation(own, one.actor, state, (runs, column), *at)
                views.append((seen, seen.gap_m <= (np.inf if sight is None else sight)))
        return views


def _situation(
    own: Actor,
    actor: Actor,
    state: State,
    at: tuple[Rows, int],
    along_m: Floats,
    aside_m: Floats,
    aside_mps: Floats,
    speed_mps: Floats,
) -> Situation:
    """What one (whose columns are `at`) sees of another, which is there."""
    ahead, aside = along_m - state.along_m[at], aside_m - state.aside_m[at]
    return Situation(
        gap_m=np.abs(ahead) - (own.length_m + actor.length_m) / 2.0,
        side_m=np.abs(aside) - (own.width_m + actor.width_m) / 2.0,
        length_m=(own.length_m + actor.length_m) / 2.0,
        is_ahead=ahead < 0,
        ego_mps=state.speed_mps[at],
        ego_mps2=state.acceleration_mps2[at],
        other_mps=speed_mps,
        lateral_mps=-np.sign(aside) * (aside_mps - state.aside_mps[at]),
    )


_IDM = 1
_REACTING: Mapping[int, Driver] = dict(enumerate(DRIVERS.values(), _IDM + 1))
_NUMBERS: Mapping[str, int] = {"none": 0, "idm": _IDM, **{name: number for number, name in enumerate(DRIVERS, _IDM + 1)}}
