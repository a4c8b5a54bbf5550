"""`chelu scenario run`: cases, runs, verdicts and evidence, with progress; in memory, or in real time through the platform."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

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
from simulators.scenario.performing import perform
from simulators.scenario.platform import driven
from simulators.scenario.progress import triggers_of
from simulators.scenario.progress_bar import bar
from simulators.scenario.requirements import Validity
from simulators.scenario.results import told
from simulators.scenario.running_options import Options
from simulators.scenario.sweeping import shard_given, sweep
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
    shard = shard_given(options.shard, options.output)
    with tempfile.TemporaryDirectory(prefix="chelu-scenario-") as scratch, bar(console, "cases", len(cases)) as advance:
        directory = options.output / "chunks" if options.output is not None else Path(scratch)
        verdicts = sweep(description, cases, directory, device=options.device, workers=options.workers, shard=shard, tell=advance)
    if verdicts is None:
        return None
    shown = verdicts.worst_runs(SHOWN_RUNS)
    return Ran(verdicts, perform(description, cases.take(np.array(shown, np.intp)), options.device), shown)


def _through_platform(options: Options, description: Description, cases: Cases, console: Console) -> Ran:
    if len(cases) > MOST_REAL_TIME_CASES:
        raise ConfigurationError(
            "--through-platform", f"{len(cases):,} cases", f"at most {MOST_REAL_TIME_CASES:,}: each takes its time"
        )
    _check_can_be_sent(description)
    trace = _driven(options, description, cases, console)
    lag = Validity.model_validate({"name": "the rig keeps up", "metric": "lag_s", "at_most": MOST_LAG_S})
    verdicts = judge(trace, description.requirements, (*description.conditions(), lag))
    return Ran(verdicts, trace, range(len(cases)))


def _check_can_be_sent(description: Description) -> None:
    """ConfigurationError for what is spoken of in memory only, so that nothing is left out in silence."""
    says = [one.name for one in description.manoeuvres if one.says is not None]
    waits = [f"warned: {one.warned.application}" for one, _ in triggers_of(description) if one.warned is not None]
    if found := [*says, *waits, *description.road.told]:
        raise ConfigurationError(
            "--through-platform", ", ".join(found), "a scenario without says, warned and told: these are for --device only"
        )


def _driven(options: Options, description: Description, cases: Cases, console: Console) -> Trace:
    """The trace of these cases with the warnings that the platform gave."""
    environ = {**os.environ, **({} if options.data is None else {"CHELU_HOME": str(options.data)})}
    site = options.site or f"scenario-{description.scenario}"[:24].rstrip("-")
    with bar(console, "driven", 1000) as advance:
        done = 0

        def tell(share: float) -> None:
            nonlocal done
            advance(round(share * 1000) - done)
            done = round(share * 1000)

        return driven(run_engine(description, cases), site, SystemClock(), environ, tell)
