"""A road network as MAP messages of YD/T 3709: a node for each junction or end of a road, its links, lanes and ways over it.

A message has at most 63 nodes and `MOST_BYTES`; a network that is larger becomes several. What a MAP has no words for (paths
across junctions, crossings, programmes of signals) is not in it: `chelu.roads.comparing` tells what is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.errors import OutOfRangeError
from chelu.geo import LocalFrame
from chelu.roads.mapdata import attributes
from chelu.roads.mapdata.points import drawn, reference, thinned
from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from chelu.roads.numbering import node_numbers

Json = dict[str, Any]
MOST_BYTES = 8188  # of a frame: what the radio's PDCP layer takes in one piece (3GPP TS 36.323)
MOST_NODES, MOST_LINKS, MOST_LANES, MOST_WAYS = 63, 32, 32, 16  # of a message, a node, a link, a lane
LONGEST_NAME = 63
LAST_PHASE = 254  # 0 is unknown, 255 permanent green
WRITTEN = (Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How it is written. numbers: the number on the air of each node by its name; region: of all of them.

    is_named: whether links and nodes say their names, where these are ASCII.
    """

    numbers: Mapping[str, int]
    region: int = 0
    is_named: bool = True
    most_bytes: int = MOST_BYTES


def usual_style(network: RoadNetwork, *, region: int = 0, is_named: bool = True, most_bytes: int = MOST_BYTES) -> Style:
    """Nodes numbered as `chelu.roads.numbering` has them."""
    names = network.nodes.id.tolist()
    numbers = {str(names[row]): number for number, row in node_numbers(network).items()}
    return Style(numbers=numbers, region=region, is_named=is_named, most_bytes=most_bytes)


def frames_of(network: RoadNetwork, frame: LocalFrame, style: Style) -> list[bytes]:
    """The frames of a network, in the order of its nodes' numbers; OutOfRangeError for a node that no message holds."""
    groups, waiting, size = list[list[Json]](), list[Json](), 0
    for node in nodes_of(network, frame, style):
        alone = len(frame_of([node]))  # together they are never longer than one by one
        if alone > style.most_bytes:
            raise OutOfRangeError(f"bytes of node {node['id']['id']}", alone, 1, style.most_bytes)
        if waiting and (len(waiting) == MOST_NODES or size + alone > style.most_bytes):
            groups.append(waiting)
            waiting, size = [], 0
        waiting.append(node)
        size += alone
    return [frame_of(group) for group in (*groups, waiting) if group]


def frame_of(nodes: Sequence[Json]) -> bytes:
    """The frame of a message that has these nodes."""
    return cv2x.from_json({"message": "map", "message_count": 0, "nodes": list(nodes)})


def nodes_of(network: RoadNetwork, frame: LocalFrame, style: Style) -> Iterator[Json]:
    """The nodes as a message's JSON has them, by number; those without a number, and those without links, are left out."""
    writer = _Writer(network, frame, style)
    names = network.nodes.id.tolist()
    for row in sorted(range(len(names)), key=lambda row: style.numbers.get(str(names[row]), 0)):
        if str(names[row]) in style.numbers and writer.is_met(row):
            yield writer.node(row)


