"""MAP messages of YD/T 3709 made from a road network: what a roadside unit at each signalised junction tells of its ways in.

Lanes are numbered from the left, as the standard has it, and drawn by their last points; each connection has its phase, the
signal group + 1, as the simulators' SPAT says it. A node has one number, whether it is told itself, or of a neighbour as where
a link comes from or a connection leads to.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.roads.network import VEHICLES, Floats, RoadNetwork
from chelu.roads.numbering import lane_numbers, node_numbers

Json = dict[str, Any]
MOST_POINTS = 31  # PointList of YD/T 3709
_DRAWN_M = 300.0  # of each lane before its stop line
_MANEUVERS = {"s": "Straight", "l": "Left", "L": "Left", "r": "Right", "R": "Right", "t": "UTurn"}


def map_frames(network: RoadNetwork, frame: LocalFrame, intersections: Mapping[str, int], *, region: int = 0) -> list[bytes]:
    """One frame for each signal; intersections: the number on the air of each signal's name."""
    names = _Names(region, node_ids(network, intersections), lane_numbers(network))
    return [
        cv2x.from_json({"message": "map", "message_count": 0, "nodes": [_node(network, frame, signal, number, names)]})
        for signal, number in ((row, intersections[str(name)]) for row, name in enumerate(network.signals.id.tolist()))
    ]


def node_ids(network: RoadNetwork, intersections: Mapping[str, int]) -> dict[int, int]:
    """Row of `network.nodes` → number on the air: those with signals as given, others as usual unless that is given away."""
    signals = zip(network.signals.node.tolist(), network.signals.id.tolist(), strict=True)
    found = {node: intersections[str(name)] for node, name in signals if node >= 0}
    taken = set(intersections.values())
    free = itertools.count(max((*taken, *node_numbers(network)), default=0) + 1)
    for number, row in node_numbers(network).items():
        if row not in found:
            found[row] = number if number not in taken else next(free)
    return found


@dataclass(frozen=True, slots=True)
class _Names:
    """Numbers of nodes and of lanes, by their rows."""

    region: int
    nodes: Mapping[int, int]
    lanes: Mapping[int, int]

    def node(self, row: int) -> Json:
        """0 for the end of a road that has no node there."""
        return {"region": self.region, "id": self.nodes.get(row, 0)}


def _node(network: RoadNetwork, frame: LocalFrame, signal: int, number: int, names: _Names) -> Json:
    links, lanes = network.connections, network.lanes
    drives = (lanes.users & int(VEHICLES)) != 0
    mine = np.flatnonzero((links.signal == signal) & drives[links.from_lane] & drives[links.to_lane])
    begins = np.unique(lanes.link[links.from_lane[mine]])
    centre = np.mean([lanes.shape[lane][-1] for lane in links.from_lane[mine]], axis=0)
    reference = _place(frame, centre)
    node = {"id": {"region": names.region, "id": number}, "reference_position": reference}
    return {**node, "in_links": [_link(network, frame, int(link), mine, names) for link in begins[:32]]}


def _link(network: RoadNetwork, frame: LocalFrame, link: int, connections: np.ndarray[Any, Any], names: _Names) -> Json:
    lanes = network.lanes
    rows = np.flatnonzero((lanes.link == link) & np.isin(np.arange(len(lanes.id)), network.connections.from_lane[connections]))
    rows = rows[np.argsort(-lanes.index[rows])]
    told = [_lane(network, frame, lane, connections, names) for lane in rows.tolist()]
    return {"upstream_node_id": names.node(int(network.links.from_node[link])), "lanes": told}


def _lane(network: RoadNetwork, frame: LocalFrame, lane: int, connections: np.ndarray[Any, Any], names: _Names) -> Json:
    points = _last(network.lanes.shape[lane])
    exits = list(_exits(network, lane, connections, names))
    offsets = [{"pos_offset": _offset(place)} for place in (_place(frame, point) for point in points)]
    return {"lane_id": names.lanes[lane], "connects_to": exits, "points": offsets}


def _exits(network: RoadNetwork, lane: int, connections: np.ndarray[Any, Any], names: _Names) -> Iterator[Json]:
    links, lanes = network.connections, network.lanes
    for row in connections[links.from_lane[connections] == lane].tolist():
        to_node = int(network.links.to_node[lanes.link[links.to_lane[row]]])
        maneuver = f"maneuver{_MANEUVERS.get(str(links.direction[row]), 'Straight')}Allowed"
        connecting = {"lane": names.lanes[int(links.to_lane[row])], "maneuver": [maneuver]}
        phase = int(links.group[row]) + 1
        yield {"remote_intersection": names.node(to_node), "connecting_lane": connecting, "phase_id": phase}


def _last(points: Floats) -> Floats:
    """The last points within `_DRAWN_M`, as many as a message holds, two at least."""
    left = np.cumsum(np.linalg.norm(np.diff(points[::-1], axis=0), axis=1))
    count = int(np.clip(np.searchsorted(left, _DRAWN_M) + 1, 2, MOST_POINTS))
    return points[-count:]


def _place(frame: LocalFrame, point: Floats) -> Json:
    latitude, longitude, elevation = (float(one[0]) for one in frame.to_geodetic(point[None, :]))
    return {
        "latitude_deg": round(latitude, 7), "longitude_deg": round(longitude, 7), "elevation_m": round(elevation, 1),
    }  # fmt: skip


def _offset(place: Json) -> Json:
    """Absolute, since a lane may be longer than an offset reaches."""
    plane = {"latitude_deg": place["latitude_deg"], "longitude_deg": place["longitude_deg"]}
    return {"offset_ll": {"position-LatLon": plane}, "offset_v": {"elevation": place["elevation_m"]}}
