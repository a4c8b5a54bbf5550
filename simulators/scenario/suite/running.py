"""Runs a suite: all parts of all items on one engine, then verdicts and evidence item by item."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from chelu.clock import SystemClock
from chelu.errors import ConfigurationError
from simulators.scenario.domain import domain_given
from simulators.scenario.engines import Engine
from simulators.scenario.evidence.report import SHOWN_RUNS
from simulators.scenario.evidence.writing import write
from simulators.scenario.heading import header
from simulators.scenario.performing import perform
from simulators.scenario.progress_bar import bar
from simulators.scenario.running_options import Options
from simulators.scenario.suite.library import Found
from simulators.scenario.suite.outcomes import Came, came
from simulators.scenario.suite.tasks import Prepared, prepared
from simulators.scenario.sweeping import Shard, finish


@dataclass(frozen=True, slots=True)
class Request:
    """How a suite is run. device, odd: instead of the suite's own; output: where its chunks and evidence are kept."""

    is_short: bool = False
    device: str | None = None
    odd: Path | None = None
    workers: int = 1
    engine: Engine = Engine.LOCAL
    shard: Shard | None = None
    output: Path | None = None


def run(found: Found, request: Request, console: Console) -> list[Came] | None:
    """What became of every item; None while other shards' parts are missing.

    ConfigurationError and ScenarioError before anything runs; OtherSweepError, WorkerLostError.
    """
    with tempfile.TemporaryDirectory(prefix="chelu-suite-") as scratch:
        return _run(found, request, request.output or Path(scratch), console)


def _run(found: Found, request: Request, directory: Path, console: Console) -> list[Came] | None:
    began, device = SystemClock().wall_us(), request.device or found.suite.device
    if request.device is not None and not any(item.scenario and item.device is None for item in found.suite.items):
        raise ConfigurationError("--device", request.device, f"every item of {found.suite.suite} says itself what is tested")
    if request.odd is not None:
        found = found.made_for(domain_given(request.odd))
    items = prepared(found, directory / found.suite.suite, device, is_short=request.is_short)
    tasks = [task for one in items for task in one.tasks]
    with bar(console, found.suite.suite, sum(map(len, tasks))) as advance:
        is_whole = finish(tasks, workers=request.workers, engine=request.engine, shard=request.shard, tell=advance)
    if not is_whole:
        return None
    outcomes = [came(one) for one in items]
    if request.output is not None:
        for one, outcome in zip(items, outcomes, strict=True):
            _evidence(one, outcome, began)
    return outcomes


def _evidence(one: Prepared, outcome: Came, began_us: int) -> None:
    """Beside the chunks; of an item that has runs."""
    if one.source is None or one.cases is None or outcome.verdicts is None:
        return
    shown = outcome.verdicts.worst_runs(SHOWN_RUNS)
    trace = perform(one.source.description, one.cases.take(np.array(shown, np.intp)), one.device)
    head = header(one.source, Options(what=one.source.file, device=one.device), one.cases, began_us)
    write(one.directory, trace, outcome.verdicts, head, parameters=one.cases.columns, runs=shown)
