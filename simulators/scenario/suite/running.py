"""Runs a suite: all parts of all items on one engine, then verdicts and evidence item by item."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from chelu.clock import SystemClock
from chelu.errors import ConfigurationError
from simulators.scenario.domain import domain_given
from simulators.scenario.engines import Engine
from simulators.scenario.evidence.document import document
from simulators.scenario.evidence.report import SHOWN_RUNS
from simulators.scenario.evidence.shown import Evidence
from simulators.scenario.evidence.writing import write
from simulators.scenario.heading import header
from simulators.scenario.keeping import Keeper
from simulators.scenario.progress_bar import bar
from simulators.scenario.running_options import Options
from simulators.scenario.suite.library import Found
from simulators.scenario.suite.outcomes import Came, came
from simulators.scenario.suite.tasks import Prepared, prepared
from simulators.scenario.sweeping import Shard, finish, traces_of


@dataclass(frozen=True, slots=True)
class Request:
    """How a suite is run. device, odd: instead of the suite's own; output: where its chunks and evidence are kept.

    keeper: the register in which every item that has runs is kept, build: as what.
    """

    is_short: bool = False
    device: str | None = None
    odd: Path | None = None
    workers: int = 1
    engine: Engine = Engine.LOCAL
    shard: Shard | None = None
    output: Path | None = None
    keeper: Keeper | None = None
    build: str = ""


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
    if request.output is None and request.keeper is None:
        return outcomes
    return [_with_evidence(one, outcome, request, began, console) for one, outcome in zip(items, outcomes, strict=True)]


def _with_evidence(one: Prepared, outcome: Came, request: Request, began_us: int, console: Console) -> Came:
    """An item that has runs: its evidence beside its chunks, and in the register; with the exit code of that."""
    if one.source is None or one.cases is None or outcome.verdicts is None:
        return outcome
    shown = outcome.verdicts.worst_runs(SHOWN_RUNS)
    trace = traces_of(one.source.description, one.cases, one.chunks, shown)
    output = None if request.output is None else one.directory
    options = Options(what=one.source.file, device=one.device, output=output, build=request.build)
    head = header(one.source, options, one.cases, began_us)
    if output is not None:
        write(output, trace, outcome.verdicts, head, parameters=one.cases.columns, runs=shown)
    if request.keeper is None:
        return outcome
    told = document(Evidence(head, outcome.verdicts, one.cases.columns, trace, tuple(shown)))
    return replace(outcome, kept=request.keeper.keep(told, options, console))
