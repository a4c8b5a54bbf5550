"""What a sweep found: a line for each grid and driver, and a document with a row for each case."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from chelu.local.files import writing
from simulators.scenario.r157.grids import cases_of
from simulators.scenario.r157.sweep import Outcome


def table(outcomes: Sequence[Outcome]) -> Table:
    """Collisions by grid and driver."""
    found = Table("grid", "driver", box=None, pad_edge=False, header_style="bold")
    for name in ("cases", "collisions", "share"):
        found.add_column(name, justify="right")
    for one in outcomes:
        count = len(one.sweep)
        found.add_row(one.sweep.grid, one.sweep.driver, f"{count:,}", f"{one.collisions:,}", f"{one.collisions / count:.1%}")
    return found


def rows(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """One case each; speeds in km/h, as the grids are published."""
    columns = {name: column.round(2).tolist() for name, column in cases_of(outcome.sweep.grid).columns().items()}
    names, head = tuple(columns), {"grid": outcome.sweep.grid.value, "model": outcome.sweep.driver}
    for values, has_collided in zip(zip(*columns.values(), strict=True), outcome.has_collided.tolist(), strict=True):
        yield {**head, **dict(zip(names, values, strict=True)), "collision": has_collided}


def write(outcomes: Sequence[Outcome], file: Path) -> None:
    """A JSON document: `summary`, and `cases` a line each, so that a text tool can read them too."""
    summary = [
        {"grid": one.sweep.grid.value, "model": one.sweep.driver, "cases": len(one.sweep), "collisions": one.collisions}
        for one in outcomes
    ]
    with writing(file), file.open("w", encoding="utf-8") as out:
        out.write('{"summary": ' + json.dumps(summary) + ',\n"cases": [\n')
        out.write(",\n".join(json.dumps(row) for one in outcomes for row in rows(one)))
        out.write("\n]}\n")
