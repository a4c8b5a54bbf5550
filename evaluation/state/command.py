"""`chelu evaluate state`: traffic state against SUMO's own detectors, at several shares of vehicles that speak."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from chelu.errors import ConfigurationError
from chelu.local import interrupts
from chelu.local.targets import check_writable
from chelu.roads import sumo
from chelu.roads.network import RoadNetwork
from evaluation.state import judge, placing
from evaluation.state.drive import NETWORK, recording
from evaluation.state.judge import QUARTER_S
from evaluation.state.truth import Truth, read
from services.inference.city.state.layout import Scope, layout_of
from services.inference.city.state.monitor import Result

INTERRUPTED = 130
PENETRATIONS = (1.0, 0.3, 0.1, 0.05)
FLOW_PERCENT, SPEED_PERCENT, QUEUE_VEHICLES = 3.0, 5.0, 1.0  # at full penetration


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options; recordings: where drives are kept; scale: of the demand; quarters: of an hour that are driven."""

    json: Path | None
    plots: Path | None
    recordings: Path
    seed: int
    scale: float
    quarters: int
    loops: float


def run(request: Request, console: Console) -> int:
    """Judge and print; 1 when a bar at full penetration is missed, 130 when interrupted."""
    check_writable({"--json": request.json})
    if not 0.0 <= request.loops <= 1.0:
        raise ConfigurationError("--loops", request.loops, "0 to 1")
    for directory in (request.plots, request.recordings):
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with interrupts.once(), Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("SUMO drives")
            document = _judge(request, lambda words: progress.update(task, description=words))
    except KeyboardInterrupt:
        console.print("[yellow]interrupted")
        return INTERRUPTED
    for table in (_trials(document["trials"]), _placing(document["matching"])):
        console.print(table)
    console.print(_others(document["trials"]))
    console.print(_sentence(document))
    if request.json is not None:
        request.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if document["is_met"] else 1


def _judge(request: Request, tell: Callable[[str], None]) -> dict[str, Any]:
    seconds = request.quarters * QUARTER_S
    home = recording(request.seed, request.scale, seconds, request.recordings)
    network = sumo.read(NETWORK.read_bytes())
    truth, drive = truth_of(network, home, seconds), judge.Drive.read(home, seconds)
    trials: dict[str, Any] = {}
    whole: list[Result] = []
    for penetration in PENETRATIONS:
        name = f"{100 * penetration:g}"
        tell(f"{name} % of the vehicles speak")
        monitor, results = judge.run(network, drive, truth, judge.Trial(penetration, loops=request.loops))
        whole = whole or results
        trials[name] = judge.compare(monitor, results, truth)
    found = {}
    for name, errors in placing.TRIALS.items():
        tell(f"matching, {name}")
        found[name] = placing.judge(network, drive, errors)
    if request.plots is not None:
        _plot(request.plots, network, drive, whole, truth, trials)
    full = trials["100"]
    bars = {
        "flow_percent": (full["900_s"]["flow_percent"], FLOW_PERCENT),
        "speed_percent": (full["900_s"]["speed_percent"], SPEED_PERCENT),
        "queue_vehicles": (full["queue"]["mean_absolute"], QUEUE_VEHICLES),
    }
    return {
        "drive": {"seed": request.seed, "scale": request.scale, "seconds": seconds, "loops": request.loops},
        "vehicles": len(drive.columns["names"]),
        "bars": {name: {"value": value, "bar": bar, "is_met": value <= bar} for name, (value, bar) in bars.items()},
        "is_met": all(value <= bar for value, bar in bars.values()),
        "trials": trials,
        "matching": found,
    }


def truth_of(network: RoadNetwork, home: Path, seconds: int) -> Truth:
    """What the detectors of a drive counted, by the rows of traffic state."""
    names = layout_of(network).places[Scope.SEGMENT].name.tolist()
    return read(home, {name: row for row, name in enumerate(names)}, dict(network.lane_of), seconds)


def _plot(
    directory: Path, network: RoadNetwork, drive: judge.Drive, results: list[Result], truth: Truth, trials: Mapping[str, Any]
) -> None:
    from evaluation.state import plots

    plots.time_space(directory / "state_time_space.png", network, drive)
    plots.network_over_time(directory / "state_network.png", results, truth)
    plots.errors(directory / "state_errors.png", trials)


def _trials(trials: Mapping[str, Any]) -> Table:
    table = Table(
        box=None,
        title="errors against SUMO's detectors, by share of vehicles that speak: % of flow and speed, vehicles of queues",
        padding=(0, 1, 0, 0),
    )
    heads = (
        "speak\n%",
        "flow %\n1/5/15 min",
        "speed %\n1/5/15 min",
        "known\n%",
        "queue\nveh",
        "within\n1",
        "\np95",
        "turns\npoints",
        "\nshare",
    )
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for name, one in trials.items():
        periods = [one[f"{period}_s"] for period in (60, 300, 900)]
        flow, speed = ("/".join(f"{period[key]:.1f}" for period in periods) for key in ("flow_percent", "speed_percent"))
        queue = one["queue"]
        table.add_row(
            name, flow, speed, f"{100 * periods[0]['known_share']:.0f}", f"{queue['mean_absolute']:.2f}",
            f"{100 * queue['within_one']:.0f} %", f"{queue['p95']:.1f}", f"{one['turns']['share_points']:.1f}",
            f"{one['share']:.3f}",
        )  # fmt: skip
    return table


def _others(trials: Mapping[str, Any]) -> Table:
    table = Table(box=None, title="delay on segments, trips by origin and destination", padding=(0, 1, 0, 0))
    for head in ("speak\n%", "delay\ns/veh", "SUMO's\ns/veh", "off\ns/veh", "trips\nended", "SUMO's\n", "on other\npairs, %"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, one in trials.items():
        delay, trips = one["delay"], one["trips"]
        seconds = (f"{delay[key]:.1f}" for key in ("mean_s", "true_s", "mean_absolute_s"))
        table.add_row(name, *seconds, f"{trips['ended']:.0f}", f"{trips['true']:.0f}", f"{trips['misplaced_points']:.1f}")
    return table


def _placing(found: Mapping[str, Any]) -> Table:
    table = Table(box=None, title="map matching: sightings on the right segment, and deck", padding=(0, 1, 0, 0))
    table.add_column("places")
    for head in ("segment %", "deck %", "without memory", "deck"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, one in found.items():
        table.add_row(
            name,
            *(f"{one[key]:.2f}" for key in ("segment_percent", "deck_percent", "plain_segment_percent", "plain_deck_percent")),
        )
    return table


def _sentence(document: Mapping[str, Any]) -> str:
    told = [f"{name} {one['value']:.2f} (bar {one['bar']:g})" for name, one in document["bars"].items()]
    return f"{document['vehicles']} vehicles; all of them speaking, a quarter of an hour: {', '.join(told)}"
