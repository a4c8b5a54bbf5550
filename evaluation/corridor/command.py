"""`chelu evaluate corridor`: an ambulance with a corridor against the same one without; table, JSON, picture; resumable."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from chelu.errors import ConfigurationError
from chelu.local.targets import check_writable
from evaluation.district import demand
from evaluation.signals import demand as given
from evaluation.signals import network
from evaluation.signals.command import INTERRUPTED, work
from evaluation.signals.compare import half_interval
from evaluation.v2x.results import Results

DATA = Path(__file__).parents[2] / "simulators" / "data"
MISSIONS = (("ferry_1e", "ridge_6e"), ("terrace_6w", "ferry_1w"), ("camellia_7s", "ferry_6e"), ("ridge_1e", "lantern_6e"))
ARMS = ("none", "corridor")
SETS_OUT_S, GOES_ON_S = 600.0, 900.0  # of each run: until it sets out, and from then to the end
HEARS_M = 25.0  # from how near a siren makes drivers give way, as SUMO's own device for it has it
LEGEND = (
    "saved: of the ambulance's travel time; others: difference in mean delay of all other trips; recovers: from its arrival "
    "until no more stand than without it; unsafe: conflicting greens, short intergreens, yellows and greens, in both; "
    "collisions: of anybody with anybody, as SUMO counts them, without → with"
)


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options. net, route None: the hillside district at eight in the morning, its demand times `scale`."""

    seeds: tuple[int, ...]
    scale: float = 2.5
    controller: str = "predictive"
    warns_m: float = 100.0
    net: Path | None = None
    route: Path | None = None
    begin_s: float = 0.0
    missions: tuple[tuple[str, str], ...] = MISSIONS
    json: Path | None = None
    picture: Path | None = None
    is_resumed: bool = False
    workers: int = 2


def run(request: Request, console: Console) -> int:
    """Judge; 0, 1 when anything was unsafe, 130 when interrupted."""
    check_writable({"--json": request.json, "--picture": request.picture})
    net = request.net or DATA / "district.net.xml.gz"
    _check(request, net)
    with tempfile.TemporaryDirectory() as scratch:
        results = Results(_kind(request), request.json)
        if request.is_resumed:
            results.resume()
        named = {name: task for seed in request.seeds for name, task in _tasks(request, net, Path(scratch), seed).items()}
        is_whole = work(
            named, results, request.workers, console, lambda done: {"summary": summary(done)}, module="evaluation.corridor.drive"
        )
    found = summary(results.tasks)
    for shown in tables(found):
        console.print(shown)
    console.print(f"[dim]{LEGEND}")
    if request.picture is not None:
        from evaluation.corridor.picture import draw

        draw(results.tasks, found, request.picture)
    if not is_whole:
        return INTERRUPTED
    return 1 if found["unsafe"] else 0


def _check(request: Request, net: Path) -> None:
    """What would fail later is refused now: roads that the network has not."""
    found = network.read(net)
    if request.route is not None:
        given.check(request.route, found, request.begin_s, request.begin_s + SETS_OUT_S + GOES_ON_S)
    for mission in request.missions:
        for name in mission:
            if name not in found.edges:
                raise ConfigurationError("--mission", f"{mission[0]}:{mission[1]}", f"roads of {net.name}; {name} is none")


def _kind(request: Request) -> dict[str, Any]:
    names = ("scale", "controller", "warns_m", "net", "route", "begin_s", "missions")
    return {name: str(getattr(request, name)) for name in names}


def _tasks(request: Request, net: Path, scratch: Path, seed: int) -> dict[str, Any]:
    """Both arms of a seed: the same demand, the same mission."""
    begin_s, route = request.begin_s, request.route
    if route is None:
        begin_s, route = 8 * 3600.0, scratch / f"demand-{seed}.rou.xml"
        demand.write(route, seed, 8, 1, request.scale)
    begin, end = request.missions[(seed - 1) % len(request.missions)]
    scenario = {
        "net": str(net), "route": str(route), "begin_s": begin_s, "end_s": begin_s + SETS_OUT_S + GOES_ON_S, "seed": seed,
        "scale": 1.0, "teleport_s": 300.0,
    }  # fmt: skip
    return {
        f"{seed}/{arm}": {
            "scenario": scenario, "controller": request.controller, "begin": begin, "end": end, "at_s": begin_s + SETS_OUT_S,
            "has_corridor": arm == "corridor", "warns_m": request.warns_m, "hears_m": HEARS_M,
        }
        for arm in ARMS
    }  # fmt: skip


