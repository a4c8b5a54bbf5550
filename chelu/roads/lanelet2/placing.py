"""Where the nodes of a lanelet2 file lie, in local metres: by local_x and local_y (Autoware), else by latitude and longitude."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.network import Floats
from chelu.xml_tree import Element

LARGEST_M = 200_000.0  # of all nodes together: more is a mistake, and the index of a network would not fit into memory
NOWHERE_DEG = 1.0  # so near to 0° N 0° E there is no road


@dataclass(frozen=True, slots=True)
class Placed:
    """points (n, 3) of the nodes in their order; frame: None for local coordinates alone; notes: what is doubtful."""

    points: Floats
    frame: LocalFrame | None
    notes: tuple[str, ...]


def tags_of(element: Element) -> dict[str, str]:
    """Its tags; of two with one key the later."""
    return {one.needed("k"): one.get("v", "") for one in element.all("tag")}


def placed(nodes: Sequence[Element], origin: LocalFrame | None) -> Placed:
    """All nodes; origin: what local metres begin at, else the node named "origin", else the middle of all.

    ElementError for a node without a place, or nodes too far apart.
    """
    tags = [tags_of(node) for node in nodes]
    height, lacking = _heights(nodes, tags)
    notes = [f"{lacking} of {len(nodes)} nodes have no ele: they are taken to lie at 0 m"] if 0 < lacking < len(nodes) else []
    if any("local_x" in one for one in tags):
        plane = np.array([_local(node, one) for node, one in zip(nodes, tags, strict=True)])
        found = Placed(np.column_stack([plane, height]), origin, tuple(notes))
    else:
        degrees = np.array([_degrees(node) for node in nodes]).reshape(-1, 2)
        frame = origin or _own_frame(degrees, tags)
        if len(nodes) and np.abs(degrees).max() < NOWHERE_DEG:
            notes.append("all nodes lie within 1° of 0° N 0° E: these are distances from some place, not places")
        points = frame.to_local(degrees[:, 0], degrees[:, 1], np.where(np.isnan(height), frame.elevation_m, height))
        found = Placed(points.reshape(-1, 3), frame, tuple(notes))
    np.nan_to_num(found.points, copy=False)
    _check_extent(nodes, found.points)
    return found


def _heights(nodes: Sequence[Element], tags: Sequence[Mapping[str, str]]) -> tuple[Floats, int]:
    """Elevation of each, NaN where none is said; and how many say none."""
    found = [_tag_number(node, one, "ele") if one.get("ele") else math.nan for node, one in zip(nodes, tags, strict=True)]
    return np.array(found, np.float64), sum(map(math.isnan, found))


def _local(node: Element, tags: Mapping[str, str]) -> tuple[float, float]:
    return _tag_number(node, tags, "local_x"), _tag_number(node, tags, "local_y")


def _degrees(node: Element) -> tuple[float, float]:
    found = node.number("lat"), node.number("lon")
    if abs(found[0]) > 90.0 or abs(found[1]) > 180.0:
        raise node.wrong(f"lat, lon = {found[0]:g}, {found[1]:g}: degrees, at most ±90 and ±180")
    return found


def _tag_number(node: Element, tags: Mapping[str, str], key: str) -> float:
    try:
        value = float(tags[key])
    except KeyError:
        raise node.wrong(f"the tag {key} is missing: other nodes have it") from None
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise node.wrong(f"{key} = {tags[key][:40]!r}: a finite number")
    return value


def _own_frame(degrees: Floats, tags: Sequence[Mapping[str, str]]) -> LocalFrame:
    """At the node named "origin", else in the middle of all, to 1e-7°; at height 0."""
    named = [row for row, one in enumerate(tags) if one.get("name") == "origin"]
    if named or not len(degrees):
        middle = degrees[named[0]] if named else np.zeros(2)
    else:
        middle = np.round((degrees.min(axis=0) + degrees.max(axis=0)) / 2.0, 7)
    return LocalFrame(float(middle[0]), float(middle[1]))


def _check_extent(nodes: Sequence[Element], points: Floats) -> None:
    extent = np.ptp(points, axis=0) if len(points) else np.zeros(3)
    if not extent.max() <= LARGEST_M:
        far = nodes[int(np.argmax(np.abs(points - np.median(points, axis=0)).max(axis=1)))]
        raise far.wrong(f"the nodes lie {np.rint(extent.max()):.7g} m apart, the limit is {LARGEST_M:.0f} m")
    away = np.hypot(*points[:, :2].T)
    if len(points) and not away.max() <= LARGEST_M:
        problem = f"it lies {np.rint(away.max() / 1000):.7g} km from the origin, the limit is {LARGEST_M / 1000:.0f} km"
        raise nodes[int(np.argmax(away))].wrong(problem)
