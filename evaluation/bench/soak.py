"""The soak: half of the top rate for minutes on end, and whether memory stays flat and the rate holds (`chelu bench soak`).

Rate, p99, memory and disk are looked at in windows; memory is judged from a quarter of the run on, when buffers have found their
size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from evaluation.bench.context import Context
from evaluation.bench.ladder import CORES, find_top, summary
from evaluation.bench.processes import MIB, cores_of_the_machine
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings
from evaluation.bench.road import Step, road
from evaluation.bench.site import MEMORY_OF, SETTLED_SHARE, total_mb

SHARE = 0.5  # of the top rate
HELD = 0.97  # of the rate offered, that must be stored
FLAT = 0.05  # of memory's own size, that it may grow
WINDOW_S, SHORTEST_WINDOWS = 10.0, 6


def run(context: Context) -> Findings:
    """Figures with bars of their own, and the plot's series."""
    rate_per_s, workers = load_of(context)
    seconds = context.minutes * 60
    window_s = min(WINDOW_S, seconds / SHORTEST_WINDOWS)
    with road(cores=cores_of_the_machine()[:CORES], workers=workers) as site:
        context.tell("warming up")
        site.run(rate_per_s, window_s)
        disk: list[tuple[float, float]] = []

        def look(at_s: float) -> None:
            context.tell(f"{rate_per_s:,.0f} rows/s, {at_s / 60:.1f} of {context.minutes:g} min")
            if not disk or at_s - disk[-1][0] >= window_s / 2:
                disk.append((at_s, disk_mb(site.site.layout.data)))

        step = site.run(rate_per_s, seconds, look)
    windows = cut(step, disk, window_s, seconds)
    series = {
        "offered_per_s": rate_per_s,
        "workers": workers,
        "windows": windows,
        "memory": {"seconds": list(step.rss_at_s), "mb": {name: list(values) for name, values in step.rss_mb.items()}},
        "run": summary(step),
    }
    return Findings(figures(step, windows), {"soak": series})


def load_of(context: Context) -> tuple[float, int]:
    """Rate and ingest workers: half of the top and who reached it, or the rate that is asked for and the best layout's workers.

    Where no ladder was climbed before, the rate that is asked for has a worker for each core.
    """
    if context.rate_per_s is None:
        top, workers = find_top(context)
        return SHARE * top, workers
    if found := context.results.series.get("top"):
        return context.rate_per_s, int(found["workers"])
    return context.rate_per_s, len(cores_of_the_machine()[:CORES])


def figures(step: Step, windows: Sequence[dict[str, Any]]) -> list[Figure]:
    """What the soak is judged by: nothing lost, the rate kept in most windows, memory flat."""
    name = f"soak at {step.offered_per_s:,.0f} rows/s"
    growth = growth_share(total_mb(step))
    rates = tuple(window["rate_per_s"] for window in windows)
    return [
        Figure(what=f"{name}, by windows", values=rates, unit="rows/s", key="soak_per_s", bar=HELD * step.offered_per_s),
        _none("rows lost", float(step.lost), "soak_lost"),
        _none("rows dropped", float(sum(step.dropped.values())), "soak_dropped"),
        Figure(
            what=f"growth of {MEMORY_OF}",
            values=(growth * 100,),
            unit="%",
            key="soak_memory_growth_percent",
            bar=FLAT * 100,
            is_limit=True,
            is_by_worst=True,
        ),
        Figure(
            what="p99 of publish → stored, by windows", values=tuple(w["p99_ms"] for w in windows), unit="ms", key="soak_p99_ms"
        ),
        Figure(what="disk for each million rows", values=(disk_a_million(step, windows),), unit="MiB", key="soak_disk_mb"),
    ]


def _none(what: str, rows: float, key: str) -> Figure:
    return Figure(what=what, values=(rows,), unit="rows", key=key, bar=0, is_limit=True, is_by_worst=True)


def cut(step: Step, disk: Sequence[tuple[float, float]], window_s: float, seconds: float) -> list[dict[str, Any]]:
    """The run in whole windows: minute of its end, rate, p99, disk."""
    points, windows = [(0.0, 0), *step.progress], []
    for end in np.arange(1, int(seconds / window_s) + 1) * window_s:
        before, after = _nearest(points, end - window_s), _nearest(points, end)
        here = step.latencies[(step.latencies[:, 0] >= end - window_s) & (step.latencies[:, 0] < end), 1]
        if after[0] > before[0] and len(here):
            windows.append(
                {
                    "minute": end / 60,
                    "rate_per_s": (after[1] - before[1]) / (after[0] - before[0]),
                    "p99_ms": float(np.percentile(here, 99)),
                    "disk_mb": _nearest(disk, end)[1],
                }
            )
    return windows


def _nearest(points: Sequence[tuple[float, float]], at: float) -> tuple[float, float]:
    return min(points, key=lambda point: abs(point[0] - at))


def growth_share(total: Sequence[float]) -> float:
    """By how much of itself memory grew from a quarter of the run on: the mean of the last tenth over that of the first there."""
    settled = total[int(len(total) * SETTLED_SHARE) :]
    tenth = max(1, len(settled) // 10)
    return fmean(settled[-tenth:]) / fmean(settled[:tenth]) - 1


def disk_a_million(step: Step, windows: Sequence[dict[str, Any]]) -> float:
    """MiB that a million rows take, of the disk's growth over the run."""
    if len(windows) < 2:
        return 0.0
    share = (windows[-1]["minute"] - windows[0]["minute"]) * 60 * step.offered_per_s / 1e6
    return float((windows[-1]["disk_mb"] - windows[0]["disk_mb"]) / share)


def disk_mb(directory: Path) -> float:
    """What lies below a directory, in MiB as the disk holds it; a file that goes meanwhile counts nothing."""
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total / MIB