def summary(done: Mapping[str, Any]) -> dict[str, Any]:
    """Seeds that have both arms: means and paired differences with their 95 % intervals."""
    seeds = sorted({int(name.split("/")[0]) for name in done if all(f"{name.split('/')[0]}/{arm}" in done for arm in ARMS)})
    rows = [_pair(seed, done[f"{seed}/none"], done[f"{seed}/corridor"]) for seed in seeds]
    keys = ("travel_s", "with_s", "saved_s", "others_s", "others_with_s", "others_more_s", "recovers_s")
    values = {key: np.array([row[key] for row in rows], np.float64) for key in keys}
    means: dict[str, Any] = {key: round(float(each.mean()), 2) for key, each in values.items() if len(each)}
    return {
        "seeds": len(seeds),
        **means,
        "saved_half_s": _rounded(half_interval(values["saved_s"])),
        "others_half_s": _rounded(half_interval(values["others_more_s"])),
        "saved_percent": round(100.0 * means["saved_s"] / means["travel_s"], 1) if means else None,
        "unsafe": sum(row["unsafe"] + row["unsafe_without"] for row in rows),
        "runs": rows,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _pair(seed: int, none: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "seed": seed, "travel_s": none["travel_s"], "with_s": own["travel_s"],
        "saved_s": round(none["travel_s"] - own["travel_s"], 1),
        "stops": none["stops"], "with_stops": own["stops"], "others_s": none["others"]["delay_s"],
        "others_with_s": own["others"]["delay_s"],
        "others_more_s": round(own["others"]["delay_s"] - none["others"]["delay_s"], 3),
        "recovers_s": recovers_s(none["queues"], own["queues"], round(SETS_OUT_S + own["travel_s"])),
        "granted": own["granted"], "refused": own["refused"], "warned": own["warned"], "reroutes": own["reroutes"],
        "collisions": none["collisions"],
        "with_collisions": own["collisions"],
        "own_collisions": none["own_collisions"],
        "with_own_collisions": own["own_collisions"],
        "unsafe": _unsafe(own), "unsafe_without": _unsafe(none),
    }  # fmt: skip


def _unsafe(one: Mapping[str, Any]) -> int:
    return int(sum(one["breaches"].values()))


def recovers_s(without: list[int], own: list[int], arrives: int, lasting_s: int = 30) -> int:
    """Seconds from the arrival until, in the mean over half a minute, no more stand than in the run without a corridor."""
    more = np.array(own[arrives:], np.float64) - np.array(without[arrives:], np.float64)
    if len(more) < lasting_s:
        return len(more)
    mean = np.convolve(more, np.full(lasting_s, 1 / lasting_s), mode="valid")
    below = np.flatnonzero(mean <= 0.5)
    return int(below[0]) if len(below) else len(more)


def tables(found: Mapping[str, Any]) -> tuple[Table, Table]:
    """A row a seed and the means, of the ambulance and of all others; each as wide as a usual terminal at most."""
    half = "" if found["saved_half_s"] is None else f" ± {found['saved_half_s']:.0f}"
    own = _table("the ambulance", "seed", "without s", "with s", "saved s", "stops", "granted", "refused")
    others = _table("all others", "seed", "delay s", "with s", "more s", "recovers s", "collisions", "unsafe")
    for row in found["runs"]:
        own.add_row(
            str(row["seed"]), f"{row['travel_s']:.0f}", f"{row['with_s']:.0f}", f"{row['saved_s']:.0f}",
            f"{row['stops']} → {row['with_stops']}", str(row["granted"]), str(row["refused"]),
        )  # fmt: skip
        others.add_row(
            str(row["seed"]), f"{row['others_s']:.1f}", f"{row['others_with_s']:.1f}", f"{row['others_more_s']:+.2f}",
            str(row["recovers_s"]), f"{row['collisions']} → {row['with_collisions']}", str(row["unsafe"] + row["unsafe_without"]),
        )  # fmt: skip
    if found["runs"]:
        own.add_row("mean", f"{found['travel_s']:.0f}", f"{found['with_s']:.0f}", f"{found['saved_s']:.0f}{half}", "", "", "")
        others.add_row(
            "mean", f"{found['others_s']:.1f}", f"{found['others_with_s']:.1f}", f"{found['others_more_s']:+.2f}",
            f"{found['recovers_s']:.0f}", "", str(found["unsafe"]),
        )  # fmt: skip
    return own, others


def _table(whose: str, *heads: str) -> Table:
    shown = Table(box=None, title=f"{whose}, without → with a corridor", padding=(0, 1, 0, 0))
    for head in heads:
        shown.add_column(head, justify="right", no_wrap=True)
    return shown
