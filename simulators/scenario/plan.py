"""A description with its cases as the engine takes them: every number an array over the concrete runs, every name an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.units import KMH_PER_MPS
from simulators.scenario.cases import Cases
from simulators.scenario.casting import placed_in_order, reference_of
from simulators.scenario.description import ActorDescription, Description
from simulators.scenario.kinds import KINDS
from simulators.scenario.roads import LIGHTS
from simulators.scenario.trace import Actor, Floats, Ints
from simulators.scenario.values import Quantity, values
from simulators.scenario.ways import Ways

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Plan:
    """n runs of a actors over t instants; way, along_m, aside_m, speed_mps (n, a) at the beginning; lights by signal (t, n).

    In memory each actor's runs lie side by side, here and in all that the engine makes of it: a step goes actor by actor.
    """

    description: Description
    cases: Cases
    ways: Ways
    actors: tuple[Actor, ...]
    instants: int
    way: Ints
    along_m: Floats
    aside_m: Floats
    speed_mps: Floats
    lights: dict[str, Ints]

    @property
    def runs(self) -> int:
        """How many runs: n."""
        return len(self.cases)

    def index(self, actor: str) -> int:
        """Which column an actor has."""
        return next(row for row, one in enumerate(self.actors) if one.name == actor)

    def of(self, quantity: Quantity) -> Floats:
        """(n,) values of a number or an expression."""
        return values(quantity, self.cases.columns, self.runs)

    def lane_at(self, actor: int, runs: Rows, aside_m: Floats) -> Ints:
        """Which lane of the actor's way in these runs (k,) is nearest to a place aside."""
        middles = self.ways.middles_m[self.way[runs, actor]]
        return np.asarray(np.nanargmin(np.abs(middles - aside_m[:, None]), axis=1) + 1)

    def middle_m(self, actor: int, runs: Rows, lane: Ints) -> Floats:
        """Middles (k,) of these lanes of the actor's way in these runs; beyond its last lane it goes on with that one's width."""
        way = self.way[runs, actor]
        last = self.ways.lanes[way]
        kept = np.clip(lane, 1, last)
        beyond = (lane - kept) * self.ways.widths_m[way, kept - 1]
        return np.asarray(self.ways.middles_m[way, kept - 1] - beyond)

    def lane_aside_m(self, actor: int, lane: int) -> Floats:
        """(n,) where the middle of a lane of the actor's way lies."""
        column = min(lane, self.ways.middles_m.shape[1]) - 1  # checked: a lane of the actor's way, if not of every way
        return np.asarray(self.ways.middles_m[self.way[:, actor], column])


def plan(description: Description, cases: Cases) -> Plan:
    """The plan of these cases."""
    made = placed(description, cases)
    made.lights.update({name: _lights(made, name) for name in description.road.signals})
    return made


def placed(description: Description, cases: Cases) -> Plan:
    """The same without what signals show: where everybody begins."""
    ways, count = description.road.columns(), len(cases)
    actors = tuple(_actor(name, one) for name, one in description.actors.items())
    instants = round(description.end.after_s / description.step_s) + 1
    along, aside, speed = (np.zeros((count, len(actors)), order="F") for _ in range(3))
    way = np.zeros((count, len(actors)), np.int64, order="F")
    made = Plan(description, cases, ways, actors, instants, way, along, aside, speed, {})
    for name in placed_in_order(description.actors):
        _place(made, name)
    return made


def _actor(name: str, one: ActorDescription) -> Actor:
    kind = KINDS[one.kind]
    given, usual = (one.size.length_m, one.size.width_m, one.size.mass_kg), (kind.length_m, kind.width_m, kind.mass_kg)
    length, width, mass = (other if own is None else own for own, other in zip(given, usual, strict=True))
    return Actor(name, one.kind, length, width, mass, one.under_test)


def _place(made: Plan, name: str) -> None:
    """Put one actor on its way, into the plan's columns."""
    one, column = made.description.actors[name], made.index(name)
    start, reference = one.start, reference_of(one)
    other = None if reference is None else made.index(reference)
    if start.way is not None:
        made.way[:, column] = made.ways.index(start.way)
    elif other is not None:
        made.way[:, column] = made.way[:, other]
    if other is None or start.gap_m is None:
        made.along_m[:, column] = made.of(start.along_m or 0.0)
    else:
        apart = made.of(start.gap_m) + (made.actors[column].length_m + made.actors[other].length_m) / 2.0
        made.along_m[:, column] = made.along_m[:, other] + (apart if start.ahead_of is not None else -apart)
    lane = start.lane or (_lane_of(made.description, reference) if reference else 1)
    made.aside_m[:, column] = made.lane_aside_m(column, lane) + made.of(start.aside_m)
    made.speed_mps[:, column] = made.of(start.speed_kmh) / KMH_PER_MPS


def _lane_of(description: Description, name: str) -> int:
    """The lane in which an actor begins: its own, or that of whoever it is placed by."""
    one = description.actors[name]
    reference = reference_of(one)
    return one.start.lane or (_lane_of(description, reference) if reference else 1)


def _lights(made: Plan, name: str) -> Ints:
    """(t, n) what a signal shows: its stages over and over."""
    signal = made.description.road.signals[name]
    ends = np.cumsum([made.of(stage.for_s) for stage in signal.stages], axis=0)
    time_s = np.arange(made.instants)[:, None] * made.description.step_s - made.of(signal.begins_s)
    into = np.mod(time_s, np.maximum(ends[-1], made.description.step_s))
    stage = np.minimum(np.sum(into[..., None] >= ends.T - 1e-9, axis=-1), len(signal.stages) - 1)
    return np.asarray(np.array([int(LIGHTS[one.shows]) for one in signal.stages], np.int64)[stage])
