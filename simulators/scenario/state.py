"""Where everybody is at this instant, in all runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from simulators.scenario.plan import Plan
from simulators.scenario.trace import Actor, Floats


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody of the background traffic at this instant, in a run that is driven alone. xy (2,): the centre.

    on_ways: by way (a row) on which it drives, along and aside.
    """

    actor: Actor
    xy: Floats
    elevation_m: float
    heading_deg: float
    speed_mps: float
    acceleration_mps2: float
    on_ways: Mapping[int, tuple[float, float]]


@dataclass(slots=True)
class State:
    """Columns (n, a) that the engine replaces step by step; speed_mps is along the lane, aside_mps across it, right positive.

    traffic: who else is on the road.
    """

    along_m: Floats
    aside_m: Floats
    aside_mps: Floats
    speed_mps: Floats
    acceleration_mps2: Floats
    traffic: tuple[Other, ...] = ()

    @classmethod
    def at_start(cls, made: Plan) -> Self:
        """As the plan has it."""
        nothing = np.zeros_like(made.along_m)
        columns = (made.along_m, made.aside_m, nothing, made.speed_mps, nothing)
        along_m, aside_m, aside_mps, speed_mps, acceleration_mps2 = (one.copy(order="K") for one in columns)
        return cls(along_m, aside_m, aside_mps, speed_mps, acceleration_mps2)

    def columns(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """All of them, in this order."""
        return self.along_m, self.aside_m, self.aside_mps, self.speed_mps, self.acceleration_mps2
