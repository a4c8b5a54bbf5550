"""Which cases of a scenario lie outside what a device is made for, by its words, its road and weather, and its first speed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from chelu.units import KMH_PER_MPS
from simulators.scenario.description import Description
from simulators.scenario.odd import Domain, Reasons, outside
from simulators.scenario.reading import checked, text_of
from simulators.scenario.trace import Trace


def outside_of(description: Description, trace: Trace) -> Reasons:
    """(n,) why a run is outside the domain, empty where it is inside, or nothing is said of a domain."""
    if description.made_for is None:
        return np.full(trace.runs, "", np.object_)
    speed_kmh = np.max(trace.speed_mps[0, :, _tested(description, trace)], axis=0) * KMH_PER_MPS
    return outside(description.made_for, description.tags.odd, numbers_of(description), speed_kmh)


def _tested(description: Description, trace: Trace) -> list[int]:
    """Columns of what is tested: whom the device stands for, else who is under test, else everybody."""
    device = description.dut.actor if description.dut is not None else None  # a roadside unit is no actor
    named = [device] if device else [name for name, actor in description.actors.items() if actor.under_test]
    return [trace.index(name) for name in named or description.actors]


def numbers_of(description: Description) -> Mapping[str, float]:
    """What the description says of friction, sight, gradients and curves; what it does not say is left out."""
    pieces = [piece for way in description.road.described().values() for piece in way.pieces]
    found = {"friction": description.weather.friction, "gradient": max(abs(piece.gradient) for piece in pieces)}
    if description.weather.sight_m is not None:
        found["sight_m"] = description.weather.sight_m
    if radii := [piece.radius_m for piece in pieces if piece.radius_m is not None]:
        found["radius_m"] = min(radii)
    return found


def domain_given(path: Path) -> Domain:
    """`--odd FILE`: a domain in a file of its own. ScenarioError."""
    return checked(text_of(path), str(path), Domain, lambda _: ())
