"""End to end: single BSMs published → rows stored, on two cores, broker and database included (design §5).

First a short ladder finds the highest rate that is kept up with, with one and with two ingest workers, on one core and on two;
then the best of them has to hold its rate for a minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean
from typing import Any

from evaluation.bench.context import Context
from evaluation.bench.ladder import Climb, climb
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings
from evaluation.bench.road import Step, cores_of_the_machine, road

BAR_PER_S, BAR_GROWTH_MB = 100_000, 32.0
FIRST_PER_S, HIGHEST_PER_S = 10_000.0, 200_000.0
SETTLED_SHARE = 0.25  # memory is looked at from this part of the run on: until then buffers find their size
RETREATS = (1.0, 0.95, 0.9, 0.8)  # of the ladder's top, for the long run: what holds for seconds may not for a minute
CORES = 2
PERCENTILES = ("p50", "p95", "p99")
MEMORY_PARTS = ("ingest", "broker")


@dataclass(frozen=True, slots=True)
class Extent:
    """How long the parts of the measurement take."""

    step_s: float
    long_s: float
    repeats: int
    halvings: int
    highest_per_s: float


FULL = Extent(5.0, 60.0, 5, 2, HIGHEST_PER_S)
QUICK = Extent(2.0, 4.0, 1, 0, FIRST_PER_S)


def run(context: Context) -> Findings:
    """The bars of the whole road, and the series for its plots and tables."""
    extent = QUICK if context.is_quick else FULL
    cores = cores_of_the_machine()[:CORES]
    layouts = dict.fromkeys([(len(cores), 1)] if context.is_quick else [(1, 1), (len(cores), 1), (len(cores), len(cores))])
    climbs = {layout: _climb(context, cores[: layout[0]], layout[1], extent) for layout in layouts}
    best = max((layout for layout in climbs if layout[0] == len(cores)), key=lambda layout: climbs[layout].top)
    steps = _hold(context, cores, best[1], climbs[best].top or FIRST_PER_S, extent)
    return Findings(figures(steps), _series(climbs, best, steps))


def find_top(context: Context) -> tuple[float, int]:
    """The highest rate that was found, and with how many workers; measured now when no earlier part did so."""
    if found := context.results.series.get("top"):
        return float(found["rate_per_s"]), int(found["workers"])
    extent, cores = QUICK if context.is_quick else FULL, cores_of_the_machine()[:CORES]
    return _climb(context, cores, 1, extent).top or FIRST_PER_S, 1


def figures(steps: Sequence[Step]) -> list[Figure]:
    """What the long runs are judged by, and what they cost."""
    last, parts = steps[-1], " and ".join(MEMORY_PARTS)
    latencies = zip(PERCENTILES, zip(*(step.latency_ms for step in steps), strict=True), strict=True)
    costs = {name: tuple(step.cpu_us_a_row()[name] for step in steps) for name in last.cpu_s}
    return [
        Figure(
            what="end to end: single BSMs published → rows stored",
            values=tuple(step.rate_per_s for step in steps),
            unit="rows/s",
            key="end_to_end_per_s",
            bar=BAR_PER_S,
        ),
        _at_most("rows lost of them", [step.lost for step in steps], "rows", "end_to_end_lost", 0),
        _at_most(f"growth of {parts}", [growth_mb(step) for step in steps], "MiB", "end_to_end_rss_growth_mb", BAR_GROWTH_MB),
        Figure(what="rows dropped by a reason", values=tuple(float(sum(step.dropped.values())) for step in steps), unit="rows"),
        *(Figure(what=f"publish → stored, {name}", values=values, unit="ms") for name, values in latencies),
        *(Figure(what=f"processor of {name}", values=values, unit="µs/row") for name, values in costs.items()),
    ]


def growth_mb(step: Step, parts: Sequence[str] = MEMORY_PARTS) -> float:
    """Memory of ingest and broker at the end over what they had after a quarter of the run."""
    total = total_mb(step, parts)
    settled = total[int(len(total) * SETTLED_SHARE) :]
    return fmean(settled[-3:]) - fmean(settled[:3])


def total_mb(step: Step, parts: Sequence[str] = MEMORY_PARTS) -> list[float]:
    """Their memory together, at every look while the load ran."""
    return [sum(values) for values in zip(*(step.rss_mb[name] for name in parts), strict=True)]


def _at_most(what: str, values: Sequence[float], unit: str, key: str, bar: float) -> Figure:
    return Figure(what=what, values=tuple(map(float, values)), unit=unit, key=key, bar=bar, is_limit=True)


def _climb(context: Context, cores: Sequence[int], workers: int, extent: Extent) -> Climb[Step]:
    with road(cores=cores, workers=workers) as site:

        def attempt(rate_per_s: float) -> Step:
            context.tell(f"{rate_per_s:,.0f} rows/s on {len(cores)} cores, {workers} ingest workers")
            return site.run(rate_per_s, extent.step_s)

        attempt(FIRST_PER_S / 2)  # partitions are made and caches filled
        return climb(
            attempt,
            lambda step: step.is_kept_up_with,
            first=FIRST_PER_S,
            highest=extent.highest_per_s,
            halvings=extent.halvings,
        )


def _hold(context: Context, cores: Sequence[int], workers: int, top_per_s: float, extent: Extent) -> list[Step]:
    """The runs at the highest rate that holds for a whole run; the lowest retreat's, when none does."""
    with road(cores=cores, workers=workers) as site:
        for share in RETREATS:
            rate_per_s = top_per_s * share
            context.tell(f"{rate_per_s:,.0f} rows/s for {extent.long_s:.0f} s")
            first = site.run(rate_per_s, extent.long_s)
            if first.is_kept_up_with:
                break
        steps = [first]
        for number in range(2, extent.repeats + 1):
            context.tell(f"{rate_per_s:,.0f} rows/s for {extent.long_s:.0f} s, {number} of {extent.repeats}")
            steps.append(site.run(rate_per_s, extent.long_s))
        return steps


def _series(climbs: Mapping[tuple[int, int], Climb[Step]], best: tuple[int, int], steps: Sequence[Step]) -> dict[str, Any]:
    first = steps[0]
    return {
        "top": {"rate_per_s": climbs[best].top, "cores": best[0], "workers": best[1]},
        "rate_against_cores": [
            {"cores": cores, "workers": workers, "rate_per_s": one.top} for (cores, workers), one in climbs.items()
        ],
        "latency_against_load": [summary(step) for _, step in climbs[best].sorted],
        "long_runs": [summary(step) for step in steps],
        "memory_over_time": {"seconds": first.rss_at_s, "mb": first.rss_mb, "settled_share": SETTLED_SHARE},
        "rows_over_time": first.progress,
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
