"""Runs a suite: all parts of all items on one engine, then verdicts and evidence item by item."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from chelu.clock import SystemClock
from chelu.errors import ConfigurationError
from simulators.scenario.cases import Cases
from simulators.scenario.description import Description
from simulators.scenario.devices import NONE
from simulators.scenario.domain import domain_given
from simulators.scenario.engines import Engine
from simulators.scenario.evidence.document import document
from simulators.scenario.evidence.report import SHOWN_RUNS
from simulators.scenario.evidence.shown import Evidence
from simulators.scenario.evidence.writing import write
from simulators.scenario.heading import header
from simulators.scenario.keeping import Keeper
from simulators.scenario.library import Source
from simulators.scenario.progress_bar import bar
from simulators.scenario.real_time import Ran, in_the_loop, through_platform
from simulators.scenario.running_options import Options
from simulators.scenario.suite.cased import cased, is_away
from simulators.scenario.suite.checking import slug
from simulators.scenario.suite.library import Found
from simulators.scenario.suite.outcomes import Came, came, came_of
from simulators.scenario.suite.tasks import Prepared, prepared
from simulators.scenario.sweeping import Shard, finish, traces_of

RUNS: Mapping[str, Callable[[Options, Description, Cases, Console], Ran]] = {"platform": through_platform, "loop": in_the_loop}


@dataclass(frozen=True, slots=True)
class Request:
    """How a suite is run. device, odd: instead of the suite's own; output: where its chunks and evidence are kept.

    keeper: the register in which every item that has runs is kept, build: as what. mode: memory, or in real time: platform, or
    loop with the device of the file dut; site, data: where that is.
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
    mode: str = "memory"
    dut: Path | None = None
    site: str | None = None
    data: Path | None = None

    def options(self, what: str, device: str, output: Path | None) -> Options:
        """As of one scenario's run."""
        return Options(
            what=what,
            device=device,
            output=output,
            dut=self.dut,
            build=self.build,
            site=self.site,
            data=self.data,
            is_through_platform=self.mode == "platform",
            is_in_the_loop=self.mode == "loop",
        )


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
    if request.mode != "memory":
        return _in_real_time(found, request, directory / found.suite.suite, console)
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


def _in_real_time(found: Found, request: Request, directory: Path, console: Console) -> list[Came]:
    """Case after case of all items that have any. A run that is broken off, or a device that is away, ends the matter."""
    outcomes: list[Came] = []
    items = cased(found, is_short=request.is_short, is_asked=request.mode == "loop", dut=request.dut)
    left = len(found.suite.items) - len(items)
    if left:
        console.print(
            f"{found.suite.suite}: {left} of {len(found.suite.items)} items are for memory only, or not in the short form"
        )
    for place, one in enumerate(items, 1):
        console.print(f"{place} of {len(items)}: {one.item.scenario} {one.item.name}", markup=False)
        began_us, output = SystemClock().wall_us(), directory / slug(one.item)
        options = request.options(one.source.file, NONE, None if request.output is None else output)
        ran = RUNS[request.mode](options, one.source.description, one.cases, console)
        outcome = came_of(one.item, one.source.description, one.cases, ran.verdicts)
        outcomes.append(with_evidence(outcome, one.source, one.cases, ran, options, request.keeper, began_us, console))
        if any(ran.trace.broken) or is_away(ran):
            console.print(f"{len(items) - place} more items were not begun")
            break
    return outcomes


def _with_evidence(one: Prepared, outcome: Came, request: Request, began_us: int, console: Console) -> Came:
    """Of an item that was run in memory, if it has runs."""
    if one.source is None or one.cases is None or outcome.verdicts is None:
        return outcome
    shown = outcome.verdicts.worst_runs(SHOWN_RUNS)
    ran = Ran(outcome.verdicts, traces_of(one.source.description, one.cases, one.chunks, shown), shown)
    options = request.options(one.source.file, one.device, None if request.output is None else one.directory)
    return with_evidence(outcome, one.source, one.cases, ran, options, request.keeper, began_us, console)


def with_evidence(
    outcome: Came,
    source: Source,
    cases: Cases,
    ran: Ran,
    options: Options,
    keeper: Keeper | None,
    began_us: int,
    console: Console,
) -> Came:
    """An item that has runs: its evidence in its directory, and in the register; with the exit code of that."""
    head = header(source, options, cases, began_us)
    if options.output is not None:
        write(options.output, ran.trace, ran.verdicts, head, parameters=cases.columns, runs=ran.shown)
    if keeper is None:
        return outcome
    told = document(Evidence(head, ran.verdicts, cases.columns, ran.trace, tuple(ran.shown)))
    return replace(outcome, kept=keeper.keep(told, options, console))
