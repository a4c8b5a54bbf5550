"""Map matching of all tracks at once, by a hidden Markov model over the lanes that each may be on.

A track keeps up to `HYPOTHESES` lanes with what it costs to believe in each. A new place brings candidates: distance, heading
and height say what each costs by itself (as in `chelu.roads.matching`), and the way along the roads from every lane believed in,
against how far the track moved, what it costs to have come there. Decks above one another and roads beside one another, which one
place cannot tell apart, are so told apart by where the track came from. What a track's height is off is learned where there is no
doubt. Who drives on along a lane of which nobody doubts is only projected onto it: that is most tracks most of the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.geo import heading_difference, heading_of
from chelu.roads.network import VEHICLES, RoadNetwork
from services.inference.city.state.layout import Layout
from services.inference.city.state.lines import LaneLines
from services.inference.city.state.reach import Reach
from services.inference.picture import resized
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

HYPOTHESES = 4
REACH_M = 8.0  # from a lane's middle; further away one is not on it
ASIDE_M, HEADING_DEG, HEIGHT_M = 1.5, 30.0, 2.0  # scales of what a candidate costs by itself: as in chelu.roads.matching
MOST_HEIGHT_COST = 6.0  # satellites' heights may be 15 m off
WAY_M, WAY_SHARE = 3.0, 0.15  # scale of the difference between the way by road and the way moved
CHANGE_COST = 2.0  # of another lane of the same road
JUMP_COST = 40.0  # of a lane to which no road leads from where the track was
MOST_COST = 60.0
SURE_COST = 10.0  # the next hypothesis costs so much more: nobody doubts
NEAR_M = 1.2  # to the side of its lane's middle one is surely on it
MOST_ON_M = 50.0  # who moved further is weighed anew
FORGOTTEN_US = 8_000_000
_LEARNED_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Matched:
    """For each sighting: lane (−1 none), metres along its shape, and whether another lane costs about as little."""

    lane: Ints
    offset_m: Floats
    is_doubtful: Mask


class Matcher:
    """Hypotheses by slot. Owned by one thread."""

    def __init__(self, network: RoadNetwork, layout: Layout, reach: Reach) -> None:
        self._network, self._layout, self._reach = network, layout, reach
        self._lines = LaneLines(network)
        self._is_driven = (network.lanes.users & int(VEHICLES)) != 0
        self._lane: Ints = np.empty((0, HYPOTHESES), np.int64)
        self._offset_m: Floats = np.empty((0, HYPOTHESES))
        self._cost: Floats = np.empty((0, HYPOTHESES))
        self._xyz: Floats = np.empty((0, 3))
        self._off_m: Floats = np.empty(0)  # what the track's height is off
        self._generation: Ints = np.empty(0, np.int64)
        self._time_us: Ints = np.empty(0, np.int64)

    def match(self, slot: Ints, generation: Ints, time_us: Ints, xyz: Floats, heading_deg: Floats) -> Matched:
        """Lanes of tracks at these places now; slots are distinct."""
        self._fit(int(slot.max(initial=-1)) + 1)
        self._forget(slot, generation, time_us)
        xyz = xyz.copy()
        xyz[:, 2] -= self._off_m[slot]
        moved_m = np.hypot(xyz[:, 0] - self._xyz[slot, 0], xyz[:, 1] - self._xyz[slot, 1])
        left = np.flatnonzero(~self._go_on(slot, xyz, heading_deg, moved_m))
        if len(left):
            self._weigh(slot[left], xyz[left], heading_deg[left], moved_m[left])
        self._learn_height(slot, xyz)
        self._xyz[slot], self._time_us[slot], self._generation[slot] = xyz, time_us, generation
        doubt = self._cost[slot, 1] < SURE_COST / 4.0
        return Matched(self._lane[slot, 0], self._offset_m[slot, 0], doubt)

    def _forget(self, slot: Ints, generation: Ints, time_us: Ints) -> None:
        age_us = time_us - self._time_us[slot]
        fresh = slot[(self._generation[slot] != generation) | (age_us > FORGOTTEN_US) | (age_us < 0)]
        self._lane[fresh], self._cost[fresh], self._off_m[fresh], self._xyz[fresh] = -1, np.inf, 0.0, np.nan

    def _go_on(self, slot: Ints, xyz: Floats, heading_deg: Floats, moved_m: Floats) -> Mask:
        """Project those who surely are on their lane still; whether each was."""
        lane = self._lane[slot, 0]
        rows = np.flatnonzero((lane >= 0) & (self._cost[slot, 1] >= SURE_COST) & (moved_m < MOST_ON_M))
        result = np.zeros(len(slot), np.bool_)
        if not len(rows):
            return result
        on, about = lane[rows], self._offset_m[slot[rows], 0] + moved_m[rows]
        foot = self._lines.foot(on, about, xyz[rows])
        turn = np.abs(heading_difference(heading_deg[rows], foot.heading_deg))
        is_on = (np.abs(foot.aside_m) <= NEAR_M) & ~(turn > HEADING_DEG) & (foot.over_m <= 0.0)
        is_on &= ~(np.abs(xyz[rows, 2] - foot.up_m) > 2 * HEIGHT_M)
        self._offset_m[slot[rows[is_on]], 0] = foot.offset_m[is_on]
        result[rows[is_on]] = True
        return result

    def _weigh(self, slot: Ints, xyz: Floats, heading_deg: Floats, moved_m: Floats) -> None:
        """A step of the model: each new candidate with the cheapest way to it."""
        lane, offset_m, alone = self._candidates(xyz, heading_deg)
        before, before_m, believed = self._lane[slot], self._offset_m[slot], self._cost[slot]
        way = self._way_cost(before[:, :, None], before_m[:, :, None], lane[:, None, :], offset_m[:, None, :], moved_m)
        way = np.where(before[:, :, None] >= 0, believed[:, :, None] + way, np.inf)
        come = way.min(axis=1)
        is_new = ~(before >= 0).any(axis=1)
        come[is_new] = 0.0
        cost = np.where(lane >= 0, alone + come, np.inf)
        order = np.argsort(cost, axis=1, kind="stable")
        lane, cost = np.take_along_axis(lane, order, axis=1), np.take_along_axis(cost, order, axis=1)
        offset_m = np.take_along_axis(offset_m, order, axis=1)
        least = np.where(np.isfinite(cost[:, :1]), cost[:, :1], 0.0)
        cost = np.where(np.isfinite(cost), np.minimum(cost - least, MOST_COST), np.inf)
        self._lane[slot], self._offset_m[slot], self._cost[slot] = lane, offset_m, cost

    def _way_cost(self, one: Ints, one_m: Floats, two: Ints, two_m: Floats, moved_m: Floats) -> Floats:
        """What it costs (n, HYPOTHESES, HYPOTHESES) to have come from lane to lane, given how far the track moved."""
        shape = np.broadcast_shapes(one.shape, two.shape)
        one, two = np.broadcast_to(one, shape).ravel(), np.broadcast_to(two, shape).ravel()
        one_m, two_m = np.broadcast_to(one_m, shape).ravel(), np.broadcast_to(two_m, shape).ravel()
        link, length = self._layout.link, self._layout.length_m
        known = np.flatnonzero((one >= 0) & (two >= 0))
        a, b = one[known], two[known]
        is_same = link[a] == link[b]
        gap = np.where(is_same, 0.0, self._reach.gap(link[a], link[b]))
        metres = np.where(is_same, two_m[known] - one_m[known], length[a] - one_m[known] + gap + two_m[known])
        moved = np.repeat(moved_m, shape[1] * shape[2])[known]
        scale = WAY_M + WAY_SHARE * moved
        off = np.where(np.isfinite(metres), np.minimum(((metres - moved) / scale) ** 2, JUMP_COST), JUMP_COST)
        cost = np.full(len(one), JUMP_COST)
        cost[known] = off + np.where(is_same & (a != b), CHANGE_COST, 0.0)
        return cost.reshape(shape)

    def _candidates(self, xyz: Floats, heading_deg: Floats) -> tuple[Ints, Floats, Floats]:
        """The cheapest lanes (n, HYPOTHESES) near each place, −1 where there are no more, metres along them, and their cost."""
        pieces = self._network.pieces
        point, piece = pieces.grid.candidates(xyz[:, :2])
        keep = self._is_driven[pieces.lane[piece]]
        point, piece = point[keep], piece[keep]
        a = pieces.a[piece]
        step = pieces.b[piece] - a
        away = xyz[point, :2] - a[:, :2]
        square = np.maximum(np.sum(step[:, :2] ** 2, axis=1), 1e-12)
        share = np.clip(np.sum(away * step[:, :2], axis=1) / square, 0.0, 1.0)
        off = away - share[:, None] * step[:, :2]
        distance2 = np.sum(off * off, axis=1)
        near = np.flatnonzero(distance2 <= REACH_M**2)
        point, piece, share, step, distance2 = point[near], piece[near], share[near], step[near], distance2[near]
        turn = heading_difference(heading_deg[point], heading_of(step[:, 0], step[:, 1]))
        rise = xyz[point, 2] - (pieces.a[piece, 2] + share * step[:, 2])
        cost = distance2 / ASIDE_M**2 + np.where(np.isnan(turn), 0.0, (turn / HEADING_DEG) ** 2)
        cost += np.minimum(np.where(np.isnan(rise), 0.0, (rise / HEIGHT_M) ** 2), MOST_HEIGHT_COST)
        offset = pieces.offset[piece] + share * np.linalg.norm(step, axis=1)
        return _cheapest(len(xyz), point, pieces.lane[piece].astype(np.int64), offset, cost)

    def _learn_height(self, slot: Ints, xyz: Floats) -> None:
        """Where nobody doubts, what the height is off the road's is the track's own error."""
        sure = (self._lane[slot, 0] >= 0) & (self._cost[slot, 1] >= SURE_COST) & np.isfinite(xyz[:, 2])
        rows = slot[sure]
        off = xyz[sure, 2] - self._lines.heights(self._lane[rows, 0], self._offset_m[rows, 0])
        self._off_m[rows] += _LEARNED_SHARE * off

    def _fit(self, capacity: int) -> None:
        if capacity > len(self._generation):
            capacity = max(capacity, 2 * len(self._generation))
            self._lane, self._offset_m = resized(self._lane, capacity, -1), resized(self._offset_m, capacity)
            self._cost, self._xyz = resized(self._cost, capacity, np.inf), resized(self._xyz, capacity, np.nan)
            self._off_m, self._time_us = resized(self._off_m, capacity), resized(self._time_us, capacity)
            self._generation = resized(self._generation, capacity, -1)


def _cheapest(count: int, point: Ints, lane: Ints, offset_m: Floats, cost: Floats) -> tuple[Ints, Floats, Floats]:
    """Of each place's candidates the cheapest piece of each lane, and of these the cheapest lanes."""
    order = np.lexsort((cost, lane, point))
    point, lane, offset_m, cost = point[order], lane[order], offset_m[order], cost[order]
    first = np.ones(len(point), np.bool_)
    first[1:] = (point[1:] != point[:-1]) | (lane[1:] != lane[:-1])
    point, lane, offset_m, cost = point[first], lane[first], offset_m[first], cost[first]
    order = np.lexsort((cost, point))
    point, lane, offset_m, cost = point[order], lane[order], offset_m[order], cost[order]
    begin = np.searchsorted(point, np.arange(count))
    rank = np.arange(len(point)) - begin[point]
    keep = rank < HYPOTHESES
    at = point[keep], rank[keep]
    lanes, offsets, costs = np.full((count, HYPOTHESES), -1), np.zeros((count, HYPOTHESES)), np.full((count, HYPOTHESES), np.inf)
    lanes[at], offsets[at], costs[at] = lane[keep], offset_m[keep], cost[keep]
    return lanes, offsets, costs
