"""The nodes of several MAP messages together, each once, with what they say of one another put in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chelu.roads.left_out import LeftOut, tally
from chelu.roads.mapdata.attributes import users_of

Json = Mapping[str, Any]
NodeId = tuple[int, int]  # region, number


def node_id(said: Json) -> NodeId:
    """A NodeReferenceID; region 0 where none is said."""
    return int(said.get("region", 0)), int(said["id"])


def named(node: NodeId) -> str:
    """What a node is called in a network: its number, with its region before it unless that is 0."""
    return f"{node[0]}.{node[1]}" if node[0] else str(node[1])


@dataclass(frozen=True, slots=True)
class InLink:
    """A link that ends at a node, and the name it has in a network."""

    id: str
    upstream: NodeId
    node: NodeId
    said: Json


@dataclass(slots=True)
class Intersections:
    """Nodes by id, their links in order; notes: what contradicts itself."""

    nodes: dict[NodeId, Json] = field(default_factory=dict)
    links: list[InLink] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def gathered(messages: Iterable[Json]) -> Intersections:
    """Of messages that may repeat one another; of two nodes with one id that say different things the first counts."""
    found = Intersections()
    for message in messages:
        for said in message.get("nodes", ()):
            at = node_id(said["id"])
            if at not in found.nodes:
                found.nodes[at] = said
            elif found.nodes[at] != said:
                found.notes.append(f"node {named(at)}: it is there twice and says different things; the first counts")
    names = _Names()
    for at, said in found.nodes.items():
        for link in said.get("in_links", ()):
            upstream = node_id(link["upstream_node_id"])
            found.links.append(InLink(names.name(link.get("name", ""), upstream, at), upstream, at, link))
    return found


class _Names:
    """Names of links, each once: their own, else the numbers of their nodes."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, own: str, upstream: NodeId, node: NodeId) -> str:
        plain = f"{named(upstream)}-{named(node)}"
        name = own.strip() or plain
        number = 1
        while name in self._taken:
            number += 1
            name = f"{plain}-{number}"
        self._taken.add(name)
        return name


_READ_LIMITS = {"vehicleMaxSpeed"}


def left_out(messages: Iterable[Json]) -> tuple[LeftOut, ...]:
    """What of messages is not read, with the number of the message in place of a line."""
    return tally(one for number, message in enumerate(messages, 1) for one in _unread(message, number))


def _unread(message: Json, number: int) -> Iterator[tuple[str, int]]:
    for node in message.get("nodes", ()):
        if node.get("name"):
            yield "node/name", number
        for link in node.get("in_links", ()):
            for place, said in (("link", link), *(("lane", lane) for lane in link["lanes"])):
                limits = (one["type"] for one in said.get("speed_limits", ()))
                yield from ((f"{place}/speed_limits[{kind}]", number) for kind in limits if kind not in _READ_LIMITS)
            for lane in link["lanes"]:
                attributes = lane.get("lane_attributes")
                if attributes is not None:
                    ((kind, _),) = attributes["lane_type"].items()
                    if not users_of(attributes):
                        yield f"lane[{kind}]", number
