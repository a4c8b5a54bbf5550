"""`chelu evaluate day`: the network's index over a working day of the hillside district, some minutes of every hour.

Each hour is a drive of its own in SUMO with the demand of that hour (`evaluation.district.demand.PROFILE`), after a warm-up; what
stands in it stands for the hour. A queue that would last from one hour into the next is therefore not seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from chelu.local import interrupts
from chelu.local.targets import check_writable
from chelu.roads import sumo
from chelu.roads.network import RoadNetwork
from evaluation.district.demand import DAY_H, PROFILE
from evaluation.state import judge
from evaluation.state.command import INTERRUPTED, truth_of
from evaluation.state.drive import NETWORK, recording
from evaluation.state.judge import BASE_US, MINUTE_S, mean_speed_mps
from services.inference.city.state.layout import Scope
from services.inference.city.state.monitor import Result

SPEAK = 1.0  # share of the vehicles: the index of a day is shown, not judged


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options; minutes: of each hour; every: how many hours from one to the next; scale: of the busiest hour."""

    json: Path | None
    plots: Path | None
    recordings: Path
    seed: int
    minutes: int
    every: int
    scale: float
    workers: int


@dataclass(frozen=True, slots=True)
class Minute:
    """The network in a minute of the day."""

    hour: float
    index: float
    travel_time_index: float
    speed_mps: float
    vehicles: float


def run(request: Request, console: Console) -> int:
    """Drive, print and write; 0, or 130 when interrupted: hours that were driven are found again."""
    check_writable({"--json": request.json})
    for directory in (request.plots, request.recordings):
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with interrupts.once(), Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("SUMO drives")
            minutes = list(driven(request, lambda words: progress.update(task, description=words)))
    except KeyboardInterrupt:
        console.print("[yellow]interrupted: hours that were driven are kept")
        return INTERRUPTED
    found = document(request, minutes)
    console.print(table(found))
    if request.plots is not None:
        from evaluation.state.plots import day

        file = request.plots / "state_day.png"
        day(file, minutes)
        console.print(f"drawn: {file}", soft_wrap=True)
    if request.json is not None:
        request.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def scale_of(hour: int, busiest: float) -> float:
    """Of the district's demand, when the busiest hour of the day has so much."""
    return round(busiest * float(PROFILE[hour % DAY_H] / PROFILE.max()), 3)


def driven(request: Request, tell: Callable[[str], None]) -> Iterator[Minute]:
    """Minutes in the order of the day."""
    network, hours, seconds = sumo.read(NETWORK.read_bytes()), range(0, DAY_H, request.every), request.minutes * MINUTE_S
    with ThreadPoolExecutor(request.workers) as pool:
        homes = [
            pool.submit(recording, 100 * request.seed + hour, scale_of(hour, request.scale), seconds, request.recordings)
            for hour in hours
        ]
        try:
            for hour, home in zip(hours, homes, strict=True):
                tell(f"{hour}:00")
                yield from minutes_of(network, home.result(), hour, seconds)
        finally:
            pool.shutdown(cancel_futures=True)


def minutes_of(network: RoadNetwork, home: Path, hour: int, seconds: int) -> Iterator[Minute]:
    """What traffic state says of a drive, minute by minute."""
    drive = judge.Drive.read(home, seconds)
    _, results = judge.run(network, drive, truth_of(network, home, seconds), judge.Trial(SPEAK, loops=0.0))
    for one in results:
        if one.period_s == MINUTE_S:
            yield _minute(one, hour)


def _minute(result: Result, hour: int) -> Minute:
    whole, segments = result.rows[Scope.NETWORK], result.rows[Scope.SEGMENT]
    return Minute(
        hour=hour + (result.end_us - BASE_US) / 3600e6,
        index=float(whole["index"][0]),
        travel_time_index=float(whole["travel_time_index"][0]),
        speed_mps=mean_speed_mps(result),
        vehicles=float(segments["vehicles"].sum()),
    )


def document(request: Request, minutes: Sequence[Minute]) -> dict[str, Any]:
    """Means by hour, and the worst minute."""
    hours = sorted({int(one.hour - 1e-9) for one in minutes})
    by_hour = {str(hour): [one for one in minutes if int(one.hour - 1e-9) == hour] for hour in hours}
    worst = max(minutes, key=lambda one: np.nan_to_num(one.index))
    return {
        "seed": request.seed,
        "minutes": request.minutes,
        "scale": request.scale,
        "hours": {hour: _means(of) for hour, of in by_hour.items()},
        "worst": {"hour": round(worst.hour, 2), "index": round(worst.index, 2)},
    }


def _means(minutes: Sequence[Minute]) -> dict[str, float]:
    figures = {
        "index": [one.index for one in minutes],
        "travel_time_index": [one.travel_time_index for one in minutes],
        "speed_kmh": [one.speed_mps * 3.6 for one in minutes],
        "vehicles": [one.vehicles for one in minutes],
    }
    return {name: round(float(np.nanmean(values)), 3) if np.isfinite(values).any() else 0.0 for name, values in figures.items()}


def table(found: dict[str, Any]) -> Table:
    """A row for each hour."""
    shown = Table("hour", "network index", "travel-time index", "km/h", "vehicles", title="a day of the network", box=None)
    for hour, one in found["hours"].items():
        shown.add_row(hour, *(f"{one[name]:.{digits}f}" for name, digits in _DIGITS.items()))
    return shown


_DIGITS = {"index": 2, "travel_time_index": 3, "speed_kmh": 1, "vehicles": 0}
