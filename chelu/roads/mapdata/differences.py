"""Where two MAPs of the same place differ, node by node, link by link, lane by lane: what should be sent, and what is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.comparing import apart
from chelu.roads.mapdata.attributes import is_bridge, users_of
from chelu.roads.mapdata.intersections import NodeId, named, node_id
from chelu.roads.mapdata.points import local

Json = Mapping[str, Any]
PLACE_M, LINE_M = 0.5, 0.3  # a node that lies further away, and a lane's line, is another one
WIDTH_M = 0.011
LIMIT_MPS = 0.021  # a limit's unit on the air is 0.02 m/s


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
    for key, lanes in links[1].items():
        if key not in links[0]:
            yield f"node {name}: a link from node {key} is sent, and is not in the map"
        else:
            yield from _of_link(f"node {name}, link from node {key}", links[0][key], lanes, (places[0], places[1]), frame)


def _links(node: Json) -> dict[str, list[Json]]:
    """Lanes by the node that they come from, with the limits that hold there; of several links from one node all together."""
    found: dict[str, list[Json]] = {}
    for link in node.get("in_links", ()):
        lanes = [{**lane, "limits": _limits(link, lane)} for lane in link["lanes"]]
        found.setdefault(named(node_id(link["upstream_node_id"])), []).extend(lanes)
    return found


def _of_link(
    at: str, should: Sequence[Json], sent: Sequence[Json], anchors: tuple[Json, Json], frame: LocalFrame
) -> Iterator[str]:
    lanes = [{lane["lane_id"]: lane for lane in side} for side in (should, sent)]
    times = [Counter(lane["lane_id"] for lane in side) for side in (should, sent)]
    for number in lanes[0]:
        if number not in lanes[1]:
            yield f"{at}: lane {number} is not sent"
    for number, lane in lanes[1].items():
        if number not in lanes[0]:
            yield f"{at}: lane {number} is sent, and is not in the map"
            continue
        if times[1][number] > times[0][number]:
            yield f"{at}, lane {number} is sent {times[1][number]} times"
        yield from _of_lane(f"{at}, lane {number}", lanes[0][number], lane, anchors, frame)


def _limits(link: Json, lane: Json) -> dict[str, float]:
    """By type the limits that hold on a lane: its own, else its link's."""
    found: dict[str, float] = {}
    for one in (*lane.get("speed_limits", ()), *link.get("speed_limits", ())):
        found.setdefault(one["type"], one["speed_mps"])
    return found


def _of_lane(at: str, should: Json, sent: Json, anchors: tuple[Json, Json], frame: LocalFrame) -> Iterator[str]:
    lines = _line(should, anchors[0], frame), _line(sent, anchors[1], frame)
    if lines[0] is not None and lines[1] is None:
        yield f"{at}: its line is not sent"
    elif lines[0] is not None and lines[1] is not None and (away := max(apart(lines[0], lines[1]))) > LINE_M:
        yield f"{at}: its line is sent up to {away:.1f} m from where it should run"
    yield from _of_use(at, should, sent)
    yield from _of_limits(at, should["limits"], sent["limits"])
    ways = [{_way(one): one for one in lane.get("connects_to", ())} for lane in (should, sent)]
    yield from _of_ways(at, *ways)


def _of_use(at: str, should: Json, sent: Json) -> Iterator[str]:
    """How wide a lane is, who may use it, and how one goes on from it."""
    wide, said = should.get("lane_width_m"), sent.get("lane_width_m")
    if wide is not None and said is None:
        yield f"{at}: its width of {wide:.2f} m is not sent"
    elif wide is not None and abs(wide - said) > WIDTH_M:
        yield f"{at}: it is sent {said:.2f} m wide, and should be {wide:.2f} m"
    attributes = [lane.get("lane_attributes") for lane in (should, sent)]
    if users_of(attributes[0]) != users_of(attributes[1]):
        yield f"{at}: it is sent for other users"
    if is_bridge(attributes[0]) != is_bridge(attributes[1]):
        yield f"{at}: it is sent as one that leads over {'no ' if is_bridge(attributes[0]) else ''}others"
    yield from _of_maneuvers(at + ": it", should.get("maneuvers", ()), sent.get("maneuvers", ()))


def _of_maneuvers(what: str, should: Iterable[str], sent: Iterable[str]) -> Iterator[str]:
    wanted, said = (" and ".join(sorted(one)) or "no manoeuvre" for one in (should, sent))
    if wanted != said:
        yield f"{what} is sent with {said}, and should be with {wanted}"


def _of_limits(at: str, should: Mapping[str, float], sent: Mapping[str, float]) -> Iterator[str]:
    for kind, limit in should.items():
        if kind not in sent:
            yield f"{at}: its {kind} of {limit:.2f} m/s is not sent"
        elif abs(sent[kind] - limit) > LIMIT_MPS:
            yield f"{at}: its {kind} is sent as {sent[kind]:.2f} m/s, and should be {limit:.2f} m/s"
    for kind, limit in sent.items():
        if kind not in should:
            yield f"{at}: a {kind} of {limit:.2f} m/s is sent, and is not in the map"


def _of_ways(at: str, should: Mapping[str, Json], sent: Mapping[str, Json]) -> Iterator[str]:
    """Ways on with their phases and manoeuvres."""
    for way in should:
        if way not in sent:
            yield f"{at}: its way on to {way} is not sent"
    for way, one in sent.items():
        if way not in should:
            yield f"{at}: a way on to {way} is sent, and is not in the map"
            continue
        phases = should[way].get("phase_id"), one.get("phase_id")
        if phases[0] != phases[1]:
            yield f"{at}: its way on to {way} is sent under phase {phases[1]}, and should be under {phases[0]}"
        turns = [each.get("connecting_lane", {}).get("maneuver", ()) for each in (should[way], one)]
        yield from _of_maneuvers(f"{at}: its way on to {way}", *turns)


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
