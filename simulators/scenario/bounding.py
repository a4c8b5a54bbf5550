"""`chelu scenario boundary`: where along one parameter a scenario's verdict turns, for every combination of the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from chelu.errors import ConfigurationError
from chelu.local.files import writing
from chelu.local.targets import check_writable
from simulators.scenario.boundary import Boundary, boundary, ends_of
from simulators.scenario.cases import Cases, Design, Request, cases_of, parameter_given
from simulators.scenario.chunks import cases_per_chunk
from simulators.scenario.description import Description, Parameter
from simulators.scenario.devices import NONE
from simulators.scenario.judging import judge_driven
from simulators.scenario.library import source_of
from simulators.scenario.names import unknown
from simulators.scenario.performing import perform
from simulators.scenario.reading import refuse_impossible
from simulators.scenario.verdict import Codes, Outcome

SHOWN = 40


@dataclass(frozen=True, slots=True)
class Options:
    """The command's. along: a parameter, or NAME=LOW:HIGH; given, device: as of `chelu scenario run`."""

    what: str
    along: str
    tolerance: float
    given: Sequence[str] = ()
    json_file: Path | None = None
    device: str = NONE


def command(options: Options, console: Console) -> int:
    """Search, tell; 0."""
    source = source_of(options.what)
    description = source.description
    check_writable({"--json": options.json_file})
    name, along = _along(options.along, description)
    if not options.tolerance > 0:
        raise ConfigurationError("--tolerance", options.tolerance, "above 0")
    fixed = dict(parameter_given(text, description) for text in options.given)
    if name in fixed:
        raise ConfigurationError("--set", f"{name}=…", "another parameter than that of --along, which is searched")
    cases = cases_of(description, Request(Design.GRID, fixed={**fixed, name: Parameter(default=along.default)}))
    for some in ends_of(cases, name, along.low or 0.0, along.high or 0.0):
        refuse_impossible(source.text, source.file, description, some)
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        task = progress.add_task(f"{name}, {len(cases):,} combinations")
        found = boundary(
            lambda some: outcomes(description, some, options.device),
            cases,
            name,
            low=along.low or 0.0,
            high=along.high or 0.0,
            tolerance=options.tolerance,
            tell=lambda width: progress.update(task, description=f"{name}, {len(cases):,} combinations, within {width:.3g}"),
        )
    console.print(table(found))
    if options.json_file is not None:
        with writing(options.json_file):
            options.json_file.write_text(json.dumps(rows(found), indent=1), "utf-8")
        console.print(f"written: {options.json_file}")
    return 0


def _along(text: str, description: Description) -> tuple[str, Parameter]:
    """The parameter and its range: the description's own, or the one given."""
    name, sign, _ = text.partition("=")
    own = parameter_given(text, description)[1] if sign else description.parameters.get(name)
    if own is None:
        raise ConfigurationError("--along", text, unknown("parameter", name, description.parameters))
    if own.low is None or own.high is None:
        raise ConfigurationError("--along", text, "a parameter with a range, or NAME=LOW:HIGH")
    return name, own


def outcomes(description: Description, cases: Cases, device: str = NONE) -> Codes:
    """(n,) `Outcome` of each case; chunk by chunk."""
    size = cases_per_chunk(description, device)
    parts = []
    for start in range(0, len(cases), size):
        trace = perform(description, cases.take(slice(start, start + size)), device)
        parts.append(judge_driven(trace, description).outcome)
    return np.concatenate(parts)


def table(found: Boundary) -> Table:
    """A line for each combination, of the parameters that vary."""
    varying = [name for name, column in found.cases.columns.items() if name != found.along and len(np.unique(column)) > 1]
    shown = Table(*varying, box=None, pad_edge=False, header_style="bold")
    for name in (f"{found.along}: passes at", "does not at"):
        shown.add_column(name, justify="right")
    shown.add_column("but")
    for row in range(min(len(found.cases), SHOWN)):
        values = [f"{found.cases.columns[name][row]:g}" for name in varying]
        shown.add_row(*values, *_ends(found, row))
    if len(found.cases) > SHOWN:
        shown.caption = f"and {len(found.cases) - SHOWN:,} more: --json has all"
    return shown


def _ends(found: Boundary, row: int) -> tuple[str, str, str]:
    word = Outcome(int(found.beyond[row])).word
    if np.isfinite(found.passes[row]):
        return f"{found.passes[row]:.4g}", f"{found.fails[row]:.4g}", word
    return ("everywhere", "", "") if found.passes_throughout[row] else ("", "everywhere", word)


def rows(found: Boundary) -> list[dict[str, Any]]:
    """A document: the combination, between which values the verdict turns, null where it does not, and what it is beyond."""
    return [
        {
            **{name: float(column[row]) for name, column in found.cases.columns.items() if name != found.along},
            "along": found.along,
            "passes": float(found.passes[row]) if np.isfinite(found.passes[row]) else None,
            "fails": float(found.fails[row]) if np.isfinite(found.fails[row]) else None,
            "passes_throughout": bool(found.passes_throughout[row]),
            "beyond": Outcome(int(found.beyond[row])).word,
        }
        for row in range(len(found.cases))
    ]
