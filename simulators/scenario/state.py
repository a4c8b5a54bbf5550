"""Where everybody is at this instant, in all runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from simulators.scenario.plan import Plan
from simulators.scenario.trace import Floats


@dataclass(slots=True)
class State:
    """Columns (n, a) that the engine replaces step by step; speed_mps is along the lane, aside_mps across it, right positive."""

    along_m: Floats
    aside_m: Floats
    aside_mps: Floats
    speed_mps: Floats
    acceleration_mps2: Floats

    @classmethod
    def at_start(cls, made: Plan) -> Self:
        """As the plan has it."""
        nothing = np.zeros_like(made.along_m)
        return cls(*(column.copy(order="K") for column in (made.along_m, made.aside_m, nothing, made.speed_mps, nothing)))

    def columns(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """All of them, in this order."""
        return self.along_m, self.aside_m, self.aside_mps, self.speed_mps, self.acceleration_mps2
