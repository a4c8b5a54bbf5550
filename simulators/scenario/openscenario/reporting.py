"""Which files of a collection can be imported, why the others cannot, and what comes of those that run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from chelu.errors import CheluError
from chelu.local.files import writing
from simulators.scenario.cases import Design, Request, cases_of
from simulators.scenario.description import Description
from simulators.scenario.engine import run
from simulators.scenario.metrics.metric import Question
from simulators.scenario.metrics.table import METRICS
from simulators.scenario.openscenario.catalogs import read_xml
from simulators.scenario.openscenario.importing import Options, imported
from simulators.scenario.openscenario.variations import variants
from simulators.scenario.trace import Trace


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run: when two touched (None: never) and who, the least distance of who is under test, how long it was."""

    contact_s: float | None
    contact: tuple[str, ...]
    minimum_distance_m: float | None
    ends_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """A file: kind (scenario, variation, catalogue), whether it can be imported, else why not; what it came to.

    variants, cases: of a variation, the scenarios that it makes, and all cases of their grids.
    """

    file: str
    kind: str
    can_run: bool
    why: str = ""
    notes: tuple[str, ...] = ()
    variants: int = 0
    cases: int = 0
    outcomes: tuple[Outcome, ...] = ()


def rows(files: Sequence[Path], options: Options, *, is_run: bool) -> Iterator[Row]:
    """File by file."""
    for path in files:
        try:
            yield _row(path, options, is_run=is_run)
        except (CheluError, OSError) as error:
            yield Row(str(path), "scenario", can_run=False, why=str(error).splitlines()[0])


def _row(path: Path, options: Options, *, is_run: bool) -> Row:
    root = read_xml(path)
    if root.first("Catalog") is not None:
        return Row(str(path), "catalogue", can_run=False)
    if root.first("ParameterValueDistribution") is not None:
        return _variation(path, options, is_run=is_run)
    found = imported(path, options)
    outcomes = (ran(found.description),) if is_run else ()
    return Row(str(path), "scenario", can_run=True, notes=found.notes, outcomes=outcomes)


def _variation(path: Path, options: Options, *, is_run: bool) -> Row:
    count, cases, outcomes = 0, 0, list[Outcome]()
    for one in variants(path, options):
        count, cases = count + 1, cases + len(cases_of(one.description, Request(Design.GRID)))
        if is_run:
            outcomes.append(ran(one.description))
    return Row(str(path), "variation", can_run=True, variants=count, cases=cases, outcomes=tuple(outcomes))


def ran(description: Description) -> Outcome:
    """What comes of the default case."""
    return outcome_of(run(description, cases_of(description, Request())))


def outcome_of(trace: Trace) -> Outcome:
    """Of the first run."""
    tested = next((row for row, one in enumerate(trace.actors) if one.is_under_test), 0)
    others = [row for row in range(len(trace.actors)) if row != tested]
    near = [METRICS["minimum_distance_m"].measure(Question(trace, (tested, other), trace.counts, {}, {})) for other in others]
    least = min((float(np.nanmin(np.where(trace.counts, one, np.inf)[:, 0])) for one in near), default=np.inf)
    contact, last = float(trace.contact_s[0]), float(trace.time_s[trace.last[0]])
    who = tuple(trace.actors[row].name for row in trace.contact[0].tolist() if row >= 0)
    return Outcome(
        round(contact, 3) if np.isfinite(contact) else None, who, round(least, 3) if np.isfinite(least) else None, round(last, 3)
    )


def reported(each: Iterable[Row], tell: Callable[[str], None], json_file: Path | None) -> int:
    """Say it, file by file as they come and in sum; 0 when every scenario can be run."""
    found = list[Row]()
    for row in each:
        found.append(row)
        if row.kind != "catalogue":
            tell(_line(row))
    scenarios = [row for row in found if row.kind != "catalogue"]
    can_run = sum(row.can_run for row in scenarios)
    catalogues = len(found) - len(scenarios)
    tell(f"{len(scenarios)} files, {can_run} can be run, {len(scenarios) - can_run} cannot; {catalogues} catalogues")
    reasons = Counter(_reason(row.why) for row in scenarios if not row.can_run)
    for reason, count in reasons.most_common():
        tell(f"  {count} × {reason}")
    if json_file is not None:
        with writing(json_file):
            json_file.write_text(json.dumps([asdict(row) for row in found], indent=1, ensure_ascii=False), "utf-8")
    return 0 if can_run == len(scenarios) else 1


def _line(row: Row) -> str:
    if not row.can_run:
        return f"{row.file}: cannot be run: {row.why}"
    said = f"{row.file}: runs" + (f", {row.variants} scenarios of {row.cases:,} cases" if row.variants else "")
    if len(row.outcomes) == 1:
        return f"{said}: {_told(row.outcomes[0])}"
    touched = sum(one.contact_s is not None for one in row.outcomes)
    return said + (f": {touched} of {len(row.outcomes)} with a contact" if row.outcomes else "")


def _told(one: Outcome) -> str:
    least = "alone" if one.minimum_distance_m is None else f"minimum distance {one.minimum_distance_m:.2f} m"
    if one.contact_s is None:
        return f"no contact in {one.ends_s:.2f} s, {least}"
    return f"contact of {' and '.join(one.contact)} at {one.contact_s:.2f} s, {least}"


def _reason(why: str) -> str:
    """Without the file and line: what several have in common."""
    return why.split(": ", 3)[-1][:100] if why.startswith("undecodable: ") else why[:100]
