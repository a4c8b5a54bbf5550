"""MAP messages as the house's road network: a node for each of theirs, a link for each of a node's `inLinks`.

Nodes are named by their numbers, links by their names where they have some, lanes `link_number`. A lane's ways on over its node
are connections, with the node as their signal and the phase id less one as their group. What a message leaves open is noted: an
exit that is not in the file, a lane that nothing draws.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.errors import MalformedError
from chelu.geo import LocalFrame
from chelu.messages import DropReason
from chelu.roads.assemble import assemble
from chelu.roads.connecting import direction
from chelu.roads.left_out import LeftOut
from chelu.roads.mapdata import attributes
from chelu.roads.mapdata.intersections import InLink, Intersections, NodeId, gathered, left_out, named, node_id
from chelu.roads.mapdata.lines import shapes, widths
from chelu.roads.network import Connections, Floats, Kind, Links, Nodes, RoadNetwork, Signals, User, lines_of

Json = Mapping[str, Any]
LARGEST_M = 200_000.0
FASTEST = "vehicleMaxSpeed"  # the SpeedLimitType that is a limit


@dataclass(frozen=True, slots=True)
class MapRoads:
    """What MAP messages say: the network in local metres of a frame, how many nodes and ways on there are.

    left_out: what is not read, its "line" being the message's number. notes: what is doubtful.
    """

    network: RoadNetwork
    frame: LocalFrame
    nodes: int
    ways: int
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Lane:
    link: InLink
    number: int
    said: Json
    users: User
    shape: Floats
    width_m: float
    limit_mps: float


@dataclass(frozen=True, slots=True)
class _Way:
    """From a lane over its node into a lane beyond, with the phase that lets go (None) and what the MAP calls the turn."""

    from_row: int
    to_row: int
    phase: int | None
    direction: str | None


def network_of(messages: Sequence[Json], file: str, origin: LocalFrame | None = None) -> MapRoads:
    """The roads of some messages; `origin`: where local metres begin, else at the first node's place.

    MalformedError for messages without any lane that is drawn, and for nodes too far apart.
    """
    found = gathered(messages)
    frame = origin or _own_frame(found, file)
    places = {at: _place(said["reference_position"], frame) for at, said in found.nodes.items()}
    notes = list(found.notes)
    lanes = [lane for link in found.links for lane in _lanes(link, found, frame, places, notes)]
    if not lanes:
        raise MalformedError(DropReason.UNDECODABLE, f"{file}: no lane in it says where it runs")
    ways = list(_ways(lanes, notes))
    network = _assembled(found, lanes, ways, places, file)
    return MapRoads(network, frame, len(found.nodes), len(ways), left_out(messages), tuple(notes))


def _own_frame(found: Intersections, file: str) -> LocalFrame:
    for said in found.nodes.values():
        place = said["reference_position"]
        if place.get("latitude_deg") is not None and place.get("longitude_deg") is not None:
            return LocalFrame(place["latitude_deg"], place["longitude_deg"])
    raise MalformedError(DropReason.UNDECODABLE, f"{file}: no node in it says where it lies")


def _place(reference: Json, frame: LocalFrame) -> Floats | None:
    """Where a node lies (3,), at the origin's height where it says none; None where it says no place."""
    if reference.get("latitude_deg") is None or reference.get("longitude_deg") is None:
        return None
    height = reference.get("elevation_m")
    place = frame.to_local(reference["latitude_deg"], reference["longitude_deg"], frame.elevation_m if height is None else height)
    return np.asarray(place[0])


def _lanes(
    link: InLink, found: Intersections, frame: LocalFrame, places: Mapping[NodeId, Floats | None], notes: list[str]
) -> Iterator[_Lane]:
    """A link's lanes from the right, that is from the highest number."""
    ends = places.get(link.upstream), places.get(link.node)
    lines = shapes(link.said, found.nodes[link.node]["reference_position"], frame, ends)
    drawn = sorted(zip(link.said["lanes"], lines, widths(link.said), strict=True), key=lambda one: -one[0]["lane_id"])
    if len({lane["lane_id"] for lane, _, _ in drawn}) < len(drawn):
        notes.append(f"link {link.id}: two of its lanes have one number")
    for said, line, width in drawn:
        users = attributes.users_of(said.get("lane_attributes"))
        if line is None:
            notes.append(f"link {link.id}, lane {said['lane_id']}: nothing says where it runs, it is left out")
        elif users:
            limit = _limit(said) or _limit(link.said) or float("nan")
            yield _Lane(link, int(said["lane_id"]), said, users, line, width, limit)


def _limit(said: Json) -> float | None:
    return next((one["speed_mps"] for one in said.get("speed_limits", ()) if one["type"] == FASTEST), None)


