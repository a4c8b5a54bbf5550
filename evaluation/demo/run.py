"""The demo: starts a site, registers the district, drives it, shows it live, and judges what came of it."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from chelu.api import Client, Site
from chelu.bus.swift import SwiftSession
from chelu.clock import Clock, SystemClock
from chelu.local import interrupts
from chelu.local import site as local
from chelu.messages import BSM, PARTICIPANT, SPAT
from evaluation.demo import collect, scenery, world
from evaluation.demo.live import Screen, Snapshot
from evaluation.demo.picture import draw
from evaluation.demo.summary import NAMES, Measured, at_least_accounted, latency_sentence, summarise
from evaluation.demo.watch import PictureWatch
from simulators.connection import connected
from simulators.encoding import Uper
from simulators.fleet import Fleet, fleet_of
from simulators.received import ReceivedWarning
from simulators.replay import Options, Replay, ReplayReport

SITE_ID = "district"
STREAMS = (BSM.name, PARTICIPANT.name, SPAT.name)
REFRESH_S = 0.5
LISTEN_S = 2.0
SPREAD_MS = 90.0  # units on the road do not all speak at once, as the rows of a recording do


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options. data None: a directory that is gone afterwards."""

    seconds: float = 60.0
    summary: Path | None = None
    picture: Path = Path("demo.png")
    data: Path | None = None


@dataclass(slots=True)
class Heard:
    """What the replay's thread tells the screen's: appended and replaced there, only read here."""

    report: ReplayReport | None = None
    published: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STREAMS, 0))
    warnings: list[ReceivedWarning] = field(default_factory=list)
    error: BaseException | None = None


def run(request: Request, console: Console) -> int:
    """Run the demo; returns 0 when the run passes, 1 when it does not."""
    clock = SystemClock()
    console.print("staging the conflicts in the district's traffic …")
    stage = world.build(request.seconds)
    fleet = fleet_of(stage.scene, SITE_ID)
    with interrupts.once(), ExitStack() as stack:  # SIGTERM, too, leaves neither a process nor a directory behind
        try:
            return _on_a_site(request, stage, fleet, stack, clock, console)
        finally:
            interrupts.ignore()  # what follows is cleaning up


def _on_a_site(request: Request, stage: world.World, fleet: Fleet, stack: ExitStack, clock: Clock, console: Console) -> int:
    """The same, with everything that must be ended on the stack."""
    data = request.data or Path(
        stack.enter_context(tempfile.TemporaryDirectory(prefix="chelu-demo-", ignore_cleanup_errors=True))
    )
    console.print("starting database, broker, registry, ingest and inference …")
    running = stack.enter_context(local.Site(data, clock=clock))
    client = stack.enter_context(Client(running.endpoints.api_url, running.layout.api_key.read_text().strip()))
    console.print(f"  API {running.endpoints.api_url}/docs, broker {running.endpoints.mqtt_url} ({running.endpoints.broker})")
    _register(client, stage)
    environ = {"CHELU_HOME": str(running.layout.data)}
    sessions = stack.enter_context(connected(client, fleet, stage.scene.origin, clock, environ))
    watch = stack.enter_context(_watching(running, clock))
    heard = _drive(stage, fleet, sessions, watch, client, clock, console)
    report = heard.report
    if report is None:
        return 1
    console.print("waiting until every row is accounted for …")
    return _judge(request, stage, fleet, report, client, clock, console)


def _register(client: Client, stage: world.World) -> None:
    origin = stage.scene.origin
    if SITE_ID not in {site.site_id for site in client.sites()}:
        client.add_site(
            Site(
                site_id=SITE_ID,
                name="Hillside district",
                latitude_deg=origin.latitude_deg,
                longitude_deg=origin.longitude_deg,
                elevation_m=origin.elevation_m,
            )
        )
    client.put_roads(SITE_ID, stage.network_file)


@contextmanager
def _watching(running: local.Site, clock: Clock) -> Iterator[PictureWatch]:
    endpoints = running.endpoints
    secret = json.loads(running.layout.accounts.read_text())["console"]
    watch = PictureWatch(f"mqtt://console:{secret}@{endpoints.mqtt_host}:{endpoints.mqtt_port}", SITE_ID, clock)
    try:
        yield watch
    finally:
        watch.close()