class _Writer:
    """Finds what belongs to a node."""

    def __init__(self, network: RoadNetwork, frame: LocalFrame, style: Style) -> None:
        self._network, self._frame, self._style = network, frame, style
        lanes, links = network.lanes, network.links
        is_written = np.isin(links.kind, WRITTEN)
        self._in_links: dict[int, list[int]] = {}
        for link in np.flatnonzero(is_written).tolist():
            self._in_links.setdefault(int(links.to_node[link]), []).append(link)
        self._met = {int(one) for end in (links.from_node, links.to_node) for one in end[is_written]}
        self._lanes: dict[int, list[int]] = {}
        for lane in np.lexsort((-lanes.index, lanes.link)).tolist():  # from the left
            self._lanes.setdefault(int(lanes.link[lane]), []).append(lane)
        self._number = self._lane_numbers()
        self._ways: dict[int, list[int]] = {}
        for row, lane in enumerate(network.connections.from_lane.tolist()):
            if lane in self._number and int(network.connections.to_lane[row]) in self._number:
                self._ways.setdefault(lane, []).append(row)

    def _lane_numbers(self) -> dict[int, int]:
        """Within all links from one node to another, for vehicles first: a way on names its lane by nodes and number alone."""
        links, numbers = self._network.links, dict[int, int]()
        between: dict[tuple[int, int], list[int]] = {}
        for node in self._in_links:
            for link in self._in_links[node]:
                between.setdefault((int(links.from_node[link]), node), []).append(link)
        for together in between.values():
            rows = [lane for link in together for lane in self._lanes.get(link, ())]
            driven = (self._network.lanes.users & int(VEHICLES)) != 0
            for number, lane in enumerate(sorted(rows, key=lambda row: not driven[row]), 1):
                numbers[lane] = number
        return numbers

    def is_met(self, row: int) -> bool:
        """Whether a link that is written begins or ends at a node."""
        return row in self._met

    def node(self, row: int) -> Json:
        """A node with all links that end at it."""
        anchor = reference(self._network.nodes.position[row], self._frame)
        links = [self._link(link, anchor) for link in self._in_links.get(row, ())]
        found: Json = {"id": self._id(row), "reference_position": anchor}
        _bound(f"links of node {found['id']['id']}", len(links), MOST_LINKS)
        name = str(self._network.nodes.id[row])
        if self._is_sayable(name) and name != str(found["id"]["id"]):
            found["name"] = name
        return found | ({"in_links": links} if links else {})

    def _id(self, row: int) -> Json:
        number = {"id": self._style.numbers[str(self._network.nodes.id[row])]}
        return {"region": self._style.region, **number} if self._style.region else number

    def _is_sayable(self, name: str) -> bool:
        return self._style.is_named and name.isascii() and 0 < len(name) <= LONGEST_NAME

    def _link(self, link: int, anchor: Mapping[str, float]) -> Json:
        links, lanes = self._network.links, self._network.lanes
        rows = self._lanes.get(link, [])
        name = str(links.id[link])
        _bound(f"lanes of link {name}", len(rows), MOST_LANES)
        limit = float(links.speed_limit_mps[link])
        found: Json = {"name": name} if self._is_sayable(name) else {}
        found["upstream_node_id"] = self._id(int(links.from_node[link]))
        found |= _limits(limit)
        found["link_width_m"] = _width(float(lanes.width_m[rows].sum()))
        return found | {"lanes": [self._lane(lane, anchor, limit) for lane in rows]}

    def _lane(self, lane: int, anchor: Mapping[str, float], link_limit_mps: float) -> Json:
        lanes, connections = self._network.lanes, self._network.connections
        ways = self._ways.get(lane, [])
        _bound(f"ways on from lane {lanes.id[lane]}", len(ways), MOST_WAYS)
        limit = float(lanes.speed_limit_mps[lane])
        found: Json = {
            "lane_id": self._number[lane],
            "lane_width_m": _width(float(lanes.width_m[lane])),
            "lane_attributes": attributes.attributes(int(lanes.users[lane]), is_bridge=self._is_bridge(lane)),
        }
        if ways:
            found["maneuvers"] = attributes.maneuvers(str(connections.direction[row]) for row in ways)
            found["connects_to"] = [self._way(row) for row in ways]
        if np.isfinite(limit) and limit != link_limit_mps:
            found |= _limits(limit)
        return found | {"points": drawn(thinned(lanes.shape[lane]), self._frame, anchor)}

    def _is_bridge(self, lane: int) -> bool:
        return bool(self._network.links.kind[self._network.lanes.link[lane]] == Kind.BRIDGE)

    def _way(self, row: int) -> Json:
        connections, lanes = self._network.connections, self._network.lanes
        to = int(connections.to_lane[row])
        connecting: Json = {"lane": self._number[to]}
        if maneuver := attributes.maneuvers([str(connections.direction[row])]):
            connecting["maneuver"] = maneuver
        found: Json = {
            "remote_intersection": self._id(int(self._network.links.to_node[lanes.link[to]])),
            "connecting_lane": connecting,
        }
        if connections.group[row] >= 0:
            phase = int(connections.group[row]) + 1
            _bound(f"phase of the way from lane {lanes.id[connections.from_lane[row]]}", phase, LAST_PHASE)
            found["phase_id"] = phase
        return found


def _limits(limit_mps: float) -> Json:
    if not np.isfinite(limit_mps):
        return {}
    return {"speed_limits": [{"type": "vehicleMaxSpeed", "speed_mps": round(min(limit_mps, 163.8), 2)}]}


def _width(width_m: float) -> float:
    return round(min(width_m, 327.67), 2)


def _bound(field: str, value: int, high: int) -> None:
    if value > high:
        raise OutOfRangeError(field, value, 0, high)
