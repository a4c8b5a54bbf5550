"""Runs of the same case again and again: how often the outcome changes, and how sure the pass rate is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulators.scenario.trace import Floats
from simulators.scenario.verdict import Outcome, Verdicts

Z95 = 1.959963984540054  # two-sided 95 % of the normal distribution
SEED = "seed"  # the parameter that is not part of a case


@dataclass(frozen=True, slots=True)
class Repeats:
    """Runs with one set of parameter values. judged: runs that passed or failed; low, high: 95 % interval of the pass rate."""

    parameters: Mapping[str, float]
    runs: int
    judged: int
    passed: int
    low: float
    high: float

    @property
    def is_flaky(self) -> bool:
        """Whether the same case came out both ways."""
        return 0 < self.passed < self.judged

    @property
    def flake_rate(self) -> float:
        """Share of judged runs that came out other than most; 0 of none."""
        return min(self.passed, self.judged - self.passed) / self.judged if self.judged else 0.0


def wilson(passed: int, judged: int, z: float = Z95) -> tuple[float, float]:
    """Interval of a rate (Wilson 1927): holds also for few runs and for none or all passed; 0 … 1 without any run."""
    if judged == 0:
        return 0.0, 1.0
    rate, square = passed / judged, z * z / judged
    middle = rate + square / 2.0
    half = z * math.sqrt(rate * (1.0 - rate) / judged + square / (4.0 * judged))
    low, high = (middle - half) / (1.0 + square), (middle + half) / (1.0 + square)
    return (0.0 if passed == 0 else max(low, 0.0)), (1.0 if passed == judged else min(high, 1.0))


def repeats(verdicts: Verdicts, parameters: Mapping[str, Floats]) -> list[Repeats]:
    """One for each case that ran more than once, in the order of their first runs."""
    names = [name for name in parameters if name != SEED]
    cases: dict[tuple[float, ...], list[int]] = {}
    columns = [parameters[name].tolist() for name in names]
    for run in range(verdicts.runs):
        cases.setdefault(tuple(column[run] for column in columns), []).append(run)
    return [_of(names, case, runs, verdicts) for case, runs in cases.items() if len(runs) > 1]


def _of(names: Sequence[str], case: Sequence[float], runs: Sequence[int], verdicts: Verdicts) -> Repeats:
    outcome = verdicts.outcome[np.asarray(runs)]
    passed = int(np.count_nonzero(outcome == Outcome.PASS))
    judged = passed + int(np.count_nonzero(outcome == Outcome.FAIL))
    low, high = wilson(passed, judged)
    return Repeats(dict(zip(names, case, strict=True)), len(runs), judged, passed, low, high)
