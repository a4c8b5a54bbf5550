"""What `chelu bench` found as pictures (PNG): rate against cores, latency against load, memory over time, and the soak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

COLOURS = ("#2c4a80", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f")
BROKEN = "#d62728"
PERCENTILES = ("p50", "p95", "p99")
THOUSANDS = StrMethodFormatter("{x:,.0f}")


def draw(series: Mapping[str, Any], directory: Path) -> list[Path]:
    """Draw what there is series for; returns the files."""
    files = []
    for name, (drawing, height) in DRAWINGS.items():
        if name in series:
            figure = Figure(figsize=(8, height), layout="constrained")
            FigureCanvasAgg(figure)
            drawing(figure, series[name])
            files.append(directory / f"{name}.png")
            figure.savefig(files[-1], dpi=150)
    return files


def rate_against_cores(figure: Figure, layouts: Sequence[Mapping[str, Any]]) -> None:
    """A bar for each number of cores and workers."""
    axes = _axes(figure.subplots(), "highest rate that is kept up with", "", "rows stored a second")
    names = [f"{_many(one['cores'], 'core')},\n{_many(one['workers'], 'ingest worker')}" for one in layouts]
    bars = axes.bar(names, [one["rate_per_s"] for one in layouts], color=COLOURS[0], width=0.5)
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.margins(y=0.15)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(THOUSANDS)


def latency_against_load(figure: Figure, steps: Sequence[Mapping[str, Any]]) -> None:
    """Publish → stored over the rate offered; what was not kept up with is marked."""
    axes = _axes(figure.subplots(), "publish → stored against load", "rows offered a second", "ms")
    measured = [step for step in steps if step["latency_ms"]["p99"] is not None]
    offered = [step["offered_per_s"] for step in measured]
    for name, colour in zip(PERCENTILES, COLOURS, strict=False):
        axes.plot(offered, [step["latency_ms"][name] for step in measured], "o-", color=colour, label=name)
    broken = [step["offered_per_s"] for step in steps if not step["is_kept_up_with"]]
    if broken:
        axes.axvspan(min(broken), max(*broken, min(broken) * 1.02), color=BROKEN, alpha=0.12, label="not kept up with")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.set_ylim(bottom=1)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend()


def memory_over_time(figure: Figure, memory: Mapping[str, Any]) -> None:
    """Resident memory by part; the line is where growth is counted from."""
    axes = _axes(figure.subplots(), "memory under load (without what is shared)", "seconds", "MiB")
    _memory(axes, memory)
    begin = memory["seconds"][int(len(memory["seconds"]) * memory["settled_share"])]
    axes.axvline(begin, color="#999999", linestyle="--", linewidth=1, label="growth is counted from here")
    _from_zero(axes, room=1.3)
    axes.legend(ncols=3, loc="upper left")


def soak(figure: Figure, found: Mapping[str, Any]) -> None:
    """Rate, p99, memory and disk over time, one below the other."""
    rate, latency, memory, disk = figure.subplots(4, 1, sharex=True)
    minutes = [window["minute"] for window in found["windows"]]
    _axes(rate, f"soak: {found['offered_per_s']:,.0f} rows/s", "", "rows/s")
    rate.plot(minutes, [window["rate_per_s"] for window in found["windows"]], color=COLOURS[0])
    _from_zero(rate)
    rate.yaxis.set_major_formatter(THOUSANDS)
    _axes(latency, "", "", "p99, ms")
    latency.plot(minutes, [window["p99_ms"] for window in found["windows"]], color=COLOURS[1])
    _from_zero(latency)
    _axes(memory, "", "", "memory, MiB")
    _memory(memory, {"seconds": np.array(found["memory"]["seconds"]) / 60, "mb": found["memory"]["mb"]})
    _from_zero(memory, room=1.4)
    memory.legend(ncols=4, fontsize=8, loc="upper left")
    _axes(disk, "", "minutes", "disk, MiB")
    disk.plot(minutes, [window["disk_mb"] for window in found["windows"]], color=COLOURS[2])
    _from_zero(disk)
    disk.yaxis.set_major_formatter(THOUSANDS)


DRAWINGS: Mapping[str, tuple[Callable[[Figure, Any], None], float]] = {
    "rate_against_cores": (rate_against_cores, 4.5),
    "latency_against_load": (latency_against_load, 4.5),
    "memory_over_time": (memory_over_time, 4.5),
    "soak": (soak, 9.0),
}


def _memory(axes: Axes, memory: Mapping[str, Any]) -> None:
    for (name, values), colour in zip(memory["mb"].items(), COLOURS, strict=False):
        axes.plot(memory["seconds"], values, color=colour, label=name)


def _from_zero(axes: Axes, room: float = 1.1) -> None:
    """From zero to somewhat above the highest line."""
    axes.set_ylim(0, room * max(float(np.max(line.get_ydata())) for line in axes.lines if len(np.ravel(line.get_ydata())) > 2))


def _axes(axes: Axes, title: str, below: str, beside: str) -> Axes:
    axes.set_title(title, loc="left")
    axes.set_xlabel(below)
    axes.set_ylabel(beside)
    axes.grid(visible=True, color="#e5e5e5")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return axes


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
