"""A driving function: at each step it is told what its vehicle sees, and says how it speeds up and where it steers.

It takes the place of driver and script of one actor. In memory it is a program that is handed columns, one value for each run;
in the loop `simulators.scenario.dut` hands it the same as documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from simulators.scenario.description import Description
from simulators.scenario.measures import places
from simulators.scenario.plan import Plan
from simulators.scenario.state import Other, State
from simulators.scenario.trace import Floats, Ints

SIDEWAYS_MPS = 1.0  # how fast the rig steers to a lane that it is told to
NONE = -1  # no lane asked for

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Body:
    """A road user as it is seen, every column (n,): metres east and north of the road's origin, on its way, and how it moves.

    lane: 1 the rightmost of its way; lateral_mps: right positive; is_seen: whether it is in sight and on the road at all.
    """

    name: str
    kind: str
    length_m: float
    width_m: float
    x_m: Floats
    y_m: Floats
    elevation_m: Floats
    heading_deg: Floats
    speed_mps: Floats
    acceleration_mps2: Floats
    lateral_mps: Floats
    way: Ints
    along_m: Floats
    aside_m: Floats
    lane: Ints
    is_seen: Mask


@dataclass(frozen=True, slots=True)
class LightAhead:
    """A signal on the own way: its name, what it shows (LightState), and how far before its line the front is, (n,)."""

    name: str
    shows: Ints
    distance_m: Floats


@dataclass(frozen=True, slots=True)
class Seen:
    """What a vehicle sees at an instant. lanes, speed_limit_mps (n,): of its way; the limit is inf where there is none."""

    time_s: float
    ego: Body
    others: tuple[Body, ...]
    lights: tuple[LightAhead, ...]
    lanes: Ints
    speed_limit_mps: Floats

    @property
    def runs(self) -> int:
        """How many runs side by side: n."""
        return len(self.lanes)


@dataclass(frozen=True, slots=True)
class Command:
    """What a function wants until the next step, (n,). lateral_mps: right positive; lane: steered to instead, −1 for none."""

    acceleration_mps2: Floats
    lateral_mps: Floats
    lane: Ints


class DrivingFunction(Protocol):
    """One for all runs of a simulation, made anew for each. Every run is to be looked at as if there were no other."""

    def step(self, seen: Seen) -> Command:
        """What it wants until it is asked again."""


Make = Callable[[Description, int], DrivingFunction]  # for so many runs


@dataclass(slots=True)
class FunctionPilot:
    """Drives one actor (a column of the plan) by a function that is asked every so many instants."""

    plan: Plan
    column: int
    function: DrivingFunction
    every: int
    _command: Command = field(init=False)

    def __post_init__(self) -> None:
        nothing = np.zeros(self.plan.runs)
        self._command = Command(nothing, nothing.copy(), np.full(self.plan.runs, NONE))

    def look(self, state: State, instant: int) -> None:
        if instant % self.every == 0:
            self._command = self.function.step(seen_by(self.plan, state, self.column, instant))

    def drive(self, wanted_mps2: Floats) -> None:
        wanted_mps2[:, self.column] = self._command.acceleration_mps2

    def steer(self, state: State, step_s: float) -> None:
        command, runs = self._command, np.arange(self.plan.runs)
        aside = state.aside_m[:, self.column]
        asked = command.lane != NONE
        middle = self.plan.middle_m(self.column, runs, np.where(asked, command.lane, 1))
        to_lane = np.clip((middle - aside) / step_s, -SIDEWAYS_MPS, SIDEWAYS_MPS)
        moves = state.speed_mps[:, self.column] > 0.0  # nobody moves aside who stands
        lateral = np.where(moves, np.where(asked, to_lane, command.lateral_mps), 0.0)
        state.aside_m[:, self.column] = aside + lateral * step_s
        state.aside_mps[:, self.column] = lateral


def seen_by(plan: Plan, state: State, column: int, instant: int) -> Seen:
    """What an actor sees: nobody beyond the weather's sight."""
    ego = _body(plan, state, column, None)
    others = tuple(_body(plan, state, other, ego) for other in range(len(plan.actors)) if other != column)
    others += tuple(_passing(plan, one, ego) for one in state.traffic)
    way = plan.way[:, column]
    limits = np.array([one.speed_limit_mps for one in plan.ways.each])
    lights = tuple(_lights(plan, state, column, instant))
    return Seen(instant * plan.description.step_s, ego, others, lights, plan.ways.lanes[way], limits[way])


