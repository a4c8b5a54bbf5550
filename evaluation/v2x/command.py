"""`chelu evaluate v2x`: every task with progress, then the table; interrupted, it goes on with `--resume`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from chelu.local import interrupts
from chelu.local.targets import check_writable
from evaluation.v2x.judge import FULL, SHORT, report, tasks
from evaluation.v2x.ordinary import Roadside
from evaluation.v2x.results import Results

INTERRUPTED = 130
RECALL, LEAD_S, FALSE_PER_HOUR = 0.99, 2.5, 0.1


@dataclass(frozen=True, slots=True)
class Request:
    """json: where the figures go; recordings: where further recordings are kept; only: tasks whose names begin so.

    explain: the file for an explanation of every warning in recorded traffic.
    """

    json: Path | None
    recordings: Path
    is_quick: bool
    is_resumed: bool
    only: str = ""
    explain: Path | None = None


def run(request: Request, console: Console) -> int:
    """Judge; 0, or 130 when interrupted. Whether the bars are met stands in the table: it does not fail for what it finds."""
    check_writable({"--json": request.json, "--explain": request.explain})
    if request.explain is not None and not request.is_resumed:
        request.explain.unlink(missing_ok=True)
    plan = SHORT if request.is_quick else FULL
    results = Results(asdict(plan), request.json)
    if request.is_resumed:
        results.resume()
    at = Roadside(request.recordings, request.explain)
    named = {name: task for name, task in tasks(plan, at).items() if name.startswith(request.only)}
    is_whole = _work(named, results, console)
    found = report(results.tasks)
    console.print(table(found["applications"]))
    for name in ("decks", "decks_on_map", "decks_along", "traffic", "traffic_exact", "traffic_six_instants", "ngsim"):
        if found[name] is not None:
            console.print(f"{name}: {found[name]}")
    return 0 if is_whole else INTERRUPTED


def _work(named: Mapping[str, Any], results: Results, console: Console) -> bool:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    try:
        with interrupts.once(), Progress(*columns, console=console, transient=True) as progress:
            for number, (name, task) in enumerate(named.items(), 1):
                if name in results.tasks:
                    continue
                bar = progress.add_task(f"{name} ({number} of {len(named)})", total=1.0)
                results.tasks[name] = task(lambda share, at=bar: progress.update(at, completed=share))
                results.write(report(results.tasks))
                progress.remove_task(bar)
    except KeyboardInterrupt:
        kept = f"; `--resume` goes on with {results.file}" if results.file else ""
        console.print(f"[yellow]interrupted: {len(results.tasks)} of {len(named)} tasks are done{kept}")
        return False
    return True


def table(applications: Mapping[str, Any]) -> Table:
    """One row per application."""
    shown = Table(
        "application",
        "n",
        "recall",
        "lead p5",
        "p50",
        "false/veh h",
        "exact",
        "staged",
        "six instants",
        "their false",
        "varied recall",
    )
    for name, one in applications.items():
        varied = one.get("varied") or {}
        shown.add_row(
            name,
            str(one["n"]),
            _marked(one["recall"], one["recall"] is not None and one["recall"] >= RECALL),
            _marked(one["lead_p5_s"], one["lead_p5_s"] is not None and one["lead_p5_s"] >= LEAD_S),
            str(one["lead_p50_s"]),
            _marked(one["false_per_vehicle_hour"], (one["false_per_vehicle_hour"] or 0) <= FALSE_PER_HOUR),
            str(one["false_exact_per_vehicle_hour"]),
            str(one["false_staged_per_vehicle_hour"]),
            str(one["baseline_recall"]),
            str(one.get("baseline_false_staged_per_vehicle_hour")),
            str(varied.get("recall")),
        )
    return shown


def _marked(value: float | None, is_met: bool) -> str:  # noqa: FBT001
    return f"{value}" if is_met else f"[red]{value}"
