"""What `chelu bench` found beside its figures, as tables for the terminal: where a row's time goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from evaluation.bench.report import number


def of(series: Mapping[str, Any]) -> Iterator[Table]:
    """A table for each series that has one, in the order of a row's way."""
    if "stages" in series:
        yield stages(series["stages"])
    if "latency_against_load" in series:
        yield ladder(series["latency_against_load"])
    if "long_runs" in series:
        yield processes(series["long_runs"])
    if series.get("warning_way"):
        yield warning_way(series["warning_way"])


def stages(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Each stage of ingest by itself on one batch."""
    table = _table("stages of ingest", "stage", "µs/row", "min – max", "rows/s of one core", "share")
    total = sum(row["median_us"] for row in rows)
    for row in rows:
        spread = f"{row['min_us']:.2f} – {row['max_us']:.2f}"
        rate = f"{1e6 / row['median_us']:,.0f}" if row["median_us"] else "–"  # nothing that could be measured
        share = f"{row['median_us'] / total:.0%}"
        table.add_row(row["stage"], f"{row['median_us']:.2f}", spread, rate, share)
    table.add_row("all, one after the other", f"{total:.2f}", "", f"{1e6 / total:,.0f}", "")
    return table


def ladder(steps: Sequence[Mapping[str, Any]]) -> Table:
    """Load against what became of it."""
    table = _table("load and latency", "offered /s", "stored /s", "lost", "dropped", "p50 ms", "p95 ms", "p99 ms", "kept up")
    for step in steps:
        latencies = [number(step["latency_ms"][name]) if step["latency_ms"][name] is not None else "–" for name in _PERCENTILES]
        counts = (number(step["offered_per_s"]), number(step["rate_per_s"]), number(step["lost"]))
        dropped = number(sum(step["dropped"].values()))
        table.add_row(*counts, dropped, *latencies, "[green]yes" if step["is_kept_up_with"] else "[red]no")
    return table


def processes(steps: Sequence[Mapping[str, Any]]) -> Table:
    """Where the processor's time goes in the long runs, in cores and for each row."""
    table = _table("processors in the long runs", "part", "µs/row", "cores")
    last = steps[-1]
    for name, cost in sorted(last["cpu_us_a_row"].items(), key=lambda item: -item[1]):
        table.add_row(name, f"{cost:.2f}", f"{cost * last['rate_per_s'] / 1e6:.2f}")
    return table


def warning_way(rows: Sequence[Mapping[str, Any]]) -> Table:
    """What a warning passes on its way."""
    table = _table("from message to warning, ms", "stage", "mean", "p50", "p99", "mean of the slowest 1 %")
    for row in rows:
        table.add_row(row["stage"], *(f"{row[name]:.2f}" for name in ("mean_ms", "p50_ms", "p99_ms", "slowest_ms")))
    return table


_PERCENTILES = ("p50", "p95", "p99")


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(first, title=title, box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
