"""`chelu evaluate signals`: every controller on a scenario, over seeds and levels of demand; progress, table, JSON; resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from chelu.errors import ConfigurationError
from chelu.local import interrupts
from chelu.local.targets import check_writable
from evaluation.signals import demand, network
from evaluation.signals.compare import summary
from evaluation.signals.programme import Limits
from evaluation.v2x.results import Results
from services.inference.city.signals.catalogue import CONTROLLERS

INTERRUPTED = 130
LEGEND = (
    "to best: difference in delay to the best of fixed, actuated, greedy and max-pressure, seed by seed, with its 95 % interval; "
    "never: trips that never departed; moved: teleports; unsafe: conflicting greens, short intergreens, yellows and greens"
)


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options; scales: shares of the demand."""

    net: Path
    route: Path
    begin_s: float
    end_s: float
    seeds: tuple[int, ...]
    scales: tuple[float, ...]
    controllers: tuple[str, ...]
    limits: Limits
    json: Path | None
    is_resumed: bool
    reach_m: float = 200.0
    teleport_s: float = -1.0
    workers: int = 2


def run(request: Request, console: Console) -> int:
    """Judge; 0, or 130 when interrupted. What it finds does not make it fail."""
    check_writable({"--json": request.json})
    _check(request, console)
    results = Results(_kind(request), request.json)
    if request.is_resumed:
        results.resume()
    is_whole = work(tasks(request), results, request.workers, console, lambda done: {"summary": report(done, None)})
    for scale in request.scales:
        console.print()
        console.print(table(report(results.tasks, request)[f"{scale:g}"], f"demand × {scale:g}"))
    console.print(f"[dim]{LEGEND}")
    return 0 if is_whole else INTERRUPTED


def _check(request: Request, console: Console) -> None:
    """What would fail later, or mean nothing, is refused now."""
    if not request.begin_s < request.end_s:
        raise ConfigurationError("--begin", request.begin_s, f"less than --end, {request.end_s:g}")
    for name in request.controllers:
        if name not in CONTROLLERS:
            raise ConfigurationError("--controllers", name, ", ".join(CONTROLLERS))
    net = network.read(request.net)
    if not net.lights:
        raise ConfigurationError("--net", str(request.net), "a network with traffic lights")
    found = demand.check(request.route, net, request.begin_s, request.end_s)
    console.print(
        f"{request.net.name}: {len(net.edges)} roads, {net.crossings} traffic lights; {request.route.name}: "
        f"{found.departing} of {found.travellers} travellers and flows begin within the time"
    )


def _kind(request: Request) -> dict[str, Any]:
    files = {
        name: hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        for name, file in (("net", request.net), ("route", request.route))
    }
    options = {"begin_s": request.begin_s, "end_s": request.end_s, "reach_m": request.reach_m, "teleport_s": request.teleport_s}
    return files | options | {"limits": asdict(request.limits)}


def tasks(request: Request) -> dict[str, dict[str, Any]]:
    """Every run as a document, by demand, seed, controller."""
    return {
        f"{scale:g}/{seed}/{controller}": {
            "scenario": {
                "net": str(request.net), "route": str(request.route), "begin_s": request.begin_s, "end_s": request.end_s,
                "seed": seed, "scale": scale, "teleport_s": request.teleport_s,
            },
            "controller": controller, "limits": asdict(request.limits), "reach_m": request.reach_m,
        }
        for scale in request.scales for seed in request.seeds for controller in request.controllers
    }  # fmt: skip


def work(
    named: Mapping[str, Any],
    results: Results,
    workers: int,
    console: Console,
    told: Callable[[Mapping[str, Any]], dict[str, Any]],
    module: str = "evaluation.signals.drive",
) -> bool:
    """Do what is not done yet, keeping each result as it comes, with what is told of all; whether all was done."""
    from evaluation.signals.pool import Pool

    left = {name: task for name, task in named.items() if name not in results.tasks}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    try:
        with interrupts.once(), Progress(*columns, console=console, transient=True) as progress:
            whole = progress.add_task("runs", total=len(named), completed=len(named) - len(left))
            bars = {name: progress.add_task(name, total=1.0, visible=False) for name in left}
            tell = lambda name, share: progress.update(bars[name], completed=share, visible=True)  # noqa: E731 - here alone
            for name, found in Pool(module, workers, tell).run(left):
                results.tasks[name] = found
                results.write(told(results.tasks))
                progress.remove_task(bars[name])
                progress.advance(whole)
    except KeyboardInterrupt:
        kept = f"; `--resume` goes on with {results.file}" if results.file else ""
        console.print(f"[yellow]interrupted: {len(results.tasks)} of {len(named)} runs are done{kept}")
        return False
    return True


def report(done: Mapping[str, Any], request: Request | None) -> dict[str, Any]:
    """The comparison by level of demand; of what a request asks for, or of all."""
    grouped: dict[str, dict[str, dict[str, Any]]] = {f"{one:g}": {} for one in request.scales} if request else {}
    for name, found in done.items():
        scale, seed, controller = name.split("/")
        is_asked = request is None or (int(seed) in request.seeds and controller in request.controllers)
        if is_asked and (request is None or scale in grouped):
            grouped.setdefault(scale, {}).setdefault(controller, {})[seed] = found
    order = list(CONTROLLERS)
    return {scale: summary(dict(sorted(runs.items(), key=lambda one: order.index(one[0])))) for scale, runs in grouped.items()}


def table(found: Mapping[str, Any], title: str) -> Table:
    """One row per controller; the other figures are in the JSON."""
    shown = Table(box=None, title=title, padding=(0, 1, 0, 0))
    shown.add_column("controller", no_wrap=True, min_width=12)
    for head in ("delay s", "to best", "±", "%", "stops", "queue", "trips/h", "never", "moved", "unsafe"):
        shown.add_column(head, justify="right", no_wrap=True)
    for name, one in found.items():
        counts = (f"{one[key]:g}" for key in ("never_departed", "teleports"))
        safe = f"[red]{one['breaches']}" if one["breaches"] else "0"
        means = (f"{one[key]:.2f}" for key in ("stops", "queue"))
        shown.add_row(name, f"{one['delay_s']:.2f}", *_told(one), *means, f"{one['throughput_per_h']:.0f}", *counts, safe)
    return shown


def _told(one: Mapping[str, Any]) -> tuple[str, str, str]:
    against = one.get("against")
    if against is None:
        return "best", "", ""
    half = "" if against["half_interval_s"] is None else f"{against['half_interval_s']:.2f}"
    return f"{against['difference_s']:+.2f}", half, f"{against['difference_percent']:+.1f}"
