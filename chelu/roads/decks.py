"""Decks: which lanes lie above which, as an integer per lane, worked out from the geometry alone.

Two lanes are *stacked* where they overlap in plan (their edges, not only their centre lines) with at least `GAP_M` between them.
A road keeps one deck as far along as the stacks allow, so lanes that lead into one another normally share it; somewhere on a ramp
it has to change. Therefore unequal decks alone do not part two vehicles: `may_meet` also looks at the connections.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.roads.network import Connections, Floats, Integers, Pieces, RoadNetwork, Stacked
from chelu.roads.pieces import meetings

GAP_M = 3.0


def stacked(pieces: Pieces, width_m: Floats) -> Stacked:
    """Pairs of stacked lanes, the smallest gap of each."""
    meet = meetings(pieces, within_m=float(width_m.max(initial=0.0)))
    rise = meet.point_b[:, 2] - meet.point_a[:, 2]
    touching = meet.distance_m < 0.5 * (width_m[meet.lane_a] + width_m[meet.lane_b])
    over = touching & (np.abs(rise) >= GAP_M)
    lower = np.where(rise > 0, meet.lane_a, meet.lane_b)[over]
    upper = np.where(rise > 0, meet.lane_b, meet.lane_a)[over]
    gap = np.abs(rise[over])
    order = np.lexsort((gap, upper, lower))
    lower, upper, gap = lower[order], upper[order], gap[order]
    first = np.ones(len(lower), bool)
    first[1:] = (np.diff(lower) != 0) | (np.diff(upper) != 0)
    return Stacked(lower[first], upper[first], gap[first])


def decks(lane_link: Integers, connections: Connections, stack: Stacked) -> Integers:
    """Deck (n,) of each lane: stacked lanes differ, the upper one higher; connected lanes share where that is possible."""
    forest = _Forest(len(lane_link), stack)
    order = np.argsort(lane_link, kind="stable")
    same = lane_link[order[:-1]] == lane_link[order[1:]]
    forest.merge(order[:-1][same], order[1:][same])
    straight = connections.direction == "s"
    for chosen in (straight, ~straight):
        via = np.where(connections.via >= 0, connections.via, connections.to_lane)
        forest.merge(connections.from_lane[chosen], via[chosen])
        forest.merge(via[chosen], connections.to_lane[chosen])
    return forest.levels()


class _Forest:
    """Groups of lanes on one deck, and which group lies above which. Loops run over connections, once, when a map is read."""

    def __init__(self, lanes: int, stack: Stacked) -> None:
        self._parent = list(range(lanes))
        self._above: list[set[int]] = [set() for _ in range(lanes)]
        for lower, upper in zip(stack.lower.tolist(), stack.upper.tolist(), strict=True):
            self._above[lower].add(upper)

    def merge(self, one: npt.NDArray[np.integer], two: npt.NDArray[np.integer]) -> None:
        """Put lanes on the same deck, pair by pair, unless one then lay above itself."""
        for first, second in zip(one.tolist(), two.tolist(), strict=True):
            a, b = self._root(first), self._root(second)
            if a != b and not self._reaches(a, b) and not self._reaches(b, a):
                self._parent[b] = a
                self._above[a] |= self._above[b]

    def levels(self) -> Integers:
        """Longest path from the bottom to each lane's group."""
        level: dict[int, int] = {}
        pending = {self._root(lane) for lane in range(len(self._parent))}
        below: dict[int, set[int]] = {root: set() for root in pending}
        for root in pending:
            for upper in self._uppers(root):
                below[upper].add(root)
        while pending:
            ready = {root for root in pending if not (below[root] & pending)} or pending  # a ring (a spiral above itself) shares
            level |= {root: 1 + max((level[lower] for lower in below[root] if lower in level), default=-1) for root in ready}
            pending = pending - ready
        return np.array([level[self._root(lane)] for lane in range(len(self._parent))], np.int32)

    def _root(self, lane: int) -> int:
        while self._parent[lane] != lane:
            self._parent[lane] = self._parent[self._parent[lane]]
            lane = self._parent[lane]
        return lane

    def _uppers(self, root: int) -> set[int]:
        return {self._root(lane) for lane in self._above[root]}

    def _reaches(self, start: int, goal: int) -> bool:
        """Whether `goal` lies above `start`, directly or over others."""
        seen, frontier = {start}, {start}
        while frontier:
            frontier = {upper for root in frontier for upper in self._uppers(root)} - seen
            if goal in frontier:
                return True
            seen |= frontier
        return False


def may_meet(network: RoadNetwork, lanes_a: npt.ArrayLike, lanes_b: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether vehicles on these lanes (n,) can be on one deck: same deck, or one lane leads into the other; -1 may meet all."""
    a, b = np.asarray(lanes_a, np.int64), np.asarray(lanes_b, np.int64)
    deck, count = network.lanes.deck, len(network.lanes.deck)
    connections = network.connections
    via = np.where(connections.via >= 0, connections.via, connections.to_lane).astype(np.int64)
    ends = ((connections.from_lane, via), (via, connections.to_lane), (connections.from_lane, connections.to_lane))
    joined = np.concatenate([np.minimum(x, y) * np.int64(count) + np.maximum(x, y) for x, y in ends])
    key = np.minimum(a, b) * count + np.maximum(a, b)
    return np.asarray((a < 0) | (b < 0) | (deck[a] == deck[b]) | np.isin(key, joined), np.bool_)
