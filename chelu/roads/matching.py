"""Map matching: which lane a position is on. Whole batches, one position at a time without history, deck aware.

Each candidate within reach costs (distance / 1.5 m)² + (heading difference / 30°)² + (height difference / 2 m)², whichever of
these is known; the cheapest wins. A vehicle on one deck is thus not taken for one above or below, parallel roads are told apart
by heading, and a position without a height goes to the deck whose heading agrees. A height that is far off costs no more than
one of 7 m: satellites' heights may be wrong by 15 m, and then distance and heading must decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chelu.geo import heading_difference, heading_of
from chelu.roads.grid import Indices
from chelu.roads.network import VEHICLES, Floats, Integers, RoadNetwork, User
from chelu.roads.pieces import REACH_M

DISTANCE_SCALE_M = 1.5
HEADING_SCALE_DEG = 30.0
HEIGHT_SCALE_M = 2.0
MOST_HEIGHT_COST = 12.25  # of 7 m


Handicap = Callable[[Indices, Indices], Floats]
"""Position (k,), lane (k,) → what taking that lane costs beside: (k,)."""


@dataclass(frozen=True, slots=True)
class Match:
    """For each position: lane index (-1 none), offset along the lane's shape and distance from it in plan, metres (NaN none)."""

    lane: Integers
    offset_m: Floats
    distance_m: Floats


def match(
    network: RoadNetwork,
    xyz: Floats,
    heading_deg: Floats,
    *,
    users: User = VEHICLES,
    reach_m: float = 8.0,
    height_reach_m: float = 15.0,
    handicap: Handicap | None = None,
) -> Match:
    """Lanes that `users` may use for positions (n, 3) with headings (n,); NaN height or heading means unknown.

    reach_m is at most 12 m (the index's reach, else ValueError); a lane further than height_reach_m above or below never matches.
    handicap: what some lanes cost beside, for some of the positions.
    """
    if not 0 < reach_m <= REACH_M:
        raise ValueError(f"reach_m = {reach_m} is outside 0 … {REACH_M}")
    point, piece = network.pieces.grid.candidates(xyz[:, :2])
    allowed = (network.lanes.users & int(users)) != 0
    keep = allowed[network.pieces.lane[piece]]
    point, piece = point[keep], piece[keep]
    share, square = _foot(network, xyz, point, piece)
    near = square <= reach_m * reach_m
    point, piece, share, square = point[near], piece[near], share[near], square[near]
    cost = square / DISTANCE_SCALE_M**2 + _heading_cost(network, heading_deg, point, piece)
    rise = xyz[point, 2] - (network.pieces.a[piece, 2] + share * (network.pieces.b - network.pieces.a)[piece, 2])
    rise = np.where(np.isnan(rise), 0.0, rise)
    cost = np.where(np.abs(rise) <= height_reach_m, cost + np.minimum((rise / HEIGHT_SCALE_M) ** 2, MOST_HEIGHT_COST), np.inf)
    if handicap is not None:
        cost = cost + handicap(point, network.pieces.lane[piece].astype(np.int64))
    return _cheapest(network, len(xyz), point, piece, share, square, cost)


def _foot(network: RoadNetwork, xyz: Floats, point: Indices, piece: Indices) -> tuple[Floats, Floats]:
    """Share (0..1) along the piece of the nearest place in plan, and the square of the distance to it."""
    a, b = network.pieces.a, network.pieces.b
    ax, ay = a[:, 0][piece], a[:, 1][piece]
    ux, uy = b[:, 0][piece] - ax, b[:, 1][piece] - ay
    wx, wy = xyz[:, 0][point] - ax, xyz[:, 1][point] - ay
    share = np.clip((wx * ux + wy * uy) / np.maximum(ux * ux + uy * uy, 1e-12), 0.0, 1.0)
    dx, dy = wx - share * ux, wy - share * uy
    return share, dx * dx + dy * dy


def _heading_cost(network: RoadNetwork, heading_deg: Floats, point: Indices, piece: Indices) -> Floats:
    step = network.pieces.b[piece, :2] - network.pieces.a[piece, :2]
    difference = heading_difference(heading_deg[point], heading_of(step[:, 0], step[:, 1]))
    return np.where(np.isnan(difference), 0.0, (difference / HEADING_SCALE_DEG) ** 2)


def _cheapest(
    network: RoadNetwork, count: int, point: Indices, piece: Indices, share: Floats, square: Floats, cost: Floats
) -> Match:
    lane = np.full(count, -1, np.int32)
    offset, distance = np.full(count, np.nan), np.full(count, np.nan)
    if len(point):
        first = np.flatnonzero(np.diff(point, prepend=-1))
        least = np.minimum.reduceat(cost, first)
        is_best = (cost == np.repeat(least, np.diff(first, append=len(point)))) & np.isfinite(cost)
        best = np.flatnonzero(is_best)[::-1]  # of equals the first stays, being written last
        row, chosen = point[best], piece[best]
        length = np.linalg.norm(network.pieces.b[chosen] - network.pieces.a[chosen], axis=1)
        lane[row] = network.pieces.lane[chosen]
        offset[row] = network.pieces.offset[chosen] + share[best] * length
        distance[row] = np.sqrt(square[best])
    return Match(lane, offset, distance)
