"""`chelu monitors run`: the monitors over a recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from chelu.parameters import read_site_values
from chelu.quality.monitors.catalogue import MONITORS, monitor_of, site_parameters
from chelu.quality.monitors.run import run as run_monitors
from evaluation.monitors.recordings import open_recording
from evaluation.monitors.telling import tell_report


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    recording: Path
    monitors: tuple[str, ...] = ()
    parameters: Path | None = None
    site: str = ""
    as_json: bool = False


def run(request: Request) -> int:
    """Run and tell; 0 when nobody has to be told, 1 when somebody has."""
    values = read_site_values(request.parameters).get(request.site, {})
    parameters = site_parameters(values, where=f"{request.parameters}, site {request.site}")
    chosen = [monitor_of(name) for name in request.monitors] or list(MONITORS)
    heard, names = open_recording(request.recording), dict[int, str]()
    from_us, to_us = heard.bounds_us()
    columns = (TextColumn("assessing"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=to_us - from_us)
        report = run_monitors(
            heard,
            parameters,
            from_us=from_us,
            to_us=to_us,
            monitors=chosen,
            on_window=lambda until_us: progress.update(task, completed=until_us - from_us),
        )
    tell_report(report, names, as_json=request.as_json)
    return 1 if report.notifications() else 0
