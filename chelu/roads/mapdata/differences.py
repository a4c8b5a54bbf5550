"""Where two MAPs of the same place differ, node by node, link by link, lane by lane: what should be sent, and what is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.comparing import apart
from chelu.roads.mapdata.attributes import users_of
from chelu.roads.mapdata.intersections import NodeId, named, node_id
from chelu.roads.mapdata.points import local

Json = Mapping[str, Any]
PLACE_M, LINE_M = 0.5, 0.3  # a node that lies further away, and a lane's line, is another one
WIDTH_M = 0.011


def differences(should: Mapping[NodeId, Json], sent: Mapping[NodeId, Json]) -> list[str]:
    """A sentence for each thing that is sent otherwise than it should be."""
    found = [f"node {named(at)} is not sent" for at in should if at not in sent]
    found += [f"node {named(at)} is sent, and is not in the map" for at in sent if at not in should]
    for at in should:
        if at in sent:
            found += _of_node(named(at), should[at], sent[at])
    return found


def _of_node(name: str, should: Json, sent: Json) -> Iterator[str]:
    places = [node["reference_position"] for node in (should, sent)]
    if any(place.get("latitude_deg") is None or place.get("longitude_deg") is None for place in places):
        yield f"node {name}: it is sent without a place"
        return
    frame = LocalFrame(places[0]["latitude_deg"], places[0]["longitude_deg"])
    away = float(np.hypot(*frame.to_local(places[1]["latitude_deg"], places[1]["longitude_deg"])[0, :2]))
    if away > PLACE_M:
        yield f"node {name} is sent {away:.1f} m from where it should lie"
    links = [_links(node) for node in (should, sent)]
    for key in links[0]:
        if key not in links[1]:
            yield f"node {name}: the link from node {key} is not sent"
    for key, link in links[1].items():
        if key not in links[0]:
            yield f"node {name}: a link from node {key} is sent, and is not in the map"
        else:
            yield from _of_link(f"node {name}, link from node {key}", links[0][key], link, (places[0], places[1]), frame)


def _links(node: Json) -> dict[str, Json]:
    """By the node that they come from; of several from one node all lanes together, which have numbers of their own."""
    found: dict[str, Json] = {}
    for link in node.get("in_links", ()):
        key = named(node_id(link["upstream_node_id"]))
        found[key] = {**link, "lanes": [*found[key]["lanes"], *link["lanes"]]} if key in found else link
    return found


def _of_link(at: str, should: Json, sent: Json, anchors: tuple[Json, Json], frame: LocalFrame) -> Iterator[str]:
    lanes = [{lane["lane_id"]: lane for lane in link["lanes"]} for link in (should, sent)]
    for number in lanes[0]:
        if number not in lanes[1]:
            yield f"{at}: lane {number} is not sent"
    for number, lane in lanes[1].items():
        if number not in lanes[0]:
            yield f"{at}: lane {number} is sent, and is not in the map"
        else:
            yield from _of_lane(f"{at}, lane {number}", lanes[0][number], lane, anchors, frame)


def _of_lane(at: str, should: Json, sent: Json, anchors: tuple[Json, Json], frame: LocalFrame) -> Iterator[str]:
    lines = _line(should, anchors[0], frame), _line(sent, anchors[1], frame)
    if lines[0] is not None and lines[1] is None:
        yield f"{at}: its line is not sent"
    elif lines[0] is not None and lines[1] is not None and (away := max(apart(lines[0], lines[1]))) > LINE_M:
        yield f"{at}: its line is sent up to {away:.1f} m from where it should run"
    wide, said = should.get("lane_width_m"), sent.get("lane_width_m")
    if wide is not None and said is not None and abs(wide - said) > WIDTH_M:
        yield f"{at}: it is sent {said:.2f} m wide, and should be {wide:.2f} m"
    if users_of(should.get("lane_attributes")) != users_of(sent.get("lane_attributes")):
        yield f"{at}: it is sent for other users"
    yield from _of_ways(at, *({_way(one): one.get("phase_id") for one in lane.get("connects_to", ())} for lane in (should, sent)))


def _of_ways(at: str, should: Mapping[str, int | None], sent: Mapping[str, int | None]) -> Iterator[str]:
    """Ways on with their phases."""
    for way in should:
        if way not in sent:
            yield f"{at}: its way on to {way} is not sent"
    for way, phase in sent.items():
        if way not in should:
            yield f"{at}: a way on to {way} is sent, and is not in the map"
        elif phase != should[way]:
            yield f"{at}: its way on to {way} is sent under phase {phase}, and should be under {should[way]}"


def _line(lane: Json, anchor: Json, frame: LocalFrame) -> np.ndarray | None:
    points = lane.get("points")
    if not points:
        return None
    line = local(points, anchor, frame)
    line[:, 2] = np.nan_to_num(line[:, 2])
    return line if len(line) > 1 and np.isfinite(line).all() else None


def _way(said: Json) -> str:
    lane = said.get("connecting_lane", {}).get("lane")
    return f"node {named(node_id(said['remote_intersection']))}" + ("" if lane is None else f", lane {lane}")
