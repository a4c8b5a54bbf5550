"""`chelu evaluate incidents`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from chelu.local import interrupts
from chelu.local.targets import check_writable
from chelu.roads import sumo
from evaluation.incidents.judge import Drive, detect, false_a_day, judge
from evaluation.incidents.staging import NETWORK, recording
from services.inference.city.incidents.lanes import LaneSpots
from services.inference.city.incidents.parameters import IncidentParameters

INTERRUPTED = 130
PENETRATIONS = (1.0, 0.3, 0.1)


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options; recordings: where drives are kept, None for nowhere; ordinary_s: of traffic without incidents."""

    json: Path | None
    plots: Path | None
    recordings: Path | None
    seed: int
    seconds: int
    ordinary_s: int


def run(request: Request, console: Console) -> int:
    """Stage, judge, print and write; 0, or 130 when interrupted."""
    check_writable({"--json": request.json})
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with (
            interrupts.once(),
            tempfile.TemporaryDirectory() as beside,
            Progress(*columns, console=console, transient=True) as bar,
        ):
            task = bar.add_task("SUMO drives")
            document = _judged(request, request.recordings or Path(beside))
            bar.remove_task(task)
    except KeyboardInterrupt:
        console.print("[yellow]interrupted: drives that were whole are kept")
        return INTERRUPTED
    console.print(table(document["trials"]))
    if request.json is not None:
        request.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if request.plots is not None:
        from evaluation.incidents.plots import draw

        console.print(f"drawn: {draw(document['trials'], request.plots)}", soft_wrap=True)
    return 0


def _judged(request: Request, recordings: Path) -> dict[str, Any]:
    staged_home = recording(request.seed, request.seconds, recordings, is_ordinary=False)
    ordinary_home = recording(request.seed + 1, request.ordinary_s, recordings, is_ordinary=True)
    network = sumo.read(NETWORK.read_bytes())
    spots, parameters = LaneSpots(network), IncidentParameters()
    staged, ordinary = Drive.read(staged_home, request.seconds), Drive.read(ordinary_home, request.ordinary_s)
    trials = {}
    for penetration in PENETRATIONS:
        raised = detect(staged, spots, parameters, penetration=penetration, seed=request.seed)
        plain = detect(ordinary, spots, parameters, penetration=penetration, seed=request.seed)
        found = judge(staged, raised, network)
        trials[f"{100 * penetration:g}"] = found | {"false_a_day": false_a_day(plain, request.ordinary_s)}
    return {"seed": request.seed, "seconds": request.seconds, "ordinary_s": request.ordinary_s, "trials": trials}


def table(trials: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each kind at each share of vehicles that speak."""
    shown = Table("% speak", "kind", "found", "s to detect p50", "p95", "false a day, ordinary traffic")
    for share, trial in trials.items():
        for kind, one in trial["kinds"].items():
            cells = (f"{one['detected']} of {one['staged']}", one["seconds_to_detect_p50"], one["seconds_to_detect_p95"])
            shown.add_row(share, kind, *(str(cell) for cell in cells), str(trial["false_a_day"][kind]))
        shown.add_section()
    return shown
