"""`chelu evaluate fusion`: one to four sensors, with progress, then the table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from chelu.local import interrupts
from chelu.local.targets import check_writable
from evaluation.fusion.judge import judge, quarter
from evaluation.fusion.staging import SENSORS, Conditions
from evaluation.models.motion.tracks import read_trace
from evaluation.v2x.recordings import shipped

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    json: Path | None
    seconds: float
    seed: int


def run(request: Request, console: Console) -> int:
    """Judge; 0, or 130 when interrupted."""
    check_writable({"--json": request.json})
    recording, conditions = quarter(read_trace(shipped()), request.seconds), Conditions()
    found: list[dict[str, Any]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    try:
        with interrupts.once(), Progress(*columns, console=console, transient=True) as progress:
            for sensors in range(1, len(SENSORS) + 1):
                bar = progress.add_task(f"{sensors} of {len(SENSORS)} sensors", total=1.0)
                tell = lambda share, at=bar: progress.update(at, completed=share)  # noqa: E731 - one line, here alone
                found.append(judge(recording, sensors, conditions=conditions, seed=request.seed, tell=tell))
    except KeyboardInterrupt:
        console.print(f"[yellow]interrupted: {len(found)} of {len(SENSORS)} are done")
        return INTERRUPTED
    console.print(table(found))
    if request.json is not None:
        document = {"conditions": asdict(conditions), "seconds": request.seconds, "seed": request.seed, "runs": found}
        request.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def table(found: list[dict[str, Any]]) -> Table:
    """Two rows for each number of sensors."""
    names = ("mota", "idf1", "hota", "deta", "assa", "switches", "misses", "surplus", "truth", "position_m")
    shown = Table("sensors", "tracks", *(name.upper() if len(name) == 4 else name for name in names))
    for one in found:
        for way in ("fused", "alone"):
            shown.add_row(str(one["sensors"]), way, *(str(one[way][name]) for name in names))
    return shown
