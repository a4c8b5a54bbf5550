"""Pictures of a judgement: labelled series with alarms, a staged fault of each kind, detection against false alarms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from chelu.messages import Batch
from evaluation.anomalies.labelled import Labelled
from evaluation.anomalies.methods import OURS, Ours
from services.inference.city.anomalies.detector import Change, Kind
from services.inference.city.anomalies.parameters import AnomalyParameters

COLOURS = ("#2c4a80", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b")
OF_KIND = {Kind.SPIKE: "#d62728", Kind.SHIFT: "#ff7f0e", Kind.DRIFT: "#9467bd", Kind.FROZEN: "#17becf"}
LABEL = "#2ca02c"
_AROUND_DAYS = 1.0


def draw(
    document: Mapping[str, Any], labelled: Labelled | None, made: Labelled, parameters: AnomalyParameters, directory: Path
) -> list[Path]:
    """Draw all into the directory; returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    ours, files = Ours(parameters), []
    if labelled is not None:
        files.append(_labelled(document["labelled"][OURS], labelled, ours, directory / "anomalies_labelled.png"))
    files.append(_kinds(made, ours, document["staged"][OURS]["sensitivity"], directory / "anomalies_kinds.png"))
    files.append(_trade(document["staged"], directory / "anomalies_trade.png"))
    return files


def _labelled(found: Mapping[str, Any], labelled: Labelled, ours: Ours, file: Path) -> Path:
    figure = _figure(10, 2.6 * len(labelled.names))
    for at, axes in enumerate(np.atleast_1d(figure.subplots(len(labelled.names), 1))):
        name = labelled.names[at]
        rows = ours.changes(labelled.of([at]), found["sensitivity"][name])
        _plain_axes(axes, f"{name}: alarms, and the labelled windows in green", "days")
        _series(axes, labelled, at, rows.take(rows["series"] == 0), slice(0, labelled.rows[at]))
    _legend(figure)
    return _saved(figure, file)


def _kinds(made: Labelled, ours: Ours, sensitivity: float, file: Path) -> Path:
    """For each kind the first staged fault with a day on both sides."""
    figure, rows = _figure(10, 9), ours.changes(made, sensitivity)
    kinds = [kind for kind in Kind if kind is not Kind.NONE]
    for kind, axes in zip(kinds, figure.subplots(len(kinds), 1), strict=True):
        at = next(at for at, windows in enumerate(made.windows) if windows and windows[0].kind is kind)
        window, around = made.windows[at][0], round(_AROUND_DAYS * 288)
        part = slice(window.first - around, window.last + around)
        _plain_axes(axes, f"staged: {kind.name.lower()}", "days")
        _series(axes, made, at, rows.take(rows["series"] == at), part)
    _legend(figure)
    return _saved(figure, file)


def _series(axes: Axes, labelled: Labelled, at: int, rows: Batch, part: slice) -> None:
    days = (labelled.time_us[:, at] - labelled.time_us[0, at]) / 86_400e6
    axes.plot(days[part], labelled.values[part, at], color="#555555", linewidth=0.7)
    for window in labelled.windows[at]:
        if window.last >= part.start and window.first < part.stop:
            axes.axvspan(days[window.first], days[min(window.last, part.stop - 1)], color=LABEL, alpha=0.15)
    for row, kind, change in zip(*(rows[one].tolist() for one in ("row", "kind", "change")), strict=True):
        if part.start <= row < part.stop and change <= Change.UPDATED:
            axes.axvline(days[row], color=OF_KIND[Kind(kind)], linewidth=1.2)
    axes.set_xlim(days[part.start], days[part.stop - 1])


def _trade(found: Mapping[str, Mapping[str, Any]], file: Path) -> Path:
    figure = _figure(7, 4.5)
    axes = figure.subplots()
    _plain_axes(axes, "staged series: each method at every sensitivity", "false alarms a day and series")
    for (name, one), colour in zip(found.items(), COLOURS, strict=False):
        points = sorted((trade["false_alarms_a_day"], trade["detection_percent"]) for trade in one["trade"].values())
        axes.plot(*zip(*points, strict=True), "o-", color=colour, label=name, markersize=4)
    axes.set_xscale("symlog", linthresh=0.01)
    axes.set_ylabel("found, %")
    axes.set_ylim(0, 102)
    axes.legend()
    return _saved(figure, file)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plain_axes(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel(below)
    axes.grid(visible=True, color="#e5e5e5")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _legend(figure: Figure) -> None:
    lines = [figure.axes[0].plot([], [], color=colour, label=kind.name.lower())[0] for kind, colour in OF_KIND.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), frameon=False)


def _saved(figure: Figure, file: Path) -> Path:
    figure.savefig(file, dpi=110)
    return file
