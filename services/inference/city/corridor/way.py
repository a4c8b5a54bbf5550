"""The quickest way through a site's roads as they are now: links, how long each takes, and where its signals are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from services.inference.free_flow import free_flow_mps
from services.inference.reports import Floats, Ints

KNOWN_BY = 3.0  # vehicles that move on a link at which half of what is known of its pace comes from them
STANDS_MPS, CLEARS_S = 2.0, 2.0  # who is slower stands, and takes so long to leave once there is green
NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Line:
    """A signal on a way: its connection in the network, and when one is there, seconds and metres from the way's beginning."""

    connection: int
    after_s: float
    after_m: float


@dataclass(frozen=True, slots=True)
class Way:
    """links: in turn; takes_s: from where it begins to the end of the last; lines: the signals on it in turn."""

    links: tuple[int, ...]
    takes_s: float
    lines: tuple[Line, ...]


class Streets:
    """Links as a graph. Made once of a network; queries are pure."""

    def __init__(self, network: RoadNetwork) -> None:
        self.network = network
        lanes, links = network.lanes, network.connections
        drives = (lanes.users & int(VEHICLES)) != 0
        is_road = ~np.isin(network.links.kind, [Kind.JUNCTION, Kind.CROSSING, Kind.WALKING_AREA])
        rows = np.flatnonzero(drives[links.from_lane] & drives[links.to_lane])
        self._from, self._to = (
            lanes.link[links.from_lane[rows]].astype(np.int64),
            lanes.link[links.to_lane[rows]].astype(np.int64),
        )
        keep = is_road[self._from] & is_road[self._to]
        self._rows, self._from, self._to = rows[keep], self._from[keep], self._to[keep]
        self._crosses_s = np.array([self._across(row) for row in self._rows.tolist()])
        order = np.argsort(-self._crosses_s, kind="stable")  # of several connections between two links the shortest stays
        self._between = {(int(self._from[row]), int(self._to[row])): row for row in order.tolist()}
        self.lanes_of_link: Ints = np.bincount(lanes.link[drives], minlength=len(network.links.id))

    @cached_property
    def driven(self) -> frozenset[int]:
        """Links that a way can lead over."""
        return frozenset(self._from.tolist()) | frozenset(self._to.tolist())

    @cached_property
    def _free_mps(self) -> Floats:
        return np.maximum(free_flow_mps(self.network.links.speed_limit_mps), 1.0)

    @cached_property
    def free_s(self) -> Floats:
        """Seconds through each link on a free road (links,)."""
        return np.asarray(self.network.links.length_m / self._free_mps)

    def now_s(self, link: Ints, speed_mps: Floats, faster: float = 1.0) -> Floats:
        """Seconds through each link (links,) from who is on it: link and speed of each vehicle (n,).

        Few vehicles tell little of a link's pace: the free road counts as so many more. Who stands is not its pace, since there
        will be green: they have to leave first. faster: how much faster than the limit one drives where nobody is in the way.
        """
        count = len(self.free_s)
        limit, moves = self._free_mps * faster, speed_mps >= STANDS_MPS
        moving = np.bincount(link[moves], minlength=count).astype(np.float64)
        pace = np.bincount(link[moves], weights=1.0 / speed_mps[moves], minlength=count) / np.maximum(moving, 1.0)
        share = moving / (moving + KNOWN_BY)
        standing = np.bincount(link[~moves], minlength=count) / np.maximum(self.lanes_of_link, 1)
        drives_s = self.network.links.length_m * (share * np.maximum(pace, 1.0 / limit) + (1.0 - share) / limit)
        return np.asarray(drives_s + CLEARS_S * standing)

    def way(self, begin: int, offset_m: float, end: int, takes_s: Floats) -> Way | None:
        """From a place on a link to the end of another; None where no way leads there."""
        if begin == end:
            return self.along((begin,), offset_m, takes_s)
        rows = np.fromiter(self._between.values(), np.int64)
        cost = np.maximum(takes_s[self._to[rows]] + self._crosses_s[rows], 1e-6)
        graph = csr_array((cost, (self._from[rows], self._to[rows])), shape=(len(takes_s), len(takes_s)))
        _, before = dijkstra(graph, indices=np.array([begin]), return_predecessors=True)
        links = [end]
        while links[-1] != begin:
            links.append(int(before[0, links[-1]]))
            if links[-1] < 0:
                return None
        return self.along(tuple(reversed(links)), offset_m, takes_s)

    def along(self, links: Sequence[int], offset_m: float, takes_s: Floats) -> Way:
        """The way over these links from a place on the first, with its times; KeyError when one does not lead to the next."""
        length_m, lines = self.network.links.length_m, list[Line]()
        left = self._left(links[0], offset_m)
        after_s, after_m = float(takes_s[links[0]]) * left, float(length_m[links[0]]) * left
        for one, other in pairwise(links):
            row = self._between[one, other]
            connection = int(self._rows[row])
            if self.network.connections.signal[connection] >= 0:
                lines.append(Line(connection, after_s, after_m))
            after_s += float(self._crosses_s[row]) + float(takes_s[other])
            after_m += float(length_m[other])
        return Way(tuple(links), after_s, tuple(lines))

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _left(self, link: int, offset_m: float) -> float:
        length_m = float(self.network.links.length_m[link])
        return float(np.clip(1.0 - offset_m / max(length_m, 1e-6), 0.0, 1.0))

    def _across(self, connection: int) -> float:
        """Seconds across the junction."""
        lanes, via = self.network.lanes, int(self.network.connections.via[connection])
        if via < 0:
            return 1.0
        return float(lanes.length_m[via]) / max(float(free_flow_mps(lanes.speed_limit_mps[via])), 1.0)
