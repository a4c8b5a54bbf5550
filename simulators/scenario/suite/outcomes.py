"""What became of a suite's items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulators.scenario.cases import Cases
from simulators.scenario.description import Description
from simulators.scenario.suite.description import Item, Reference, Turn
from simulators.scenario.suite.tasks import Prepared
from simulators.scenario.verdict import EXIT_CODES, Outcome, Verdicts
from simulators.scenario.verdict_files import joined, read


@dataclass(frozen=True, slots=True)
class Came:
    """One item: its worst outcome, how many of its runs came out how, and why the worst did, or where it turns.

    question, clause: of its scenario. kept: the exit code of keeping it in the register.
    """

    item: Item
    question: str
    clause: str
    counts: Mapping[Outcome, int]
    reason: str = ""
    verdicts: Verdicts | None = None
    kept: int = 0

    @property
    def outcome(self) -> Outcome:
        """The worst."""
        return max((outcome for outcome, count in self.counts.items() if count), default=Outcome.SKIPPED)

    @property
    def runs(self) -> int:
        """How many cases, or one search."""
        return sum(self.counts.values())


def came(one: Prepared) -> Came:
    """What became of an item all of whose parts are done."""
    item = one.item
    if item.r157 is not None:
        return _of_grid(item, item.r157, int(one.documents()[0]["collisions"]))
    assert one.source is not None  # noqa: S101 - an item without a grid has a scenario
    description = one.source.description
    if item.turns is not None:
        return _of_turn(item, item.turns, description, one.documents()[0])
    assert one.cases is not None  # noqa: S101 - nor without cases
    return came_of(item, description, one.cases, joined([read(task.file) for task in one.tasks]))


def came_of(item: Item, description: Description, cases: Cases, verdicts: Verdicts) -> Came:
    """What became of an item all of whose cases were run."""
    counts = {outcome: verdicts.count(outcome) for outcome in Outcome}
    return Came(item, description.question, description.tags.clause, counts, _reason(verdicts, cases), verdicts)


def exit_code(found: Sequence[Came]) -> int:
    """0 only when every item has passed, else that of the worst."""
    return EXIT_CODES[max((one.outcome for one in found), default=Outcome.SKIPPED)]


def _of_grid(item: Item, reference: Reference, collisions: int) -> Came:
    question = f"Does {reference.driver} collide in as many cases of the grid {reference.grid} as the reference does?"
    outcome = Outcome.PASS if collisions == reference.collisions else Outcome.FAIL
    said = f"{collisions:,} collisions, by the reference {reference.collisions:,}"
    return Came(item, question, "UN R157 annex 3", {outcome: 1}, said)


def _of_turn(item: Item, turn: Turn, description: Description, found: Mapping[str, Any]) -> Came:
    outcome, said = Outcome.PASS, ""
    if found.get("beyond") == Outcome.ERROR:  # says nothing of what is tested
        outcome, said = Outcome.ERROR, f"runs are not valid everywhere between {turn.low:g} and {turn.high:g}"
    elif found["holds"] is None or found["fails"] is None:
        outcome, said = (
            Outcome.FAIL,
            f"{'everywhere' if found['throughout'] else 'nowhere'} between {turn.low:g} and {turn.high:g}",
        )
    else:
        holds, fails = float(found["holds"]), float(found["fails"])
        at, unit = (holds + fails) / 2.0, description.parameters[turn.along].unit
        what = f"{turn.warned.host} is warned" if turn.warned is not None else "passes"
        said = f"{what} {'up to' if holds < fails else 'from'} {turn.along} {at:.4g} {unit}".rstrip()
        if turn.at is not None and turn.within is not None:
            is_there = abs(at - turn.at) <= turn.within
            outcome = Outcome.PASS if is_there else Outcome.FAIL
            said = f"{said}, {'as' if is_there else 'not as'} it must: {turn.at:g} ± {turn.within:g}"
    return Came(item, description.question, description.tags.clause, {outcome: 1}, said)


def _reason(verdicts: Verdicts, cases: Cases) -> str:
    """Of the worst run that has not passed: its case, and what it broke."""
    run = verdicts.worst_runs(1)[0]
    if verdicts.outcome[run] == Outcome.PASS:
        return ""
    worst = max(verdicts.requirements, key=lambda each: each.of_run(run))
    varying = {name: column[run] for name, column in cases.columns.items() if len(np.unique(column)) > 1}
    case = ", ".join(f"{name} {value:g}" for name, value in varying.items())
    return f"{case}: {worst.reason[run]}" if case else str(worst.reason[run])
