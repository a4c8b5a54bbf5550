"""What of a map each roadside unit is to send, and what it sends of it. Pure.

A unit sends the nodes within its coverage, the nearest first, in one frame. T/ITS 0117's e-tag rule: a map has a tag, a unit says
which tag it has, and is sent a map only when that is another one. Our tag is the frame's SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.codec.cv2x_json import to_json
from chelu.geo import LocalFrame
from chelu.roads.mapdata.differences import differences
from chelu.roads.mapdata.intersections import NodeId, node_id
from chelu.roads.mapdata.writing import MOST_BYTES, MOST_NODES, frame_of, nodes_of, usual_style
from chelu.roads.network import RoadNetwork
from services.registry.road_events.units import USUAL_COVERAGE_M

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A unit's part of a map: its frame, the nodes in it, how many more are within its coverage."""

    frame: bytes
    nodes: tuple[Json, ...]
    beyond: int

    @property
    def e_tag(self) -> str:
        """The frame's tag."""
        return hashlib.sha256(self.frame).hexdigest()


class Parts:
    """A map's nodes as they are on the air, ready to be parted among units."""

    def __init__(self, network: RoadNetwork, frame: LocalFrame) -> None:
        self._nodes = list(nodes_of(network, frame, usual_style(network)))
        places = [one["reference_position"] for one in self._nodes]
        self._frame = frame
        self._places = frame.to_local(
            np.array([one["latitude_deg"] for one in places]), np.array([one["longitude_deg"] for one in places])
        )[:, :2]

    def of(self, unit: Mapping[str, Any]) -> Part | None:
        """What a unit is to send; None for one without a place, or that covers no node."""
        if unit["latitude_deg"] is None or unit["longitude_deg"] is None:
            return None
        here = self._frame.to_local(unit["latitude_deg"], unit["longitude_deg"])[0, :2]
        away = np.hypot(*(self._places - here).T)
        near = [self._nodes[row] for row in np.argsort(away, kind="stable").tolist() if away[row] <= coverage_m(unit)]
        return _part(near) if near else None


def coverage_m(unit: Mapping[str, Any]) -> float:
    """How far a unit is heard."""
    return float(USUAL_COVERAGE_M if unit["coverage_m"] is None else unit["coverage_m"])


def _part(near: Sequence[Json]) -> Part | None:
    """As many of the nodes, the nearest first, as a frame holds; None where no lane leads to any of them."""
    kept, size = list[Json](), 0
    for node in near[:MOST_NODES]:
        size += len(frame_of([node]))  # together they are never longer than one by one
        if size > MOST_BYTES:
            break
        kept.append(node)
    if not any("in_links" in node for node in kept):
        return None
    ordered = sorted(kept, key=lambda node: node_id(node["id"]))
    return Part(frame_of(ordered), tuple(ordered), len(near) - len(kept))


def newest_nodes(messages: Iterable[Json]) -> dict[NodeId, Json]:
    """Each node as it was said last; messages: the newest first."""
    found: dict[NodeId, Json] = {}
    for message in messages:
        for node in message.get("nodes", ()):
            found.setdefault(node_id(node["id"]), node)
    return found


def told_otherwise(part: Part | None, heard: Mapping[NodeId, Json]) -> list[str]:
    """Where what a unit is heard to send differs from what it should; its part as the air would have it."""
    should = newest_nodes([to_json(part.frame)]) if part is not None else {}
    return differences(should, heard)
