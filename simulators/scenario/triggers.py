"""When manoeuvres begin and runs end: at the first instant at which all that their trigger asks for holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import reduce

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import Floats
from chelu.units import KMH_PER_MPS
from simulators.scenario.conditions import (
    BETWEEN_TWO,
    Bounded,
    NearCondition,
    ReachCondition,
    StandsCondition,
    Trigger,
    WarnedCondition,
)
from simulators.scenario.measures import between, places, ttc_s
from simulators.scenario.plan import Plan
from simulators.scenario.progress import Progress
from simulators.scenario.receiving import Receiving
from simulators.scenario.roads import LIGHTS
from simulators.scenario.state import State
from simulators.scenario.values import Quantity

Rows = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Check = Callable[[State, int], Bools]
Wanted = tuple[str, str, str]  # a warning's application, to whom, about whom: empty for anybody
WarnedTimes = Mapping[Wanted, Floats]  # (n,) when it first came, inf when it did not
_EARLY_S = 1e-9  # instants are multiples of the step: a time that is one counts as reached in spite of rounding
_STANDS_MPS = 1e-3


class Triggers:
    """Which manoeuvres begin in which runs, and which runs are over; `progress` is told."""

    def __init__(self, made: Plan, progress: Progress, warned_s: WarnedTimes) -> None:
        self._progress, self._step_s = progress, made.description.step_s
        self._names = [one.name for one in made.description.manoeuvres]
        checks = _Checks(made, progress, warned_s)
        self._holds = [checks.of(one.when, made.index(one.actor)) for one in made.description.manoeuvres]
        self._left = [True] * len(self._holds)
        when = made.description.end.when
        self._is_over = None if when is None else checks.of(when, 0)
        self.ended_s = np.full(made.runs, np.inf)

    def firing(self, state: State, instant: int) -> Iterator[tuple[int, Rows]]:
        """Manoeuvres that begin now, in the description's order, each with the runs in which it does."""
        began = self._progress.began_s
        for row, holds in enumerate(self._holds):
            if not self._left[row]:
                continue
            runs = np.flatnonzero(np.isnan(began[row]) & holds(state, instant))
            if len(runs):
                began[row, runs] = instant * self._step_s
                self._left[row] = bool(np.isnan(began[row]).any())
                yield row, runs
        if self._is_over is not None:
            over = np.isinf(self.ended_s) & self._is_over(state, instant)
            self.ended_s[over] = instant * self._step_s

    def fired_s(self) -> dict[str, Floats]:
        """By manoeuvre, (n,) when it began, NaN when it never did."""
        return {name: self._progress.began_s[row] for row, name in enumerate(self._names)}


