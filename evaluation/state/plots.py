"""Traffic state as pictures (PNG): a time–space diagram, the network over time, errors against the share of probes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from chelu.roads.network import RoadNetwork
from evaluation.state.drive import WARM_UP_S
from evaluation.state.judge import BASE_US, MINUTE_S, Drive, Floats, mean_speed_mps
from evaluation.state.truth import Truth
from services.inference.city.state.layout import Scope
from services.inference.city.state.monitor import Result
from services.inference.reports import Ints

if TYPE_CHECKING:
    from evaluation.state.day import Minute

CORRIDOR = "camellia"  # northward, over six junctions
SHOWN_S = 600
COLOURS = ("#2c4a80", "#ff7f0e", "#2ca02c")
SLOW_TO_FAST = LinearSegmentedColormap.from_list("slow to fast", ["#b2182b", "#ef8a2a", "#1a7a3a"])  # dark on white throughout
LEVELS = ("free", "mostly free", "slightly congested", "congested", "severely congested")  # two units of the index each
LEVEL_COLOURS = ("#e4f2e4", "#f3f6d8", "#fdf0d0", "#fbdcc8", "#f4c6c6")


def time_space(file: Path, network: RoadNetwork, drive: Drive) -> None:
    """Every vehicle on the avenue northward: where it is over time, coloured by its speed; lines where segments end."""
    begin_m, ends = _corridor(network)
    lane = drive.columns["lane"].astype(np.int64)
    link = np.where(lane >= 0, network.lanes.link[np.maximum(lane, 0)], -1)
    shown = (begin_m[link] >= 0) & (drive.columns["time_s"] >= WARM_UP_S) & (drive.columns["time_s"] <= WARM_UP_S + SHOWN_S)
    rows = np.flatnonzero(shown)
    along = begin_m[link[rows]] + _offsets(network, lane[rows], np.column_stack([drive.columns[axis][rows] for axis in "xy"]))
    order = np.lexsort((drive.columns["time_s"][rows], drive.columns["vehicle"][rows]))
    rows, along = rows[order], along[order]
    time_s, vehicle = drive.columns["time_s"][rows] - WARM_UP_S, drive.columns["vehicle"][rows]
    follows = np.flatnonzero((vehicle[1:] == vehicle[:-1]) & (np.diff(time_s) < 20) & (np.diff(along) > -5))
    pieces = np.stack([np.column_stack([time_s, along])[follows], np.column_stack([time_s, along])[follows + 1]], axis=1)
    figure, axes = _figure(8, 4.5)
    lines = LineCollection(list(pieces), cmap=SLOW_TO_FAST, linewidths=0.8)
    lines.set_array(drive.columns["speed"][rows][follows] * 3.6)
    lines.set_clim(0, 50)
    axes.add_collection(lines)
    for end in ends:
        axes.axhline(end, color="#999999", linewidth=0.5)
    axes.set(xlim=(0, SHOWN_S), ylim=(0, max(ends)), xlabel="seconds", ylabel="metres along the avenue")
    axes.set_title("Camellia Avenue northward: a line a vehicle; grey: where lights are", fontsize=11)
    figure.colorbar(lines, ax=axes, label="speed, km/h")
    figure.savefig(file, dpi=110)


def network_over_time(file: Path, results: Sequence[Result], truth: Truth) -> None:
    """Minute by minute: vehicles and mean speed, ours and SUMO's, and the indices."""
    minutes = [one for one in results if one.period_s == MINUTE_S]
    at = np.array([(one.end_us - BASE_US) / 60e6 for one in minutes])
    of = {name: [one.rows[Scope.NETWORK][name][0] for one in minutes] for name in ("index", "travel_time_index")}
    vehicles = [one.rows[Scope.SEGMENT]["vehicles"].sum() for one in minutes]
    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    speed, present, index = figure.subplots(3, 1, sharex=True)
    way, time_s = truth.way_m.sum(axis=0), truth.time_s.sum(axis=0)
    ours = np.array([mean_speed_mps(one) for one in minutes])
    speed.plot(at, ours * 3.6, "o-", color=COLOURS[0], label="traffic state")
    speed.plot(np.arange(1, len(way) + 1), way / time_s * 3.6, "x--", color=COLOURS[1], label="SUMO's edgeData")
    speed.set(ylabel="mean speed, km/h")
    present.plot(at, vehicles, "o-", color=COLOURS[0], label="traffic state")
    present.plot(np.arange(1, len(way) + 1), time_s / MINUTE_S, "x--", color=COLOURS[1], label="SUMO's edgeData")
    present.set(ylabel="vehicles on segments")
    index.plot(at, of["index"], "o-", color=COLOURS[0], label="network index (0 to 10)")
    index.plot(at, of["travel_time_index"], "s-", color=COLOURS[2], label="travel-time index")
    index.set(ylabel="index", xlabel="minutes")
    figure.suptitle("The hillside district, minute by minute; everybody speaks", x=0.01, ha="left", fontsize=11)
    for axes in (speed, present, index):
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0.2)
    figure.savefig(file, dpi=110)


