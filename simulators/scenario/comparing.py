"""`chelu scenario compare`: what a build made better or worse than the one before, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from simulators.scenario.comparison import Change, Comparison, Rate, compared, rate, read
from simulators.scenario.evidence.header import number

SHOWN = 40
COLOURS = {Change.WORSE: "red", Change.BETTER: "green", Change.NEW: "cyan", Change.GONE: "yellow"}


def command(before: Path, now: Path, console: Console) -> int:
    """Compare and tell; 0 when nothing got worse, 1 otherwise. NoVerdictError for a file that is none."""
    return compare(read(before), read(now), console)


def compare(before: Mapping[str, Any], now: Mapping[str, Any], console: Console) -> int:
    """The same of two verdict documents, wherever they come from."""
    found = compared(before, now)
    if found.differences:
        console.print(_table(found))
    if len(found.differences) > SHOWN:
        console.print(f"and {len(found.differences) - SHOWN:,} more")
    console.print(", ".join(f"{found.counts[change]:,} {change}" for change in Change if found.counts.get(change)))
    for name, one in (("before", rate(before)), ("now", rate(now))):
        console.print(_sure(name, one))
    return 1 if found.is_worse else 0


def _sure(name: str, one: Rate) -> str:
    flaky = f"; flake rate {one.flake_rate:.1%} of {one.repeated:,} cases run again" if one.repeated else ""
    interval = f"pass rate {one.low:.1%} to {one.high:.1%} (95 %)"
    return f"{name}: {one.passed:,} of {one.judged:,} cases that were judged passed, {interval}{flaky}"


def _table(found: Comparison) -> Table:
    table = Table("", "requirement", "case", "before", "now", box=None, pad_edge=False, header_style="bold")
    for one in found.differences[:SHOWN]:
        table.add_row(
            f"[{COLOURS[one.change]}]{one.change}[/]",
            one.requirement,
            one.case,
            _told(one.before, one.margin_before),
            _told(one.now, one.margin_now),
        )
    return table


def _told(verdict: str, margin: float | None) -> str:
    return f"{verdict} ({number(margin)})" if verdict and margin is not None else verdict or "–"