def _drive(
    stage: world.World,
    fleet: Fleet,
    sessions: Sequence[SwiftSession],
    watch: PictureWatch,
    client: Client,
    clock: Clock,
    console: Console,
) -> Heard:
    """Replay in a thread of its own while this one draws; an error there is raised here."""
    heard = Heard()

    def note(report: ReplayReport) -> None:
        heard.published = report.published

    options = Options(spread_ms=SPREAD_MS)
    tell = heard.warnings.append
    replay = Replay(stage.scene, fleet, sessions, Uper(), clock=clock, options=options, on_progress=note, on_warning=tell)

    def work() -> None:
        try:
            report = replay.run()
            replay.listen(report, LISTEN_S)
            heard.report = report
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            heard.error = error

    thread = threading.Thread(target=work, name="replay")
    begun_us, started = clock.wall_us(), clock.monotonic_s()
    screen = Screen(stage.network.lanes.shape.points[:, :2], console.size)
    thread.start()
    try:
        with Live(console=console, auto_refresh=False, screen=True) as live:
            while thread.is_alive():
                shown = _snapshot(stage, fleet, heard, watch, client, begun_us, clock.monotonic_s() - started)
                live.update(screen.draw(shown), refresh=True)
                thread.join(REFRESH_S)
    finally:
        replay.stop()
        thread.join()
    if heard.error:
        raise heard.error
    return heard


def _snapshot(
    stage: world.World,
    fleet: Fleet,
    heard: Heard,
    watch: PictureWatch,
    client: Client,
    begun_us: int,
    elapsed_s: float,
) -> Snapshot:
    counted = collect.counts(client, STREAMS, begun_us - collect.EARLIER_US)
    seen = watch.latest()
    return Snapshot(
        elapsed_s=elapsed_s,
        total_s=(stage.scene.end_ms - stage.scene.begin_ms) / 1000,
        vehicles=seen.vehicles,
        pedestrians=seen.pedestrians,
        warned=seen.warned,
        published=at_least_accounted(heard.published, counted),
        stored={stream: count.stored for stream, count in counted.items()},
        dropped={stream: sum(count.dropped.values()) for stream, count in counted.items()},
        warnings=world.sentences(world.raised(heard.warnings), stage, fleet),
    )


def _judge(
    request: Request, stage: world.World, fleet: Fleet, report: ReplayReport, client: Client, clock: Clock, console: Console
) -> int:
    counted = collect.when_settled(client, report, clock)
    rows = collect.stored(client, report)
    warnings = world.raised(report.warnings)
    verdicts = world.verdicts(stage, fleet, report)
    applications = sorted({warning.application for warning in warnings})
    summary = summarise(
        Measured(
            seconds=(report.ended_us - report.begun_us) / 1e6,
            published=report.published,
            counted=counted,
            warnings={name: sum(warning.application == name for warning in warnings) for name in applications},
            publish_to_stored_ms=collect.publish_to_stored_ms(report.sent_log, rows),
            publish_to_warning_ms=np.array([w.latency_us / 1000 for w in warnings if w.latency_us is not None], np.float64),
            staged_failures=[str(verdict) for verdict in verdicts if not verdict.is_met],
            cross_deck=world.across_decks(stage, fleet, report),
        )
    )
    summary["staged"] = [*map(str, verdicts), *stage.undecided()]
    draw(scenery.drawing(stage, rows, warnings, summary), request.picture)
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    if request.summary:
        request.summary.write_text(text + "\n", encoding="utf-8")
    _tell(console, summary, request)
    return 1 if summary["failures"] else 0


def _tell(console: Console, summary: dict[str, Any], request: Request) -> None:
    table = Table("stream", "published", "received", "stored", "dropped", title="rows")
    for name, stream in summary["streams"].items():
        table.add_row(name, *(f"{stream[key]:,}" for key in ("published", "received", "stored")), str(stream["dropped"] or "–"))
    console.print(table)
    for name, latency in summary["latency_ms"].items():
        console.print(f"{name.replace('_', ' ')}: {latency_sentence(latency)}")
    warnings = ", ".join(f"{count} {NAMES.get(name, name)} ({name})" for name, count in summary["warnings"].items()) or "none"
    console.print(f"{summary['rate_per_s']:,.0f} rows/s; warnings raised: {warnings}")
    for verdict in summary["staged"]:
        console.print(f"  {verdict}")
    files = " and ".join(str(file) for file in (request.summary, request.picture) if file)
    console.print(f"written: {files}")
    if request.data:
        console.print(f"why each warning: `chelu up --data {request.data}`, then `chelu explain --data {request.data}`")
    for failure in summary["failures"]:
        console.print(f"[red]failed: {failure}[/red]")
    if not summary["failures"]:
        console.print("[green]passed: every row accounted for, every staged conflict as it must be[/green]")
