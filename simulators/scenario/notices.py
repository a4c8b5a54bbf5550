"""Where a scenario's events and signs lie: the paths along which the roadside tells of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.scenario.roads import Notice
from simulators.scenario.trace import Floats
from simulators.scenario.ways import Ways

BEYOND_M = 50.0  # a path leads on so far behind the event to which it leads
POINTS = 32  # of a path: as many as an RSI holds
RADIUS_M = 10.0  # of an event at a place
PRIORITY = 3  # of 0 to 7


@dataclass(frozen=True, slots=True)
class Lie:
    """path (k, 3) in driving direction, which reaches half_m to both sides; place (3,): None of what holds over a stretch."""

    path: Floats
    half_m: float
    place: Floats | None


def lie_of(one: Notice, ways: Ways) -> Lie:
    """In the road's own metres, in the middle of the way's lanes."""
    way = ways.each[ways.index(one.way)]
    begin, end = (one.from_m - one.leads_m, one.from_m + BEYOND_M) if one.until_m is None else (one.from_m, one.until_m)
    half_m = way.lanes * way.lane_width_m / 2.0
    path = _points(ways, one.way, max(begin, 0.0), min(end, way.length_m), half_m)
    return Lie(path, half_m, _points(ways, one.way, one.from_m, one.from_m, half_m)[0] if one.until_m is None else None)


def _points(ways: Ways, name: str, begin_m: float, end_m: float, aside_m: float) -> Floats:
    along = np.linspace(begin_m, end_m, POINTS)
    places = ways.at(np.full(POINTS, ways.index(name), np.int64), along, np.full(POINTS, aside_m))
    return np.column_stack([places.xy, places.elevation_m])
