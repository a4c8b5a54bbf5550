"""An outlook as fans beside what came: before a usual change, before one that is seldom, and before the greatest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from chelu.quantities import by_name
from evaluation.environment.outlooks import OURS, Forecast, Series, forecasts
from services.inference.city.environment.foretelling import known_as_log
from services.inference.city.environment.outlook import AHEAD, STEP_S

BACK = 48  # steps before: a day
SHOWN: Mapping[str, float] = {"as much as usually comes": 0.5, "more than 19 times in 20": 0.95, "the most that came": 1.0}


def draw(series: Series, quantity: str, name: str, unit: str, directory: Path) -> Path:
    """Forecasts by how much changed in the twelve hours after, each with the day before and what came; returns the file."""
    directory.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    shown = _chosen(series, is_log=known_as_log(by_name()[quantity].code))
    for axes, (words, one) in zip(figure.subplots(1, len(SHOWN)), shown.items(), strict=True):
        hours = (np.arange(-BACK, max(AHEAD) + 1)) * STEP_S / 3600.0
        ahead = np.r_[0.0, np.array(AHEAD) * STEP_S / 3600.0]
        now = series.values[one.at]
        axes.fill_between(ahead, np.r_[now, one.low], np.r_[now, one.high], color="#9db7e0", label="80 % interval, told at 0 h")
        axes.plot(ahead, np.r_[now, one.told[OURS]], color="#2c4a80", linewidth=1.8, label="middle, told at 0 h")
        axes.plot(hours, series.values[one.at - BACK : one.at + max(AHEAD) + 1], color="#333333", linewidth=1.2, label="read")
        axes.axvline(0.0, color="#999999", linewidth=0.8)
        axes.set_title(f"{words}: {one.came[-1] - now:+.3g} {unit} in {ahead[-1]:g} h", fontsize=10, loc="left")
        axes.set(xlabel="hours from now", xticks=range(-24, 13, 6), xlim=(hours[0], hours[-1]))
        axes.grid(visible=True, color="#e5e5e5")
        axes.set_axisbelow(True)
    figure.axes[0].set_ylabel(f"{name}, {unit}")
    figure.suptitle(
        f"{name}: outlooks by how much changed afterwards (each on a scale of its own)", x=0.01, ha="left", fontsize=11
    )
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    file = directory / f"environment_{quantity}.png"
    figure.savefig(file, dpi=110)
    return file


def _chosen(series: Series, *, is_log: bool) -> dict[str, Forecast]:
    """A forecast for each of `SHOWN`, the nearest to that share of all by their change, at least two days from the others."""
    every = [one for one in forecasts(series, is_log=is_log) if one.at >= BACK]
    ranked = sorted(every, key=lambda each: abs(each.came[-1] - series.values[each.at]))
    found: dict[str, Forecast] = {}
    for words, share in sorted(SHOWN.items(), key=lambda one: -one[1]):
        wanted = share * (len(ranked) - 1)
        near = np.argsort(np.abs(np.arange(len(ranked)) - wanted), kind="stable").tolist()
        apart = (ranked[place] for place in near if all(abs(ranked[place].at - one.at) > 2 * BACK for one in found.values()))
        found[words] = next(apart, ranked[near[0]])
    return {words: found[words] for words in SHOWN}
