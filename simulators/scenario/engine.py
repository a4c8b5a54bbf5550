"""Runs many concrete scenarios at once: a step is arithmetic on columns (runs × actors), whoever drives.

The order within a step: what is seen now decides which manoeuvres begin; then drivers and manoeuvres say how everybody speeds up
until the next instant; then everybody moves, exactly for that acceleration, standing once stopped. Nothing is drawn at random,
and no run looks at another: outcomes are the same in any company.
"""

from __future__ import annotations

import numpy as np

from chelu.motion.braking import GRAVITY_MPS2
from chelu.motion.footprints import Floats
from simulators.scenario.cases import Cases
from simulators.scenario.contacts import first_contacts
from simulators.scenario.control import Controls
from simulators.scenario.description import Description
from simulators.scenario.driving import Drivers
from simulators.scenario.plan import Plan, plan
from simulators.scenario.state import State
from simulators.scenario.trace import Trace
from simulators.scenario.triggers import Triggers


def run(description: Description, cases: Cases) -> Trace:
    """Every case from the beginning to its end or first contact."""
    return simulate(plan(description, cases))


def simulate(made: Plan) -> Trace:
    """The same, of a plan."""
    step_s = made.description.step_s
    state, controls, drivers, triggers = State.at_start(made), Controls(made), Drivers(made), Triggers(made)
    shape = made.instants, *state.speed_mps.shape
    along, aside, aside_mps, speed, acceleration = (np.empty(shape) for _ in range(5))
    least, most = _grip(made, state)
    for instant in range(made.instants):
        for row, runs in triggers.firing(state, instant):
            controls.begin(row, runs, state, instant * step_s)
            drivers.begin(row, runs)
        wanted = drivers.acceleration_mps2(state, controls.acceleration_mps2(state, step_s), step_s)
        if made.ways.gradient.any():
            least, most = _grip(made, state)
        to_rest = state.speed_mps * (-1.0 / step_s)  # nobody brakes harder than to stand at the next instant
        state.acceleration_mps2 = np.minimum(np.maximum(wanted, np.maximum(least, to_rest)), most)
        for column, now in zip((along, aside, aside_mps, speed, acceleration), state.columns(), strict=True):
            column[instant] = now
        _move(made, state, controls, (instant + 1) * step_s, step_s)
    return _trace(made, triggers, along, aside, aside_mps, speed, acceleration)


def _grip(made: Plan, state: State) -> tuple[Floats, Floats]:
    """The hardest braking and speeding up (n, a) that friction allows there: tyres on a slope, gravity along it."""
    slope = made.ways.gradient_at(made.way, state.along_m)
    tyres, pull = (
        made.description.weather.friction * GRAVITY_MPS2 / np.hypot(1.0, slope),
        GRAVITY_MPS2 * slope / np.hypot(1.0, slope),
    )
    return -(tyres + pull), tyres - pull


def _move(made: Plan, state: State, controls: Controls, until_s: float, step_s: float) -> None:
    way_m = (state.speed_mps + state.acceleration_mps2 * (step_s / 2.0)) * step_s
    if not made.ways.is_straight:
        way_m = way_m / (1.0 - made.ways.curvature_at_1pm(made.way, state.along_m) * state.aside_m)
    state.along_m = state.along_m + way_m
    state.speed_mps = np.maximum(state.speed_mps + state.acceleration_mps2 * step_s, 0.0)
    controls.move_aside(state, until_s)


def _trace(
    made: Plan, triggers: Triggers, along: Floats, aside: Floats, aside_mps: Floats, speed: Floats, acceleration: Floats
) -> Trace:
    places = made.ways.at(np.broadcast_to(made.way, along.shape), along, aside)
    heading, over_ground = places.heading_deg.copy(), speed.copy()
    moving = np.nonzero(aside_mps)
    across, forth = aside_mps[moving], speed[moving]
    heading[moving] = np.mod(heading[moving] + np.degrees(np.arctan2(across, np.maximum(forth, 1e-9))), 360.0)
    over_ground[moving] = np.hypot(forth, across)
    contact = first_contacts(made.actors, places, heading, made.description.step_s)
    last = np.where(np.isfinite(contact.first_s), np.ceil(contact.first_s / made.description.step_s - 1e-9), made.instants - 1)
    return Trace(
        actors=made.actors,
        step_s=made.description.step_s,
        ways=made.ways,
        way=made.way,
        xy=places.xy,
        elevation_m=places.elevation_m,
        heading_deg=heading,
        speed_mps=over_ground,
        acceleration_mps2=acceleration,
        along_m=along,
        aside_m=aside,
        aside_mps=aside_mps,
        last=last.astype(np.int64),
        contact_s=contact.first_s,
        contact=contact.actors,
        fired=triggers.fired_s(),
        lights=made.lights,
        stop_lines={name: (made.ways.index(one.way), one.stop_line_m) for name, one in made.description.road.signals.items()},
        parameters=made.cases.columns,
    )
