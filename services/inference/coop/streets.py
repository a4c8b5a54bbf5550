"""The road network as cooperation asks it: which lane a message means, the ways across a node, who comes towards a place.

Made once per network; the ways across a node are worked out when it is first asked for. Pure.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from chelu.coop.parts import Intersection, Lane
from chelu.roads.geometry import lane_path
from chelu.roads.network import Kind, RoadNetwork
from chelu.roads.numbering import lane_numbers, node_numbers
from services.inference.free_flow import free_flow_mps
from services.inference.reports import Floats


class UnknownPlaceError(Exception):
    """A node or a lane that the site's network does not have; the text names it."""


@dataclass(frozen=True, slots=True)
class Way:
    """How one drives from one lane to another across a node: from the stop line (0 m) to where the next lane begins.

    points (k, 3), along (k,) metres; inner: the lanes in between; signal, group: which signal lets it go, −1 none.
    """

    node: int
    from_lane: int
    to_lane: int
    inner: tuple[int, ...]
    points: Floats
    along: Floats
    speed_mps: float
    signal: int
    group: int

    @property
    def length_m(self) -> float:
        """From stop line to exit."""
        return float(self.along[-1])


class Streets:
    """Over one network."""

    def __init__(self, network: RoadNetwork) -> None:
        self.network = network
        self._node_of = node_numbers(network)
        self._number_of_lane = lane_numbers(network)
        self._number_of_node = {row: number for number, row in self._node_of.items()}
        self._links: dict[tuple[int, int], list[int]] = defaultdict(list)
        is_road = np.isin(network.links.kind, [Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE])
        for link in np.flatnonzero(is_road).tolist():
            self._links[int(network.links.from_node[link]), int(network.links.to_node[link])].append(link)
        self._lane_at = {(int(network.lanes.link[lane]), number): lane for lane, number in self._number_of_lane.items()}
        shape = network.lanes.shape
        offsets = shape.offsets()
        self.length_m: Floats = offsets[np.maximum(shape.start[1:] - 1, 0)] if len(offsets) else np.zeros(0)
        self._onward: dict[int, list[int]] = defaultdict(list)  # rows of connections, by the lane they leave
        self._before: dict[int, set[int]] = defaultdict(set)  # lanes, by the lane they lead to
        rows = zip(
            network.connections.from_lane.tolist(),
            network.connections.via.tolist(),
            network.connections.to_lane.tolist(),
            strict=True,
        )
        for row, (begin, via, end) in enumerate(rows):
            self._onward[begin].append(row)
            if via >= 0:
                self._before[via].add(begin)
                self._before[end].add(via)
            else:
                self._before[end].add(begin)
        self.ways = cache(self._ways)
        self.upstream = lru_cache(maxsize=4096)(self._upstream)

    def node(self, wanted: Intersection) -> int:
        """The node's row; UnknownPlaceError when there is none."""
        row = self._node_of.get(wanted.id)
        if row is None:
            raise UnknownPlaceError(f"intersection {wanted.region}/{wanted.id} is not in the site's network")
        return row

    def lane(self, wanted: Lane) -> int:
        """The lane's row; UnknownPlaceError when there is none."""
        ends = self.node(wanted.upstream), self.node(wanted.downstream)
        found = [lane for link in self._links.get(ends, ()) if (lane := self._lane_at.get((link, wanted.lane))) is not None]
        if not found:
            text = f"lane {wanted.lane} from intersection {wanted.upstream.id} to {wanted.downstream.id}"
            raise UnknownPlaceError(f"{text} is not in the site's network")
        return found[0]

    def told(self, lane: int) -> Lane | None:
        """How a message names a lane; None for one that has no name there (a path across a node, a pavement)."""
        link = int(self.network.lanes.link[lane])
        ends = [self._number_of_node.get(int(end[link])) for end in (self.network.links.from_node, self.network.links.to_node)]
        number = self._number_of_lane.get(lane)
        if number is None or ends[0] is None or ends[1] is None or self._is_inner(lane):
            return None
        return Lane(upstream=Intersection(id=ends[0]), downstream=Intersection(id=ends[1]), lane=number)

    def number_of(self, node: int) -> int:
        """The number of a node on the air, 0 for none."""
        return self._number_of_node.get(node, 0)

    def link_lanes(self, lane: int) -> list[int]:
        """The lanes for vehicles of a lane's link, from the left."""
        link = int(self.network.lanes.link[lane])
        mine = [one for one in self._number_of_lane if int(self.network.lanes.link[one]) == link]
        return sorted(mine, key=self._number_of_lane.__getitem__)

    def node_after(self, lane: int) -> int:
        """The node that a lane leads to, −1 unknown."""
        return int(self.network.links.to_node[self.network.lanes.link[lane]])

    def way(self, from_lane: int, to_lane: int) -> Way | None:
        """The way from one lane to another over the node between them."""
        return next(
            (one for one in self.ways(self.node_after(from_lane)) if (one.from_lane, one.to_lane) == (from_lane, to_lane)), None
        )

    def ways_from(self, lane: int) -> list[Way]:
        """All ways on from a lane over its next node."""
        return [one for one in self.ways(self.node_after(lane)) if one.from_lane == lane]

    def line_m(self, way: Way, lane: int, offset_m: float) -> float | None:
        """Metres from a place to a way's stop line, negative inside; None for a place that is not on the way or before it."""
        if lane == way.from_lane:
            return float(self.length_m[lane]) - offset_m
        inside = 0.0
        for inner in way.inner:
            if lane == inner:
                return -(inside + offset_m)
            inside += float(self.length_m[inner])
        return None

    def crossed(self, begin: Floats, end: Floats) -> list[tuple[int, float]]:
        """Lanes for vehicles that the straight line between two places (2,) crosses, and how far along each."""
        pieces = self.network.pieces
        if not len(pieces.a):
            return []
        steps = np.linspace(begin, end, max(2, int(np.ceil(float(np.hypot(*(end - begin))) / 2.0)) + 1))
        near = np.unique(pieces.grid.candidates(steps)[1])
        near = near[np.isin(pieces.lane[near], list(self._number_of_lane))]
        a, step, line = pieces.a[near, :2], (pieces.b - pieces.a)[near], end - begin
        determinant = step[:, 0] * line[1] - step[:, 1] * line[0]
        safe = np.where(np.abs(determinant) > 1e-9, determinant, np.inf)
        away = begin - a
        share = (away[:, 0] * line[1] - away[:, 1] * line[0]) / safe
        along = (away[:, 0] * step[:, 1] - away[:, 1] * step[:, 0]) / safe
        hit = np.isfinite(safe) & (share >= 0) & (share <= 1) & (along >= 0) & (along <= 1)
        offset = pieces.offset[near] + share * np.linalg.norm(step, axis=1)
        return [(int(pieces.lane[piece]), float(way)) for piece, way in zip(near[hit], offset[hit], strict=True)]

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _upstream(self, lane: int, reach_m: float, end_m: float | None = None) -> Mapping[int, float]:
        """Lanes from which one comes to a place `end_m` along `lane` (else its end): lane → metres from its beginning."""
        ways = {lane: float(self.length_m[lane]) if end_m is None else end_m}
        queue = [(ways[lane], lane)]
        while queue:
            way, here = heapq.heappop(queue)
            if way > ways[here] or way > reach_m:
                continue
            for before in self._before[here]:
                longer = way + float(self.length_m[before])
                if longer < ways.get(before, np.inf):
                    ways[before] = longer
                    heapq.heappush(queue, (longer, before))
        return ways

    def _is_inner(self, lane: int) -> bool:
        return bool(self.network.links.kind[self.network.lanes.link[lane]] == Kind.JUNCTION)

    def _ways(self, node: int) -> Sequence[Way]:
        """Every way across a node that vehicles may drive."""
        found = []
        for lane in self._number_of_lane:
            if self.node_after(lane) == node and not self._is_inner(lane):
                found += [way for row in self._onward[lane] if (way := self._way(node, lane, row)) is not None]
        return found

    def _way(self, node: int, lane: int, row: int) -> Way | None:
        """From a connection; a path across a large junction may consist of several lanes."""
        connections = self.network.connections
        end, inner = int(connections.to_lane[row]), list[int]()
        here = int(connections.via[row])
        while here >= 0 and here not in inner and end in self._number_of_lane:
            inner.append(here)
            here = next((int(connections.via[one]) for one in self._onward[here] if int(connections.to_lane[one]) == end), -1)
        if not inner:
            return None
        points, along = lane_path(self.network, inner)
        if len(points) < 2:
            return None
        speed = float(free_flow_mps(self.network.lanes.speed_limit_mps[inner]).min())
        signal, group = int(connections.signal[row]), int(connections.group[row])
        return Way(node, lane, end, tuple(inner), points, along, speed, signal, group)
