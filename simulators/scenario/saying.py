"""What an actor's messages say of itself beside its motion: the newest of its `says`, as BSM has it (YD/T 3709-2020)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from simulators.scenario.conditions import Says
from simulators.scenario.description import Description
from simulators.scenario.trace import Floats, Ints, Trace

# ExteriorLights: the first bit is the highest of 9. VehicleEventFlags: the highest of 13.
LIGHTS: Mapping[str, int] = {"left": 1 << 6, "right": 1 << 5, "hazard": 1 << 4}
EVENTS: Mapping[str, int] = {
    "abs": 1 << 10,
    "traction": 1 << 9,
    "stability": 1 << 8,
    "hard-braking": 1 << 5,
    "flat-tyre": 1 << 2,
    "disabled": 1 << 1,
    "airbag": 1,
}
HAZARD_LIGHTS = 1 << 12
SIREN_OFF, SIREN_ON = 1, 2  # SirenInUse


def says_anything(description: Description) -> bool:
    """Whether anybody does."""
    return any(one.says is not None for one in description.manoeuvres)


def said(description: Description, trace: Trace, run: int, actor: int, times_s: Floats) -> dict[str, Ints]:
    """By column of a BSM (k,): lights, events and siren at these times."""
    lights, events, siren = nothing_said(len(times_s)).values()
    for at_s, says in sorted(_says(description, trace, run, trace.actors[actor].name), key=lambda one: one[0]):
        later = times_s >= at_s
        lights[later] = sum(LIGHTS[one] for one in says.lights)
        events[later] = sum(EVENTS[one] for one in says.events) | (HAZARD_LIGHTS if "hazard" in says.lights else 0)
        siren[later] = SIREN_ON if says.siren else SIREN_OFF
    return {"lights": lights, "events": events, "siren": siren}


def nothing_said(count: int) -> dict[str, Ints]:
    """The same of somebody who says nothing."""
    return {"lights": np.zeros(count, np.int64), "events": np.zeros(count, np.int64), "siren": np.full(count, SIREN_OFF)}


def _says(description: Description, trace: Trace, run: int, name: str) -> Iterator[tuple[float, Says]]:
    for one in description.manoeuvres:
        began = trace.fired[one.name][run]
        if one.actor == name and one.says is not None and np.isfinite(began):
            yield float(began), one.says
