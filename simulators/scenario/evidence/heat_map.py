"""A sweep over two parameters at a glance: how many cases of each cell passed, and the boundary between pass and fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulators.scenario.evidence.header import number
from simulators.scenario.evidence.shown import Evidence, varying
from simulators.scenario.evidence.svg import drawing, element, text
from simulators.scenario.trace import Floats
from simulators.scenario.verdict import Outcome

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 720.0, 90.0, 20.0, 10.0, 46.0
MOST_CELLS, LEAST_BINS, MOST_BINS = 40, 4, 20  # along one axis; more values than the first are put into bins


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter: what its cells are called, and in which of them each run is (n,)."""

    name: str
    labels: tuple[str, ...]
    cell: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells (rows of y, columns of x): how many runs, how many of them passed, how many were judged."""

    x: Axis
    y: Axis
    runs: Floats
    passed: Floats
    judged: Floats

    @property
    def share(self) -> Floats:
        """Of judged runs, how many did not pass; NaN where none was judged."""
        return np.where(self.judged > 0, 1.0 - self.passed / np.maximum(self.judged, 1.0), np.nan)


def grid(evidence: Evidence) -> Grid | None:
    """Over the two parameters with most values (the others are put together); None where fewer than one varies."""
    names = sorted(varying(evidence.parameters), key=lambda name: -len(np.unique(evidence.parameters[name])))[:2]
    if not names:
        return None
    x = _axis(names[0], evidence.parameters[names[0]])
    y = _axis(names[1], evidence.parameters[names[1]]) if len(names) > 1 else Axis("", ("",), np.zeros_like(x.cell))
    outcome = evidence.verdicts.outcome
    shape = len(y.labels), len(x.labels)

    def counted(mask: npt.NDArray[np.bool_]) -> Floats:
        found = np.zeros(shape)
        np.add.at(found, (y.cell[mask], x.cell[mask]), 1.0)
        return found

    passed = outcome == Outcome.PASS
    return Grid(x, y, counted(np.ones_like(passed)), counted(passed), counted(passed | (outcome == Outcome.FAIL)))


def _axis(name: str, column: Floats) -> Axis:
    values = np.unique(column)
    if len(values) <= MOST_CELLS:
        return Axis(name, tuple(number(value) for value in values.tolist()), np.searchsorted(values, column).astype(np.int64))
    bins = int(np.clip(np.sqrt(len(values)), LEAST_BINS, MOST_BINS))  # of two axes: about one case in each cell
    edges = np.linspace(values[0], values[-1], bins + 1)
    cell = np.clip(np.searchsorted(edges, column, side="right") - 1, 0, bins - 1)
    return Axis(name, tuple(number(float(middle), 3) for middle in (edges[1:] + edges[:-1]) / 2.0), cell.astype(np.int64))


def heat_map(found: Grid) -> str:
    """One drawing; darker: fewer passed; the thick line: where some fail and none does."""
    rows, columns = found.runs.shape
    cell_x = (WIDTH - LEFT - RIGHT) / columns
    cell_y = min(max(cell_x * 0.6, 14.0), 34.0, 420.0 / rows) if rows > 1 else 34.0
    height = TOP + cell_y * rows + BOTTOM
    parts = [*_cells(found, cell_x, cell_y), *_boundary(found, cell_x, cell_y), *_labels(found, cell_x, cell_y, height)]
    names = f"{found.x.name}{f' and {found.y.name}' if found.y.name else ''}"
    return drawing(parts, WIDTH, height, f"Share of cases that failed, by {names}", "heat-map")


def _cells(found: Grid, cell_x: float, cell_y: float) -> Iterator[str]:
    rows = len(found.y.labels)
    for row, column in np.argwhere(found.runs > 0).tolist():
        share = float(found.share[row, column])
        judged = int(found.judged[row, column])
        failed = judged - int(found.passed[row, column])
        said = element("title", _said(found, row, column, failed, judged))
        yield element(
            "rect", said, x=LEFT + column * cell_x, y=TOP + (rows - 1 - row) * cell_y, width=cell_x, height=cell_y,
            class_="cell none" if np.isnan(share) else "cell fail" if share > 0 else "cell pass",
            style=None if np.isnan(share) or share == 0 else f"fill-opacity:{0.35 + 0.65 * share:.2f}",
        )  # fmt: skip


def _said(found: Grid, row: int, column: int, failed: int, judged: int) -> str:
    place = f"{found.x.name} {found.x.labels[column]}"
    place += f", {found.y.name} {found.y.labels[row]}" if found.y.name else ""
    return f"{place}: {failed} of {judged} failed" if judged else f"{place}: not judged"


def _boundary(found: Grid, cell_x: float, cell_y: float) -> Iterator[str]:
    """Between neighbours of which one has failures and the other has none."""
    rows = len(found.y.labels)
    fails, known = np.nan_to_num(found.share) > 0, found.judged > 0
    for row, column in np.argwhere((fails[:, 1:] != fails[:, :-1]) & known[:, 1:] & known[:, :-1]).tolist():
        x, y = LEFT + (column + 1) * cell_x, TOP + (rows - 1 - row) * cell_y
        yield element("line", x1=x, x2=x, y1=y, y2=y + cell_y, class_="boundary")
    for row, column in np.argwhere((fails[1:] != fails[:-1]) & known[1:] & known[:-1]).tolist():
        x, y = LEFT + column * cell_x, TOP + (rows - 1 - row) * cell_y
        yield element("line", x1=x, x2=x + cell_x, y1=y, y2=y, class_="boundary")


def _labels(found: Grid, cell_x: float, cell_y: float, height: float) -> Iterator[str]:
    rows, columns = len(found.y.labels), len(found.x.labels)
    base = TOP + rows * cell_y
    for column in range(0, columns, max(1, round(46.0 / cell_x))):
        yield text(found.x.labels[column], LEFT + (column + 0.5) * cell_x, base + 16.0, class_="tick", text_anchor="middle")
    for row in range(0, rows, max(1, round(16.0 / cell_y))):
        middle = TOP + (rows - 1 - row + 0.5) * cell_y
        yield text(found.y.labels[row], LEFT - 8.0, middle + 4.0, class_="tick", text_anchor="end")
    yield text(found.x.name, (LEFT + WIDTH - RIGHT) / 2.0, height - 8.0, class_="plot-title", text_anchor="middle")
    if found.y.name:
        middle = TOP + rows * cell_y / 2.0
        yield text(
            found.y.name, 16.0, middle, class_="plot-title", text_anchor="middle", transform=f"rotate(-90 16 {middle:.1f})"
        )