def _ways(lanes: Sequence[_Lane], notes: list[str]) -> Iterator[_Way]:
    beyond: dict[tuple[NodeId, NodeId], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, lane in enumerate(lanes):
        beyond[lane.link.upstream, lane.link.node][lane.number].append(row)
    missing: dict[tuple[NodeId, NodeId], int] = defaultdict(int)
    for row, lane in enumerate(lanes):
        for said in _exits(lane):
            exit_ = lane.link.node, node_id(said["remote_intersection"])
            connecting = said.get("connecting_lane", {})
            rows = beyond.get(exit_, {})
            reached = (
                rows.get(connecting.get("lane"), []) if "lane" in connecting else [one for each in rows.values() for one in each]
            )
            if exit_ not in beyond:
                missing[exit_] += 1
            elif not reached:
                notes.append(
                    f"link {lane.link.id}, lane {lane.number}: it leads into lane {connecting.get('lane')} towards node "
                    f"{named(exit_[1])}, which is not there"
                )
            for to in reached:
                yield _Way(row, to, said.get("phase_id"), attributes.direction(connecting.get("maneuver", ())))
    for (node, remote), count in missing.items():
        notes.append(f"node {named(node)}: {count} ways lead towards node {named(remote)}, whose lanes are not in the file")


def _exits(lane: _Lane) -> list[Json]:
    """Where a lane leads: by its own list, with the link's phase where it says none; else where its link does."""
    movements: Sequence[Json] = lane.link.said.get("movements", ())
    phases = {node_id(one["remote_intersection"]): one.get("phase_id") for one in movements}
    own: Sequence[Json] | None = lane.said.get("connects_to")
    if own is None:
        return list(movements)
    inherited = [(one, phases.get(node_id(one["remote_intersection"]))) for one in own]
    return [one if "phase_id" in one or phase is None else {**one, "phase_id": phase} for one, phase in inherited]


def _assembled(
    found: Intersections, lanes: Sequence[_Lane], ways: Sequence[_Way], places: Mapping[NodeId, Floats | None], file: str
) -> RoadNetwork:
    links = [link for link in found.links if any(lane.link is link for lane in lanes)]
    nodes, node_row = _nodes(found, links, lanes, places)
    link_row = {link.id: row for row, link in enumerate(links)}
    shape = lines_of([lane.shape for lane in lanes])
    extent = float(np.ptp(shape.points, axis=0).max())
    if not extent <= LARGEST_M:
        raise MalformedError(
            DropReason.UNDECODABLE, f"{file}: its lanes lie {np.rint(extent):.7g} m apart, the limit is {LARGEST_M:.0f} m"
        )
    length = np.array([np.linalg.norm(np.diff(lane.shape, axis=0), axis=1).sum() for lane in lanes])
    lane_link = np.array([link_row[lane.link.id] for lane in lanes], np.int32)
    first = np.searchsorted(lane_link, np.arange(len(links)))
    limit = np.array([lane.limit_mps for lane in lanes])
    signals, connections = _connections(lanes, ways, node_row)
    return assemble(
        nodes=nodes,
        links=Links(
            id=np.array([link.id for link in links], np.str_),
            name=np.array([link.said.get("name", "") for link in links], np.str_),
            from_node=np.array([node_row[link.upstream] for link in links], np.int32),
            to_node=np.array([node_row[link.node] for link in links], np.int32),
            length_m=length[first],
            speed_limit_mps=np.array([np.fmax.reduce(limit[lane_link == row]) for row in range(len(links))], np.float64),
            priority=np.full(len(links), -1, np.int32),
            kind=np.array([_kind(link) for link in links], np.int8),
        ),
        lane_id=np.array([f"{lane.link.id}_{lane.number}" for lane in lanes], np.str_),
        lane_link=lane_link,
        lane_index=(np.arange(len(lanes)) - first[lane_link]).astype(np.int32),
        width_m=np.array([lane.width_m for lane in lanes], np.float64),
        speed_limit_mps=limit,
        length_m=length,
        users=np.array([int(lane.users) for lane in lanes], np.int32),
        shape=shape,
        connections=connections,
        signals=signals,
    )


def _kind(link: InLink) -> Kind:
    """A bridge where one of its lanes is said to lead over others."""
    return Kind.BRIDGE if any(attributes.is_bridge(lane.get("lane_attributes")) for lane in link.said["lanes"]) else Kind.ROAD


def _nodes(
    found: Intersections, links: Sequence[InLink], lanes: Sequence[_Lane], places: Mapping[NodeId, Floats | None]
) -> tuple[Nodes, dict[NodeId, int]]:
    """Those that are in the messages, and those from which links come; the latter lie where these begin."""
    ids = list(dict.fromkeys([*found.nodes, *(link.upstream for link in links)]))
    position = []
    for at in ids:
        begins = [lane.shape[0] for lane in lanes if lane.link.upstream == at]
        ends = [lane.shape[-1] for lane in lanes if lane.link.node == at]
        place = places.get(at)
        position.append(place if place is not None else np.mean(begins or ends or [np.zeros(3)], axis=0))
    table = Nodes(
        id=np.array([named(at) for at in ids], np.str_),
        position=np.array(position).reshape(-1, 3),
        kind=np.array(["node" if at in found.nodes else "upstream" for at in ids], np.str_),
        area=lines_of([np.empty((0, 3))] * len(ids)),
    )
    return table, {at: row for row, at in enumerate(ids)}


def _connections(lanes: Sequence[_Lane], ways: Sequence[_Way], node_row: Mapping[NodeId, int]) -> tuple[Signals, Connections]:
    at = [lanes[way.from_row].link.node for way in ways]
    held = list(dict.fromkeys(node for node, way in zip(at, ways, strict=True) if way.phase))
    signal_row = {node: row for row, node in enumerate(held)}
    none = np.empty(0)
    signals = Signals(
        id=np.array([named(node) for node in held], np.str_).reshape(-1),
        node=np.array([node_row[node] for node in held], np.int32),
        offset_s=np.zeros(len(held)),
        phase_signal=none.astype(np.int32),
        phase_duration_s=none,
        phase_state=none.astype(np.str_),
    )
    turns = [way.direction or direction(lanes[way.from_row].shape, lanes[way.to_row].shape) for way in ways]
    return signals, Connections(
        from_lane=np.array([way.from_row for way in ways], np.int32),
        to_lane=np.array([way.to_row for way in ways], np.int32),
        via=np.full(len(ways), -1, np.int32),
        direction=np.array(turns, np.str_).reshape(-1),
        signal=np.array([signal_row[node] if way.phase else -1 for node, way in zip(at, ways, strict=True)], np.int32),
        group=np.array([way.phase - 1 if way.phase else -1 for way in ways], np.int32),
    )
