"""`chelu scenario r157`: the sweep with its progress, what it found, and how fast it went."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from chelu.errors import ConfigurationError
from simulators.scenario.r157 import report
from simulators.scenario.r157.drivers import DRIVERS
from simulators.scenario.r157.grids import Grid
from simulators.scenario.r157.sweep import run, sweeps

COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())


def command(grids: Sequence[str], drivers: Sequence[str], workers: int, file: Path | None, console: Console) -> int:
    """Run and tell; 0. ConfigurationError for a grid or driver of another name, and for a pair that is not defined."""
    wanted = sweeps([Grid(name) for name in _known("--grid", grids, list(Grid))], _known("--driver", drivers, list(DRIVERS)))
    if not wanted:
        raise ConfigurationError("--driver", ", ".join(drivers), "another one for these grids: it is defined for cut-ins only")
    if file is not None and not file.parent.is_dir():
        raise ConfigurationError("--json", str(file), "a file in a directory that exists")
    began = time.perf_counter()
    with Progress(*COLUMNS, console=console, transient=True) as progress:
        task = progress.add_task("cases", total=sum(map(len, wanted)))
        outcomes = run(wanted, workers, lambda count: progress.advance(task, count))
    took_s, count = time.perf_counter() - began, sum(map(len, wanted))
    console.print(report.table(outcomes))
    console.print(f"{count:,} case-runs in {took_s:.1f} s = {count / took_s:,.0f} a second on {workers} processes")
    if file is not None:
        report.write(outcomes, file)
        console.print(f"written: {file}")
    return 0


def _known(option: str, given: Sequence[str], allowed: Sequence[str]) -> list[str]:
    for name in given:
        if name not in allowed:
            raise ConfigurationError(option, name, "one of " + ", ".join(allowed))
    return [name for name in allowed if name in given] or list(allowed)