def _body(plan: Plan, state: State, column: int, seen_from: Body | None) -> Body:
    actor, runs = plan.actors[column], np.arange(plan.runs)
    xy, heading, _ = places(plan, state, column)
    at = plan.ways.at(plan.way[:, column], state.along_m[:, column], state.aside_m[:, column])
    sight = plan.description.weather.sight_m
    is_seen = np.ones(plan.runs, np.bool_)
    if seen_from is not None and sight is not None:
        is_seen = np.hypot(xy[:, 0] - seen_from.x_m, xy[:, 1] - seen_from.y_m) <= sight
    return Body(
        name=actor.name,
        kind=actor.kind,
        length_m=actor.length_m,
        width_m=actor.width_m,
        x_m=xy[:, 0],
        y_m=xy[:, 1],
        elevation_m=at.elevation_m,
        heading_deg=np.mod(heading, 360.0),
        speed_mps=np.hypot(state.speed_mps[:, column], state.aside_mps[:, column]),
        acceleration_mps2=state.acceleration_mps2[:, column].copy(),
        lateral_mps=state.aside_mps[:, column].copy(),
        way=plan.way[:, column],
        along_m=state.along_m[:, column].copy(),
        aside_m=state.aside_m[:, column].copy(),
        lane=plan.lane_at(column, runs, state.aside_m[:, column]),
        is_seen=is_seen,
    )


def _passing(plan: Plan, one: Other, seen_from: Body) -> Body:
    """Somebody of the background traffic, on the way of whoever sees it if it drives on that one, else on any or none (−1)."""
    own = int(seen_from.way[0])
    way = own if own in one.on_ways else next(iter(one.on_ways), -1)
    along, aside = one.on_ways.get(way, (np.nan, np.nan))
    sight = plan.description.weather.sight_m
    away = float(np.hypot(one.xy[0] - seen_from.x_m[0], one.xy[1] - seen_from.y_m[0]))
    lane = NONE if way < 0 else int(np.nanargmin(np.abs(plan.ways.middles_m[way] - aside))) + 1
    columns = {name: np.array([getattr(one, name)]) for name in ("elevation_m", "heading_deg", "speed_mps", "acceleration_mps2")}
    return Body(
        name=one.actor.name,
        kind=one.actor.kind,
        length_m=one.actor.length_m,
        width_m=one.actor.width_m,
        x_m=one.xy[:1],
        y_m=one.xy[1:],
        lateral_mps=np.zeros(1),
        way=np.array([way]),
        along_m=np.array([along]),
        aside_m=np.array([aside]),
        lane=np.array([lane]),
        is_seen=np.array([sight is None or away <= sight]),
        **columns,
    )


def _lights(plan: Plan, state: State, column: int, instant: int) -> list[LightAhead]:
    front = state.along_m[:, column] + plan.actors[column].length_m / 2.0
    found = []
    for name, signal in plan.description.road.signals.items():
        is_own = plan.way[:, column] == plan.ways.index(signal.way)
        left = np.where(is_own, signal.stop_line_m - front, np.nan)
        if np.any(left >= 0.0):
            found.append(LightAhead(name, plan.lights[name][instant].copy(), left))
    return found


def commands(rows: Mapping[str, list[float]]) -> Command:
    """Of separate runs' numbers: acceleration_mps2, lateral_mps, lane."""
    acceleration, lateral = (np.array(rows[name], np.float64) for name in ("acceleration_mps2", "lateral_mps"))
    return Command(acceleration, lateral, np.array(rows["lane"], np.int64))
