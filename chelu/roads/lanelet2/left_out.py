"""What of a lanelet2 file is read; everything else in it is counted, so that nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chelu.roads.lanelet2.placing import tags_of
from chelu.roads.lanelet2.users import DEFAULT_SUBTYPE, PARTICIPANT, USERS
from chelu.roads.left_out import LeftOut, tally
from chelu.xml_tree import Element

NODE_TAGS = {"ele", "local_x", "local_y"}
LANELET_TAGS = {"type", "subtype", "one_way", "speed_limit", "turn_direction", "name", "road_name", "tunnel", "bridge"}
LANELET_ROLES = {"left", "right", "centerline", "regulatory_element"}
REGULATIONS = {"traffic_light", "right_of_way"}


def left_out(root: Element) -> tuple[LeftOut, ...]:
    """What of a file is not read, one of each kind."""
    return tally(_unread(root))


def _unread(root: Element) -> Iterator[tuple[str, int]]:
    relations = root.all("relation")
    used = {one.get("ref") for relation in relations if _is_read(relation) for one in relation.all("member")}
    for element in root.children:
        if element.tag == "node":
            yield from ((f"node/{key}", element.line) for key in tags_of(element) if key not in NODE_TAGS and _is_said(element))
        elif element.tag == "way":
            tags = tags_of(element)
            if element.get("id") not in used:
                yield f"way[{tags.get('type', '')}]", element.line
            elif "subtype" in tags:
                yield f"way[{tags.get('type', '')}]/subtype", element.line
        elif element.tag == "relation":
            yield from _of_relation(element)
        else:
            yield element.tag, element.line


def _is_said(node: Element) -> bool:
    """Whether a node says something beside its place; the origin's name is read."""
    return tags_of(node).get("name") != "origin"


def _is_read(relation: Element) -> bool:
    return tags_of(relation).get("type") in {"lanelet", "regulatory_element"}


def _of_relation(element: Element) -> Iterator[tuple[str, int]]:
    tags = tags_of(element)
    kind, subtype = tags.get("type", ""), tags.get("subtype", "")
    if kind == "lanelet":
        yield from _of_lanelet(element, tags)
    elif kind != "regulatory_element":
        yield f"relation[{kind}]", element.line
    elif subtype not in REGULATIONS:
        yield f"regulatory_element[{subtype}]", element.line


def _of_lanelet(element: Element, tags: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    subtype = tags.get("subtype", DEFAULT_SUBTYPE)
    if subtype not in USERS:
        yield f"lanelet[{subtype}]", element.line
    for key in tags:
        if key not in LANELET_TAGS and not key.startswith(PARTICIPANT):
            yield f"lanelet/{key}", element.line
    for member in element.all("member"):
        if member.get("role") not in LANELET_ROLES:
            yield f"lanelet/member[{member.get('role', '')}]", element.line
