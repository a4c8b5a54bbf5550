"""A uniform grid over boxes in the plane, as compressed rows: which boxes touch a cell, and which boxes meet each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


MAX_CELLS = 4_000_000  # 32 MB of row starts; wider networks get coarser cells


def expand(counts: Indices) -> tuple[Indices, Indices]:
    """Row and rank of each element when row ``i`` has ``counts[i]`` elements: rows (k,), ranks (k,)."""
    rows = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return rows, np.arange(len(rows)) - np.repeat(first, counts)


@dataclass(frozen=True, slots=True)
class Grid:
    """Boxes in cells of `cell_m`: the boxes of cell c are ``items[start[c]:start[c + 1]]``, c = row · columns + column."""

    low: Floats
    cell_m: float
    columns: int
    rows: int
    start: Indices
    items: Indices

    def candidates(self, points: Floats) -> tuple[Indices, Indices]:
        """Boxes in the cell that each point (n, 2) falls in: point index (k,), box index (k,), by point. NaN has none."""
        inside: npt.NDArray[np.bool_] = np.isfinite(points[:, 0]) & np.isfinite(points[:, 1])
        place = np.floor((np.where(inside[:, None], points, 0.0) - self.low) / self.cell_m)
        inside = inside & np.all((place >= 0) & (place < (self.columns, self.rows)), axis=1)
        cell = np.where(inside, place[:, 1] * self.columns + place[:, 0], 0).astype(np.int64)
        counts = np.where(inside, self.start[cell + 1] - self.start[cell], 0)
        rows, ranks = expand(counts)
        return rows, self.items[self.start[cell][rows] + ranks]

    def pairs(self) -> tuple[Indices, Indices]:
        """Every pair of boxes (i < j) that share a cell, once."""
        counts = np.diff(self.start)
        cells, ranks = expand(counts)
        others, other_ranks = expand(counts[cells])
        one, two = self.items[self.start[cells] + ranks][others], self.items[self.start[cells][others] + other_ranks]
        keep = one < two
        key = np.unique(one[keep] * (self.items.max(initial=0) + 1) + two[keep])
        return np.divmod(key, self.items.max(initial=0) + 1)


def grid_of(low: Floats, high: Floats, cell_m: float) -> Grid:
    """A grid of n boxes with corners low, high (n, 2); cells of at least `cell_m`."""
    if len(low) == 0:
        return Grid(np.zeros(2), cell_m, 1, 1, np.zeros(2, np.int64), np.empty(0, np.int64))
    origin = low.min(axis=0)
    cell_m = max(cell_m, float(np.sqrt(np.prod(high.max(axis=0) - origin) / MAX_CELLS)))
    first = np.floor((low - origin) / cell_m).astype(np.int64)
    last = np.floor((high - origin) / cell_m).astype(np.int64)
    columns, rows = (last.max(axis=0) + 1).tolist()
    span = last - first + 1
    box, rank = expand(span[:, 0] * span[:, 1])
    column, row = first[box, 0] + rank % span[box, 0], first[box, 1] + rank // span[box, 0]
    cell = row * columns + column
    order = np.argsort(cell, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=columns * rows))])
    return Grid(origin, cell_m, columns, rows, start.astype(np.int64), box[order])
