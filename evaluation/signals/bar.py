"""The bar of signal control: six named networks, three levels of demand, five seeds, held against the plain controllers.

    python -m evaluation.signals.bar --directory networks --json bar.json --resume
    python -m evaluation.signals.bar --directory networks --json learned.json --controller learned --scales 1 --seeds 2

cologne1 and ingolstadt1 are read from the data directory (`signals/`), the four others made (`evaluation/signals/networks.py`).
The runs go seed by seed through all cells, so that a part of them tells something of all; the table says how far it is.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chelu.errors import CheluError, ConfigurationError
from evaluation.signals.command import INTERRUPTED, work
from evaluation.signals.compare import BASELINES, best_baseline, paired
from evaluation.signals.networks import END_S, judged, write
from evaluation.signals.options import numbers, seeds_of
from evaluation.signals.programme import Limits
from evaluation.v2x.results import Results
from services.inference.city.signals.catalogue import CONTROLLERS

OURS = "predictive"
RECORDED = {"cologne1": (25200.0, 28800.0), "ingolstadt1": (57600.0, 61200.0)}
WORSE_PERCENT = 1.0


def scenarios(directory: Path, data: Path) -> dict[str, tuple[Path, Path, float, float]]:
    """Network, demand, begin and end by name; the four of our own are written."""
    directory.mkdir(parents=True, exist_ok=True)
    found = {name: (data / f"{name}.net.xml", data / f"{name}.rou.xml", *times) for name, times in RECORDED.items()}
    for net, _, _, _ in found.values():
        if not net.exists():
            raise ConfigurationError("--data", str(data), f"a directory with {net.name}")
    return found | {plan.name: (*write(plan, directory), 0.0, float(END_S)) for plan in judged()}


def tasks(
    found: Mapping[str, tuple[Path, Path, float, float]],
    ours: str = OURS,
    scales: Sequence[float] = (1.0,),
    seeds: Sequence[int] = (1,),
) -> dict[str, dict[str, Any]]:
    """Every run by seed, network, demand, controller; ours: who is held against the plain ones."""
    return {
        f"{seed}/{name}/{scale:g}/{controller}": {
            "scenario": {
                "net": str(net), "route": str(route), "begin_s": begin, "end_s": end, "seed": seed, "scale": scale,
                "teleport_s": -1.0,
            },
            "controller": controller, "limits": asdict(Limits()), "reach_m": 200.0,
        }
        for seed in seeds for name, (net, route, begin, end) in found.items() for scale in scales
        for controller in (*BASELINES, ours)
    }  # fmt: skip


def cells(done: Mapping[str, Any], ours: str = OURS) -> dict[str, dict[str, Any]]:
    """Each cell of which at least one seed is whole: delays, and the difference to the best plain controller."""
    grouped: dict[str, dict[str, dict[str, Any]]] = {}
    for name, result in done.items():
        seed, network, scale, controller = name.split("/")
        grouped.setdefault(f"{network} × {scale}", {}).setdefault(controller, {})[seed] = result
    found = {}
    for name, runs in sorted(grouped.items()):
        whole = set.intersection(*(set(runs.get(one, {})) for one in (*BASELINES, ours)))
        both = {one: {seed: results[seed] for seed in sorted(whole)} for one, results in runs.items()}
        if (best := best_baseline(both)) is not None:
            found[name] = _cell(both, best, ours)
    return found


def _cell(runs: Mapping[str, Mapping[str, Any]], best: str, ours: str) -> dict[str, Any]:
    difference = paired(runs[ours], runs[best])
    half, mean = difference["half_interval_s"], difference["difference_s"] or 0.0
    delays = {name: round(sum(one["delay_s"] for one in results.values()) / len(results), 2) for name, results in runs.items()}
    stuck = {name: sum(one["never_departed"] for one in results.values()) for name, results in runs.items()}
    return {
        "delay_s": delays, "never_departed": stuck, "best": best, **difference,
        "is_no_worse": (difference["difference_percent"] or 0.0) <= WORSE_PERCENT,
        "is_surely_better": half is not None and mean + half < 0,
        "breaches": sum(sum(one["breaches"].values()) for results in runs.values() for one in results.values()),
    }  # fmt: skip


def table(found: Mapping[str, Mapping[str, Any]], ours: str = OURS) -> Table:
    """One row per cell."""
    shown = Table(box=None, padding=(0, 1, 0, 0))
    for head in ("cell", "seeds", *BASELINES, ours, "to best s", "±", "%", "unsafe"):
        shown.add_column(head, justify="left" if head == "cell" else "right", no_wrap=True)
    for name, one in found.items():
        half = "" if one["half_interval_s"] is None else f"{one['half_interval_s']:.2f}"
        delays = (f"{one['delay_s'][each]:.1f}" for each in (*BASELINES, ours))
        percent = f"{one['difference_percent']:+.1f}"
        marked = percent if one["is_no_worse"] else f"[red]{percent}"
        shown.add_row(name, str(one["seeds"]), *delays, f"{one['difference_s']:+.2f}", half, marked, str(one["breaches"]))
    return shown


def main(arguments: list[str] | None = None) -> None:
    """Run what is not done, then tell."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.signals.bar", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--directory", type=Path, required=True, help="where the networks are written")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CHELU_DATA", "../shared/data")) / "signals")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--controller", default=OURS, choices=[name for name in CONTROLLERS if name not in BASELINES])
    parser.add_argument("--scales", default="0.8,1,1.2")
    parser.add_argument("--seeds", default="5")
    options = parser.parse_args(arguments)
    console = Console()
    try:
        found = scenarios(options.directory, options.data)
        kind = {name: _digest(net, route) for name, (net, route, *_) in found.items()}
        results = Results(kind, options.json)
        if options.resume:
            results.resume()
        ours = options.controller
        named = tasks(found, ours, numbers("--scales", options.scales), seeds_of(options.seeds))
        is_whole = work(named, results, options.workers, console, lambda done: {"cells": cells(done, ours)})
    except CheluError as error:
        sys.exit(f"signals: {error}")
    judged_cells = cells(results.tasks, ours)
    console.print(table(judged_cells, ours))
    console.print(told(judged_cells, len(results.tasks), len(named)))
    sys.exit(0 if is_whole else INTERRUPTED)


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def told(found: Mapping[str, Mapping[str, Any]], done: int, runs: int) -> str:
    """The bar in a sentence."""
    counts = [sum(bool(one[name]) for one in found.values()) for name in ("is_no_worse", "is_surely_better")]
    unsafe = sum(one["breaches"] for one in found.values())
    return (
        f"{done} of {runs} runs; of {len(found)} cells {counts[0]} are at most {WORSE_PERCENT:g} % worse than the best plain "
        f"one, {counts[1]} better with 95 % confidence; {unsafe} breaches of safety"
    )


if __name__ == "__main__":
    main()
