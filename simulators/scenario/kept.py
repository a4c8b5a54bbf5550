"""`chelu scenario runs`: what is kept, one of them, and two of them held against one another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from simulators.scenario.comparing import compare
from simulators.scenario.evidence.header import number
from simulators.scenario.keeping import Keeper
from simulators.scenario.results import COLOURS
from simulators.scenario.verdict import Outcome

BY_WORD = {outcome.word: outcome for outcome in Outcome}
ABOUT = ("title", "mode", "under_test", "build", "began", "kept", "kept_by", "evidence")


def listed(runs: Sequence[Mapping[str, Any]], console: Console) -> None:
    """A line each, the newest first."""
    table = Table(
        "run", "scenario", "build", "verdict", "cases", "mode", "began", "by", box=None, pad_edge=False, header_style="bold"
    )
    for one in runs:
        cells = (one["scenario"], one["build"])
        tail = (str(one["cases"]), one["mode"], one["began"], one["kept_by"])
        table.add_row(str(one["run_id"]), *map(Text, cells), _word(one["verdict"]), *map(Text, tail))
    console.print(table if runs else "no runs are kept")


def shown(run: Mapping[str, Any], console: Console, *, is_json: bool = False) -> None:
    """All that is listed of one run."""
    if is_json:
        console.print_json(json.dumps(run))
        return
    console.print(Text(f"run {run['run_id']} of {run['scenario']}: ", "bold").append(_word(run["verdict"])))
    about = Table("", "", box=None, pad_edge=False, show_header=False)
    for name in ABOUT:
        if run[name]:
            about.add_row(name.replace("_", " "), Text(str(run[name])))
    for name in ("hashes", "seeds", "versions"):
        about.add_row(name, Text(", ".join(f"{key} {value}" for key, value in run[name].items())))
    console.print(about)
    table = Table("requirement", "outcomes", "value", "limit", "margin", "case", box=None, pad_edge=False, header_style="bold")
    for one in run["requirements"]:
        outcomes = ", ".join(f"{count} {word}" for word, count in one["outcomes"].items())
        values = [_number(one[name], one["unit"]) for name in ("value", "limit", "margin")]
        table.add_row(Text(one["title"]), outcomes, *values, str(one["case"]))
    console.print(table)


def compared(keeper: Keeper, before: int, now: int, console: Console) -> int:
    """What the later one made better or worse, and how sure either pass rate is; 1 when something got worse."""
    return compare(keeper.document(before), keeper.document(now), console)


def _word(verdict: str) -> Text:
    return Text(verdict, COLOURS[BY_WORD[verdict]])


def _number(value: float | str | None, unit: str) -> str:
    return "" if value is None else f"{number(float(value))} {unit}".rstrip()
