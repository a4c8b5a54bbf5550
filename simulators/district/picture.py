"""Draw the district and a moment of its trace: the plan by height, the interchange in plan and in space.

    python -m simulators.district.picture [--at 50] [--output docs/district.png]

Needs matplotlib (extra ``evaluation``).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from chelu.errors import MissingExtraError
from chelu.roads import sumo
from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from simulators import trace
from simulators.district.build import DATA

CENTRE_M = 330.0
COLOURS = {"car": "black", "suv": "black", "van": "tab:purple", "truck": "tab:brown", "bus": "tab:red"}


def main(arguments: list[str] | None = None) -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(prog="python -m simulators.district.picture", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--at", type=float, default=50.0, help="second of the trace (default %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("docs/district.png"), help="PNG to write (default %(default)s)")
    options = parser.parse_args(arguments)
    recording = trace.read(DATA / "district_trace.npz")
    network = sumo.read((DATA / recording.network).read_bytes())
    draw(network, recording, options.at, options.output)


def draw(network: RoadNetwork, recording: trace.Trace, at_s: float, output: Path) -> None:
    """Three panels into a PNG of under 300 kB."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        raise MissingExtraError("evaluation", "matplotlib") from None
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(13, 13), layout="constrained")
    panels = figure.subplot_mosaic(
        [["all", "all"], ["plan", "space"]], height_ratios=[1.35, 1], per_subplot_kw={"space": {"projection": "3d"}}
    )
    lines = _plan(panels["all"], network)
    _moment(panels["all"], recording, at_s, size=5)
    panels["all"].set(title=f"Hillside district, {at_s:g} s into its trace; tunnels thin", xlabel="east, m", ylabel="north, m")
    figure.colorbar(lines, ax=panels["all"], label="height above origin, m")
    _plan(panels["plan"], network)
    _moment(panels["plan"], recording, at_s, size=12)
    panels["plan"].set(xlim=(-CENTRE_M, CENTRE_M), ylim=(-CENTRE_M, CENTRE_M), title="Interchange, upper decks on top")
    _space(panels["space"], network)
    figure.savefig(output, dpi=80, metadata={"Software": None})
    plt.close(figure)


def _plan(axes: Any, network: RoadNetwork) -> Any:
    """Lanes as coloured segments, low ones first, so that what is above is drawn above."""
    from matplotlib.collections import LineCollection

    pieces = network.pieces
    rows = np.argsort(0.5 * (pieces.a + pieces.b)[:, 2], kind="stable")
    rows = rows[(network.lanes.users[pieces.lane[rows]] & int(VEHICLES)) != 0]
    is_tunnel = network.lane_kind()[pieces.lane[rows]] == Kind.TUNNEL
    lines = None
    for chosen, width in ((rows[is_tunnel], 0.5), (rows[~is_tunnel], 1.6)):
        height = 0.5 * (pieces.a + pieces.b)[chosen, 2]
        segments = np.stack([pieces.a[chosen, :2], pieces.b[chosen, :2]], axis=1)
        lines = LineCollection(list(segments), array=height, cmap="turbo", linewidths=width, clim=(0, 78))
        axes.add_collection(lines)
    axes.set_aspect("equal")
    axes.autoscale()
    return lines


def _moment(axes: Any, recording: trace.Trace, at_s: float, *, size: float) -> None:
    samples = recording.vehicle_samples
    now = np.abs(samples.time_s - at_s) < 0.5 * recording.step_s
    kinds = recording.vehicles.kind[samples.actor[now]].tolist()
    axes.scatter(samples.x_m[now], samples.y_m[now], s=size, c=[COLOURS[kind] for kind in kinds], zorder=3, linewidths=0)
    people = recording.pedestrian_samples
    now = np.abs(people.time_s - at_s) < 0.5 * recording.step_s
    axes.scatter(people.x_m[now], people.y_m[now], s=size, c="magenta", marker="^", zorder=3, linewidths=0)


def _space(axes: Any, network: RoadNetwork) -> None:
    pieces = network.pieces
    is_near = (np.abs(pieces.a[:, :2]) < CENTRE_M).all(axis=1) & (np.abs(pieces.b[:, :2]) < CENTRE_M).all(axis=1)
    is_near &= (network.lanes.users[pieces.lane] & int(VEHICLES)) != 0
    deck = network.lanes.deck[pieces.lane]
    for level in np.unique(deck[is_near]).tolist():
        rows = np.flatnonzero(is_near & (deck == level))
        broken = np.stack([pieces.a[rows], pieces.b[rows], np.full((len(rows), 3), np.nan)], axis=1).reshape(-1, 3)
        axes.plot(*broken.T, linewidth=1.0, label=f"deck {level}")
    axes.legend(loc="upper left")
    axes.set(
        xlim=(-CENTRE_M, CENTRE_M), ylim=(-CENTRE_M, CENTRE_M), zlim=(15, 60), zlabel="height, m", title="Interchange by deck"
    )
    axes.set_box_aspect((1, 1, 0.35))
    axes.view_init(elev=28, azim=-62)


if __name__ == "__main__":
    main()
