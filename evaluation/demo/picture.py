"""The demo's picture: the district by decks, where vehicles drove, and where warnings were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from evaluation.demo.summary import NAMES

Points = npt.NDArray[np.float64]

DECK_COLOURS = ("#c9ced6", "#9db4d3", "#6f8fbf", "#486ba3", "#2c4a80", "#172f5c")
APPLICATION_MARKS = {"fcw": ("v", "#d62728"), "icw": ("X", "#ff7f0e")}
OTHER_MARK = ("o", "#9467bd")
LEGEND_DOT = 30.0  # points², so that dots too small for a legend show their colour there


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything the picture shows, in local metres.

    lanes: polylines (k, 2) with their deck; tracks, pedestrians: (n, 2), drawn as dots; warnings: by application (m, 2);
    staged: a place (2,) for each label.
    """

    lanes: Sequence[Points]
    decks: Sequence[int]
    tracks: Points
    pedestrians: Points
    warnings: Mapping[str, Points]
    staged: Mapping[str, Points]
    caption: str


def draw(drawing: Drawing, file: Path) -> None:
    """Write the picture as PNG (matplotlib's own renderer, no screen needed)."""
    figure = Figure(figsize=(12, 9), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for deck in sorted(set(drawing.decks)):
        lanes = [lane for lane, its_deck in zip(drawing.lanes, drawing.decks, strict=True) if its_deck == deck]
        colour = DECK_COLOURS[deck % len(DECK_COLOURS)]
        axes.add_collection(LineCollection(lanes, colors=colour, linewidths=1.6, zorder=1 + deck, label=f"deck {deck}"))
    axes.scatter(
        drawing.tracks[:, 0], drawing.tracks[:, 1], s=0.4, c="#1b9e77", alpha=0.35, linewidths=0, zorder=20, label="vehicles"
    )
    axes.scatter(
        drawing.pedestrians[:, 0], drawing.pedestrians[:, 1], s=1.5, c="#e7a800", linewidths=0, zorder=21, label="pedestrians"
    )
    for application, points in drawing.warnings.items():
        marker, colour = APPLICATION_MARKS.get(application, OTHER_MARK)
        label = f"{NAMES.get(application, application)} warnings ({len(points)})"
        axes.scatter(
            points[:, 0], points[:, 1], s=46, c=colour, marker=marker, edgecolors="black", linewidths=0.5, zorder=30, label=label
        )
    for name, place in drawing.staged.items():
        axes.annotate(
            name,
            (float(place[0]), float(place[1])),
            xytext=(14, 14),
            textcoords="offset points",
            fontsize=9,
            zorder=40,
            arrowprops={"arrowstyle": "-", "lw": 0.8},
            bbox={"boxstyle": "round", "fc": "white", "alpha": 0.85},
        )
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.set(xlabel="east, m", ylabel="north, m", title=drawing.caption)
    _legend(figure)
    figure.savefig(file)


def _legend(figure: Figure) -> None:
    """Below the map, where it covers no road."""
    legend = figure.legend(loc="outside lower center", ncols=4, fontsize=9)
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([LEGEND_DOT])
            handle.set_alpha(1.0)
        elif isinstance(handle, LineCollection):
            handle.set_linewidth(3.0)
