"""Writes figures into a document: `python -m evaluation.bench.document bench.json soak.json docs/performance.md`.

Parts of several runs on one machine stand together; of a part that two have, the later file's counts.

What stands between the lines ``<!-- bench: NAME -->`` and ``<!-- end -->`` is replaced by the table of that name, where the run
has one; the rest stays as it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chelu.errors import ConfigurationError
from evaluation import blocks
from evaluation.bench.machine import sentence
from evaluation.bench.report import Figure, number
from evaluation.blocks import Run


def filled(text: str, run: Run) -> str:
    """The document with the tables that the run has."""
    return blocks.filled(text, "bench", TABLES, run)


def figures(run: Run) -> list[str]:
    """Every figure with a key."""
    found = [Figure.of(one) for part in run["parts"].values() for one in part["figures"] if "key" in one]
    rows = [
        (f"`{one.key}`", number(one.median), _spread(one), str(len(one.values)), one.unit, one.bar_text, _verdict(one))
        for one in found
    ]
    heads = ("figure", "median", "min – max", "n", "unit", "bar", "")
    return [sentence(dict(run["machine"])) + ":", "", *blocks.table(heads, rows)] if rows else []


def stages(run: Run) -> list[str]:
    """Each stage of ingest by itself."""
    found = _series(run).get("stages", [])
    total = sum(row["median_us"] for row in found)
    rows = [
        (row["stage"], f"{row['median_us']:.2f}", f"{row['min_us']:.2f} – {row['max_us']:.2f}", f"{row['median_us'] / total:.0%}")
        for row in found
    ]
    whole = ("all, one after the other", f"{total:.2f}", "", "")
    return blocks.table(("stage", "µs/row", "min – max", "share"), [*rows, whole]) if rows else []


def batches(run: Run) -> list[str]:
    """The stages by the size of the batch."""
    found = _series(run).get("batches", [])
    rows = [(row["stage"], *(f"{value:.2f}" for value in row["us"].values())) for row in found]
    return blocks.table(("stage", *(f"{int(size):,} rows" for size in found[0]["us"])), rows) if found else []


def processes(run: Run) -> list[str]:
    """Where the processors' time goes in the long runs."""
    found = _series(run).get("long_runs", [])
    if not found:
        return []
    last = found[-1]
    costs = sorted(last["cpu_us_a_row"].items(), key=lambda item: -item[1])
    rows = [(name, f"{cost:.2f}", f"{cost * last['rate_per_s'] / 1e6:.2f}") for name, cost in costs]
    return blocks.table(("part", "µs/row", f"cores at {number(last['rate_per_s'])} rows/s"), rows)


def ladder(run: Run) -> list[str]:
    """Load against what became of it."""
    rows = []
    for step in _series(run).get("latency_against_load", []):
        latencies = ("–" if value is None else number(value) for value in step["latency_ms"].values())
        counts = map(number, (step["offered_per_s"], step["rate_per_s"], step["lost"], sum(step["dropped"].values())))
        rows.append((*counts, *latencies, "yes" if step["is_kept_up_with"] else "no"))
    heads = ("offered /s", "stored /s", "lost", "dropped", "p50 ms", "p95 ms", "p99 ms", "kept up with")
    return blocks.table(heads, rows) if rows else []


def warning_way(run: Run) -> list[str]:
    """What a warning passes on its way."""
    columns = ("mean_ms", "p50_ms", "p99_ms", "slowest_ms")
    rows = [(row["stage"], *(f"{row[name]:.2f}" for name in columns)) for row in _series(run).get("warning_way", [])]
    return blocks.table(("stage, ms", "mean", "p50", "p99", "mean of the slowest 1 %"), rows) if rows else []


TABLES: Mapping[str, Callable[[Run], list[str]]] = {
    "figures": figures,
    "stages": stages,
    "batches": batches,
    "processes": processes,
    "ladder": ladder,
    "warning_way": warning_way,
}


def joined(runs: Sequence[Run]) -> Run:
    """The parts of all; ConfigurationError when they were not measured on one machine."""
    for run in runs[1:]:
        if run["machine"] != runs[0]["machine"]:
            raise ConfigurationError("machine", sentence(dict(run["machine"])), "that of the first file")
    return {**runs[0], "parts": {name: part for run in runs for name, part in run["parts"].items()}}


def _series(run: Run) -> dict[str, Any]:
    return {name: values for part in run["parts"].values() for name, values in part["series"].items()}


def _spread(figure: Figure) -> str:
    return f"{number(min(figure.values))} – {number(max(figure.values))}"


def _verdict(figure: Figure) -> str:
    if figure.bar is None:
        return ""
    return "met" if figure.is_met else "**missed**"


def main(arguments: Sequence[str]) -> None:
    """Rewrite the document in place."""
    *files, document = map(Path, arguments)
    run = joined([json.loads(file.read_text(encoding="utf-8")) for file in files])
    text = filled(document.read_text(encoding="utf-8"), run)
    document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
