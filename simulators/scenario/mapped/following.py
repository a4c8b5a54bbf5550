"""Which lanes somebody follows that drives on: over joints and junctions, straight on unless roads are named."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from chelu.roads.network import Floats, RoadNetwork

LONGEST_M = 5000.0
AHEAD = 3  # forks that are looked beyond for a road that is named

RoadOf = Callable[[int], str]


class Follower:
    """Follows the lanes of one network. road_of: what a lane's road is called."""

    def __init__(self, network: RoadNetwork, road_of: RoadOf) -> None:
        self._network, self._road_of = network, road_of
        self._next: dict[int, list[tuple[int, int]]] = defaultdict(list)  # lane → (first lane entered, lane beyond the junction)
        self._before: dict[int, list[int]] = defaultdict(list)
        columns = network.connections.from_lane, network.connections.to_lane, network.connections.via
        for begin, end, via in zip(*(column.tolist() for column in columns), strict=True):
            first = via if via >= 0 else end
            if (first, end) not in self._next[begin]:
                self._next[begin].append((first, end))
                self._before[first].append(begin)

    def chain(self, lane: int, through: Sequence[str]) -> list[int]:
        """Lanes one after the other, from the beginning of this one's road to where the road ends or `LONGEST_M` are laid."""
        chain = self._back(lane)
        length, beyond = sum(self._length_m(one) for one in chain), -1
        while length < LONGEST_M:
            found = self._next.get(chain[-1], [])
            if not found and beyond < 0:
                break
            first, beyond = self._chosen(chain[-1], found, through) if found else (beyond, -1)
            if first in chain:
                break
            beyond = -1 if beyond == first else beyond
            chain.append(first)
            length += self._length_m(first)
        return chain

    def _back(self, lane: int) -> list[int]:
        """From where the lane's road begins: a road of several sections is one."""
        chain = [lane]
        while True:
            before = [one for one in self._before.get(chain[0], []) if self._road_of(one) == self._road_of(lane)]
            if len(before) != 1 or before[0] in chain:
                return chain
            chain.insert(0, before[0])

    def _chosen(self, lane: int, found: Sequence[tuple[int, int]], through: Sequence[str]) -> tuple[int, int]:
        named = [one for one in found if any(self._leads(each, through, AHEAD) for each in one)]
        return min(named or found, key=lambda one: self._turn_rad(lane, one[1]))

    def _leads(self, lane: int, through: Sequence[str], forks: int) -> bool:
        if self._road_of(lane) in through:
            return True
        return forks > 0 and any(self._leads(end, through, forks - 1) for _, end in self._next.get(lane, []))

    def _turn_rad(self, lane: int, onto: int) -> float:
        before, after = self._network.lanes.shape[lane], self._network.lanes.shape[onto]
        return abs(math.remainder(_bearing_rad(after[:2]) - _bearing_rad(before[-2:]), 2.0 * math.pi))

    def _length_m(self, lane: int) -> float:
        return float(self._network.lanes.length_m[lane])


def _bearing_rad(leg: Floats) -> float:
    (east, north) = (leg[1] - leg[0])[:2].tolist()
    return math.atan2(east, north)
