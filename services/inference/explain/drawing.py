"""An explanation from above: lanes, where both came from, the ways each may take, and where their footprints are to touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from chelu.motion.footprints import corners
from services.inference.explain.telling import name_of
from services.inference.reports import Floats

Json = Mapping[str, Any]
COLOURS = {"host": "#1f5fa8", "other": "#c8452d"}
ROAD = "#c9ced6"
_EVERY_S = 1.0  # a mark on each way
_ROOM_M = 12.0


def draw(explanation: Json, file: Path) -> None:
    """Write the drawing; its form is that of the file's name (matplotlib's own renderers, no screen needed)."""
    figure = Figure(figsize=(9, 7), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes, known = figure.add_subplot(), explanation["known"]
    for line in known["lanes_m"]:
        axes.plot(*np.array(line).T, color=ROAD, linewidth=1.2, zorder=1)
    seen: list[Floats] = []
    for side, one in _road_users(known):
        seen += _road_user(axes, side, one, name_of(explanation["warning"]["raised"][side]), _contact_s(known))
    if seen:
        _look_at(axes, np.concatenate(seen))
    axes.set_aspect("equal")
    axes.set(xlabel="east, m", ylabel="north, m", title=_title(explanation["warning"]))
    axes.legend(loc="best", fontsize=8)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def _road_users(known: Json) -> Iterator[tuple[str, Json]]:
    return ((side, known[side]) for side in COLOURS if known.get(side))


def _road_user(axes: Axes, side: str, one: Json, name: str, contact_s: float | None) -> list[Floats]:
    """Draw one; gives the places that should be seen."""
    colour = COLOURS[side]
    past, place = np.array(one["past_m"], np.float64), np.array(one["place_m"][:2])
    axes.plot(past[:, 0], past[:, 1], ".", color=colour, markersize=3, alpha=0.5, zorder=3)
    _footprint(axes, place, one["heading_deg"], one["size_m"], colour, 0.9)
    seen = [past, place[None]]
    for way in one["futures"]:
        xy, every = np.array(way["xy_m"], np.float64), round(_EVERY_S / way["step_s"])
        label = f"{side}: {name}, {way['probability']:.0%} ({way['made_by']})"
        style = "-" if way is one["futures"][0] else "--"
        axes.plot(xy[:, 0], xy[:, 1], style, color=colour, linewidth=1 + 2 * way["probability"], label=label, zorder=4)
        axes.plot(xy[every::every, 0], xy[every::every, 1], "|", color=colour, markersize=7, zorder=4)
        if contact_s is not None:
            step = min(round(contact_s / way["step_s"]), len(xy) - 1)
            _footprint(axes, xy[step], way["heading_deg"][step], one["size_m"], colour, 0.35)
        seen.append(xy)
    return seen


def _footprint(axes: Axes, place: Floats, heading_deg: float | None, size_m: Sequence[float], colour: str, alpha: float) -> None:
    if heading_deg is None:
        return
    outline = corners(place[None], np.array([heading_deg]), *np.array(size_m)[:, None])[0]
    axes.add_patch(Polygon(outline, closed=True, facecolor=colour, edgecolor="black", linewidth=0.6, alpha=alpha, zorder=5))


def _contact_s(known: Json) -> float | None:
    """When the footprints are to touch, else when that is likeliest."""
    view = known["view"] or {}
    return next((view[name] for name in ("first_s", "likeliest_s") if view.get(name) is not None), None)


def _look_at(axes: Axes, points: Floats) -> None:
    low, high = points.min(axis=0) - _ROOM_M, points.max(axis=0) + _ROOM_M
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])


def _title(warning: Json) -> str:
    ttc = warning["raised"]["ttc_s"]
    when = f", contact in {ttc:.2f} s" if ttc is not None else ""
    return f"{warning['application']} {warning['severity']}{when}"
