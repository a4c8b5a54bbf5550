"""How often something rare happens: cases are drawn where it happens, and count by how much rarer they occur than drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulators.scenario.cases import Cases
from simulators.scenario.values import Floats
from simulators.scenario.verdict import Outcome, Verdicts


@dataclass(frozen=True, slots=True)
class Rate:
    """Of all that occurs, the share in which it happens, and that estimate's standard error."""

    value: float
    standard_error: float


def rate(happens: npt.NDArray[np.bool_], weights: Floats, drawn: int) -> Rate:
    """The mean of weight where it happens and 0 elsewhere, over all draws: unbiased, whatever was drawn from.

    happens, weights (n,): of those draws that are cases at all; of the others nothing happens. NaN for fewer than two draws.
    """
    if drawn < 2:
        return Rate(np.nan, np.nan)
    counted = np.where(happens, weights, 0.0)
    value = float(counted.sum() / drawn)
    variance = max(float((counted**2).sum() / drawn) - value**2, 0.0) * drawn / (drawn - 1)
    return Rate(value, float(np.sqrt(variance / drawn)))


def effective(weights: Floats) -> float:
    """As many equally weighted draws say as much (Kish): far below their number, the draws miss what occurs."""
    return float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0


def failure_rates(cases: Cases, verdicts: Verdicts) -> Mapping[str, Rate]:
    """By requirement, and of the whole run."""
    weights = cases.weights if cases.weights is not None else np.ones(len(cases))
    found = {one.title: rate(one.outcome == Outcome.FAIL, weights, cases.drawn) for one in verdicts.requirements}
    return {**found, "any of them": rate(verdicts.outcome == Outcome.FAIL, weights, cases.drawn)}
