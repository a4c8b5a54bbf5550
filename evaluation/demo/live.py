"""What the demo shows while it runs: a map of dots, counts per stream, and the latest warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evaluation.demo import dotmap

MAP_COLUMNS, MAP_ROWS = 64, 22
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
    """Draws snapshots over a base map of road points (n, 2)."""

    def __init__(self, roads: npt.NDArray[np.float64]) -> None:
        self._frame = dotmap.frame_of(roads, MAP_COLUMNS, MAP_ROWS)
        self._roads = self._dots(roads)

    def draw(self, now: Snapshot) -> RenderableType:
        """The whole picture of one moment."""
        layers = [
            (self._roads, "grey35"),
            (self._dots(now.pedestrians), "yellow"),
            (self._dots(now.vehicles), "bright_cyan"),
            (self._dots(now.warned), "bold bright_red"),
        ]
        columns = Table.grid(padding=(0, 2))
        columns.add_row(
            Panel(dotmap.text(layers), title="live picture", width=MAP_COLUMNS + 4), Group(_counts(now), _warnings(now))
        )
        bar = ProgressBar(total=now.total_s, completed=min(now.elapsed_s, now.total_s))
        return Group(columns, bar)

    def _dots(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        return dotmap.dots(points, self._frame, MAP_COLUMNS, MAP_ROWS)


def _counts(now: Snapshot) -> RenderableType:
    table = Table("rows", "published", "stored", "dropped", title=f"{now.elapsed_s:.0f} of {now.total_s:.0f} s")
    for column in table.columns[1:]:
        column.justify = "right"
    for stream in now.published:
        counts = (now.published[stream], now.stored.get(stream, 0), now.dropped.get(stream, 0))
        table.add_row(stream, *(f"{count:,}" for count in counts))
    table.add_section()
    table.add_row("vehicles", f"{len(now.vehicles):,}", "", "")
    return table


def _warnings(now: Snapshot) -> RenderableType:
    lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in now.warnings[-WARNINGS_SHOWN:]]
    return Panel(Group(*lines) if lines else Text("none yet", style="dim"), title="warnings")