class _Checks:
    """Makes of a trigger what is asked at every instant: only what is given in it."""

    def __init__(self, made: Plan, progress: Progress, warned_s: WarnedTimes) -> None:
        self._plan, self._progress, self._step_s, self._warned_s = made, progress, made.description.step_s, warned_s

    def of(self, when: Trigger, actor: int) -> Check:
        parts = [*self._simple(when, actor), *self._measured(when, actor)]
        parts += [self.of(one, actor) for one in when.all_of]
        if when.warned is not None:
            parts.append(self._warned(when.warned, self._plan.actors[actor].name))
        if when.received is not None:
            who = self._who(when.received.of, actor)
            parts.append(Receiving(self._plan, self._progress, when.received, who).holds)
        if when.any_of:
            parts.append(_any([self.of(one, actor) for one in when.any_of]))
        found = parts[0] if len(parts) == 1 else _all(parts)
        if when.rises:
            found = _rising(found)
        return found if when.delay_s == 0 else _delayed(found, round(when.delay_s / self._step_s), self._plan.runs)

    def _simple(self, when: Trigger, actor: int) -> Iterator[Check]:
        plan, step_s = self._plan, self._step_s
        if when.time_s is not None:
            at_s = plan.of(when.time_s) - _EARLY_S
            yield lambda _, instant: np.asarray(instant * step_s >= at_s)
        if when.passes_m is not None:
            place = plan.of(when.passes_m)
            yield lambda state, _: np.asarray(state.along_m[:, actor] >= place)
        if when.light is not None:
            lights, shows = plan.lights[when.light.signal], int(LIGHTS[when.light.shows])
            yield lambda _, instant: np.asarray(lights[instant] == shows)
        if when.after is not None:
            row = next(row for row, one in enumerate(plan.description.manoeuvres) if one.name == when.after.manoeuvre)
            times = self._progress.began_s if when.after.state == "began" else self._progress.ended_s
            by_s = when.after.by_s - _EARLY_S
            yield lambda _, instant: np.asarray(instant * step_s >= times[row] + by_s)
        if when.reaches is not None:
            yield self._reaches(when.reaches, self._who(when.reaches.of, actor))
        if when.stands is not None:
            yield self._stands(when.stands, self._who(when.stands.of, actor))
        if when.touches is not None:
            one, other = self._who(when.touches.of, actor), plan.index(when.touches.to)
            yield lambda state, _: np.asarray(ttc_s(plan, state, one, other) <= 0.0)

    def _measured(self, when: Trigger, actor: int) -> Iterator[Check]:
        plan = self._plan
        for name in BETWEEN_TWO:
            near: NearCondition | None = getattr(when, name)
            if near is not None:
                measure = between(name, near.between, near.along)
                one, other = self._who(near.of, actor), plan.index(near.to)
                yield self._bounded(near, lambda state, m=measure, a=one, b=other: m(plan, state, a, b))  # type: ignore[misc]
        if when.speed_kmh is not None:
            who = self._who(when.speed_kmh.of, actor)
            yield self._bounded(when.speed_kmh, lambda state, a=who: state.speed_mps[:, a] * KMH_PER_MPS)  # type: ignore[misc]
        if when.acceleration_mps2 is not None:
            who = self._who(when.acceleration_mps2.of, actor)
            yield self._bounded(when.acceleration_mps2, lambda state, a=who: state.acceleration_mps2[:, a])  # type: ignore[misc]
        if when.travels_m is not None:
            who = self._who(when.travels_m.of, actor)
            begin = plan.along_m[:, who]
            yield self._bounded(when.travels_m, lambda state, a=who: state.along_m[:, a] - begin)  # type: ignore[misc]

    def _bounded(self, bound: Bounded, measure: Callable[[State], Floats]) -> Check:
        if bound.below is not None:
            limit = self._plan.of(bound.below)
            return lambda state, _: np.asarray(measure(state) < limit)
        limit = self._plan.of(_given(bound.above))
        return lambda state, _: np.asarray(measure(state) > limit)

    def _warned(self, condition: WarnedCondition, actor: str) -> Check:
        step_s, came_s = self._step_s, self._warned_s.get(wanted(condition, actor), np.full(self._plan.runs, np.inf))
        return lambda _, instant: np.asarray(instant * step_s >= came_s + condition.after_s - _EARLY_S)

    def _reaches(self, condition: ReachCondition, actor: int) -> Check:
        plan = self._plan
        place = np.stack([plan.of(condition.x_m), plan.of(condition.y_m)], axis=-1)
        within = plan.of(condition.within_m)
        return lambda state, _: np.asarray(np.linalg.norm(places(plan, state, actor)[0] - place, axis=-1) <= within)

    def _stands(self, condition: StandsCondition, actor: int) -> Check:
        needed, stood = round(condition.for_s / self._step_s), np.zeros(self._plan.runs, np.int64)

        def holds(state: State, _instant: int) -> Bools:
            stood[:] = np.where(state.speed_mps[:, actor] < _STANDS_MPS, stood + 1, 0)
            return np.asarray(stood > needed)

        return holds

    def _who(self, name: str | None, actor: int) -> int:
        return actor if name is None else self._plan.index(name)


def wanted(condition: WarnedCondition, actor: str) -> Wanted:
    """The warning that a trigger of this actor's waits for."""
    return condition.application, condition.of or actor, condition.about or ""


def _given(value: Quantity | None) -> Quantity:
    return 0.0 if value is None else value


def _all(checks: list[Check]) -> Check:
    """All of them are asked at every instant: some remember."""
    return lambda state, instant: reduce(np.logical_and, [check(state, instant) for check in checks])


def _any(checks: list[Check]) -> Check:
    return lambda state, instant: reduce(np.logical_or, [check(state, instant) for check in checks])


def _rising(check: Check) -> Check:
    before: list[Bools] = []

    def holds(state: State, instant: int) -> Bools:
        now = check(state, instant)
        risen = now & ~before[0] if before else now
        before[:] = [now]
        return risen

    return holds


def _delayed(check: Check, instants: int, runs: int) -> Check:
    past = deque([np.zeros(runs, np.bool_)] * instants)

    def holds(state: State, instant: int) -> Bools:
        past.append(check(state, instant))
        return past.popleft()

    return holds
