"""`chelu district run`: the hillside district, or any SUMO scenario, through a site of its own; figures as JSON; resumable.

Hours are the pieces: after each one SUMO's state and the figures are kept, and `--resume` goes on from there.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from chelu.api import Client
from chelu.clock import VARIABLE, SharedClock, SystemClock
from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.local import interrupts
from chelu.local import site as local
from chelu.local.plan import Options
from chelu.messages import Batch
from chelu.signals.stages import US
from evaluation.demo.collect import counts
from evaluation.district import demand, site
from evaluation.district.heads import signals
from evaluation.district.loop import Loop, percentiles
from evaluation.district.town import Seen, Town
from evaluation.district.voices import Voices
from evaluation.signals import demand as given
from evaluation.signals import network as networks
from evaluation.signals import trips
from evaluation.signals.lights import watch_over
from evaluation.signals.network import Network
from evaluation.signals.programme import Limits
from evaluation.signals.world import Scenario, World
from simulators.scene import ActorKind

INTERRUPTED = 130
SECRETS = "town-secrets.json"
SETTLE_S = 30.0
DATA = Path(__file__).parents[2] / "simulators" / "data"
DISTRICT = LocalFrame(29.55, 106.57, 250.0)
NO_RETURN_S = 300.0  # a vehicle that is stuck for so long is moved by SUMO, and counted


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options. net, route None: the hillside district on a working day, from the hour `begin_h` on."""

    hours: float = 1.0
    begin_h: int = 8
    net: Path | None = None
    route: Path | None = None
    begin_s: float = 0.0
    controller: str = "predictive"
    share: float = 0.7
    seed: int = 1
    pace: float = 0.0
    json: Path | None = None
    keep: Path | None = None
    is_resumed: bool = False


def run(request: Request, console: Console) -> int:
    """Drive; 0, 1 when a signal was unsafe or rows were lost, 130 when interrupted."""
    logging.getLogger("edge").setLevel(logging.ERROR)  # what its agents refuse is among the figures
    found = _kept(request)
    with interrupts.once(), ExitStack() as stack:
        keep = request.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="chelu-town-", ignore_cleanup_errors=True))
        )
        keep.mkdir(parents=True, exist_ok=True)
        try:
            whole = _hours(request, keep, found, console)
        except KeyboardInterrupt:
            console.print(f"[yellow]interrupted: {len(found)} pieces are done" + ("; `--resume` goes on" if request.keep else ""))
            return INTERRUPTED
    result = summary(found, request)
    console.print_json(json.dumps(result, ensure_ascii=False))
    if request.json:
        request.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if whole and not result["breaches"] and not result["rows"]["lost"] else 1


def _kept(request: Request) -> list[dict[str, Any]]:
    """The pieces that are done already."""
    if not request.is_resumed:
        return []
    if request.keep is None:
        raise ConfigurationError("--resume", "", "together with --keep, the directory of what is to be gone on with")
    file = request.keep / "pieces.json"
    kept: dict[str, Any] = (
        json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"pieces": [], "request": _same(request)}
    )
    if kept["request"] != _same(request):
        raise ConfigurationError("--resume", str(file), "what was begun with the same options")
    pieces: list[dict[str, Any]] = kept["pieces"]
    return pieces


def _same(request: Request) -> dict[str, Any]:
    names = ("hours", "begin_h", "net", "route", "begin_s", "controller", "share", "seed")
    return {name: str(getattr(request, name)) for name in names}


