"""What the demo shows while it runs: a map of dots, counts per stream, and the latest warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import ConsoleDimensions, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evaluation.demo import dotmap

MOST_COLUMNS, LEAST_COLUMNS = 64, 16
COUNTS_COLUMNS = 44  # what the counts and the warnings need beside the map
FRAME_COLUMNS, FRAME_ROWS = 4, 2  # the map's border
GAP_COLUMNS = 2
BAR_ROWS = 1
WARNINGS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of the demo: positions (n, 2) in local metres; counts by stream; warnings as sentences, oldest first."""

    elapsed_s: float
    total_s: float
    vehicles: npt.NDArray[np.float64]
    pedestrians: npt.NDArray[np.float64]
    warned: npt.NDArray[np.float64]
    published: Mapping[str, int]
    stored: Mapping[str, int]
    dropped: Mapping[str, int]
    warnings: Sequence[str]


class Screen:
    """Draws snapshots over a base map of road points (n, 2), as large as fits a terminal of `size`."""

    def __init__(self, roads: npt.NDArray[np.float64], size: ConsoleDimensions) -> None:
        self._columns, self._rows = map_size(roads, size)
        self._frame = dotmap.frame_of(roads, self._columns, self._rows)
        self._roads = self._dots(roads)

    def draw(self, now: Snapshot) -> RenderableType:
        """The whole picture of one moment."""
        layers = [
            (self._roads, "grey35"),
            (self._dots(now.pedestrians), "yellow"),
            (self._dots(now.vehicles), "bright_cyan"),
            (self._dots(now.warned), "bold bright_red"),
        ]
        width = self._columns + FRAME_COLUMNS
        columns = Table.grid(padding=(0, GAP_COLUMNS, 0, 0))
        columns.add_column(width=width)
        columns.add_column(width=COUNTS_COLUMNS)
        columns.add_row(Panel(dotmap.text(layers), title="live picture", width=width), Group(_counts(now), _warnings(now)))
        bar = ProgressBar(
            total=now.total_s, completed=min(now.elapsed_s, now.total_s), width=width + GAP_COLUMNS + COUNTS_COLUMNS
        )
        return Group(columns, bar)

    def _dots(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        return dotmap.dots(points, self._frame, self._columns, self._rows)


def map_size(roads: npt.NDArray[np.float64], size: ConsoleDimensions) -> tuple[int, int]:
    """Columns and rows of the map: beside the counts, above the bar, and no larger than the roads' own shape needs."""
    columns = size.width - COUNTS_COLUMNS - GAP_COLUMNS - FRAME_COLUMNS
    columns = min(max(columns, LEAST_COLUMNS), MOST_COLUMNS)
    wide, high = np.ptp(roads, axis=0)
    wanted = int(np.ceil(columns * dotmap.DOTS_WIDE * high / max(wide, 1e-9) / dotmap.DOTS_HIGH)) + 1
    return columns, max(1, min(wanted, size.height - FRAME_ROWS - BAR_ROWS - 1))


def _counts(now: Snapshot) -> RenderableType:
    table = Table(
        "rows", "published", "stored", "dropped", box=None, pad_edge=False, title=f"{now.elapsed_s:.0f} of {now.total_s:.0f} s"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for stream in now.published:
        counts = (now.published[stream], now.stored.get(stream, 0), now.dropped.get(stream, 0))
        table.add_row(stream, *(f"{count:,}" for count in counts))
    return Group(table, Text(f"in the picture: {len(now.vehicles):,} vehicles, {len(now.pedestrians):,} pedestrians"))


def _warnings(now: Snapshot) -> RenderableType:
    lines = [Text(line) for line in now.warnings[-WARNINGS_SHOWN:]]
    return Panel(Group(*lines) if lines else Text("none yet", style="dim"), title="latest warnings")
