"""A case in memory at the clock's pace, to be watched: each step is worked out when its time has come, and told at once.

What is told is for a page (`simulators.scenario.evidence.motion`): first the scene, then ten times a second the rows since then,
with all that has come so far; twice a second what became of the requirements up to there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chelu.clock import Clock
from chelu.errors import ConfigurationError
from simulators.scenario.cases import Cases
from simulators.scenario.deciding.piloting import pilot_of
from simulators.scenario.description import Description
from simulators.scenario.devices import Kind, kind_of, loaded
from simulators.scenario.engine import SoFar, simulate
from simulators.scenario.evidence.motion import events, lights, requirements, rows, scene, told_instants
from simulators.scenario.judging import judge
from simulators.scenario.plan import Plan, plan
from simulators.scenario.trace import Trace

TELL_S, JUDGE_S = 0.1, 0.5
LONGEST_S = 240.0  # whoever asks for it has the process end after 300 s
DECIMALS = 4  # of what is told: a tenth of a millimetre
Tell = Callable[[Mapping[str, Any]], None]


def driven(description: Description, cases: Cases, device: str, clock: Clock, tell: Tell) -> Trace:
    """One case; ConfigurationError for what cannot be watched so."""
    check(description, cases, device)
    made, kind = plan(description, cases), kind_of(device)
    pilot = None if kind is None else pilot_of(made, kind, loaded(device)(description, made.runs))
    return simulate(made, pilot=pilot, watch=Pace(made, clock, tell))


def check(description: Description, cases: Cases, device: str) -> None:
    """ConfigurationError for several cases, too long ones, and those in which something is known only afterwards."""
    if len(cases) != 1:
        raise ConfigurationError("is_paced", f"{len(cases):,} cases", "one case: it takes its time")
    if description.end.after_s > LONGEST_S:
        raise ConfigurationError("is_paced", f"{description.end.after_s:g} s", f"a scenario of at most {LONGEST_S:g} s")
    if description.traffic is not None:
        raise ConfigurationError("is_paced", "traffic", "a scenario without background traffic, which SUMO drives")
    if kind_of(device) is Kind.WARNS:
        raise ConfigurationError("device", device, "none, or one that drives or switches signals: this one is asked afterwards")


@dataclass(slots=True)
class Pace:
    """Holds the engine back to the clock, and tells; once a run is over the rest is neither waited for nor told."""

    made: Plan
    clock: Clock
    tell: Tell
    _began_s: float = field(init=False)
    _next: int = 0
    _judged: dict[str, Any] = field(default_factory=dict)
    _judged_s: float = -JUDGE_S
    _is_over: bool = False

    def __post_init__(self) -> None:
        self._began_s = self.clock.monotonic_s()

    def __call__(self, instant: int, so_far: SoFar) -> None:
        """At every instant, from the engine's thread."""
        if self._is_over:
            return
        step_s, last = self.made.description.step_s, self.made.instants - 1
        self.clock.sleep(self._began_s + instant * step_s - self.clock.monotonic_s())
        every = max(1, round(TELL_S / step_s))
        if instant and (instant % every == 0 or instant == last):
            self._tell(instant, so_far())

    def _tell(self, instant: int, trace: Trace) -> None:
        self._is_over = bool(trace.last[0] <= instant)
        last = min(instant, int(trace.last[0]))
        step_s = trace.step_s
        if not self._next:
            self.tell({"scene": {**scene(trace), "scenario": self.made.description.scenario, "end_s": self._end_s()}})
        if self._is_over or instant * step_s - self._judged_s >= JUDGE_S - step_s / 2:
            self._judged, self._judged_s = self._judge(trace, last), instant * step_s
        now = {"lights": lights(trace, last), "events": events(trace), "requirements": self._judged}
        instants = told_instants(trace, self._next, last)
        table = {name: np.round(column.astype(np.float64), DECIMALS).tolist() for name, column in rows(trace, instants).items()}
        self.tell({"motion": table, "so_far": {"through_s": last * step_s, **now}})
        self._next = last + 1

    def _judge(self, trace: Trace, last: int) -> dict[str, Any]:
        """Of the requirements alone: whether the run is valid shows when it is over."""
        until = replace(trace, last=np.array([last]))
        return requirements(judge(until, self.made.description.requirements, ()).requirements, 0)

    def _end_s(self) -> float:
        return (self.made.instants - 1) * self.made.description.step_s
