"""Runs cases in memory with what is tested: the engine moves everybody, a device says whom it warns, who is warned may act.

What an actor does after a warning cannot change what the device knew before it. So the cases are moved without the warnings, the
device is asked, and they are moved again with them: each round settles at least one more warning of each run.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chelu.errors import CheluError
from simulators.scenario.cases import Cases
from simulators.scenario.deciding.piloting import pilot_of
from simulators.scenario.description import Description
from simulators.scenario.devices import NONE, Device, Kind, kind_of, loaded
from simulators.scenario.engine import simulate
from simulators.scenario.joining import joined
from simulators.scenario.metrics.messages import first_s, raised
from simulators.scenario.plan import Plan, plan
from simulators.scenario.progress import triggers_of
from simulators.scenario.trace import Floats, Trace
from simulators.scenario.triggers import Wanted, WarnedTimes, wanted


class ForesightError(CheluError):
    """A device whose earlier warnings change with what happens after them."""

    exit_code = 3

    def __init__(self, scenario: str, rounds: int) -> None:
        self.scenario, self.rounds = scenario, rounds
        super().__init__(
            f"{scenario}: the device's warnings still change after {rounds} rounds: one may hang on what was before it only"
        )


def perform(description: Description, cases: Cases, device: str = NONE) -> Trace:
    """Every case from the beginning to its end or first contact, with the warnings of a device, if there is one.

    ConfigurationError when there is no such device; ForesightError.
    """
    if description.traffic is not None and len(cases) > 1:
        return joined([perform(description, cases.take(np.array([case])), device) for case in range(len(cases))])
    made = plan(description, cases)
    match kind_of(device):
        case None:
            return simulate(made)
        case Kind.WARNS:
            return performed(made, loaded(device))
        case kind:
            return simulate(made, pilot=pilot_of(made, kind, loaded(device)(description, made.runs)))


def performed(made: Plan, device: Device) -> Trace:
    """A plan's cases with a device."""
    waiting = {wanted(one.warned, actor) for one, actor in triggers_of(made.description) if one.warned is not None}
    warned_s: WarnedTimes = {one: np.full(made.runs, np.inf) for one in waiting}
    rounds = len(waiting) + 1
    for _ in range(rounds + 1):
        trace = simulate(made, warned_s)
        trace = replace(trace, warnings=device(made.description, trace))
        found = {one: _first_s(trace, one) for one in waiting}
        if all(np.array_equal(found[one], warned_s[one]) for one in waiting):
            return trace
        warned_s = found
    raise ForesightError(made.description.scenario, rounds)


def _first_s(trace: Trace, one: Wanted) -> Floats:
    """When a warning first came (n,), inf when it did not."""
    warnings = raised(trace, *one)
    return np.full(trace.runs, np.inf) if warnings is None else first_s(trace, warnings)
