"""`chelu monitors run`: the monitors over a recording, or over what a site has stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from chelu.clock import SystemClock
from chelu.errors import ConfigurationError
from chelu.local.database import database_url
from chelu.parameters import read_site_values
from chelu.quality.monitors.assessments import HOUR_US
from chelu.quality.monitors.catalogue import MONITORS, monitor_of, site_parameters
from chelu.quality.monitors.monitor import Assessed, Monitor
from chelu.quality.monitors.run import Known, Report, look, stretches
from chelu.quality.monitors.window import Heard, window
from chelu.store import Database, failures
from evaluation.monitors.recordings import open_recording
from evaluation.monitors.telling import tell_report
from evaluation.monitors.threads import together
from services.quality.stored import Site, Store, of_site

STORED_US = 600_000_000  # read at a time
THREADS = 2


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    recording: Path | None
    monitors: tuple[str, ...] = ()
    hours: float = 1.0
    parameters: Path | None = None
    site: str = ""
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Which monitors, with which parameters."""

    monitors: Sequence[Monitor]
    parameters: Mapping[str, Assessed]


def run(request: Request) -> int:
    """Run and tell; 0 when nobody has to be told, 1 when somebody has."""
    values = read_site_values(request.parameters).get(request.site, {})
    parameters = site_parameters(values, where=f"{request.parameters}, site {request.site}")
    asked = Run([monitor_of(name) for name in request.monitors] or list(MONITORS), parameters)
    if request.recording is None:
        report, names = _stored(request, asked)
    else:
        heard, names = open_recording(request.recording), {}
        from_us, to_us = heard.bounds_us()
        report = _over(lambda *_: heard, from_us, to_us, HOUR_US, asked)
    tell_report(report, names, as_json=request.as_json)
    return 1 if report.notifications() else 0


def _stored(request: Request, asked: Run) -> tuple[Report, Mapping[int, str]]:
    database = Database(database_url(os.environ), application="chelu monitors")
    to_us = SystemClock().wall_us()
    with failures(database.url, "reading what is stored"), database.connect(autocommit=True) as connection:
        store = Store(connection)
        site = _site(store.sites(), request.site)
        from_us = to_us - round(request.hours * HOUR_US)
        report = _over(lambda begin, end: of_site(store.heard(begin, end), site), from_us, to_us, STORED_US, asked)
    return report, site.names


def _site(sites: Sequence[Site], name: str) -> Site:
    found = [site for site in sites if site.site_id == name or (not name and len(sites) == 1)]
    if not found:
        raise ConfigurationError(
            "--site", name or None, f"one of {', '.join(site.site_id for site in sites) or 'none: no devices'}"
        )
    return found[0]


def _over(hear: Callable[[int, int], Heard], from_us: int, to_us: int, length_us: int, asked: Run) -> Report:
    """All windows of [from, to), with progress on standard error."""
    known, report = Known(), Report(asked.parameters)
    columns = (TextColumn("assessing"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress, together(THREADS) as begin:
        task = progress.add_task("", total=to_us - from_us)
        for first, behind in stretches(from_us, to_us, length_us=length_us):
            before = known.junctions
            seen = window(hear(first, behind), first, behind, junctions_before=before, known=known.expected(first), begin=begin)
            look(seen, report, asked.monitors, begin)
            known.learn(seen)
            progress.update(task, completed=behind - from_us)
    return report
