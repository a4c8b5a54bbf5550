"""When manoeuvres can begin at the earliest, as far as that can be told without driving: what cannot before the end never does.

A trigger's conditions are bounded from below: a time by itself, a light by the signal's stages, another manoeuvre by the
earliest at which that one can begin; what hangs on how everybody drives may hold at once, unless the road is too short for it or
its measure never falls so low.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simulators.scenario.conditions import BETWEEN_TWO, Bounded, LightCondition, ReceivedCondition, Trigger
from simulators.scenario.manoeuvres import says_of
from simulators.scenario.plan import Plan
from simulators.scenario.trace import Floats
from simulators.scenario.values import Expression

Path = tuple[str | int, ...]
Bools = npt.NDArray[np.bool_]
NEVER_BELOW_0 = ("distance_m", "ttc_s", "lateral_m", "speed_kmh", "travels_m")
_LATE_S = 1e-9


@dataclass(frozen=True, slots=True)
class Earliest:
    """at_s (n,): when a trigger can hold at the earliest, inf: never; whose fault the last of it is, and what is allowed there.

    is_fixed: whether that is so whatever the parameters are.
    """

    at_s: Floats
    path: Path
    allowed: str
    is_fixed: bool


def cannot_fire(made: Plan) -> Iterator[tuple[Path, str, Bools]]:
    """Where, why and in which cases (n,) a trigger cannot hold before the run's end.

    A manoeuvre that is not needed, and what ends a run, may wait in vain in some cases: only what never can is told of them.
    """
    description, triggers = made.description, _Triggers(made)
    for row, one in enumerate(description.manoeuvres):
        yield from _late(made, triggers.of(one.when, ("manoeuvres", row, "when"), one.actor), is_needed=one.is_needed)
    if description.end.when is not None:
        yield from _late(made, triggers.of(description.end.when, ("end", "when"), ""), is_needed=False)


def _late(made: Plan, found: Earliest, *, is_needed: bool) -> Iterator[tuple[Path, str, Bools]]:
    is_late = found.at_s > made.description.end.after_s + _LATE_S
    if is_late.any() if is_needed else is_late.all() and found.is_fixed:
        yield found.path, found.allowed, is_late


class _Triggers:
    def __init__(self, made: Plan) -> None:
        self._made, self._end_s = made, made.description.end.after_s
        self._began = {one.name: np.full(made.runs, np.inf) for one in made.description.manoeuvres}
        for _ in made.description.manoeuvres:  # each round settles at least one more, but those that wait for one another
            self._began = {
                one.name: self.of(one.when, ("manoeuvres", row, "when"), one.actor).at_s
                for row, one in enumerate(made.description.manoeuvres)
            }

    def of(self, when: Trigger, path: Path, actor: str) -> Earliest:
        """All that is given must hold: the last of it decides."""
        parts = [*self._simple(when, path, actor), *self._measured(when, path, actor)]
        parts += [self._received(one, (*path, "received")) for one in (when.received,) if one is not None]
        parts += [self.of(one, (*path, "all_of", row), actor) for row, one in enumerate(when.all_of)]
        if when.any_of:
            each = [self.of(one, (*path, "any_of", row), actor) for row, one in enumerate(when.any_of)]
            soonest = np.min([one.at_s for one in each], axis=0)
            first = min(each, key=lambda one: float(one.at_s.max()))
            parts.append(Earliest(soonest, first.path, first.allowed, all(one.is_fixed for one in each)))
        at_once = Earliest(np.zeros(self._made.runs), path, "", is_fixed=True)
        last = max([at_once, *parts], key=lambda one: float(one.at_s.max()))
        at_s = np.max([at_once.at_s, *(one.at_s for one in parts)], axis=0) + when.delay_s
        if when.delay_s > self._end_s >= float(last.at_s.max()):
            return Earliest(at_s, (*path, "delay_s"), self._before_end(), is_fixed=True)
        return Earliest(at_s, last.path, last.allowed, last.is_fixed)

    def _simple(self, when: Trigger, path: Path, actor: str) -> Iterator[Earliest]:
        made = self._made
        if when.time_s is not None:
            is_fixed = not isinstance(when.time_s, Expression)
            yield Earliest(made.of(when.time_s), (*path, "time_s"), self._before_end(), is_fixed)
        if when.passes_m is not None and actor:
            yield self._on_the_way(when.passes_m, (*path, "passes_m"), actor, np.zeros(made.runs))
        if when.light is not None:
            yield self._shown(when.light, (*path, "light", "shows"))
        if when.after is not None:
            name = when.after.manoeuvre
            if np.isposinf(self._began[name]).all():
                allowed = f"a manoeuvre that can begin without this one: {name} cannot, or they wait for one another"
            else:
                allowed = f"{self._before_end()}: {name} begins at {self._began[name].max():.4g} s at the earliest"
            yield Earliest(self._began[name] + when.after.by_s, (*path, "after"), allowed, is_fixed=self._is_fixed(name))
        for key, s in (("stands", getattr(when.stands, "for_s", 0.0)), ("warned", getattr(when.warned, "after_s", 0.0))):
            if getattr(when, key) is not None:
                yield Earliest(np.full(made.runs, s), (*path, key), self._before_end(), is_fixed=True)

    def _measured(self, when: Trigger, path: Path, actor: str) -> Iterator[Earliest]:
        for key in (*BETWEEN_TWO, "speed_kmh", "travels_m"):
            one: Bounded | None = getattr(when, key)
            if one is not None and one.below is not None and key in NEVER_BELOW_0:
                at_s = np.where(self._made.of(one.below) <= 0, np.inf, 0.0)
                yield Earliest(at_s, (*path, key, "below"), f"above 0: {key} is never below that", _is_number(one.below))
        who = when.travels_m.of or actor if when.travels_m is not None else ""
        if when.travels_m is not None and when.travels_m.above is not None and who:
            begin = self._made.along_m[:, self._made.index(who)]
            yield self._on_the_way(when.travels_m.above, (*path, "travels_m", "above"), who, begin)
        gap = when.gap_m
        if gap is not None and gap.above is not None and gap.along == "way" and (gap.of or actor):
            yield self._on_the_way(gap.above, (*path, "gap_m", "above"), gap.of or actor, np.zeros(self._made.runs))

    def _on_the_way(self, value: Any, path: Path, actor: str, begin_m: Floats) -> Earliest:
        """A place, or a way to be driven, that the actor's way must have."""
        made, column = self._made, self._made.index(actor)
        way = made.ways.each[int(made.way[0, column])]
        is_beyond = made.of(value) + begin_m > way.length_m
        most = float(way.length_m - begin_m.max())
        allowed = f"at most {most:.6g} m: {way.name} ends there"
        return Earliest(np.where(is_beyond, np.inf, 0.0), path, allowed, _is_number(value))

    def _received(self, one: ReceivedCondition, path: Path) -> Earliest:
        """What is sent at the earliest, and then its way; what the sender never says is never received."""
        made, radio = self._made, self._made.description.radio
        found = Earliest(np.zeros(made.runs), path, self._before_end(), is_fixed=True)
        if one.signal is not None:
            found = self._shown(LightCondition(signal=one.signal, shows=one.shows or "red"), (*path, "shows"))
        elif one.asks_what_is_said:
            said = says_of(made.description.manoeuvres, one.sender or "")
            such = [made.description.manoeuvres[row].name for row, says in said if one.is_said_by(says)]
            at_s = np.min([np.full(made.runs, np.inf), *(self._began[name] for name in such)], axis=0)
            allowed = f"what {one.sender} says before the end" if such else f"something that {one.sender} ever says"
            found = Earliest(at_s, (*path, "from"), f"{allowed}: by a manoeuvre of its own with says", is_fixed=not such)
        at_s = found.at_s + radio.latency_s + one.after_s
        if one.signal is None:  # lights are not lost
            is_lost = made.of(radio.loss) >= 1.0
            at_s = np.where(is_lost, np.inf, at_s)
            if is_lost.all():
                return Earliest(at_s, path, "a scenario whose messages are not all lost: radio: loss", is_fixed=True)
        return Earliest(at_s, found.path, found.allowed or self._before_end(), found.is_fixed)

    def _shown(self, wanted: LightCondition, path: Path) -> Earliest:
        made, signal = self._made, self._made.description.road.signals[wanted.signal]
        if wanted.signal in made.description.switched():  # by what is tested: it may show anything at any time
            return Earliest(np.zeros(made.runs), path, "", is_fixed=False)
        lasts = np.array([made.of(stage.for_s) for stage in signal.stages])  # (stages, n)
        ends, colours = np.cumsum(lasts, axis=0), np.array([stage.shows for stage in signal.stages])
        cycle = np.maximum(ends[-1], made.description.step_s)
        into = np.mod(-made.of(signal.begins_s), cycle)
        shown = np.where(lasts > 0, np.mod(ends - lasts - into, cycle), np.inf)
        shown[(into >= ends - lasts) & (into < ends)] = 0.0
        at_s = np.min(np.where((colours == wanted.shows)[:, None], shown, np.inf), axis=0)
        seen = sorted({str(one) for one in colours})
        if wanted.shows not in seen:
            return Earliest(at_s, path, f"one of {', '.join(seen)}: {wanted.signal} shows nothing else", is_fixed=True)
        when = at_s[np.isfinite(at_s)].max(initial=0.0)
        allowed = f"what {wanted.signal} shows before the end: {wanted.shows} comes at {when:.4g} s"
        is_fixed = not any(isinstance(one, Expression) for one in (signal.begins_s, *(stage.for_s for stage in signal.stages)))
        return Earliest(at_s, path, allowed, is_fixed)

    def _is_fixed(self, name: str) -> bool:
        """Whether a manoeuvre waits for what parameters have no part in: as nothing else is known, one that never begins does."""
        return bool(np.isposinf(self._began[name]).all())

    def _before_end(self) -> str:
        return f"at most {self._end_s:g} s, when the run ends"


def _is_number(value: Any) -> bool:
    return not isinstance(value, Expression)
