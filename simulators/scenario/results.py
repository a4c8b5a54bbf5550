"""What runs came to, for a terminal: a line for each requirement, then the verdict."""

from __future__ import annotations

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from simulators.scenario.cases import Cases
from simulators.scenario.description import Description
from simulators.scenario.importance import effective, failure_rates
from simulators.scenario.verdict import Judged, Outcome, Verdicts

COLOURS = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ERROR: "magenta", Outcome.SKIPPED: "yellow"}
SHOWN_CASES = 5


def told(description: Description, cases: Cases, verdicts: Verdicts) -> Group:
    """The table, the worst cases that did not pass, how often they occur if that was asked, the verdict."""
    return Group(_table(verdicts), *_worst(cases, verdicts), *_rates(cases, verdicts), _verdict(description, verdicts))


def _rates(cases: Cases, verdicts: Verdicts) -> list[Text]:
    """Of an importance sample."""
    if cases.weights is None:
        return []
    rates = failure_rates(cases, verdicts).items()
    said = [Text(f"fails in {one.value:.3g} ± {one.standard_error:.2g} of all that occurs: {title}") for title, one in rates]
    return [*said, Text(f"{cases.drawn:,} draws, which say as much as {effective(cases.weights):,.0f} of what occurs")]


def _table(verdicts: Verdicts) -> Table:
    shown = Table("requirement", "verdict", box=None, pad_edge=False, header_style="bold")
    for name in ("worst value", "limit", "at"):
        shown.add_column(name, justify="right")
    for one in (*verdicts.requirements, *(condition for condition in verdicts.validity if _is_broken(condition))):
        run = one.worst_run()
        at = "" if np.isnan(one.at_s[run]) else f"{one.at_s[run]:.2f} s"
        shown.add_row(one.title, _counted(one), _number(one.value[run], one.unit), _number(one.limit[run], one.unit), at)
    return shown


def _is_broken(condition: Judged) -> bool:
    return condition.count(Outcome.PASS) < len(condition.outcome)


def _counted(one: Judged) -> Text:
    """`fail`, or of many runs how many came out how."""
    runs = len(one.outcome)
    said = Text()
    for outcome in Outcome:
        count = one.count(outcome)
        if count:
            said.append(f"{' ' if said else ''}{outcome.word}{f' {count:,}' if runs > 1 else ''}", COLOURS[outcome])
    return said


def _number(value: float, unit: str) -> str:
    return "" if np.isnan(value) else f"{value:.4g}{f' {unit}' if unit else ''}"


def _worst(cases: Cases, verdicts: Verdicts) -> list[Text]:
    runs = [run for run in verdicts.worst_runs(SHOWN_CASES) if verdicts.outcome[run] != Outcome.PASS]
    return [Text(f"{_case(cases, run)}: {_reason(verdicts, run)}", overflow="fold") for run in runs]


def _case(cases: Cases, run: int) -> str:
    values = ", ".join(f"{name} {column[run]:g}" for name, column in cases.columns.items())
    return f"case {run}{f' ({values})' if values else ''}"


def _reason(verdicts: Verdicts, run: int) -> str:
    worst = max(verdicts.requirements, key=lambda one: one.of_run(run))
    return f"{worst.of_run(run).word}: {worst.reason[run]}"


def _verdict(description: Description, verdicts: Verdicts) -> Text:
    counts = ", ".join(f"{verdicts.count(outcome):,} {outcome.word}" for outcome in Outcome if verdicts.count(outcome))
    said = Text(f"{description.scenario}: ")
    said.append(verdicts.worst.word, f"bold {COLOURS[verdicts.worst]}")
    return said.append(f" ({counts} of {verdicts.runs:,} runs)" if verdicts.runs > 1 else "")
