"""What `chelu load` does, with its progress and its tables: the shell around `simulators.load.run`."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from chelu.api import Client
from chelu.clock import SystemClock
from chelu.errors import CannotStartError
from chelu.local.files import Layout, home
from simulators.connection import broker_address
from simulators.load.books import Books
from simulators.load.connection import Account
from simulators.load.devices import Devices
from simulators.load.enrolment import enrolled
from simulators.load.report import LoadReport
from simulators.load.run import Load
from simulators.load.settings import LoadSettings
from simulators.scene import Origin

INTERRUPTED = 130  # the shell's convention for a command ended by Ctrl-C
SECRETS = "load-secrets.json"
SPARE_FILES = 64


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    settings: LoadSettings
    json_file: Path | None = None
    data: Path | None = None


def run(request: Request, console: Console | None = None) -> int:
    """Run the load and report; returns the exit code: 0, 1 when it did not keep up or lost something, 130 when interrupted."""
    console = console or Console(stderr=True)
    environ = dict(os.environ) if request.data is None else {**os.environ, "CHELU_HOME": str(request.data)}
    layout = Layout(home(environ))
    need_files(request.settings.connections + SPARE_FILES)
    with Client.find(environ) as client:
        settings = _placed(request.settings, client)
        devices = Devices(settings)
        with console.status(f"registering {len(devices.speakers):,} devices"):
            accounts = enrolled(client, devices, broker_url=broker_address(environ, layout), secrets=layout.data / SECRETS)
        report = _run(settings, accounts, console)
    return tell(report, request, console)


def need_files(count: int) -> None:
    """Raise this process's limit of open files; CannotStartError when the system does not allow so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise CannotStartError(f"{count} files are needed and {hard} are allowed", "raise the hard limit (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def tell(report: LoadReport, request: Request, console: Console) -> int:
    """Show what was sent, write the JSON, and say what is wrong."""
    for table in report.tables():
        Console().print(table)
    if request.json_file:
        request.json_file.write_text(json.dumps(report.document(), indent=2) + "\n", encoding="utf-8")
    faults = complaints(report)
    for fault in faults:
        console.print(f"[red]{fault}[/red]")
    return INTERRUPTED if report.is_interrupted else int(bool(faults))


def complaints(report: LoadReport) -> list[str]:
    """Sentences on what did not go as asked, beside the faults that were asked for."""
    found = []
    for name, stream in report.streams.items():
        if stream.skipped:
            found.append(
                f"{stream.skipped:,} messages of {name} were passed over: this machine or the broker is too slow for the load"
            )
        if stream.unsent:
            found.append(f"{stream.unsent:,} messages of {name} were due while their session was away")
    if report.is_behind:
        found.append(f"the load fell behind its schedule: p99 {report.lag_p99_ms:,.0f} ms, {report.lag_most_ms:,.0f} ms at most")
    if report.unacknowledged:
        found.append(f"{report.unacknowledged:,} messages have no receipt from the platform")
    return found


def _run(settings: LoadSettings, accounts: Sequence[Account], console: Console) -> LoadReport:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("sending", total=settings.seconds, note="")

        def advance(seconds: float, books: Books) -> None:
            note = f"{sum(books.frames.values()):,} frames, {books.lag_ms(99):.0f} ms behind at p99"
            progress.update(task, completed=seconds, note=note)

        return Load(settings, accounts, SystemClock(), on_progress=advance).run()


def _placed(settings: LoadSettings, client: Client) -> LoadSettings:
    """The load where its site lies, if there is one of that name already."""
    for site in client.sites():
        if site.site_id == settings.site:
            return replace(settings, origin=Origin(site.latitude_deg, site.longitude_deg, site.elevation_m))
    return settings
