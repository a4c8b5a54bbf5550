"""`chelu evaluate anomalies`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from chelu.local import interrupts
from chelu.local.targets import check_writable
from evaluation.anomalies import staged
from evaluation.anomalies.judge import judge_labelled, judge_staged
from evaluation.anomalies.labelled import Labelled, read
from evaluation.anomalies.methods import OURS, Ours, methods
from services.inference.city.anomalies.parameters import AnomalyParameters
from services.inference.city.anomalies.telling import told

INTERRUPTED = 130
SERIES, DAYS = 30, 21
QUICK_SERIES, QUICK_DAYS = 5, 14


@dataclass(frozen=True, slots=True)
class Request:
    """data: labelled series, None for staged ones alone; seed: of the staged ones that are judged, the next one's tune."""

    data: Path | None
    json: Path | None
    plots: Path | None
    is_quick: bool
    seed: int
    utc_offset_h: float


def run(request: Request, console: Console) -> int:
    """Judge every method, print and write what they are worth; 0, or 130 when interrupted."""
    check_writable({"--json": request.json})
    parameters = replace(AnomalyParameters(), utc_offset_h=request.utc_offset_h)
    labelled = read(request.data) if request.data is not None else None
    size = {"series": QUICK_SERIES, "days": QUICK_DAYS} if request.is_quick else {"series": SERIES, "days": DAYS}
    made = staged.make(**size, seed=request.seed)
    tuning = staged.make(**size, seed=request.seed + 1)
    try:
        with interrupts.once(), Progress(console=console, transient=True) as progress:
            document = _judged(labelled, tuning, made, parameters, progress)
    except KeyboardInterrupt:
        console.print("[yellow]interrupted: nothing was written")
        return INTERRUPTED
    document |= {"seed": request.seed, "staged_size": size, "parameters": asdict(parameters)}
    for part in ("labelled", "staged"):
        if part in document:
            console.print(table(part, document[part]))
    for line in document.get("alarms", ()):
        console.print(line, soft_wrap=True)
    if request.json is not None:
        request.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if request.plots is not None:
        from evaluation.anomalies.plots import draw

        for file in draw(document, labelled, made, parameters, request.plots):
            console.print(f"drawn: {file}", soft_wrap=True)
    return 0


def _judged(
    labelled: Labelled | None, tuning: Labelled, made: Labelled, parameters: AnomalyParameters, progress: Progress
) -> dict[str, Any]:
    every = methods(parameters)
    bar = progress.add_task("judging", total=len(every))
    found: dict[str, Any] = {"labelled": {}, "staged": {}} if labelled is not None else {"staged": {}}
    for name, method in every.items():
        if labelled is not None:
            found["labelled"][name] = judge_labelled(labelled, method)
        began = time.process_time()
        found["staged"][name] = judge_staged(tuning, made, method) | {"processor_s": round(time.process_time() - began, 1)}
        progress.advance(bar)
    if labelled is not None:
        sensitivity = found["labelled"][OURS]["sensitivity"]
        found["alarms"] = [line for name in labelled.names for line in _alarms(labelled, name, sensitivity[name], parameters)]
    return found


def _alarms(labelled: Labelled, name: str, sensitivity: float, parameters: AnomalyParameters) -> list[str]:
    """What the detector says of a series, in words."""
    rows = Ours(parameters).changes(labelled.of([labelled.names.index(name)]), sensitivity)
    every = [{column: rows[column][at] for column in rows} for at in range(len(rows))]
    return [told(one, name, "", parameters) for one in every]


def table(part: str, found: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each method."""
    titles = ["method", "sensitivity", "found", "false a day", "min to detect p50", "p95", "right kind"]
    shown = Table(*titles, *(["score", "best for all"] if part == "labelled" else []), title=part)
    for name, one in found.items():
        chosen = one["sensitivity"]
        cells = [
            name,
            "/".join(f"{of:g}" for of in chosen.values()) if isinstance(chosen, dict) else f"{chosen:g}",
            f"{one['detected']} of {one['windows']}",
            f"{one['false_alarms_a_day']:.3f}",
            str(one["minutes_to_detect_p50"]),
            str(one["minutes_to_detect_p95"]),
            str(one["right_kind"]) if name == OURS and part == "staged" else "",
        ]
        shown.add_row(*cells, *([str(one["score"]), str(one["score_best_for_all"])] if part == "labelled" else []))
    return shown
