"""`chelu evaluate environment`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from chelu.local import interrupts
from chelu.local.targets import check_writable
from evaluation.environment import berths, floods, gates, odd, outlooks

INTERRUPTED = 130
QUANTITIES = {"water_level": "m", "pm2_5": "µg/m³"}
NAMES = {"water_level": "river level", "pm2_5": "fine particles, PM2.5"}


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    json: Path | None
    plots: Path | None
    seed: int
    is_quick: bool

    @property
    def size(self) -> tuple[int, int]:
        """Series, and days of each."""
        return (2, 24) if self.is_quick else (8, 60)


def run(request: Request, console: Console) -> int:
    """Judge outlooks, closures and advice, print and write what they are worth; 0, or 130 when interrupted."""
    check_writable({"--json": request.json})
    try:
        with interrupts.once(), Progress(console=console, transient=True) as progress:
            found = judged(request, progress)
    except KeyboardInterrupt:
        console.print("[yellow]interrupted: nothing was written")
        return INTERRUPTED
    for table in tables(found):
        console.print(table)
    if request.json is not None:
        request.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if request.plots is not None:
        from evaluation.environment.plots import draw

        for quantity, unit in QUANTITIES.items():
            series = outlooks.made(quantity, request.size[1], request.seed)
            console.print(f"drawn: {draw(series, quantity, NAMES[quantity], unit, request.plots)}", soft_wrap=True)
    return 0


def judged(request: Request, progress: Progress) -> dict[str, Any]:
    """The figures as a document."""
    count, days = request.size
    found: dict[str, Any] = {"seed": request.seed}

    def bar(name: str) -> Callable[[float], None]:
        task = progress.add_task(name, total=1.0)
        return lambda share: progress.update(task, completed=share)

    found["outlook"] = {name: outlooks.judge(name, count, days, request.seed, bar(name)) for name in QUANTITIES}
    found["flood"] = floods.judge(count, days, request.seed, bar("floods"))
    found["gate"] = gates.judge(count, min(days, 14), request.seed, bar("gates"))
    found["berths"] = berths.judge(count, days, request.seed, bar("berths"))
    found["anomalies"] = odd.judge(count, request.seed, bar("odd readings"))
    return found


def tables(found: Mapping[str, Any]) -> list[Table]:
    """For a person."""
    ahead = Table("", "minutes", "chelu", "last value", "days before", "in the interval", title="outlooks: mean absolute error")
    for name, one in found["outlook"].items():
        for minutes, figures in one["by_minutes"].items():
            ahead.add_row(
                name, minutes, *(f"{mae:.3f}" for mae in figures["mae"].values()), f"{figures['within_80_percent']:.0%}"
            )
    return [ahead, *(_table(title, found[title]) for title in ("flood", "gate", "berths", "anomalies"))]


def _table(title: str, found: Mapping[str, Any]) -> Table:
    rows = {name: one for name, one in found.items() if isinstance(one, dict)}
    heads = list(dict.fromkeys(head for one in rows.values() for head in one))
    shown = Table("", *heads, title=title)
    for name, one in rows.items():
        shown.add_row(name, *(str(one.get(head, "")) for head in heads))
    return shown
