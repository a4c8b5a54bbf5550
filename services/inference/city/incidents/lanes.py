"""Where tracks are on the lanes, whichever way they drive: the nearest lane of their height, how far along and aside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

SPACING_M = 2.0
_HEIGHT_WEIGHT = 0.5  # of a metre of height against one of plan: decks lie 5 m apart and more
_REACH_M = 5.0


@dataclass(frozen=True, slots=True)
class Spot:
    """n tracks: lane (−1 none), metres along it and to its end, distance from its middle, its direction (radians from north)."""

    lane: Ints
    along_m: Floats
    rest_m: Floats
    aside_m: Floats
    direction: Floats


class LaneSpots:
    """The driven lanes of a road network as points every 2 m; ways across junctions are among them, but are no road."""

    def __init__(self, network: RoadNetwork) -> None:
        lanes = network.lanes
        drives = (lanes.users & int(VEHICLES)) != 0
        parts = [_points(network, lane) for lane in np.flatnonzero(drives).tolist()]
        self._lane = np.concatenate([np.full(len(part), lane) for part, lane in zip(parts, np.flatnonzero(drives), strict=True)])
        points = np.concatenate(parts)
        self._points, self._along, self._direction = points[:, :3], points[:, 3], points[:, 4]
        self._tree = cKDTree(self._points * [1.0, 1.0, _HEIGHT_WEIGHT])
        self._plan = cKDTree(self._points[:, :2])
        self.is_road: Mask = drives & np.isin(network.lane_kind(), [Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE])
        self.link: Ints = lanes.link.astype(np.int64)
        shape = lanes.shape
        self.length_m: Floats = np.asarray(shape.offsets()[np.maximum(shape.start[1:] - 1, 0)])
        self.ends: Mask = _may_queue(network)

    def place(self, xyz: Floats) -> Spot:
        """Positions (n, 3), local metres; up NaN where unknown: then the nearest lane of any height."""
        distance, row = np.empty(len(xyz)), np.empty(len(xyz), np.int64)
        is_high = np.isfinite(xyz[:, 2])
        for rows, tree, axes in ((is_high, self._tree, 3), (~is_high, self._plan, 2)):
            scaled = (xyz[rows] * [1.0, 1.0, _HEIGHT_WEIGHT])[:, :axes]
            distance[rows], row[rows] = tree.query(scaled, distance_upper_bound=_REACH_M)
        is_near = np.isfinite(distance)
        row = np.where(is_near, row, 0)
        off = xyz[:, :2] - self._points[row, :2]
        direction = self._direction[row]
        forward = off[:, 0] * np.sin(direction) + off[:, 1] * np.cos(direction)
        aside = off[:, 0] * np.cos(direction) - off[:, 1] * np.sin(direction)
        along = self._along[row] + forward
        lane = np.where(is_near, self._lane[row], -1)
        return Spot(lane, along, self.length_m[np.maximum(lane, 0)] - along, np.abs(aside), direction)

    def at(self, lane: int, along_m: float) -> tuple[float, float, float]:
        """The point of a driven lane that is nearest to so many metres along it; local metres."""
        rows = np.flatnonzero(self._lane == lane)
        east, north, up = self._points[rows[np.argmin(np.abs(self._along[rows] - along_m))]].tolist()
        return east, north, up


def _points(network: RoadNetwork, lane: int) -> Floats:
    """x, y, z, metres along and direction every `SPACING_M` of a lane (p, 5)."""
    shape = network.lanes.shape
    points = shape.points[shape.start[lane] : shape.start[lane + 1]]
    pieces = np.diff(points, axis=0)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(pieces[:, 0], pieces[:, 1]))])
    along = np.arange(SPACING_M / 2, max(length[-1], SPACING_M), SPACING_M)
    piece = np.clip(np.searchsorted(length, along, side="right") - 1, 0, len(pieces) - 1)
    direction = np.arctan2(pieces[piece, 0], pieces[piece, 1])
    xyz = [np.interp(along, length, points[:, axis]) for axis in range(3)]
    return np.column_stack([*xyz, along, direction])


def _may_queue(network: RoadNetwork) -> Mask:
    """Lanes (n,) before whose end one may have to wait: a signal, or a way across that another one crosses."""
    found = np.zeros(len(network.lanes.id), np.bool_)
    links = network.connections
    found[links.from_lane[(links.signal >= 0)]] = True
    turns = np.char.lower(links.direction.astype(np.str_)) != "s"
    found[links.from_lane[turns]] = True
    return found