def day(file: Path, minutes: Sequence[Minute]) -> None:
    """The network's index over the hours of a day, on the colours of its levels; beneath it how many vehicles there are."""
    figure = Figure(figsize=(10, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    index, present = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    hours = sorted({int(one.hour - 1e-9) for one in minutes})
    parts = [[one for one in minutes if int(one.hour - 1e-9) == hour] for hour in hours]
    middles = [float(np.mean([one.hour for one in part])) for part in parts]
    highest = max(2.0, float(np.nanmax([one.index for one in minutes])))
    for level, (name, colour) in enumerate(zip(LEVELS, LEVEL_COLOURS, strict=True)):
        index.axhspan(2 * level, 2 * level + 2, color=colour, linewidth=0)
        if 2 * level < highest:
            index.text(0.1, 2 * level + 0.1, name, fontsize=8, color="#555555", va="bottom")
    index.plot(
        [one.hour for one in minutes], [one.index for one in minutes], ".", color=COLOURS[0], markersize=3, label="a minute"
    )
    index.plot(middles, [_mean_known([one.index for one in part]) for part in parts], color=COLOURS[0], label="mean of an hour")
    index.set(ylabel="network index (0 to 10)", ylim=(0, min(10.0, 2.0 * np.ceil(highest / 2.0 + 0.01))))
    index.legend(loc="upper left", ncols=2, frameon=False)
    index.set_title("A working day of the hillside district", fontsize=11, loc="left")
    present.plot(middles, [np.mean([one.vehicles for one in part]) for part in parts], color=COLOURS[0])
    present.set(ylabel="vehicles", ylim=(0, None), xlim=(0, 24), xlabel="hour of the day", xticks=range(0, 25, 2))
    speed = present.twinx()
    speed.plot(middles, [3.6 * np.mean([one.speed_mps for one in part]) for part in parts], "--", color=COLOURS[1])
    speed.set_ylabel("mean speed, km/h (dashed)", color=COLOURS[1])
    speed.set_ylim(0, None)
    for axes in (index, present):
        axes.grid(alpha=0.3)
    figure.savefig(file, dpi=110)


def errors(file: Path, trials: Mapping[str, Mapping[str, Any]]) -> None:
    """Error of flow, speed and queue against penetration."""
    share = np.array([float(name) for name in trials])
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for (name, label), colour in zip((("flow_percent", "flow"), ("speed_percent", "speed")), COLOURS, strict=False):
        for period, style in (("60_s", "--"), ("900_s", "-")):
            values = [one[period][name] for one in trials.values()]
            left.plot(
                share,
                values,
                "o" + style,
                color=colour,
                label=f"{label}, {'a minute' if period == '60_s' else 'a quarter of an hour'}",
            )
    right.plot(share, [one["queue"]["mean_absolute"] for one in trials.values()], "o-", color=COLOURS[0], label="mean absolute")
    right.plot(share, [one["queue"]["p95"] for one in trials.values()], "o--", color=COLOURS[1], label="95th percentile")
    left.set(xlabel="% of vehicles that speak", ylabel="error, %", ylim=(0, None))
    right.set(xlabel="% of vehicles that speak", ylabel="error of queues, vehicles", ylim=(0, None))
    left.set_title("Flow and mean speed of segments", fontsize=10, loc="left")
    right.set_title("Queues by lane group, every five seconds", fontsize=10, loc="left")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle("Traffic state against SUMO's own detectors, by who speaks", x=0.01, ha="left", fontsize=11)
    figure.savefig(file, dpi=110)


def _mean_known(values: Sequence[float]) -> float:
    known = [one for one in values if np.isfinite(one)]
    return float(np.mean(known)) if known else float("nan")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _corridor(network: RoadNetwork) -> tuple[Floats, list[float]]:
    """Where each link of the avenue begins (links,), −1 for others (the last row is for no link), and where they end."""
    begin = np.full(len(network.links.id) + 1, -1.0)
    named = [(re.fullmatch(rf"{CORRIDOR}_(\d+)n", str(name)), row) for row, name in enumerate(network.links.id)]
    along, ends = 0.0, list[float]()
    for _, row in sorted((int(found.group(1)), row) for found, row in named if found):
        begin[row] = along
        along += float(network.links.length_m[row])
        ends.append(along)
    return begin, ends


def _offsets(network: RoadNetwork, lane: Ints, xy: Floats) -> Floats:
    """Metres from the begin of lanes, along straight streets."""
    first = network.lanes.shape.points[network.lanes.shape.start[lane], :2]
    return np.asarray(np.hypot(*(xy - first).T))
