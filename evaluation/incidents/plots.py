"""What was found of staged incidents, by kind and share of vehicles that speak, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#2c4a80", "#ff7f0e", "#2ca02c")


def draw(trials: Mapping[str, Mapping[str, Any]], directory: Path) -> Path:
    """Share found and seconds to detect; returns the file."""
    directory.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    kinds = list(next(iter(trials.values()))["kinds"])
    panels = zip(
        figure.subplots(1, 2),
        ("detection_percent", "seconds_to_detect_p50"),
        ("found, %", "seconds to detect, median"),
        strict=True,
    )
    for axes, field, title in panels:
        for number, (share, trial) in enumerate(trials.items()):
            values = [trial["kinds"][kind][field] or 0.0 for kind in kinds]
            axes.bar(np.arange(len(kinds)) + 0.27 * (number - 1), values, 0.25, color=COLOURS[number], label=f"{share} % speak")
        axes.set_xticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds])
        axes.set_title(title, loc="left")
        axes.grid(visible=True, axis="y", color="#e5e5e5")
        axes.set_axisbelow(True)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(trials), frameon=False)
    file = directory / "incidents.png"
    figure.savefig(file, dpi=110)
    return file
