"""Signal controllers side by side: mean delay and stops of every one, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FIGURES = {"delay_s": "delay, s a vehicle", "stops": "stops a vehicle"}


def controllers(document: Mapping[str, Any], directory: Path, title: str) -> Path:
    """Of the runs of `chelu evaluate signals`; returns the file. The best mean delay stands first."""
    directory.mkdir(parents=True, exist_ok=True)
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for name, one in document["tasks"].items():
        by_name.setdefault(name.rpartition("/")[2], []).append(one)
    mean = {name: float(np.mean([one["delay_s"] for one in runs])) for name, runs in by_name.items()}
    names = sorted(mean, key=lambda name: mean[name], reverse=True)
    figure = Figure(figsize=(10, 0.42 * len(names) + 1.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (key, label) in zip(figure.subplots(1, len(FIGURES), sharey=True), FIGURES.items(), strict=True):
        values = [[one[key] for one in by_name[name]] for name in names]
        axes.barh(range(len(names)), [float(np.mean(each)) for each in values], color="#2c4a80", height=0.6)
        for row, each in enumerate(values):
            axes.plot(each, [row] * len(each), "o", color="#ff7f0e", markersize=3.5)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel(label)
        axes.grid(visible=True, axis="x", color="#e5e5e5")
        axes.set_axisbelow(True)
    runs = max(map(len, by_name.values()))
    told = f"{title}: means (bars) of {runs} seeds (dots)" if runs > 1 else f"{title}: one seed"
    figure.suptitle(told, x=0.01, ha="left", fontsize=11)
    file = directory / "signals_controllers.png"
    figure.savefig(file, dpi=110)
    return file
