"""A site's signals as the controllers' arrays, made from what the signals say of their stages and from the site's own roads.

Movements are the connections that a signal's phases let go. Who gives way to whom the roads do not say: a permissive movement
gives way to whatever path across the junction meets its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from chelu.roads.network import VEHICLES, RoadNetwork
from chelu.roads.pieces import meetings
from services.inference.city.control.told import Programme
from services.inference.city.signals.contract import CLOSED, PERMISSIVE, PROTECTED, Ints, Junctions, Streets
from services.inference.city.signals.streets import streets_of
from services.inference.free_flow import free_flow_mps
from services.inference.reports import Floats
from services.inference.signals import phase_key
from services.inference.stop_lines import StopLines

VEHICLE_M = 7.5  # a standing one, its gap included
NOWHERE = -1
_MEETS_M = 1.2  # as in `services.inference.network`


@dataclass(frozen=True, slots=True)
class Places:
    """junction, lane: of a lane of the network that ends at a line, its row and place in the arrays, `NOWHERE` elsewhere (n,).

    movement: of each such lane the one that is most open (n,). exit: of a lane, (junction, place) pairs whose exit it is part of.
    """

    junctions: Junctions
    junction: Ints
    lane: Ints
    movement: Ints
    exit_lane: Ints  # (e,) lanes of exits, with the junction and the place of each
    exit_junction: Ints
    exit_place: Ints
    connections: tuple[tuple[int, ...], ...]  # of each junction, the network's connections that are its movements


@dataclass(frozen=True, slots=True)
class Roads:
    """What is needed of a site's roads; keys: of each connection its phase on the air (`PhaseMap.keys`)."""

    network: RoadNetwork
    lines: StopLines
    keys: Ints


def connections_of(roads: Roads, programme: Programme) -> tuple[int, ...]:
    """The connections for vehicles that a signal's phases let go."""
    links, drives = roads.network.connections, (roads.network.lanes.users & int(VEHICLES)) != 0
    node = phase_key(np.array([programme.region]), np.array([programme.intersection]), np.zeros(1, np.int64))[0]
    mine = (roads.keys >= 0) & ((roads.keys >> 16) == (node >> 16)) & drives[links.from_lane] & drives[links.to_lane]
    return tuple(np.flatnonzero(mine).tolist())


def places_of(roads: Roads, programmes: Sequence[Programme]) -> Places:
    """Arrays of these signals; one whose phases hold no road of the site has a row without lanes."""
    network, links = roads.network, roads.network.connections
    found = [connections_of(roads, one) for one in programmes]
    lanes = [sorted({int(links.from_lane[row]) for row in own}) for own in found]
    exits = [sorted({int(network.lanes.link[links.to_lane[row]]) for row in own}) for own in found]
    junctions = _junctions(roads, programmes, (found, lanes, exits))
    count = len(network.lanes.id)
    at_junction, at_lane, usual = (np.full(count, NOWHERE, np.int64) for _ in range(3))
    openness = np.where(junctions.lane >= 0, junctions.opens.sum(axis=1), -1)
    for row, own in enumerate(lanes):
        at_junction[own], at_lane[own] = row, np.arange(len(own))
        for place, lane in enumerate(own):
            usual[lane] = int(np.argmax(np.where(junctions.lane[row] == place, openness[row], -1)))
    drives = (network.lanes.users & int(VEHICLES)) != 0
    of_exits = [
        (one, row, place)
        for row, own in enumerate(exits)
        for place, link in enumerate(own)
        for one in np.flatnonzero((network.lanes.link == link) & drives).tolist()
    ]
    exit_lane, exit_junction, exit_place = np.array(of_exits, np.int64).reshape(-1, 3).T
    return Places(junctions, at_junction, at_lane, usual, exit_lane, exit_junction, exit_place, tuple(found))


Found = tuple[list[tuple[int, ...]], list[list[int]], list[list[int]]]


