"""End to end: single BSMs published → rows stored, on two cores, broker and database included (design §5).

The highest rate that the ladder found has to hold for a minute, five times.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from evaluation.bench.context import Context
from evaluation.bench.ladder import CORES, PERCENTILES, find_top, summary
from evaluation.bench.processes import cores_of_the_machine
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings
from evaluation.bench.road import Step, road

BAR_PER_S, BAR_GROWTH_MB = 100_000, 32.0
SECONDS, QUICK_SECONDS = 60.0, 4.0
REPEATS = 5
SETTLED_SHARE = 0.25  # memory is looked at from this part of the run on: until then buffers find their size
RETREATS = (1.0, 0.95, 0.9, 0.8)  # of the ladder's top: what holds for seconds may not for a minute
LAST_RETREAT = 1.03  # of the bar: at last no more is offered than what shows whether it is met
MEMORY_OF = "all ingest workers and the broker"


def run(context: Context) -> Findings:
    """The bars of the whole road, and the series for its plot and table."""
    steps = _hold(context, *find_top(context))
    first = steps[0]
    memory = {"seconds": first.rss_at_s, "mb": first.rss_mb, "settled_share": SETTLED_SHARE}
    series = {"long_runs": [summary(step) for step in steps], "memory_over_time": memory, "rows_over_time": first.progress}
    return Findings(figures(steps), series)


def figures(steps: Sequence[Step]) -> list[Figure]:
    """What the long runs are judged by, and what they cost."""
    last = steps[-1]
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
        _each_at_most("rows lost of them", [step.lost for step in steps], "rows", "end_to_end_lost", 0),
        _each_at_most(
            f"growth of {MEMORY_OF}", [growth_mb(step) for step in steps], "MiB", "end_to_end_rss_growth_mb", BAR_GROWTH_MB
        ),
        Figure(what="rows dropped by a reason", values=tuple(float(sum(step.dropped.values())) for step in steps), unit="rows"),
        *(Figure(what=f"publish → stored, {name}", values=values, unit="ms") for name, values in latencies),
        *(Figure(what=f"processor of {name}", values=values, unit="µs/row") for name, values in costs.items()),
    ]


def growth_mb(step: Step) -> float:
    """Memory of ingest and broker at the end over what they had after a quarter of the run."""
    total = total_mb(step)
    settled = total[int(len(total) * SETTLED_SHARE) :]
    return fmean(settled[-3:]) - fmean(settled[:3])


def total_mb(step: Step) -> list[float]:
    """Memory of the broker and of every worker (``ingest``, ``ingest-2`` …) together, at every look while the load ran."""
    parts = [name for name in step.rss_mb if name in {"ingest", "broker"} or name.startswith("ingest-")]
    return [sum(values) for values in zip(*(step.rss_mb[name] for name in parts), strict=True)]


def _each_at_most(what: str, values: Sequence[float], unit: str, key: str, bar: float) -> Figure:
    return Figure(what=what, values=tuple(map(float, values)), unit=unit, key=key, bar=bar, is_limit=True, is_by_worst=True)


def _hold(context: Context, top_per_s: float, workers: int) -> list[Step]:
    """The runs at the highest rate that holds for a whole run; at the lowest retreat's, when none does."""
    seconds, repeats = (QUICK_SECONDS, 1) if context.is_quick else (SECONDS, REPEATS)

    def hold(rate_per_s: float, number: int) -> Step:
        context.tell(f"{rate_per_s:,.0f} rows/s for {seconds:.0f} s, {number} of {repeats}")
        return _one(rate_per_s, seconds, workers)

    for rate_per_s in retreats(top_per_s):
        first = hold(rate_per_s, 1)
        if first.is_kept_up_with:
            break
    return [first, *(hold(rate_per_s, number) for number in range(2, repeats + 1))]


def _one(rate_per_s: float, seconds: float, workers: int) -> Step:
    """A long run on a site of its own: what one leaves behind in the database is no load of the next."""
    with road(cores=cores_of_the_machine()[:CORES], workers=workers) as site:
        site.run(rate_per_s / 4, QUICK_SECONDS)  # devices are registered
        return site.run(rate_per_s, seconds)


def retreats(top_per_s: float) -> list[float]:
    """Rates to try, highest first: shares of the ladder's top, and last a little more than the bar asks, where that is less."""
    rates = [top_per_s * share for share in RETREATS]
    least = BAR_PER_S * LAST_RETREAT
    return [*(rate for rate in rates if rate > least), least] if rates[0] > least else rates
