"""Where a verdict turns: for every combination of the other parameters, the value of one at which pass becomes fail.

A few values in between are tried first; then all combinations are bisected at once, where the first of these differs from the one
before: each round runs one more case of each. Turns that come and go between two of those values are not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from simulators.scenario.cases import Cases
from simulators.scenario.values import Floats
from simulators.scenario.verdict import Codes, Outcome

MOST_ROUNDS = 60
PROBES = 9
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Boundary:
    """Of n combinations: between `passes` and `fails` (n,) the verdict first turns; both NaN where it is the same throughout.

    passes_throughout (n,): which verdict that is, where it is the same. beyond (n,): what it is at `fails`, or throughout, as
    `Outcome`: a fail, or an error where the runs are not valid there, which says nothing of what is tested.
    """

    cases: Cases
    along: str
    passes: Floats
    fails: Floats
    passes_throughout: Bools
    beyond: Codes

    @property
    def value(self) -> Floats:
        """The middle between both (n,), NaN where there is no turn."""
        return (self.passes + self.fails) / 2.0


def with_values(cases: Cases, name: str, values: Floats) -> Cases:
    """The same cases with these values (n,) of one parameter."""
    return replace(cases, columns={**cases.columns, name: values})


def ends_of(cases: Cases, along: str, low: float, high: float) -> tuple[Cases, Cases]:
    """Cases at both ends of what is searched."""
    least, most = (with_values(cases, along, np.full(len(cases), value)) for value in (low, high))
    return least, most


def boundary(
    outcomes: Callable[[Cases], Codes],
    cases: Cases,
    along: str,
    *,
    low: float,
    high: float,
    tolerance: float,
    tell: Callable[[float], None] = lambda _: None,
) -> Boundary:
    """The turns of these combinations along a parameter, to within `tolerance`; `tell` gets the width that is left.

    outcomes: of cases, as `Outcome`.
    """

    def judged(values: Floats) -> Codes:
        return outcomes(with_values(cases, along, values))

    count, values = len(cases), np.linspace(low, high, PROBES)
    found = np.array([judged(np.full(count, value)) for value in values])
    probed = found == Outcome.PASS
    differs = probed[1:] != probed[:-1]
    turns, first = differs.any(axis=0), np.argmax(differs, axis=0)
    begins_well = probed[first, np.arange(count)]
    beyond = np.where(turns, found[first + begins_well, np.arange(count)], found.max(axis=0))
    passes = np.where(begins_well, values[first], values[first + 1])
    fails = np.where(begins_well, values[first + 1], values[first])
    for _ in range(MOST_ROUNDS):
        width = float(np.abs(passes - fails)[turns].max(initial=0.0))
        tell(width)
        if width <= tolerance:
            break
        middle = (passes + fails) / 2.0
        codes = judged(middle)
        good = codes == Outcome.PASS
        beyond = np.where(good | ~turns, beyond, codes)
        passes, fails = np.where(good, middle, passes), np.where(good, fails, middle)
    nowhere = np.full(count, np.nan)
    passes, fails = (np.where(turns, one, nowhere) for one in (passes, fails))
    return Boundary(cases, along, passes, fails, np.asarray(probed.all(axis=0)), np.asarray(beyond))
