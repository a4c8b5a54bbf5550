"""The parts of a suite's items: cases of a scenario, a search for where something turns, a published grid."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simulators.scenario.boundary import boundary, ends_of
from simulators.scenario.bounding import outcomes
from simulators.scenario.cases import Cases, Design, Request, cases_of, parameter_given
from simulators.scenario.description import Description, Parameter
from simulators.scenario.devices import NONE
from simulators.scenario.engines import Task
from simulators.scenario.library import Source
from simulators.scenario.metrics.messages import first_s, raised
from simulators.scenario.performing import perform
from simulators.scenario.r157.grids import cases_of as cases_of_grid
from simulators.scenario.r157.sweep import Sweep
from simulators.scenario.r157.sweep import run as run_grids
from simulators.scenario.reading import refuse, refuse_impossible
from simulators.scenario.suite.checking import as_given, problems_of_suite, slug
from simulators.scenario.suite.description import Item, Reference, Turn, Warned
from simulators.scenario.suite.library import Found
from simulators.scenario.sweeping import Chunk, claim, digest
from simulators.scenario.sweeping import chunks as chunks_of
from simulators.scenario.verdict import Codes, Outcome

SHORT_TOLERANCE = 10.0  # times as coarse is where something turns searched for in the short form


@dataclass(frozen=True, slots=True)
class Search:
    """Where something turns in one case."""

    description: Description
    cases: Cases
    turn: Turn
    tolerance: float
    device: str
    file: Path

    def __len__(self) -> int:
        return 1

    def made(self) -> bytes:
        """The two values between which it turns, null where it does not, and as what it comes out where it does not hold."""
        found = boundary(
            self._outcomes, self.cases, self.turn.along, low=self.turn.low, high=self.turn.high, tolerance=self.tolerance
        )
        ends = [float(one[0]) if np.isfinite(one[0]) else None for one in (found.passes, found.fails)]
        said = {
            "holds": ends[0],
            "fails": ends[1],
            "throughout": bool(found.passes_throughout[0]),
            "beyond": int(found.beyond[0]),
        }
        return json.dumps(said).encode()

    def _outcomes(self, cases: Cases) -> Codes:
        if self.turn.warned is None:
            return outcomes(self.description, cases, self.device)
        came = is_warned(self.description, cases, self.turn.warned, self.device)
        return np.where(came, Outcome.PASS, Outcome.FAIL).astype(np.int8)


def is_warned(description: Description, cases: Cases, wanted: Warned, device: str) -> npt.NDArray[np.bool_]:
    """(n,): whether the warning came."""
    trace = perform(description, cases, device)
    warnings = raised(trace, wanted.application, wanted.host)
    return np.zeros(trace.runs, np.bool_) if warnings is None else np.isfinite(first_s(trace, warnings))


@dataclass(frozen=True, slots=True)
class GridRun:
    """A published grid met by one driver."""

    reference: Reference
    file: Path

    def __len__(self) -> int:
        return len(cases_of_grid(self.reference.grid))

    def made(self) -> bytes:
        """How many of its cases end in a collision."""
        (outcome,) = run_grids([Sweep(self.reference.grid, self.reference.driver)])
        return json.dumps({"collisions": outcome.collisions}).encode()


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item with its parts; chunks: those of them that are runs; source, cases, device: of its scenario, if it has one."""

    item: Item
    directory: Path
    tasks: Sequence[Task]
    chunks: Sequence[Chunk] = ()
    source: Source | None = None
    cases: Cases | None = None
    device: str = NONE

    def documents(self) -> list[Mapping[str, Any]]:
        """What its parts put into their files, of those that hold JSON."""
        return [json.loads(task.file.read_bytes()) for task in self.tasks]


def prepared(found: Found, directory: Path, device: str, *, is_short: bool) -> list[Prepared]:
    """All items, each in a directory of its own below.

    ConfigurationError and ScenarioError for what cannot be run; OtherSweepError.
    """
    refuse(found.text, str(found.file), problems_of_suite(found))
    items = [one for one in found.suite.items if one.short or not is_short]
    return [_prepared(found, one, directory / slug(one), device, is_short=is_short) for one in items]


def _prepared(found: Found, item: Item, directory: Path, device: str, *, is_short: bool) -> Prepared:
    if item.r157 is not None:
        claim(directory, {"grid": item.r157.grid.value, "driver": item.r157.driver})
        return Prepared(item, directory, [GridRun(item.r157, directory / "grid.json")])
    source, device = found.source(item), item.device or device
    description = source.description
    cases = cases_of(description, request_of(description, item, is_short=is_short))
    for some in [cases] if item.turns is None else ends_of(cases, item.turns.along, item.turns.low, item.turns.high):
        refuse_impossible(source.text, source.file, description, some)
    about = {"scenario": description.scenario, "cases": len(cases), "hash": digest(description, cases), "device": device}
    if item.turns is None:
        claim(directory, about)
        parts = chunks_of(description, cases, directory, device)
        return Prepared(item, directory, parts, parts, source, cases, device)
    tolerance = item.turns.tolerance
    if is_short:
        tolerance = min(tolerance * SHORT_TOLERANCE, (item.turns.within or np.inf) / 2.0)
    claim(directory, {**about, "turns": item.turns.model_dump(), "tolerance": tolerance})
    search = Search(description, cases.take(slice(0, 1)), item.turns, tolerance, device, directory / "turn.json")
    return Prepared(item, directory, [search], (), source, cases, device)


def request_of(description: Description, item: Item, *, is_short: bool) -> Request:
    """Only what is set varies; in the short form nothing does."""
    given = dict(parameter_given(f"{name}={as_given(value)}", description) for name, value in item.set.items())
    if is_short:
        given = {name: Parameter(default=one.default) for name, one in given.items()}
    others = {name: Parameter(default=one.default) for name, one in description.parameters.items() if name not in given}
    return Request(Design.GRID, fixed={**others, **given})
