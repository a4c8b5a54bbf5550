"""A suite's outcomes for people: a table on the terminal, a page of Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from simulators.scenario.results import COLOURS
from simulators.scenario.suite.description import Suite
from simulators.scenario.suite.outcomes import Came
from simulators.scenario.verdict import Outcome


def table(found: Sequence[Came]) -> Table:
    """A line for each item."""
    shown = Table("scenario", "case", "verdict", "runs", "", box=None, pad_edge=False, header_style="bold")
    for one in found:
        shown.add_row(
            one.item.scenario or "r157", one.item.name, Text(one.outcome.word, COLOURS[one.outcome]), _runs(one), one.reason
        )
    return shown


def total(suite: Suite, found: Sequence[Came]) -> Text:
    """The suite's verdict, and how many items came out how."""
    worst = max((one.outcome for one in found), default=Outcome.SKIPPED)
    counts = {outcome: sum(one.outcome is outcome for one in found) for outcome in Outcome}
    said = ", ".join(f"{count} {outcome.word}" for outcome, count in counts.items() if count)
    return Text(f"{suite.suite}: ").append(worst.word, f"bold {COLOURS[worst]}").append(f" ({said} of {len(found)} items)")


def section(suite: Suite, found: Sequence[Came]) -> str:
    """The suite's part of docs/suites.md."""
    lines = [f"## `{suite.suite}`: {suite.title}", "", suite.about.strip(), ""]
    lines += ["| scenario | case | asked by | verdict | runs | what was found |", "|---|---|---|---|---|---|"]
    for one in found:
        cells = [f"`{one.item.scenario or 'r157'}`", one.item.name, one.clause, one.outcome.word, _runs(one), one.reason]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if suite.left_out:
        lines += ["", "Not in it:", "", *(f"- {one}" for one in suite.left_out)]
    return "\n".join(lines)


def _runs(one: Came) -> str:
    if one.item.turns is not None:
        return "search"
    if one.item.r157 is not None:
        return "grid"
    parts = [f"{count} {outcome.word}" for outcome, count in one.counts.items() if count]
    return str(one.runs) if len(parts) == 1 else ", ".join(parts)
