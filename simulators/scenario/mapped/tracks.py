"""The way of somebody who follows a lane of a map file: its line, the lanes beside it, and where on it a place of the map is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chelu.roads.network import Floats, RoadNetwork
from chelu.units import KMH_PER_MPS
from simulators.scenario.mapped.files import nearest_m
from simulators.scenario.mapped.rounding import Rounded, distances_m, rounded, without_twins
from simulators.scenario.ways import Piece

DRIFT_M = 0.5  # what a lane may shift beside another before who drives on it would leave it
FASTEST_KMH = 200.0


@dataclass(frozen=True, slots=True)
class Beside:
    """A lane of the way: its row in the network, its width, and where its middle is, right of the line."""

    row: int
    width_m: float
    middle_m: float


@dataclass(frozen=True)
class Track:
    """A way that follows these lanes of a network (rows) one after the other; its line is their middle.

    beside: its lanes from the rightmost, as they lie where the actor begins that it is laid for.
    """

    network: RoadNetwork
    chain: tuple[int, ...]
    beside: tuple[Beside, ...]

    @cached_property
    def points(self) -> Floats:
        """The middle (k, 3)."""
        return without_twins(np.concatenate([self.network.lanes.shape[lane] for lane in self.chain]))

    @cached_property
    def line(self) -> Rounded:
        """The same as one drives it."""
        return rounded(self.points)

    @property
    def length_m(self) -> float:
        """From the first point to the last."""
        return float(self.line.along_m[-1])

    @cached_property
    def links(self) -> frozenset[int]:
        """Rows of the links over which it goes."""
        return frozenset(self.network.lanes.link[list(self.chain)].tolist())

    def place(self, xy: Floats) -> tuple[float, float]:
        """Along and aside of the line."""
        way, aside = nearest_m(self.points, xy)
        return self.line.along(way), aside

    def lane_at(self, aside_m: float) -> tuple[int, float]:
        """The number of the lane that is nearest, and how far right of its middle that is."""
        number, lane = min(enumerate(self.beside, 1), key=lambda one: abs(one[1].middle_m - aside_m))
        return number, aside_m - lane.middle_m

    def drift_m(self, lane: int, begin_m: float) -> float:
        """The most by which a lane beside the way comes nearer or goes away, from so far along that lane on."""
        shape = self.network.lanes.shape[lane]
        ahead = shape[distances_m(shape) >= begin_m - 1e-6]
        if lane in self.chain or len(ahead) < 2:
            return 0.0
        aside = np.array([nearest_m(self.points, point[:2])[1] for point in ahead])
        return float(np.ptp(aside))

    def way(self) -> dict[str, Any]:
        """As a description has it."""
        first, limit = self.points[0], float(self.network.lanes.speed_limit_mps[self.chain[0]]) * KMH_PER_MPS
        leftmost = self.beside[-1]
        return {
            "x_m": float(first[0]),
            "y_m": float(first[1]),
            "heading_deg": self.line.heading_deg,
            "elevation_m": float(first[2]),
            "lanes": len(self.beside),
            "lane_widths_m": [one.width_m for one in self.beside],
            "left_edge_m": leftmost.middle_m - leftmost.width_m / 2.0,
            "speed_limit_kmh": limit if 0.0 < limit <= FASTEST_KMH else None,
            "pieces": [_described(piece) for piece in self.line.pieces],
        }


def beside(network: RoadNetwork, lane: int, at_m: float) -> tuple[Beside, ...]:
    """The lanes of a link side by side, as they lie so far along this one; none that is not joined to it by its edges."""
    link = network.lanes.link == network.lanes.link[lane]
    rows = sorted(np.flatnonzero(link).tolist(), key=lambda row: int(network.lanes.index[row]))
    shape, width = network.lanes.shape, network.lanes.width_m
    point = _at(shape[lane], at_m)
    found = [Beside(lane, float(width[lane]), 0.0)]
    own = rows.index(lane)
    for row in rows[own + 1 :]:  # to the left
        last = found[-1]
        middle = last.middle_m - (last.width_m + float(width[row])) / 2.0
        if abs(-nearest_m(shape[row], point)[1] - middle) > DRIFT_M:
            break
        found.append(Beside(row, float(width[row]), middle))
    for row in reversed(rows[:own]):
        last = found[0]
        middle = last.middle_m + (last.width_m + float(width[row])) / 2.0
        if abs(-nearest_m(shape[row], point)[1] - middle) > DRIFT_M:
            break
        found.insert(0, Beside(row, float(width[row]), middle))
    return tuple(found)


def _at(shape: Floats, at_m: float) -> Floats:
    along = distances_m(shape)
    return np.array([np.interp(at_m, along, shape[:, axis]) for axis in (0, 1)])


def place_of(network: RoadNetwork, lane: int, at_m: float) -> Floats:
    """East and north of a place so far along a lane's shape."""
    return _at(network.lanes.shape[lane], at_m)


def _described(piece: Piece) -> dict[str, Any]:
    found: dict[str, Any] = {"length_m": piece.length_m}
    if piece.curvature_1pm:
        found |= {"radius_m": 1.0 / abs(piece.curvature_1pm), "turns": "right" if piece.curvature_1pm > 0 else "left"}
    return found | {"gradient": piece.gradient, "turn_deg": piece.turn_deg}


def covering(tracks: Sequence[Track], links: Sequence[int]) -> list[list[int]]:
    """Of each track the numbers of those whose link it goes over."""
    return [[number for number, link in enumerate(links) if link in track.links] for track in tracks]


def is_short(track: Track) -> bool:
    """Whether it has no length to speak of."""
    return len(track.points) < 2 or math.isclose(track.length_m, 0.0, abs_tol=1e-3)
