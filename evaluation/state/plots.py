"""Traffic state as pictures (PNG): a time–space diagram, the network over time, errors against the share of probes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from chelu.roads.network import RoadNetwork
from evaluation.state.drive import WARM_UP_S
from evaluation.state.judge import BASE_US, Drive, Floats
from evaluation.state.truth import Truth
from services.inference.city.state.layout import Scope
from services.inference.city.state.monitor import Result
from services.inference.reports import Ints

CORRIDOR = "camellia"  # northward, over six junctions
SHOWN_S = 600
COLOURS = ("#2c4a80", "#ff7f0e", "#2ca02c")
MINUTE_S = 60


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
    lines = LineCollection(list(pieces), cmap="RdYlGn", linewidths=0.8)
    lines.set_array(drive.columns["speed"][rows][follows] * 3.6)
    lines.set_clim(0, 50)
    axes.add_collection(lines)
    for end in ends:
        axes.axhline(end, color="#999999", linewidth=0.5)
    axes.set(xlim=(0, SHOWN_S), ylim=(0, max(ends)), title="Camellia Avenue northward", xlabel="s", ylabel="m along the avenue")
    figure.colorbar(lines, ax=axes, label="km/h")
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
    ours = np.array([_mean_speed(one) for one in minutes])
    speed.plot(at, ours * 3.6, "o-", color=COLOURS[0], label="traffic state")
    speed.plot(np.arange(1, len(way) + 1), way / time_s * 3.6, "x--", color=COLOURS[1], label="SUMO's edgeData")
    speed.set(ylabel="mean speed, km/h")
    present.plot(at, vehicles, "o-", color=COLOURS[0], label="traffic state")
    present.plot(np.arange(1, len(way) + 1), time_s / MINUTE_S, "x--", color=COLOURS[1], label="SUMO's edgeData")
    present.set(ylabel="vehicles on segments")
    index.plot(at, of["index"], "o-", color=COLOURS[0], label="network index (0 to 10)")
    index.plot(at, of["travel_time_index"], "s-", color=COLOURS[2], label="travel-time index")
    index.set(ylabel="index", xlabel="minutes")
    for axes in (speed, present, index):
        axes.grid(alpha=0.3)
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower right")
    figure.savefig(file, dpi=110)


def errors(file: Path, trials: Mapping[str, Mapping[str, Any]]) -> None:
    """Error of flow, speed and queue against penetration."""
    share = np.array([float(name) for name in trials])
    figure = Figure(figsize=(8, 3.2), layout="constrained")
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
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(file, dpi=110)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _mean_speed(result: Result) -> float:
    rows = result.rows[Scope.SEGMENT]
    present = rows["vehicles"]
    return float(np.nansum(rows["mean_speed_mps"] * present) / max(float(present.sum()), 1e-9))


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