def _junctions(roads: Roads, programmes: Sequence[Programme], found: Found) -> Junctions:
    movements, lanes, exits = found
    network, links = roads.network, roads.network.connections
    count, most = len(programmes), max((len(one.stages) for one in programmes), default=0)
    width = max(map(len, movements), default=0)
    opens = np.full((count, most, width), CLOSED)
    lane, leads = np.full((count, width), NOWHERE), np.full((count, width), NOWHERE)
    yields = np.zeros((count, width, width), np.bool_)
    across = [[_inner(network, connection) for connection in own] for own in movements]
    meets = _meeting(network, {one for own in across for inner in own for one in inner})
    times = np.zeros((4, count, most))
    for row, own in enumerate(movements):
        for place, connection in enumerate(own):
            lane[row, place] = lanes[row].index(int(links.from_lane[connection]))
            leads[row, place] = exits[row].index(int(network.lanes.link[links.to_lane[connection]]))
            phase = int(roads.keys[connection]) & 0xFFFF
            for stage, one in enumerate(programmes[row].stages):
                if phase in one.phases:
                    opens[row, stage, place] = PERMISSIVE if phase in one.permissive else PROTECTED
        yields[row, : len(own), : len(own)] = _yields(lane[row], across[row], meets, opens[row])
        for stage, one in enumerate(programmes[row].stages):
            times[:, row, stage] = one.green_s, one.least_green_s, one.most_green_s, one.change_s
    is_lane = np.zeros((count, max(map(len, lanes), default=0)), np.bool_)
    speed = np.ones(is_lane.shape)
    places = np.zeros((count, max(map(len, exits), default=0)))
    for row in range(count):
        is_lane[row, : len(lanes[row])] = True
        speed[row, : len(lanes[row])] = np.maximum(free_flow_mps(network.lanes.speed_limit_mps[lanes[row]]), 1.0)
        places[row, : len(exits[row])] = _room(network, exits[row])
    is_stage = np.arange(most) < np.array([len(one.stages) for one in programmes])[:, None]
    return Junctions(
        is_stage=is_stage, opens=opens, yields=yields, lane=lane, exit=leads, is_lane=is_lane, speed_mps=speed,
        exit_places=places, green_s=times[0], least_green_s=times[1], most_green_s=times[2], change_s=times[3],
        offset_s=np.zeros(count), streets=_streets(network, lanes, exits),
    )  # fmt: skip


def _streets(network: RoadNetwork, lanes: Sequence[Sequence[int]], exits: Sequence[Sequence[int]]) -> Streets:
    """The roads between these signals, by the network's links."""
    link = network.lanes.link
    before: dict[int, set[int]] = {}
    for one, other in zip(link[network.connections.from_lane].tolist(), link[network.connections.to_lane].tolist(), strict=True):
        before.setdefault(other, set()).add(one)
    lengths = dict(enumerate(network.links.length_m.tolist()))
    return streets_of(exits, [link[own].tolist() for own in lanes], before, lengths)


def _room(network: RoadNetwork, links: Sequence[int]) -> Floats:
    """How many vehicles find room in links."""
    drives = (network.lanes.users & int(VEHICLES)) != 0
    lanes = np.bincount(network.lanes.link[drives], minlength=len(network.links.id))
    return np.asarray(np.maximum(lanes[links], 1) * network.links.length_m[links] / VEHICLE_M)


def _yields(lane: Ints, across: Sequence[set[int]], meets: set[tuple[int, int]], opens: Ints) -> np.ndarray:
    """Whether the first movement, where permissive, gives way to the second: their ways across meet, and both may be open."""
    found = np.zeros((len(across), len(across)), np.bool_)
    for one, ways in enumerate(across):
        for other, others in enumerate(across):
            are_open = bool(((opens[:, one] == PERMISSIVE) & (opens[:, other] == PROTECTED)).any())
            if are_open and lane[one] != lane[other]:
                found[one, other] = any((a, b) in meets or a == b for a in ways for b in others)
    return found


def _inner(network: RoadNetwork, connection: int) -> set[int]:
    """The lanes of a way across the junction."""
    links, inner, to = network.connections, set[int](), int(network.connections.to_lane[connection])
    via = int(links.via[connection])
    while via >= 0 and via not in inner and via != to:
        inner.add(via)
        onward = np.flatnonzero(links.from_lane == via)
        if not len(onward):
            break
        via = int(links.via[onward[0]]) if links.via[onward[0]] >= 0 else int(links.to_lane[onward[0]])
    return inner


def _meeting(network: RoadNetwork, lanes: Collection[int]) -> set[tuple[int, int]]:
    """Pairs of these lanes, in either order, whose centre lines come near each other."""
    met, mine = meetings(network.pieces, within_m=_MEETS_M), np.array(sorted(lanes), np.int64)
    wanted = np.isin(met.lane_a, mine) & np.isin(met.lane_b, mine)
    pairs = np.stack([met.lane_a[wanted], met.lane_b[wanted]], 1).tolist()
    return {(int(one), int(other)) for pair in pairs for one, other in (pair, pair[::-1])}
