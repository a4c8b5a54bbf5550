"""A lane or a road of a site's network as an event's path: cut to a stretch, thinned to what a message has room for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from chelu.errors import CheluError
from chelu.road_events.message import MOST_POINTS
from chelu.roads.geometry import at, lane_path
from chelu.roads.network import RoadNetwork

FIRST_TOLERANCE_M = 0.05
LEAST_M = 1.0  # shorter ones point nowhere
Floats = npt.NDArray[np.float64]


class NoWayError(CheluError):
    """What is asked for is not in the network. field, value, allowed: as a refusal names them."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field} = {value} is not allowed: {allowed}")


@dataclass(frozen=True, slots=True)
class Way:
    """Points (k, 3) in driving direction, and half the width of what they are the middle of."""

    points: Floats
    half_width_m: float

    @property
    def along(self) -> Floats:
        """Metres (k,) from the begin to each point."""
        return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(self.points, axis=0), axis=1))])


def lane_of(network: RoadNetwork, lane: str) -> Way:
    """A lane's middle."""
    if lane not in network.lane_of:
        raise NoWayError("lane", repr(lane), f"a lane of the site's network, such as {_some(network.lanes.id)}")
    index = network.lane_of[lane]
    return Way(lane_path(network, [lane])[0], float(network.lanes.width_m[index]) / 2)


def road_of(network: RoadNetwork, road: str) -> Way:
    """The middle of a road's lanes."""
    found = np.flatnonzero(network.links.id == road)
    if not len(found):
        raise NoWayError("road", repr(road), f"a road of the site's network, such as {_some(network.links.id)}")
    lanes = np.flatnonzero(network.lanes.link == found[0])
    lanes = lanes[np.argsort(network.lanes.index[lanes])]
    right, left = lanes[(len(lanes) - 1) // 2], lanes[len(lanes) // 2]
    width = float(network.lanes.width_m[lanes].sum())
    return Way(_between(network.lanes.shape[int(right)], network.lanes.shape[int(left)]), width / 2)


def stretch(way: Way, from_m: float | None, to_m: float | None) -> Way:
    """From there to there along a way."""
    along = way.along
    low, high = from_m or 0.0, float(along[-1]) if to_m is None else to_m
    if not 0.0 <= low < along[-1]:
        raise NoWayError("from_m", low, f"0 … {along[-1]:.1f}, the length of the way")
    if not low + LEAST_M <= high <= along[-1] + 0.05:
        raise NoWayError("to_m", high, f"{low + LEAST_M:g} … {along[-1]:.1f}: a metre on, and within the way")
    within = along[(along > low) & (along < high)]
    return Way(at(way.points, along, np.array([low, *within, min(high, along[-1])])), way.half_width_m)


def place_on(way: Way, at_m: float) -> Floats:
    """The place (3,) so far along a way."""
    along = way.along
    if not 0.0 <= at_m <= along[-1]:
        raise NoWayError("at_m", at_m, f"0 … {along[-1]:.1f}, the length of the way")
    return np.asarray(at(way.points, along, np.array([at_m]))[0], np.float64)


def thinned(points: Floats, most: int = MOST_POINTS) -> Floats:
    """At most so many of the points, those that keep the line's shape best."""
    tolerance_m = FIRST_TOLERANCE_M
    while len(points) > most:
        points = shapely.get_coordinates(shapely.LineString(points).simplify(tolerance_m), include_z=True)
        tolerance_m *= 2
    return points


def _between(one: Floats, two: Floats) -> Floats:
    """The line half-way between two that run alongside."""
    if one is two or np.array_equal(one, two):
        return one
    ways = [Way(one, 0.0), Way(two, 0.0)]
    shares = np.unique(np.concatenate([way.along / way.along[-1] for way in ways]))
    first, second = (at(way.points, way.along, shares * way.along[-1]) for way in ways)
    return np.asarray((first + second) / 2, np.float64)


def _some(ids: npt.NDArray[np.str_]) -> str:
    named = [str(name) for name in ids[:200] if not str(name).startswith(":")][:3]
    return ", ".join(named) or "none: it is empty"
