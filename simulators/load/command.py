"""What `chelu load` does, with its progress and its tables: the shell around `simulators.load.run`."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from chelu import api as platform
from chelu.api import Client
from chelu.clock import SystemClock
from chelu.errors import CannotStartError, CheluError
from chelu.local.files import Layout, environment, home
from chelu.local.targets import check_writable
from simulators.connection import broker_address
from simulators.load.books import Books
from simulators.load.check import Balance, balance_table, balances
from simulators.load.connection import Account
from simulators.load.devices import Devices
from simulators.load.enrolment import enrolled
from simulators.load.faults import Faults
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
    faults: Faults = field(default_factory=Faults)
    has_check: bool = False
    patience_s: float = 20.0
    json_file: Path | None = None
    data: Path | None = None


def run(request: Request, console: Console | None = None) -> int:
    """Run the load and report; returns the exit code: 0, 1 when it did not keep up or lost something, 130 when interrupted."""
    try:
        return _whole(request, console or Console(stderr=True))
    except KeyboardInterrupt:
        return INTERRUPTED


def _whole(request: Request, console: Console) -> int:
    check_writable({"--json": request.json_file})
    environ = environment(request.data)
    layout = Layout(home(environ))
    need_files(request.settings.connections + SPARE_FILES)
    with Client.find(environ) as client:
        settings = _placed(request.settings, client)
        devices = Devices(settings)
        with console.status(f"registering {len(devices.speakers):,} devices"):
            accounts = enrolled(client, devices, broker_url=broker_address(environ, layout), secrets=layout.data / SECRETS)
        report = _run(replace(request, settings=settings), accounts, console)
        is_checked = request.has_check and not report.is_interrupted
        return conclude(report, request, console, partial(_check, report, request, client, console) if is_checked else list)


def conclude(report: LoadReport, request: Request, console: Console, check: Callable[[], list[Balance]]) -> int:
    """Tell what was sent and what `check` finds; what was sent also where the platform cannot be asked, which is then raised."""
    try:
        found = check()
    except CheluError:
        tell(report, [], request, console)
        raise
    return tell(report, found, request, console)


def need_files(count: int) -> None:
    """Raise this process's limit of open files; CannotStartError when the system does not allow so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise CannotStartError(f"{count} files are needed and {hard} are allowed", "raise the hard limit (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def tell(report: LoadReport, found: list[Balance], request: Request, console: Console) -> int:
    """Show what was sent, write the JSON, and say what is wrong."""
    for table in report.tables():
        Console().print(table)
    if found:
        Console().print(balance_table(found))
    if request.json_file:
        document = report.document() | {"check": [asdict(one) | {"in_transit": one.in_transit} for one in found]}
        request.json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    faults = complaints(report, found)
    for fault in faults:
        console.print(f"[red]{fault}[/red]")
    return INTERRUPTED if report.is_interrupted else int(bool(faults))


def complaints(report: LoadReport, balances: Sequence[Balance] = ()) -> list[str]:
    """Sentences on what did not go as asked, beside the faults that were asked for."""
    found = [
        f"{one.in_transit:,} rows of {one.stream} were sent and are neither stored nor dropped"
        for one in balances
        if one.in_transit > 0
    ]
    for name, stream in report.streams.items():
        if stream.skipped:
            found.append(
                f"{stream.skipped:,} messages of {name} were passed over: this machine or the broker is too slow for the load"
            )
        if stream.unsent and not {"churn", "storm"} & set(report.faults):
            found.append(f"{stream.unsent:,} messages of {name} were due while their session was away")
    if report.is_behind:
        found.append(f"the load fell behind its schedule: p99 {report.lag_p99_ms:,.0f} ms, {report.lag_most_ms:,.0f} ms at most")
    if report.unacknowledged:
        found.append(f"{report.unacknowledged:,} messages have no receipt from the platform")
    return found


def _check(report: LoadReport, request: Request, client: Client, console: Console) -> list[Balance]:
    def accounts() -> Mapping[str, platform.Account]:
        return client.accounts(from_us=report.begun_us)

    with console.status("waiting for the platform to store it"):
        return balances(report, accounts, SystemClock(), patience_s=request.patience_s)


def _run(request: Request, accounts: Sequence[Account], console: Console) -> LoadReport:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("sending", total=request.settings.seconds, note="")

        def advance(seconds: float, books: Books) -> None:
            note = f"{sum(books.frames.values()):,} frames, {books.lag_ms(99):.0f} ms behind at p99"
            progress.update(task, completed=seconds, note=note)

        return Load(request.settings, accounts, SystemClock(), faults=request.faults, on_progress=advance).run()


def _placed(settings: LoadSettings, client: Client) -> LoadSettings:
    """The load where its site lies, if there is one of that name already."""
    for site in client.sites():
        if site.site_id == settings.site:
            return replace(settings, origin=Origin(site.latitude_deg, site.longitude_deg, site.elevation_m))
    return settings
