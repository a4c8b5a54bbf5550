"""Writes the evidence of runs into a directory: report, JUnit, verdict, tables, recordings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from chelu.local.files import writing
from simulators.scenario.evidence.document import text
from simulators.scenario.evidence.header import Header
from simulators.scenario.evidence.junit import junit
from simulators.scenario.evidence.recording import recording
from simulators.scenario.evidence.report import SHOWN_RUNS, report
from simulators.scenario.evidence.shown import Evidence, worst
from simulators.scenario.evidence.tables import motion_table, runs_table
from simulators.scenario.trace import Floats, Trace
from simulators.scenario.verdict import Verdicts

REPORT, JUNIT, VERDICT, RUNS, MOTION = "report.html", "junit.xml", "verdict.json", "runs.parquet", "motion.parquet"


def write(
    directory: Path,
    trace: Trace,
    verdicts: Verdicts,
    header: Header,
    *,
    parameters: Mapping[str, Floats] | None = None,
    runs: Sequence[int] | None = None,
) -> list[Path]:
    """Make the directory and write everything; the files, the report first. Each is there whole or not at all. CannotStartError.

    Of a sweep whose traces are not kept, `trace` has the runs to be looked at (say, `verdicts.worst_runs(10)`, run again), `runs`
    says which of all they are, and `parameters` has the values of all runs. Recordings are made of the worst ten.
    """
    given = trace.parameters if parameters is None else parameters
    evidence = Evidence(header, verdicts, given, trace, tuple(range(trace.runs) if runs is None else runs))
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    written = [
        _put(directory / REPORT, report(evidence).encode()),
        _put(directory / JUNIT, junit(evidence)),
        _put(directory / VERDICT, text(evidence).encode()),
        _put(directory / RUNS, runs_table(evidence)),
        _put(directory / MOTION, motion_table(evidence)),
    ]
    return written + [_put(directory / f"run-{one.run}.mcap", recording(one)) for one in worst(evidence, SHOWN_RUNS)]


def _put(file: Path, data: bytes) -> Path:
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with writing(file):
            unfinished.write_bytes(data)
            unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return file
