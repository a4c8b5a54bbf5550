"""Where the lanes of a MAP's link run: by their own points, else beside the link's, else straight from node to node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.geometry import beside
from chelu.roads.mapdata.points import local
from chelu.roads.network import Floats

Json = Mapping[str, Any]
USUAL_WIDTH_M = 3.5  # of a lane of which neither it nor its link says a width


def widths(link: Json) -> list[float]:
    """Of each of a link's lanes: its own, else its share of the link's, else `USUAL_WIDTH_M`."""
    lanes = link["lanes"]
    share = float(link["link_width_m"]) / len(lanes) if link.get("link_width_m") else USUAL_WIDTH_M
    return [float(lane.get("lane_width_m") or share) for lane in lanes]


def shapes(link: Json, anchor: Json, frame: LocalFrame, ends: Sequence[Floats | None]) -> list[Floats | None]:
    """The line (k, 3) of each lane, in the order of the link's; None where nothing says where it runs.

    ends: where the link's nodes lie (3,), None for one that is not in the file. Lanes are numbered from the left.
    """
    middle = _line(link.get("points"), anchor, frame)
    if middle is None and ends[0] is not None and ends[1] is not None and np.hypot(*(ends[1] - ends[0])[:2]) > 0.0:
        middle = np.array([ends[0], ends[1]])
    order = np.argsort([lane["lane_id"] for lane in link["lanes"]], kind="stable")
    wide = np.array(widths(link))
    from_left = np.empty(len(wide))
    from_left[order] = np.cumsum(wide[order]) - wide[order] / 2.0
    to_the_right = from_left - wide.sum() / 2.0
    found: list[Floats | None] = []
    for lane, offset in zip(link["lanes"], to_the_right.tolist(), strict=True):
        own = _line(lane.get("points"), anchor, frame)
        found.append(own if own is not None or middle is None else beside(middle, offset))
    return found


def _line(points: Sequence[Json] | None, anchor: Json, frame: LocalFrame) -> Floats | None:
    """A PointList without what is unknown; heights that are not said are the node's, else the origin's; None for no line."""
    if not points:
        return None
    line = local(points, anchor, frame)
    line = line[np.isfinite(line[:, :2]).all(axis=1)]
    height = anchor.get("elevation_m")
    line[:, 2] = np.where(np.isfinite(line[:, 2]), line[:, 2], 0.0 if height is None else height - frame.elevation_m)
    return line if len(line) > 1 and np.ptp(line[:, :2], axis=0).any() else None
