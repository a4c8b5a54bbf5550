"""MAP messages of YD/T 3709 made from a road network: what a roadside unit at each signalised junction tells of its ways in.

Lanes are numbered from the left, as the standard has it, and drawn by their last points; each connection has its phase, the
signal group + 1, as the simulators' SPAT says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.roads.network import VEHICLES, Floats, RoadNetwork

Json = dict[str, Any]
MOST_POINTS = 31  # PointList of YD/T 3709
_DRAWN_M = 300.0  # of each lane before its stop line
_MANEUVERS = {"s": "Straight", "l": "Left", "L": "Left", "r": "Right", "R": "Right", "t": "UTurn"}


def map_frames(network: RoadNetwork, frame: LocalFrame, intersections: Mapping[str, int], *, region: int = 0) -> list[bytes]:
    """One frame for each signal; intersections: the number on the air of each signal's name."""
    return [
        cv2x.from_json({"message": "map", "message_count": 0, "nodes": [_node(network, frame, signal, number, region)]})
        for signal, number in ((row, intersections[str(name)]) for row, name in enumerate(network.signals.id.tolist()))
    ]


def _node(network: RoadNetwork, frame: LocalFrame, signal: int, number: int, region: int) -> Json:
    links, lanes = network.connections, network.lanes
    drives = (lanes.users & int(VEHICLES)) != 0
    mine = np.flatnonzero((links.signal == signal) & drives[links.from_lane] & drives[links.to_lane])
    begins = np.unique(lanes.link[links.from_lane[mine]])
    centre = np.mean([lanes.shape[lane][-1] for lane in links.from_lane[mine]], axis=0)
    reference = _place(frame, centre)
    node = {"id": {"region": region, "id": number}, "reference_position": reference}
    return {**node, "in_links": [_link(network, frame, int(link), mine) for link in begins[:32]]}


def _link(network: RoadNetwork, frame: LocalFrame, link: int, connections: np.ndarray[Any, Any]) -> Json:
    lanes = network.lanes
    rows = np.flatnonzero((lanes.link == link) & np.isin(np.arange(len(lanes.id)), network.connections.from_lane[connections]))
    rows = rows[np.argsort(-lanes.index[rows])]
    told = [_lane(network, frame, int(lane), number, connections) for number, lane in enumerate(rows, 1)]
    return {"upstream_node_id": {"id": int(network.links.from_node[link]) + 1}, "lanes": told}


def _lane(network: RoadNetwork, frame: LocalFrame, lane: int, number: int, connections: np.ndarray[Any, Any]) -> Json:
    points = _last(network.lanes.shape[lane])
    exits = list(_exits(network, lane, connections))
    offsets = [{"pos_offset": _offset(place)} for place in (_place(frame, point) for point in points)]
    return {"lane_id": number, "connects_to": exits, "points": offsets}


def _exits(network: RoadNetwork, lane: int, connections: np.ndarray[Any, Any]) -> Iterator[Json]:
    links, lanes = network.connections, network.lanes
    for row in connections[links.from_lane[connections] == lane].tolist():
        to_node = int(network.links.to_node[lanes.link[links.to_lane[row]]])
        maneuver = f"maneuver{_MANEUVERS.get(str(links.direction[row]), 'Straight')}Allowed"
        connecting = {"lane": int(lanes.index[links.to_lane[row]]) + 1, "maneuver": [maneuver]}
        yield {"remote_intersection": {"id": to_node + 1}, "connecting_lane": connecting, "phase_id": int(links.group[row]) + 1}


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
