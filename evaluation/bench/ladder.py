"""The highest rate of single BSMs that a site keeps up with: on one core and on two, with one ingest worker and with two.

A ladder of short stretches of load, each a site of its own; latency is looked at on the way up until it breaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from evaluation.bench.climb import Climb, climb
from evaluation.bench.context import Context
from evaluation.bench.processes import cores_of_the_machine
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings
from evaluation.bench.road import Step, road

CORES = 2
FIRST_PER_S, HIGHEST_PER_S = 10_000.0, 150_000.0  # the load generators have 1 500 vehicles of at most 100 BSMs a second
STEP_S, QUICK_STEP_S = 5.0, 2.0
HALVINGS = 2
PERCENTILES = ("p50", "p95", "p99")

Layout = tuple[int, int]  # cores, ingest workers


def run(context: Context) -> Findings:
    """The top of every layout, and the series for the plots."""
    cores = len(cores_of_the_machine()[:CORES])
    layouts = dict.fromkeys([(cores, 1)] if context.is_quick else [(1, 1), (cores, 1), (cores, cores)])
    climbs = {layout: climb_with(context, layout) for layout in layouts}
    best = max((layout for layout in climbs if layout[0] == cores), key=lambda layout: climbs[layout].top)
    figures = [
        Figure(what=f"highest rate kept up with: {one[0]} cores, {one[1]} workers", values=(found.top,), unit="rows/s")
        for one, found in climbs.items()
    ]
    return Findings(figures, _series(climbs, best))


def find_top(context: Context) -> tuple[float, int]:
    """The highest rate on the cores that the bar allows, and with how many workers; measured now unless an earlier part did."""
    if found := context.results.series.get("top"):
        return float(found["rate_per_s"]) or FIRST_PER_S, int(found["workers"])
    return climb_with(context, (len(cores_of_the_machine()[:CORES]), 1)).top or FIRST_PER_S, 1


def climb_with(context: Context, layout: Layout) -> Climb[Step]:
    """One ladder, on a site of its own."""
    cores, workers = cores_of_the_machine()[: layout[0]], layout[1]
    with road(cores=cores, workers=workers) as site:

        def attempt(rate_per_s: float) -> Step:
            context.tell(f"{rate_per_s:,.0f} rows/s on {len(cores)} cores, {workers} ingest workers")
            return site.run(rate_per_s, QUICK_STEP_S if context.is_quick else STEP_S)

        attempt(FIRST_PER_S / 2)  # devices are registered, partitions made, caches filled
        return climb(
            attempt,
            lambda step: step.is_kept_up_with,
            first=FIRST_PER_S,
            highest=FIRST_PER_S if context.is_quick else HIGHEST_PER_S,
            halvings=0 if context.is_quick else HALVINGS,
        )


def _series(climbs: Mapping[Layout, Climb[Step]], best: Layout) -> dict[str, Any]:
    return {
        "top": {"rate_per_s": climbs[best].top, "cores": best[0], "workers": best[1]},
        "rate_against_cores": [
            {"cores": cores, "workers": workers, "rate_per_s": one.top} for (cores, workers), one in climbs.items()
        ],
        "latency_against_load": [summary(step) for _, step in climbs[best].sorted],
    }


def summary(step: Step) -> dict[str, Any]:
    """A step as the JSON file has it."""
    latency_ms = {name: value if isfinite(value) else None for name, value in zip(PERCENTILES, step.latency_ms, strict=True)}
    return {
        "offered_per_s": step.offered_per_s,
        "rate_per_s": step.rate_per_s,
        "sent": step.sent,
        "stored": step.stored,
        "lost": step.lost,
        "dropped": dict(step.dropped),
        "is_kept_up_with": step.is_kept_up_with,
        "latency_ms": latency_ms,
        "behind_ms": step.behind_ms,
        "load_late_ms": step.late_ms,
        "cpu_us_a_row": step.cpu_us_a_row(),
    }
