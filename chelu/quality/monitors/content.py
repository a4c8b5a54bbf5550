"""Whether a message says the least that an application needs of it.

Almost everything in MAP and SPAT of YD/T 3709-2020 is optional, so that a message may be valid and of no use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    """What a MAP does not say of one of its nodes: sentences."""
    return [text for node in value.get("nodes", ()) if node_of(node["id"]) == junction for text in _of_node(node)]


def _of_node(node: Json) -> Iterator[str]:
    place = node.get("reference_position", {})
    if place.get("latitude_deg") is None or place.get("longitude_deg") is None:
        yield "its reference position"
    if not node.get("in_links"):
        yield "any link that leads to it"
    for number, link in enumerate(node.get("in_links", ()), 1):
        yield from _of_link(number, link)


def _of_link(number: int, link: Json) -> Iterator[str]:
    by_exit = {node_of(one["remote_intersection"]) for one in link.get("movements", ())}
    for lane in link.get("lanes", ()):
        name = f"link {number} lane {lane['lane_id']}"
        if not (lane.get("points") or link.get("points")):
            yield f"the line of {name}"
        if is_for_vehicles(lane) and not lane.get("connects_to") and not by_exit:  # a pavement ends at a crossing
            yield f"where {name} goes on to"
