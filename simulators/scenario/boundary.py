"""Where a verdict turns: for every combination of the other parameters, the value of one at which pass becomes fail.

Bisection of all combinations at once: each round runs one more case of each. It takes one turn for granted between the two ends;
of several it finds one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from simulators.scenario.cases import Cases
from simulators.scenario.values import Floats

MOST_ROUNDS = 60
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Boundary:
    """Of n combinations: between `passes` and `fails` (n,) the verdict turns; both NaN where it is the same at both ends.

    passes_throughout (n,): which verdict that is, where it is the same.
    """

    cases: Cases
    along: str
    passes: Floats
    fails: Floats
    passes_throughout: Bools

    @property
    def value(self) -> Floats:
        """The middle between both (n,), NaN where there is no turn."""
        return (self.passes + self.fails) / 2.0


def boundary(
    does_pass: Callable[[Cases], Bools],
    cases: Cases,
    along: str,
    *,
    low: float,
    high: float,
    tolerance: float,
    tell: Callable[[float], None] = lambda _: None,
) -> Boundary:
    """The turns of these combinations along a parameter, to within `tolerance`; `tell` gets the width that is left."""

    def judged(values: Floats) -> Bools:
        return does_pass(replace(cases, columns={**cases.columns, along: values}))

    count = len(cases)
    at_low, at_high = judged(np.full(count, low)), judged(np.full(count, high))
    turns = at_low != at_high
    passes, fails = np.where(at_low, low, high), np.where(at_low, high, low)
    for _ in range(MOST_ROUNDS):
        width = float(np.abs(passes - fails)[turns].max(initial=0.0))
        tell(width)
        if width <= tolerance:
            break
        middle = (passes + fails) / 2.0
        good = judged(middle)
        passes, fails = np.where(good, middle, passes), np.where(good, fails, middle)
    nowhere = np.full(count, np.nan)
    return Boundary(cases, along, np.where(turns, passes, nowhere), np.where(turns, fails, nowhere), at_low & ~turns)
