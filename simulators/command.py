"""What `chelu replay` does, with its progress and its tables: the shell around `simulators.replay` and `simulators.check`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from chelu.api import Client
from chelu.bus.swift import SwiftSession
from chelu.clock import Clock, SystemClock
from chelu.errors import ConfigurationError
from chelu.local.files import environment
from chelu.messages import SPAT, Batch
from simulators.check import Checker
from simulators.comparison import Comparison, Tolerance
from simulators.connection import connected
from simulators.encoding import Uper
from simulators.fleet import Fleet, fleet_of, site_of
from simulators.replay import Options, Replay, ReplayReport
from simulators.scene import Origin, Scene
from simulators.sources.forms import open_scene

INTERRUPTED = 130  # the shell's convention for a command ended by Ctrl-C


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    file: Path
    speed: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None
    origin: str | None = None
    site: str | None = None
    seed: int = 0
    has_check: bool = False
    patience_s: float = 20.0
    data: Path | None = None


def run(request: Request, console: Console | None = None) -> int:
    """Replay and report; returns the exit code: 0, 1 when something was lost or does not compare, 130 when interrupted."""
    try:
        return _run(request, console or Console(stderr=True))
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(request: Request, console: Console) -> int:
    clock = SystemClock()
    environ = environment(request.data)
    scene = open_scene(request.file)
    fleet = fleet_of(scene, request.site or site_of(scene))
    with Client.find(environ) as client:
        scene = scene.at(_origin(request, client, fleet)).clipped(request.start_s, request.end_s)
        with connected(client, fleet, scene.origin, clock, environ) as sessions:
            report = _replay(request, scene, fleet, sessions, clock, console)
            _tell(console, report, scene)
            if report.is_interrupted:
                return INTERRUPTED
            lost = [f"{report.unsent} messages were lost with the connection to the broker"] if report.unsent else []
            # With the sessions open: amqtt forgets what a client that leaves has sent it just before.
            found = _check(request, scene, fleet, client, report, clock, console) if request.has_check else []
    faults = [*lost, *(fault for comparison in found for fault in Tolerance().faults(comparison))]
    for fault in faults:
        console.print(f"[red]{fault}[/red]")
    return 1 if faults else 0


def _origin(request: Request, client: Client, fleet: Fleet) -> Origin | None:
    """Where the scene lies: as asked, else where its site already lies, else (None) where the recording says."""
    if request.origin is not None:
        return parse_origin(request.origin)
    for site in client.sites():
        if site.site_id == fleet.site:
            return Origin(site.latitude_deg, site.longitude_deg, site.elevation_m)
    return None


def parse_origin(text: str) -> Origin:
    """LAT,LON[,ELEVATION]; ConfigurationError when it is not."""
    allowed = "latitude,longitude[,elevation] in degrees and metres, such as 29.55,106.57,250"
    try:
        latitude, longitude, *elevation = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigurationError("--origin", text, allowed) from None
    if len(elevation) > 1 or not (abs(latitude) < 89 and abs(longitude) <= 180):
        raise ConfigurationError("--origin", text, allowed)
    return Origin(latitude, longitude, *elevation)


def _replay(
    request: Request, scene: Scene, fleet: Fleet, sessions: Sequence[SwiftSession], clock: Clock, console: Console
) -> ReplayReport:
    with _bar(console, "replaying", scene.end_ms - scene.begin_ms) as advance:

        def progress(report: ReplayReport) -> None:
            rows = sum(report.published.values())
            advance(report.through_ms - scene.begin_ms, f"{rows:,} rows, {len(report.warnings)} warnings")

        options = Options(speed=request.speed, seed=request.seed)
        return Replay(scene, fleet, sessions, Uper(), clock=clock, options=options, on_progress=progress).run()


def _check(
    request: Request, scene: Scene, fleet: Fleet, client: Client, report: ReplayReport, clock: Clock, console: Console
) -> list[Comparison]:
    def read(stream: str, from_us: int, to_us: int) -> Iterator[Batch]:
        return client.stream(stream, from_us=from_us, to_us=to_us)

    checker = Checker(scene, fleet, read, clock, patience_s=request.patience_s)
    with _bar(console, "checking", report.through_ms - scene.begin_ms) as advance:
        found = checker.check(report, on_stretch=lambda through: advance(through - scene.begin_ms, ""))
    Console().print(table(found))
    return found


@contextmanager
def _bar(console: Console, what: str, total: int) -> Iterator[Callable[[int, str], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total, note="")
        yield lambda done, note: progress.update(task, completed=done, note=note)


def _tell(console: Console, report: ReplayReport, scene: Scene) -> None:
    """One line on what was done and how well the schedule was kept."""
    rows = ", ".join(f"{count} {stream}" for stream, count in report.published.items() if count) or "nothing"
    seconds = (report.ended_us - report.begun_us) / 1e6
    median, most = (report.lag.percentile_s(percent) * 1000 for percent in (50, 100))
    lag = f"behind schedule by {median:.1f} ms at the median, {most:.0f} ms at most"
    ending = "interrupted" if report.is_interrupted else "replayed"
    console.print(f"{scene.name} {ending} in {seconds:.1f} s: {rows} rows published, {len(report.warnings)} warnings back; {lag}")


def table(found: Sequence[Comparison]) -> Table:
    """The comparison as a table, a column per stream."""
    shown = Table(title="stored, compared with the recording")
    shown.add_column("")
    for one in found:
        shown.add_column(one.stream, justify="right")
    for what, value in MEASURES.items():
        shown.add_row(what, *(value(one) for one in found))
    return shown


def _unless_signal(text: Callable[[Comparison], str]) -> Callable[[Comparison], str]:
    return lambda one: "" if one.stream == SPAT.name else text(one)


MEASURES: dict[str, Callable[[Comparison], str]] = {
    "expected": lambda one: str(one.expected),
    "stored": lambda one: str(one.stored),
    "missing": lambda one: str(one.missing),
    "doubled": lambda one: str(one.doubled),
    "of no sample": lambda one: str(one.stray),
    "worst position error": _unless_signal(lambda one: f"{one.position_error_m * 100:.2f} cm"),
    "worst height error": _unless_signal(lambda one: f"{one.height_error_m * 100:.1f} cm"),
    "worst speed error": _unless_signal(lambda one: f"{one.speed_error_mps:.4f} m/s"),
    "worst event time error": lambda one: f"{one.time_error_us / 1000:g} ms",
    "wrong lights": lambda one: str(one.lights_wrong) if one.stream == SPAT.name else "",
    "worst error of a light's end": lambda one: f"{one.end_error_s:.3f} s" if one.stream == SPAT.name else "",
}
