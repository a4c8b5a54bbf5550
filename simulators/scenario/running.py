"""`chelu scenario run`: cases, runs, verdicts and evidence, with progress; in memory, in real time, or of recordings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from chelu.clock import SystemClock
from chelu.errors import ConfigurationError
from simulators.scenario.cases import COUNT, SEED, Cases, Design, Request, cases_of, parameter_given, repeated
from simulators.scenario.description import MOST_CASES, Description
from simulators.scenario.domain import domain_given
from simulators.scenario.evidence.document import document
from simulators.scenario.evidence.report import SHOWN_RUNS
from simulators.scenario.evidence.shown import Evidence
from simulators.scenario.evidence.writing import write
from simulators.scenario.heading import header
from simulators.scenario.keeping import Keeper
from simulators.scenario.library import Source, source_of
from simulators.scenario.progress_bar import bar
from simulators.scenario.reading import refuse_impossible
from simulators.scenario.real_time import Ran, in_the_loop, through_platform
from simulators.scenario.recorded.judged import replayed
from simulators.scenario.results import told
from simulators.scenario.running_options import Options
from simulators.scenario.sweeping import chunks, shard_given, sweep, traces_of
from simulators.scenario.verdict import INTERRUPTED, worst_code


def command(options: Options, console: Console) -> int:
    """Run, judge, tell; the verdict's exit code, 130 when interrupted, 0 for a shard that waits for the others."""
    options.check()
    source = _source(options)
    run, cases = _RUNS[options.mode], repeated(_cases(options, source.description), options.repeats)
    if options.mode != "recording":  # which says itself where everybody was
        refuse_impossible(source.text, source.file, source.description, cases)
    is_made = options.mode in {"platform", "loop"}  # the site, by the run itself
    keeper = Keeper.of(options.site, options.data, may_come=is_made) if options.is_kept else None
    began = SystemClock().wall_us()
    try:
        ran = run(options, source.description, cases, console)
    except KeyboardInterrupt:
        console.print("interrupted; with --output the chunks that are done are kept")
        return INTERRUPTED
    if ran is None:
        console.print(f"shard {options.shard} is done; the verdict comes once the others are")
        return 0
    if len(cases) < ran.verdicts.runs:  # recordings of one case
        cases = repeated(cases, ran.verdicts.runs)
    console.print(told(source.description, cases, ran.verdicts))
    about = header(source, options, cases, began)
    files: list[Path] = []
    if options.output is not None:
        files = write(options.output, ran.trace, ran.verdicts, about, parameters=cases.columns, runs=ran.shown)
        console.print(f"evidence: {files[0]} and {len(files) - 1} more files beside it", soft_wrap=True)
    if keeper is not None:
        evidence = Evidence(about, ran.verdicts, cases.columns, ran.trace, tuple(ran.shown))
        return worst_code([ran.verdicts.exit_code, keeper.keep(document(evidence), options, console, files)])
    return ran.verdicts.exit_code


def _source(options: Options) -> Source:
    source = source_of(options.what)
    if options.odd is not None:
        source = source.made_for(domain_given(options.odd))
    return source if options.dut is None else source.tested_with(options.dut)


def _cases(options: Options, description: Description) -> Cases:
    if options.design not in list(Design):
        raise ConfigurationError("--design", options.design, "one of " + ", ".join(Design))
    count, seed = COUNT if options.count is None else options.count, SEED if options.seed is None else options.seed
    for name, value in (("--count", count), ("--repeat", options.repeats)):
        if not 1 <= value <= MOST_CASES:
            raise ConfigurationError(name, value, f"1 to {MOST_CASES:,}")
    if seed < 0:
        raise ConfigurationError("--seed", seed, "0 or more")
    fixed = dict(parameter_given(text, description) for text in options.given)
    return cases_of(description, Request(Design(options.design), count, seed, fixed))


def _in_memory(options: Options, description: Description, cases: Cases, console: Console) -> Ran | None:
    shard = shard_given(options.shard, options.output)
    with tempfile.TemporaryDirectory(prefix="chelu-scenario-") as scratch, bar(console, "cases", len(cases)) as advance:
        directory = options.output / "chunks" if options.output is not None else Path(scratch)
        verdicts = sweep(description, cases, directory, device=options.device, workers=options.workers, shard=shard, tell=advance)
        if verdicts is None:
            return None
        shown = verdicts.worst_runs(SHOWN_RUNS)
        trace = traces_of(description, cases, chunks(description, cases, directory, options.device), shown)
    return Ran(verdicts, trace, shown)


_RUNS: Mapping[str, Callable[[Options, Description, Cases, Console], Ran | None]] = {
    "memory": _in_memory,
    "platform": through_platform,
    "loop": in_the_loop,
    "recording": replayed,
}
