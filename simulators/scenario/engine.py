"""Runs many concrete scenarios at once: a step is arithmetic on columns (runs × actors), whoever drives.

The order within a step: what is seen now decides which manoeuvres begin; then drivers and manoeuvres say how everybody speeds up
until the next instant; then everybody moves, exactly for that acceleration, standing once stopped. Nothing is drawn at random,
and no run looks at another: outcomes are the same in any company.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from types import MappingProxyType

import numpy as np

from chelu.motion.braking import GRAVITY_MPS2
from chelu.motion.footprints import Floats
from simulators.scenario.cases import Cases
from simulators.scenario.contacts import first_contacts
from simulators.scenario.control import Controls
from simulators.scenario.deciding.pilot import NoPilot, Pilot
from simulators.scenario.description import Description
from simulators.scenario.driving import Drivers
from simulators.scenario.joining import joined
from simulators.scenario.plan import Plan, plan
from simulators.scenario.progress import Progress
from simulators.scenario.state import State
from simulators.scenario.trace import Trace
from simulators.scenario.traffic.crowd import Crowd, Nobody, crowd_of
from simulators.scenario.triggers import Triggers, WarnedTimes
from simulators.scenario.ways import Places

SoFar = Callable[[], Trace]
Watch = Callable[[int, SoFar], None]


def run(description: Description, cases: Cases) -> Trace:
    """Every case from the beginning to its end or first contact."""
    if description.traffic is not None and len(cases) > 1:
        return joined([run(description, cases.take(np.array([case]))) for case in range(len(cases))])
    return simulate(plan(description, cases))


def simulate(
    made: Plan, warned_s: WarnedTimes = MappingProxyType({}), pilot: Pilot | None = None, watch: Watch | None = None
) -> Trace:
    """The same, of a plan. warned_s: when the warnings came for which triggers wait (`simulators.scenario.performing`).

    pilot: a device that decides something meanwhile. watch: called at every instant once it is written, before the next is worked
    out; what it is handed makes the trace up to there, without traffic. A plan with background traffic has one run.
    """
    with crowd_of(made) as crowd:
        return _simulated(made, warned_s, pilot, crowd, watch)


def _simulated(
    made: Plan, warned_s: WarnedTimes, pilot: Pilot | None, crowd: Crowd | Nobody, watch: Watch | None = None
) -> Trace:
    decides = pilot or NoPilot()
    step_s, progress = made.description.step_s, Progress.of(made.description, made.runs)
    state, controls, drivers = State.at_start(made), Controls(made, progress), Drivers(made)
    triggers = Triggers(made, progress, warned_s)
    written = [np.empty((made.instants, len(made.actors), made.runs)) for _ in state.columns()]
    least, most = _grip(made, state)
    is_flat, is_straight = not made.ways.gradient.any(), made.ways.is_straight
    for instant in range(made.instants):
        state.traffic = crowd.at(state, instant)
        decides.look(state, instant)
        for row, runs in triggers.firing(state, instant):
            controls.begin(row, runs, state, instant * step_s)
            drivers.begin(row, runs)
        wanted = drivers.acceleration_mps2(state, controls.acceleration_mps2(state, instant * step_s, step_s), step_s)
        decides.drive(wanted)
        if not is_flat:
            least, most = _grip(made, state)
        to_rest = state.speed_mps * (-1.0 / step_s)  # nobody brakes harder than to stand at the next instant
        state.acceleration_mps2 = np.minimum(np.maximum(wanted, np.maximum(least, to_rest)), most)
        for column, now in zip(written, state.columns(), strict=True):
            column[instant] = now.T
        if watch is not None:
            watch(instant, partial(_so_far, made, triggers, written, instant))
        _move(made, state, step_s, is_straight=is_straight)
        controls.move_aside(state, (instant + 1) * step_s)
        decides.steer(state, step_s)
    return _trace(made, triggers, written, crowd)


def _so_far(made: Plan, triggers: Triggers, written: Sequence[Floats], instant: int) -> Trace:
    """Up to an instant; `last` is one after it as long as the run is not over."""
    trace = _trace(made, triggers, [column[: instant + 1] for column in written], Nobody())
    return replace(trace, lights={name: shown[: instant + 1] for name, shown in trace.lights.items()})


def _grip(made: Plan, state: State) -> tuple[Floats, Floats]:
    """The hardest braking and speeding up (n, a) that friction allows there: tyres on a slope, gravity along it."""
    slope = made.ways.gradient_at(made.way, state.along_m)
    tyres, pull = (
        made.description.weather.friction * GRAVITY_MPS2 / np.hypot(1.0, slope),
        GRAVITY_MPS2 * slope / np.hypot(1.0, slope),
    )
    return -(tyres + pull), tyres - pull


def _move(made: Plan, state: State, step_s: float, *, is_straight: bool) -> None:
    way_m = (state.speed_mps + state.acceleration_mps2 * (step_s / 2.0)) * step_s
    if not is_straight:
        way_m = way_m / (1.0 - made.ways.curvature_at_1pm(made.way, state.along_m) * state.aside_m)
    state.along_m = state.along_m + way_m
    state.speed_mps = np.maximum(state.speed_mps + state.acceleration_mps2 * step_s, 0.0)


def _trace(made: Plan, triggers: Triggers, written: Sequence[Floats], crowd: Crowd | Nobody) -> Trace:
    """written: the state's columns at every instant, each (t, a, n); the trace looks at them, and at places, as (t, n, a)."""
    along, aside, aside_mps, speed, acceleration = written
    found = made.ways.at(made.way.T, along, aside)
    heading, over_ground = found.heading_deg.copy(), speed.copy()
    moving = np.flatnonzero(aside_mps)
    across, forth = aside_mps.reshape(-1)[moving], speed.reshape(-1)[moving]
    turned = heading.reshape(-1)  # the same memory
    turned[moving] = np.mod(turned[moving] + np.degrees(np.arctan2(across, np.maximum(forth, 1e-9))), 360.0)
    over_ground.reshape(-1)[moving] = np.hypot(forth, across)
    places = Places(*(np.swapaxes(getattr(found, one.name), 1, 2) for one in fields(Places)))
    columns = {
        "heading_deg": heading,
        "speed_mps": over_ground,
        "acceleration_mps2": acceleration,
        "along_m": along,
        "aside_m": aside,
        "aside_mps": aside_mps,
    }
    motion = {"xy": places.xy, "elevation_m": places.elevation_m} | {
        name: column.transpose(0, 2, 1) for name, column in columns.items()
    }
    way, actors = made.way, made.actors
    if (passing := crowd.columns()) is not None:
        motion = passing.beside(motion)
        way, actors = np.column_stack([way, np.full((made.runs, len(crowd.actors)), -1)]), (*actors, *crowd.actors)
    there = replace(places, xy=motion["xy"], elevation_m=motion["elevation_m"])
    contact = first_contacts(actors, there, motion["heading_deg"], made.description.step_s)
    ended_s = np.minimum(triggers.ended_s, crowd.ended_s)
    over_s = np.minimum(contact.first_s, ended_s)
    last = np.where(np.isfinite(over_s), np.ceil(over_s / made.description.step_s - 1e-9), made.instants - 1)
    contact = contact.until(ended_s)
    return Trace(
        actors=actors,
        step_s=made.description.step_s,
        ways=made.ways,
        way=way,
        xy=motion["xy"],
        elevation_m=motion["elevation_m"],
        heading_deg=motion["heading_deg"],
        speed_mps=motion["speed_mps"],
        acceleration_mps2=motion["acceleration_mps2"],
        along_m=motion["along_m"],
        aside_m=motion["aside_m"],
        aside_mps=motion["aside_mps"],
        last=last.astype(np.int64),
        contact_s=contact.first_s,
        contact=contact.actors,
        fired=triggers.fired_s(),
        lights=made.lights,
        stop_lines={name: (made.ways.index(one.way), one.stop_line_m) for name, one in made.description.road.signals.items()},
        parameters=made.cases.columns,
        passing=crowd.passing(),
        broken=(crowd.broken,) if crowd.broken_s <= last[0] * made.description.step_s else (),
    )
