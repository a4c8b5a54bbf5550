"""MAP messages laid over the site's roads: which connection each of their phases holds.

A MAP says where its lanes end; the roads' lane that ends there, in that direction, is the same one. Lanes that a MAP draws no
line for take their link's, and stand for all lanes of the roads' link. What the roads know nothing of is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.codec.places import geodetic
from chelu.geo import heading_of
from chelu.roads.matching import match
from chelu.roads.network import RoadNetwork
from services.inference.phase_map import Permission, key_of
from services.inference.reports import Floats, Frame, Ints
from services.inference.signals import ALWAYS
from services.inference.stop_lines import StopLines

Json = Mapping[str, Any]
_BACK_M = (4.0, 10.0, 20.0)  # from the end of a MAP's lane: maps disagree about where the stop line is
_REACH_M = 5.0
_DIRECTIONS = {
    "maneuverStraightAllowed": ("s",),
    "maneuverLeftAllowed": ("l", "L"),
    "maneuverRightAllowed": ("r", "R"),
    "maneuverUTurnAllowed": ("t",),
}
_RIGHT_ON_RED = "maneuverRightTurnOnRedAllowed"


@dataclass(frozen=True, slots=True)
class Told:
    """What a MAP tells of one intersection: its key (of phase 0), its ways as the roads have them, and how many they have not."""

    intersection: int
    permissions: tuple[Permission, ...]
    unplaced: int


@dataclass(frozen=True, slots=True)
class _Way:
    """Where one comes from: points (k, 3) in local metres, whether they are the lane's own; where to, and under which phase."""

    points: Floats
    is_own_line: bool
    directions: tuple[str, ...]
    key: int


def read(value: Json, frame: Frame, network: RoadNetwork, lines: StopLines) -> list[Told]:
    """A MAP as JSON (`chelu.codec.cv2x.Message`), one `Told` for each of its intersections."""
    return [_node(node, frame, network, lines) for node in value.get("nodes", ())]


def _node(node: Json, frame: Frame, network: RoadNetwork, lines: StopLines) -> Told:
    region, number = int(node["id"].get("region", 0)), int(node["id"]["id"])
    permissions, unplaced = list[Permission](), 0
    for way in _ways(node, region, number, frame):
        found = [
            Permission(connection, way.key)
            for lane in _lanes(way, network, lines)
            for connection in lines.movements[lane].tolist()
            if connection >= 0 and (not way.directions or str(network.connections.direction[connection]) in way.directions)
        ]
        permissions += found
        unplaced += not found
    return Told((region << 32) | (number << 16), tuple(permissions), unplaced)


def _ways(node: Json, region: int, number: int, frame: Frame) -> Iterator[_Way]:
    """Every way that the node's links let go under a phase."""
    reference = node.get("reference_position", {})
    for link in node.get("in_links", ()):
        by_exit = {_named(one["remote_intersection"]): one.get("phase_id") for one in link.get("movements", ())}
        for lane in link.get("lanes", ()):
            drawn = lane.get("points") or link.get("points")
            if not drawn:
                continue
            points, is_own = _local(drawn, reference, frame), bool(lane.get("points"))
            for exit_ in lane.get("connects_to", ()):
                phase = exit_.get("phase_id", by_exit.get(_named(exit_["remote_intersection"])))
                maneuvers = exit_.get("connecting_lane", {}).get("maneuver", ())
                if phase is not None:
                    directions = tuple(name for one in maneuvers for name in _DIRECTIONS.get(one, ()))
                    key = ALWAYS if _RIGHT_ON_RED in maneuvers and set(directions) <= {"r", "R"} else None
                    yield _Way(points, is_own, directions, key_of(region, number, int(phase)) if key is None else key)


def _named(node: Json) -> tuple[int, int]:
    return int(node.get("region", 0)), int(node["id"])


def _local(points: Sequence[Json], reference: Json, frame: Frame) -> Floats:
    """Points (k, 3) in the site's metres, up NaN where no height was said."""
    places = np.array([geodetic(point["pos_offset"], reference) for point in points], np.float64)
    return frame.to_local(places[:, 0], places[:, 1], places[:, 2])


def _lanes(way: _Way, network: RoadNetwork, lines: StopLines) -> Ints:
    """The roads' lanes with a stop line on which the way's end lies; none when there are none."""
    points = way.points[np.isfinite(way.points[:, :2]).all(axis=1)]
    if len(points) < 2:
        return np.empty(0, np.int64)
    step = points[-1] - points[-2]
    unit = step / max(float(np.hypot(*step[:2])), 1e-9)
    places = points[-1] - np.nan_to_num(unit)[None, :] * np.array(_BACK_M)[:, None]
    heading = np.full(len(places), float(heading_of(unit[0], unit[1])))
    found = match(network, places, heading, reach_m=_REACH_M).lane.astype(np.int64)
    found = found[(found >= 0) & (lines.movements[found, 0] >= 0)]
    if not len(found):
        return np.empty(0, np.int64)
    if way.is_own_line:
        return np.asarray(found[:1])
    beside = network.lanes.link == network.lanes.link[found[0]]
    return np.asarray(np.flatnonzero(beside & (lines.movements[:, 0] >= 0)))
