"""`chelu scenario run`: cases, runs, verdicts and evidence, with progress; in memory, or in real time through the platform."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from chelu.clock import SystemClock
from chelu.errors import ConfigurationError
from simulators.scenario.cases import Cases, Design, Request, cases_of, parameter_given, repeated
from simulators.scenario.description import Description
from simulators.scenario.engine import run as run_engine
from simulators.scenario.evidence.report import SHOWN_RUNS
from simulators.scenario.evidence.writing import write
from simulators.scenario.heading import header
from simulators.scenario.judging import judge
from simulators.scenario.library import source_of
from simulators.scenario.platform import driven
from simulators.scenario.requirements import Validity
from simulators.scenario.results import told
from simulators.scenario.running_options import Options
from simulators.scenario.sweeping import Shard, sweep
from simulators.scenario.trace import Trace
from simulators.scenario.verdict import Verdicts

INTERRUPTED = 130
MOST_LAG_S = 0.25  # of a run in real time: later than that a busy machine decides, not what is tested
MOST_REAL_TIME_CASES = 1000


@dataclass(frozen=True, slots=True)
class Ran:
    """The verdicts of all cases, and the traces of those that are looked at: rows `shown` of the cases."""

    verdicts: Verdicts
    trace: Trace
    shown: Sequence[int]


def command(options: Options, console: Console) -> int:
    """Run, judge, tell; the verdict's exit code, 130 when interrupted, 0 for a shard that waits for the others."""
    source = source_of(options.what)
    cases = repeated(_cases(options, source.description), options.repeats)
    began = SystemClock().wall_us()
    try:
        run = _through_platform if options.is_through_platform else _in_memory
        ran = run(options, source.description, cases, console)
    except KeyboardInterrupt:
        console.print("interrupted; with --output the chunks that are done are kept")
        return INTERRUPTED
    if ran is None:
        console.print(f"shard {options.shard} is done; the verdict comes once the others are")
        return 0
    console.print(told(source.description, cases, ran.verdicts))
    if options.output is not None:
        files = write(
            options.output,
            ran.trace,
            ran.verdicts,
            header(source, options, cases, began),
            parameters=cases.columns,
            runs=ran.shown,
        )
        console.print(f"evidence: {files[0]} and {len(files) - 1} more files beside it", soft_wrap=True)
    return ran.verdicts.exit_code


def _cases(options: Options, description: Description) -> Cases:
    if options.design not in list(Design):
        raise ConfigurationError("--design", options.design, "one of " + ", ".join(Design))
    for name, value in (("--count", options.count), ("--repeat", options.repeats)):
        if value < 1:
            raise ConfigurationError(name, value, "1 or more")
    fixed = dict(parameter_given(text, description) for text in options.given)
    return cases_of(description, Request(Design(options.design), options.count, options.seed, fixed))


def _in_memory(options: Options, description: Description, cases: Cases, console: Console) -> Ran | None:
    shard = _shard(options)
    with tempfile.TemporaryDirectory(prefix="chelu-scenario-") as scratch, _bar(console, "cases", len(cases)) as advance:
        directory = options.output / "chunks" if options.output is not None else Path(scratch)
        verdicts = sweep(description, cases, directory, workers=options.workers, shard=shard, tell=advance)
    if verdicts is None:
        return None
    shown = verdicts.worst_runs(SHOWN_RUNS)
    return Ran(verdicts, run_engine(description, cases.take(np.array(shown, np.intp))), shown)


def _shard(options: Options) -> Shard:
    if options.shard is None:
        return Shard()
    index, _, of = options.shard.partition("/")
    if not (index.isdigit() and of.isdigit() and int(index) < int(of)):
        raise ConfigurationError("--shard", options.shard, "I/N with I from 0 to N - 1")
    if options.output is None:
        raise ConfigurationError("--output", None, "a shard's results are kept there, to be joined with the others'")
    return Shard(int(index), int(of))


def _through_platform(options: Options, description: Description, cases: Cases, console: Console) -> Ran:
    if len(cases) > MOST_REAL_TIME_CASES:
        raise ConfigurationError(
            "--through-platform", f"{len(cases):,} cases", f"at most {MOST_REAL_TIME_CASES:,}: each takes its time"
        )
    trace = _driven(options, description, cases, console)
    lag = Validity.model_validate({"name": "the rig keeps up", "metric": "lag_s", "at_most": MOST_LAG_S})
    verdicts = judge(trace, description.requirements, (*description.conditions(), lag))
    return Ran(verdicts, trace, range(len(cases)))


def _driven(options: Options, description: Description, cases: Cases, console: Console) -> Trace:
    """The trace of these cases with the warnings that the platform gave."""
    environ = {**os.environ, **({} if options.data is None else {"CHELU_HOME": str(options.data)})}
    site = options.site or f"scenario-{description.scenario}"[:24].rstrip("-")
    with _bar(console, "driven", 1000) as advance:
        done = 0

        def tell(share: float) -> None:
            nonlocal done
            advance(round(share * 1000) - done)
            done = round(share * 1000)

        return driven(run_engine(description, cases), site, SystemClock(), environ, tell)


@contextmanager
def _bar(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)
