"""What traffic state is told of: lanes, and the lane groups, segments, junctions and turns that they make up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from services.inference.city.state.tally import tally
from services.inference.free_flow import free_flow_mps
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

Names = npt.NDArray[np.str_]
COUNTED = (Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE)


class Scope(StrEnum):
    """Of what a row of traffic state is; the order is that of the rows."""

    LANE_GROUP = "lane_group"
    SEGMENT = "segment"
    JUNCTION = "junction"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Places:
    """Things of one scope (k,): name, metres of lane and of road, lanes, and the speed limit (mean of the lanes by length).

    Lanes of which the map tells no limit count with what is usual (`free_flow.py`); has_limit: whether one of the lanes has one.
    """

    name: Names
    lane_m: Floats
    road_m: Floats
    lanes: Ints
    limit_mps: Floats
    has_limit: Mask

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, slots=True)
class Layout:
    """Lanes (n,) of a road network: of[scope] (n,) is the row in places[scope] that a lane belongs to, −1 for none.

    A lane group is the lanes of a segment from which the same movements begin. A junction is the segments that lead to it and the
    ways across it. The network is all of these. link (n,): the network's link; first_lane (links,): a lane of each link, −1 for
    links on which no vehicle drives. turns (t, 2): segments that follow one another.
    """

    length_m: Floats
    limit_mps: Floats
    gradient: Floats
    link: Ints
    first_lane: Ints
    of: dict[Scope, Ints]
    places: dict[Scope, Places]
    turns: Ints

    @property
    def segment(self) -> Ints:
        """The segment of each lane."""
        return self.of[Scope.SEGMENT]

    def begins(self) -> Mask:
        """Segments (s,) that no other leads to: where tracks appear."""
        return ~np.isin(np.arange(len(self.places[Scope.SEGMENT])), self.turns[:, 1])

    def ends(self) -> Mask:
        """Segments (s,) that lead to no other: where tracks vanish."""
        return ~np.isin(np.arange(len(self.places[Scope.SEGMENT])), self.turns[:, 0])


def layout_of(network: RoadNetwork) -> Layout:
    """The layout of a road network; lanes on which no motor vehicle drives belong to nothing."""
    lanes, links = network.lanes, network.links
    is_driven = (lanes.users & int(VEHICLES)) != 0
    kind, link = network.lane_kind(), lanes.link.astype(np.int64)
    length_m = _lengths(network)
    is_road = is_driven & np.isin(kind, COUNTED)
    segment, segment_link = _dense(np.where(is_road, link, -1))
    leads_on = np.isin(links.to_node, links.to_node[link[network.connections.from_lane]])  # other nodes are ends of the map
    ahead = np.where(leads_on, links.to_node, -1)[link]
    node = np.where(is_road, ahead, np.where(is_driven & (kind == Kind.JUNCTION), links.from_node[link], -1))
    junction, junction_node = _dense(node.astype(np.int64))
    group, group_names = _groups(network, segment, links.id[segment_link])
    of = {
        Scope.LANE_GROUP: group,
        Scope.SEGMENT: segment,
        Scope.JUNCTION: junction,
        Scope.NETWORK: np.where(is_road | (is_driven & (kind == Kind.JUNCTION)), 0, -1),
    }
    names = {
        Scope.LANE_GROUP: group_names,
        Scope.SEGMENT: links.id[segment_link],
        Scope.JUNCTION: network.nodes.id[junction_node],
        Scope.NETWORK: np.array(["network"]),
    }
    limit, has_limit = free_flow_mps(lanes.speed_limit_mps), lanes.speed_limit_mps > 0
    first_lane = np.full(len(links.id), -1, np.int64)
    driven = np.flatnonzero(is_driven)[::-1]
    first_lane[link[driven]] = driven
    places = {scope: _places(names[scope], of[scope], link, length_m, (limit, has_limit), is_road) for scope in Scope}
    return Layout(length_m, limit, lanes.gradient, link, first_lane, of, places, _turns(network, segment))


def _lengths(network: RoadNetwork) -> Floats:
    """Metres along each lane's shape, as offsets of matched places are told."""
    shape = network.lanes.shape
    return np.asarray(shape.offsets()[np.maximum(shape.start[1:] - 1, 0)])


def _dense(of_lane: Ints) -> tuple[Ints, Ints]:
    """Row (n,) of each lane's thing, −1 for none, and the things themselves (k,)."""
    things, row = np.unique(of_lane, return_inverse=True)
    has_none = int(len(things) > 0 and things[0] < 0)
    return row.astype(np.int64) - has_none, things[has_none:]


def _groups(network: RoadNetwork, segment: Ints, names: Names) -> tuple[Ints, Names]:
    """Lanes of a segment by the set of directions in which their connections lead: ``street_4n:ls``."""
    found: dict[int, set[str]] = {}
    links = network.connections
    for lane, direction in zip(links.from_lane.tolist(), links.direction.tolist(), strict=True):
        found.setdefault(lane, set()).add(direction)
    told = [
        f"{names[row]}:{''.join(sorted(found.get(lane, ())))}" if row >= 0 else "" for lane, row in enumerate(segment.tolist())
    ]
    things, row = np.unique(np.array(told, np.str_).reshape(-1), return_inverse=True)
    has_none = int(len(things) > 0 and not things[0])
    return row.astype(np.int64) - has_none, things[has_none:]


def _places(
    names: Names, of_lane: Ints, link: Ints, length_m: Floats, limits: tuple[Floats, Mask], is_road: npt.NDArray[np.bool_]
) -> Places:
    """Sizes are those of roads alone: ways across junctions overlap one another."""
    mine = is_road & (of_lane >= 0)
    row, count = of_lane[mine], len(names)
    lane_m = tally(row, count, length_m[mine])
    lanes = np.bincount(row, minlength=count)
    links, first = np.unique(link[mine], return_index=True)
    road_m = tally(row[first], count, length_m[mine][first]) if len(links) else np.zeros(count)
    limit_mps, has_limit = limits
    limit = tally(row, count, (length_m * limit_mps)[mine]) / np.maximum(lane_m, 1e-9)
    return Places(names, lane_m, road_m, lanes, limit, np.bincount(row[has_limit[mine]], minlength=count) > 0)


def _turns(network: RoadNetwork, segment: Ints) -> Ints:
    links = network.connections
    pairs = np.column_stack([segment[links.from_lane], segment[links.to_lane]])
    return np.asarray(np.unique(pairs[(pairs >= 0).all(axis=1)], axis=0), np.int64).reshape(-1, 2)


def middles(layout: Layout, network: RoadNetwork) -> Floats:
    """Where the middle of each segment's first lane is (s, 3), local metres: halfway along its points."""
    on = np.flatnonzero(layout.segment >= 0)
    segment, first = np.unique(layout.segment[on], return_index=True)
    shape, lane = network.lanes.shape, on[first]
    begin, end = shape.start[lane], shape.start[lane + 1]
    found = np.full((len(layout.places[Scope.SEGMENT]), 3), np.nan)
    found[segment] = (shape.points[(begin + end - 1) // 2] + shape.points[(begin + end) // 2]) / 2.0
    return found
