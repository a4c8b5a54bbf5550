"""What evidence is made of: the verdicts of all runs, and the traces of those of them that are looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chelu.messages import Batch
from simulators.scenario.evidence.header import Header
from simulators.scenario.metrics.metric import Question
from simulators.scenario.metrics.nearness import distances_m
from simulators.scenario.repeats import SEED
from simulators.scenario.trace import Floats, Trace
from simulators.scenario.verdict import Judged, Outcome, Verdicts


@dataclass(frozen=True, slots=True)
class Evidence:
    """verdicts: n runs; parameters: by name (n,); trace: m of the runs; runs (m,): which of the n they are."""

    header: Header
    verdicts: Verdicts
    parameters: Mapping[str, Floats]
    trace: Trace
    runs: tuple[int, ...]

    def case(self, run: int) -> str:
        """A run's parameters in words."""
        return ", ".join(f"{name} {column[run]:g}" for name, column in self.parameters.items())


@dataclass(frozen=True, slots=True)
class Shown:
    """One run that is looked at: its number among all, its column in the trace, and the instant that decides."""

    evidence: Evidence
    run: int
    column: int

    @property
    def trace(self) -> Trace:
        """The trace that has it."""
        return self.evidence.trace

    @property
    def last(self) -> int:
        """Its last instant."""
        return int(self.trace.last[self.column])

    @property
    def outcome(self) -> Outcome:
        """Its verdict."""
        return Outcome(int(self.evidence.verdicts.outcome[self.run]))

    @property
    def deciding(self) -> Judged | None:
        """The requirement that decides its verdict: of those that came out worst the one with the least margin."""
        worst = [one for one in self.evidence.verdicts.requirements if one.of_run(self.run) == self.outcome]
        return min(worst, key=lambda one: _order(one.margin[self.run]), default=None)

    @property
    def decisive_s(self) -> float:
        """The instant that decides: the deciding requirement's, else the contact's, else that of the least distance."""
        deciding = self.deciding
        if deciding is not None and np.isfinite(deciding.at_s[self.run]):
            return float(deciding.at_s[self.run])
        contact = float(self.trace.contact_s[self.column])
        return contact if np.isfinite(contact) else self.nearest_s()

    @property
    def decisive_instant(self) -> int:
        """The sample next to it."""
        return int(np.clip(round(self.decisive_s / self.trace.step_s), 0, self.last))

    @property
    def focus(self) -> int:
        """The actor that everything is seen from: the one under test, else the deciding requirement's, else the first."""
        actors = self.trace.actors
        named = self.deciding.actors[:1] if self.deciding else ()
        under_test = [row for row, one in enumerate(actors) if one.is_under_test]
        return next(iter([*under_test, *(row for row, one in enumerate(actors) if one.name in named)]), 0)

    @property
    def others(self) -> list[int]:
        """Everybody else of the scenario's own."""
        return [row for row in range(self.trace.cast) if row != self.focus]

    def nearest_s(self) -> float:
        """When anybody is nearest to the focus; the run's end for one that is alone."""
        distances = [self.series(distances_m, other) for other in self.others]
        return float(np.argmin(np.min(distances, axis=0)) if distances else self.last) * self.trace.step_s

    def series(self, measure: Callable[[Question], Floats], other: int) -> Floats:
        """A metric of the focus and another, up to the run's end: (t,)."""
        question = Question(self.single, (self.focus, other), self.single.counts, {}, {})
        return np.asarray(measure(question)[: self.last + 1, 0])

    @property
    def single(self) -> Trace:
        """Its own trace: of one run."""
        return only(self.trace, self.column)


def only(trace: Trace, column: int) -> Trace:
    """The trace of one of the runs."""
    one = slice(column, column + 1)
    return Trace(
        actors=trace.actors,
        step_s=trace.step_s,
        ways=trace.ways,
        way=trace.way[one],
        xy=trace.xy[:, one],
        elevation_m=trace.elevation_m[:, one],
        heading_deg=trace.heading_deg[:, one],
        speed_mps=trace.speed_mps[:, one],
        acceleration_mps2=trace.acceleration_mps2[:, one],
        along_m=trace.along_m[:, one],
        aside_m=trace.aside_m[:, one],
        aside_mps=trace.aside_mps[:, one],
        last=trace.last[one],
        contact_s=trace.contact_s[one],
        contact=trace.contact[one],
        fired={name: times[one] for name, times in trace.fired.items()},
        lights={name: shown[:, one] for name, shown in trace.lights.items()},
        parameters={name: values[one] for name, values in trace.parameters.items()},
        stop_lines=trace.stop_lines,
        warnings=None if trace.warnings is None else _rows(trace.warnings, column),
        messages=None if trace.messages is None else _rows(trace.messages, column),
        cooperation=None if trace.cooperation is None else _rows(trace.cooperation, column),
        rig={name: values[one] for name, values in trace.rig.items()},
    )


def worst(evidence: Evidence, count: int) -> list[Shown]:
    """The worst runs of those that have a trace, the worst first."""
    columns = {run: column for column, run in enumerate(evidence.runs)}
    ranked = evidence.verdicts.worst_runs(evidence.verdicts.runs)
    return [Shown(evidence, run, columns[run]) for run in ranked if run in columns][:count]


def varying(parameters: Mapping[str, Floats]) -> Sequence[str]:
    """The parameters that are not the same in all runs; seeds tell no case from another."""
    return [name for name, column in parameters.items() if name != SEED and len(np.unique(column)) > 1]


def _rows(batch: Batch, column: int) -> Batch:
    taken = batch.take(np.asarray(batch["run"] == column))
    return taken.with_columns(run=np.zeros(len(taken), np.int64))


def _order(margin: float) -> float:
    return np.inf if np.isnan(margin) else margin
