"""Whether a message says the least that an application needs of it.

Almost everything in MAP and SPAT of YD/T 3709-2020 is optional, so that a message may be valid and of no use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.parameters import parameter
from chelu.quality.monitors.judged import Judged, Subject, judged, together
from chelu.quality.monitors.junctions import Node, is_for_vehicles, node_of
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.window import Window

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Content(Assessed):
    """Parameters of the minimum content."""

    most_vague: float = parameter(0.0, "share", "of a message's phases that may lack a light or its timing", high=1)


def spat_content(window: Window, parameters: Content) -> Judged:
    """Messages of which phases lack their light or any timing; value: the share of the phases that do."""
    parts = []
    for one in window.signals:
        said = np.count_nonzero(one.light != 255, axis=1)
        share = np.count_nonzero(one.is_vague, axis=1) / np.maximum(said, 1)
        parts.append(judged(one.subject, one.time_us, share > parameters.most_vague, share))
    return together(parts)


def map_content(window: Window, parameters: Content) -> Judged:
    """Messages that lack what places a vehicle; value: how many things a node lacks."""
    del parameters
    lacking: dict[tuple[int, Node], int] = {}
    parts = []
    for one in window.maps:
        for content in np.unique(one.content).tolist():
            lacking[content, one.junction] = len(lacks(window.contents[content], one.junction))
        count = np.array([lacking[content, one.junction] for content in one.content.tolist()])
        parts.append(judged(Subject(one.device_key, *one.junction), one.time_us, count > 0, count))
    return together(parts)


def lacks(value: Json, junction: Node) -> list[str]:
    """What a MAP does not say of one of its nodes: sentences.

    Links are drawn at the node that they lead to, so that one at which roads only begin has none. Where the MAP knows one
    neighbour or none, a road ends: nobody need go on from there. Where it knows two, one road becomes another, and a lane may end
    beside others that go on.
    """
    nodes = value.get("nodes", ())
    has_links = any(node.get("in_links") for node in nodes)
    count = len(_neighbours(nodes, junction))
    mine = [node for node in nodes if node_of(node["id"]) == junction]
    return [text for node in mine for text in _of_node(node, has_links=has_links, neighbours=count)]


def _neighbours(nodes: Iterable[Json], junction: Node) -> set[Node]:
    """The nodes that links lead from to this one, and that links lead to from it."""
    found: set[Node] = set()
    for node in nodes:
        here = node_of(node["id"])
        begins = {node_of(link["upstream_node_id"]) for link in node.get("in_links", ())}
        found |= begins if here == junction else {here} if junction in begins else set()
    return found


def _of_node(node: Json, *, has_links: bool, neighbours: int) -> Iterator[str]:
    place = node.get("reference_position", {})
    if place.get("latitude_deg") is None or place.get("longitude_deg") is None:
        yield "its reference position"
    if not has_links:
        yield "any link"
    for number, link in enumerate(node.get("in_links", ()), 1):
        yield from _of_link(number, link, neighbours)


def _of_link(number: int, link: Json, neighbours: int) -> Iterator[str]:
    lanes = link.get("lanes", ())
    may_end = neighbours < 2 or (neighbours == 2 and any(lane.get("connects_to") for lane in lanes))
    for lane in lanes:
        name = f"link {number} lane {lane['lane_id']}"
        if not (lane.get("points") or link.get("points")):
            yield f"the line of {name}"
        leads_on = lane.get("connects_to") or link.get("movements")
        if is_for_vehicles(lane) and not leads_on and not may_end:  # a pavement ends at a crossing
            yield f"where {name} goes on to"
