"""The forecast of traffic as fans beside what was read: of the sensor and the hours in which most changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evaluation.forecast.judge import Forecaster
from services.inference.city.forecast.readings import Readings, Values

SHOWN_S = 6 * 3600
EVERY_S = 3600  # from one fan to the next: each is an hour long
SENSORS = 3
SMOOTH_S = 3600


def fans(file: Path, test: Readings, forecast: Forecaster, quantity: str = "reading") -> bool:
    """Up to three sensors; forecast: of all steps of an hour, with the middle and an interval. False: there is none to draw.

    quantity: what is read, with its unit.
    """
    shown = chosen(test)
    if not shown:
        return False
    figure = Figure(figsize=(10, 0.6 + 2.2 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    ahead = EVERY_S // test.step_s
    for axes, (sensor, begin) in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown, strict=True):
        rows = np.arange(begin, begin + SHOWN_S // test.step_s, ahead)
        told = forecast(test, rows)[:, sensor]  # (r, h, 3)
        span = np.arange(begin - ahead, rows[-1] + ahead + 1)
        hours = (span - begin) * test.step_s / 3600.0
        axes.plot(hours, test.values[span, sensor], color="#333333", linewidth=1.2, label="read")
        for row, (low, middle, high) in zip(rows.tolist(), told.transpose(0, 2, 1), strict=True):
            at = (row - begin + np.arange(ahead + 1)) * test.step_s / 3600.0
            now = test.values[row, sensor]
            axes.fill_between(at, np.r_[now, low[:ahead]], np.r_[now, high[:ahead]], color="#9db7e0", label="80 % interval")
            axes.plot(at, np.r_[now, middle[:ahead]], color="#2c4a80", linewidth=1.8, label="foretold at the fan's tip")
            axes.plot(at[0], now, "o", color="#2c4a80", markersize=4)
        axes.set_title(f"sensor {test.sensors[sensor]}", loc="left", fontsize=10)
        axes.set(ylabel=quantity, xlim=(hours[0], hours[-1]))
        axes.grid(color="#e5e5e5")
        axes.set_axisbelow(True)
    figure.axes[-1].set_xlabel("hours since the first fan")
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines[:3], names[:3], loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle("An hour ahead, told once an hour: where readings changed most", x=0.01, ha="left", fontsize=11)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    return True


def chosen(test: Readings) -> list[tuple[int, int]]:
    """Sensor and first row of the stretches in which smoothed readings deviate most from their mean; each sensor once."""
    length, smooth, margin = SHOWN_S // test.step_s, SMOOTH_S // test.step_s, EVERY_S // test.step_s
    begins = np.arange(test.steps_a_day, len(test) - length - margin, margin)
    change = np.full((len(begins), len(test.sensors)), -np.inf)
    for at, begin in enumerate(begins.tolist()):
        stretch = test.values[begin - margin : begin + length + margin]
        deviation = _smoothed(stretch[margin:-margin], smooth).std(axis=0)
        change[at] = np.where(np.isfinite(stretch).all(axis=0), deviation, -np.inf)
    found: list[tuple[int, int]] = []
    while len(found) < SENSORS and np.isfinite(change.max(initial=-np.inf)):
        at, sensor = divmod(int(np.argmax(change)), change.shape[1])
        found.append((sensor, int(begins[at])))
        change[:, sensor] = -np.inf
        change[max(0, at - length // margin) : at + length // margin + 1] = -np.inf  # and another time of the recording
    return found


def _smoothed(values: Values, steps: int) -> Values:
    """Means (t, n) over so many steps."""
    total = np.cumsum(np.nan_to_num(values), axis=0)
    return np.asarray((total[steps:] - total[:-steps]) / np.float32(steps))
