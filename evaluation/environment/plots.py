"""A river's outlook as a fan, beside what came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from chelu.quantities import by_name
from evaluation.environment.outlooks import OURS, Forecast, Series, forecasts
from services.inference.city.environment.foretelling import known_as_log
from services.inference.city.environment.outlook import AHEAD, STEP_S

BACK = 96  # steps before
SHOWN = 3


def draw(series: Series, quantity: str, unit: str, title: str, directory: Path) -> Path:
    """The forecasts before the steepest changes, each with the day before and what came; returns the file."""
    directory.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, one in zip(
        figure.subplots(1, SHOWN, sharey=True), _chosen(series, is_log=known_as_log(by_name()[quantity].code)), strict=True
    ):
        hours = (np.arange(-BACK, max(AHEAD) + 1)) * STEP_S / 3600.0
        ahead = np.r_[0.0, np.array(AHEAD) * STEP_S / 3600.0]
        now = series.values[one.at]
        axes.fill_between(ahead, np.r_[now, one.low], np.r_[now, one.high], color="#9db7e0", label="80 % interval")
        axes.plot(hours, series.values[one.at - BACK : one.at + max(AHEAD) + 1], color="#333333", linewidth=1.2, label="read")
        axes.plot(ahead, np.r_[now, one.told[OURS]], color="#2c4a80", linewidth=1.8, label="foretold")
        axes.axvline(0.0, color="#999999", linewidth=0.8)
        axes.set_xlabel("hours from now")
        axes.grid(visible=True, color="#e5e5e5")
    figure.axes[0].set_ylabel(unit)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    file = directory / f"environment_{quantity}.png"
    figure.savefig(file, dpi=110)
    return file


def _chosen(series: Series, *, is_log: bool) -> list[Forecast]:
    """Three forecasts before much changed, some days from one another, in order."""
    every = [one for one in forecasts(series, is_log=is_log) if one.at >= BACK]
    found: list[Forecast] = []
    for one in sorted(every, key=lambda each: -abs(each.came[-1] - series.values[each.at])):
        if all(abs(one.at - other.at) > 2 * BACK for other in found):
            found.append(one)
        if len(found) == SHOWN:
            break
    return sorted(found, key=lambda each: each.at)