def _hours(request: Request, keep: Path, found: list[dict[str, Any]], console: Console) -> bool:
    """Every piece that is left, an hour each; True when all are done."""
    net, route = request.net or DATA / "district.net.xml.gz", request.route
    begin_s = request.begin_s if route else request.begin_h * 3600.0
    if route is not None:
        given.check(route, networks.read(net), begin_s, begin_s + request.hours * 3600.0)
    else:
        route = keep / "day.rou.xml"
        demand.write(route, request.seed, request.begin_h, -(-int(request.hours * 3600) // 3600))
    total = round(request.hours * 3600)
    lengths = [min(3600, total - at) for at in range(0, total, 3600)]
    for number in range(len(found), len(lengths)):
        at_s, state = begin_s + 3600.0 * number, keep / f"state-{number}.xml.gz"
        scenario = Scenario(net, route, at_s, at_s + lengths[number], request.seed, 1.0, NO_RETURN_S, state if number else None)
        with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True) as bar:
            task = bar.add_task(f"hour {number + 1} of {len(lengths)}", total=lengths[number])
            piece = _piece(request, scenario, keep / f"state-{number + 1}.xml.gz", partial(_note, bar, task))
        found.append(piece)
        kept = {"request": _same(request), "pieces": found}
        (keep / "pieces.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
        console.print(f"hour {number + 1}: {piece['trips']['completed']} trips completed, {piece['speed']:.1f} × real time")
    return True


def _note(bar: Progress, task: TaskID, done: int) -> None:
    bar.update(task, completed=done)


def _piece(request: Request, scenario: Scenario, state: Path, tell: Callable[[int], None]) -> dict[str, Any]:
    """An hour on a site of its own."""
    net = networks.read(scenario.net)
    clock, limits = SystemClock(), Limits()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chelu-hour-", ignore_cleanup_errors=True)))
        from_us = (clock.wall_us() // US - round(scenario.end_s - scenario.begin_s)) * US  # it ends about now
        shared = SharedClock.create(scratch / "clock", from_us)
        world = World(scenario, net, limits, 200.0, scratch)
        stack.callback(_closed, world)
        running = stack.enter_context(_site(scratch / "site", scratch / "clock"))
        loop, client = _assembled(request, world, net, limits, (shared, clock), running, scratch, stack)
        _warm_up(loop, from_us)
        began_s = clock.monotonic_s()
        loop.run(from_us, round(scenario.end_s - scenario.begin_s), tell)
        took_s = clock.monotonic_s() - began_s
        world.engine.simulation.saveState(str(state))
        figures = _figures(loop, client, from_us, clock)
        world.close()
        figures["trips"] = asdict(trips.read(scratch / "trips.xml"))
    simulated_s = scenario.end_s - scenario.begin_s
    return figures | {"simulated_s": simulated_s, "took_s": round(took_s, 1), "speed": round(simulated_s / took_s, 2)}


def _warm_up(loop: Loop, from_us: int) -> None:
    """What is slow the first time, before time is measured: one who drives and one who walks, said to nobody."""
    kinds = np.array([ActorKind.CAR, ActorKind.PEDESTRIAN], np.uint8)
    sizes = {name: np.ones(2) for name in ("length_m", "width_m", "height_m")}
    moves = ("x_m", "y_m", "z_m", "speed_mps", "heading_deg", "acceleration_mps2", "yaw_rate_dps")
    samples = Batch({"actor": np.arange(2), **{name: np.zeros(2) for name in moves}})
    loop.voices.warm_up(Seen(("", ""), kinds == ActorKind.PEDESTRIAN, Batch({"kind": kinds, **sizes}), samples), from_us)


def _closed(world: World) -> None:
    if world.engine.isLoaded():
        world.close()


@contextmanager
def _site(data: Path, clock_file: Path) -> Iterator[local.Site]:
    """A site whose services live by the shared clock."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(clock_file)
    try:
        with local.Site(data, Options(mqtt_port=0, api_port=0, database_port=0)) as running:
            yield running
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def _assembled(
    request: Request,
    world: World,
    net: Network,
    limits: Limits,
    clocks: tuple[SharedClock, SystemClock],
    running: local.Site,
    scratch: Path,
    stack: ExitStack,
) -> tuple[Loop, Client]:
    """Everything registered and connected."""
    shared, clock = clocks
    layout, sumo = world.layout, world.engine
    every = sorted(sumo.trafficlight.getIDList())
    names = site.Names("town", tuple(every))
    places = {light: (*sumo.junction.getPosition(_junction(sumo, light)), 0.0) for light in every}
    client = stack.enter_context(Client(running.endpoints.api_url, running.layout.api_key.read_text().strip()))
    secrets = site.register(
        client, names, places, DISTRICT, world.scenario.net, request.controller, running.layout.data / SECRETS
    )
    programmes = {
        light: (names.signal(light), programme, every.index(light) + 1)
        for light, programme in zip(layout.names, layout.programmes, strict=True)
    }
    heads = stack.enter_context(signals(programmes, limits, running.endpoints.mqtt_url, secrets, scratch, shared))
    session = site.roadside(running.endpoints.mqtt_url, names, secrets[names.gateway], shared)
    stack.callback(session.stop)
    ear = site.onlooker(running, names, shared)
    stack.callback(ear.stop)
    rsus, at = [names.rsu(light) for light in every], [places[light][:2] for light in every]
    voices = Voices(rsus, np.array(at), DISTRICT, request.share, session.publish)
    watch = watch_over(net, world)
    return Loop(world, Town(world), voices, heads, shared, clock, ear, watch, request.pace), client


def _junction(sumo: Any, light: str) -> str:
    """The junction of a light: of its name, else the one that its first lane leads to."""
    if light in sumo.junction.getIDList():
        return light
    return str(sumo.edge.getToJunction(sumo.trafficlight.getControlledLanes(light)[0].rpartition("_")[0]))


def _figures(loop: Loop, client: Client, from_us: int, clock: SystemClock) -> dict[str, Any]:
    """What came of a piece, once the last rows are stored."""
    published = loop.voices.published
    until_s = clock.monotonic_s() + SETTLE_S
    while True:
        stored = counts(client, tuple(published), from_us - US)
        lost = {name: number - (stored[name].stored if name in stored else 0) for name, number in published.items()}
        if not any(one > 0 for one in lost.values()) or clock.monotonic_s() > until_s:
            break
        clock.sleep(0.2)
    tally = loop.tally
    return {
        "seconds": tally.seconds, "undecided": tally.undecided, "late_changes": sum(one.late for one in loop.heads.values()),
        "vehicles": percentiles([float(one) for one in tally.vehicles]), "decision_ms": percentiles(tally.waits_ms),
        "drive_ms": percentiles(tally.drives_ms), "commands": dict(tally.counts), "breaches": asdict(loop.watch.breaches),
        "published": dict(published), "lost": {name: max(0, one) for name, one in lost.items()},
    }  # fmt: skip


def summary(pieces: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    """All pieces together."""

    def total(*path: str) -> float:
        return sum(_at(piece, path) for piece in pieces)

    took_s, simulated_s = total("took_s"), total("simulated_s")
    commands: dict[str, int] = {}
    for piece in pieces:
        for name, number in piece["commands"].items():
            commands[name] = commands.get(name, 0) + number
    delay_s = sum(one["trips"]["delay_s"] * one["trips"]["due"] for one in pieces) / max(1, total("trips", "due"))
    return {
        "controller": request.controller,
        "hours": round(simulated_s / 3600.0, 3),
        "took_s": round(took_s, 1),
        "speed": round(simulated_s / max(took_s, 1e-9), 2),
        "trips": {name: total("trips", name) for name in ("due", "completed", "never_departed")},
        "delay_s": round(delay_s, 2),
        "rows": {name: total(name, "bsm") + total(name, "participant") for name in ("published", "lost")},
        "commands": commands,
        "undecided": total("undecided"),
        "late_changes": total("late_changes"),
        "breaches": sum(sum(one["breaches"].values()) for one in pieces),
        "pieces": pieces,
    }


def _at(piece: Any, path: tuple[str, ...]) -> float:
    for name in path:
        piece = piece[name]
    return float(piece)
