"""A network's traffic lights as the controllers' arrays, and where in them a vehicle belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.signals.network import Network
from evaluation.signals.programme import Programme
from services.inference.city.signals.contract import CLOSED, PERMISSIVE, PROTECTED, Junctions
from services.inference.city.signals.streets import streets_of

VEHICLE_M = 7.5  # a standing one, its gap included
_OPENS = {"g": PERMISSIVE, "G": PROTECTED}


@dataclass(frozen=True, slots=True)
class Link:
    """A way over the stop line: its signal's index, from a lane into another."""

    signal: int
    from_lane: str
    to_lane: str


@dataclass(frozen=True, slots=True)
class Way:
    """A movement in the arrays."""

    junction: int
    lane: int
    movement: int


@dataclass(frozen=True, slots=True)
class Layout:
    """ways: of a lane and the next road, the movement; of a road and the next one, all of them. exits: by junction the roads."""

    names: tuple[str, ...]
    programmes: tuple[Programme, ...]
    junctions: Junctions
    by_lane: Mapping[tuple[str, str], Way]
    by_edge: Mapping[tuple[str, str], tuple[Way, ...]]
    exits: tuple[tuple[str, ...], ...]


def edge_of(lane: str) -> str:
    """The road of a lane."""
    return lane.rpartition("_")[0]


def lay_out(network: Network, programmes: Mapping[str, Programme], links: Mapping[str, Sequence[Link]]) -> Layout:
    """Arrays of the lights that have a programme with stages; links of people on foot are none of their movements."""
    names = tuple(sorted(programmes))
    driven = [[one for one in links[name] if edge_of(one.from_lane) in network.edges] for name in names]
    lanes = [sorted({one.from_lane for one in found}) for found in driven]
    exits = [sorted({edge_of(one.to_lane) for one in found}) for found in driven]
    by_lane: dict[tuple[str, str], Way] = {}
    by_edge: dict[tuple[str, str], list[Way]] = {}
    for row, found in enumerate(driven):
        for movement, one in enumerate(found):
            way = Way(row, lanes[row].index(one.from_lane), movement)
            onward = edge_of(one.to_lane)
            by_lane.setdefault((one.from_lane, onward), way)
            by_edge.setdefault((edge_of(one.from_lane), onward), []).append(way)
    return Layout(
        names=names,
        programmes=tuple(programmes[name] for name in names),
        junctions=_junctions(network, [programmes[name] for name in names], names, (driven, lanes, exits)),
        by_lane=by_lane,
        by_edge={key: tuple(ways) for key, ways in by_edge.items()},
        exits=tuple(tuple(one) for one in exits),
    )


def _junctions(
    network: Network,
    programmes: Sequence[Programme],
    names: Sequence[str],
    found: tuple[list[list[Link]], list[list[str]], list[list[str]]],
) -> Junctions:
    driven, lanes, exits = found
    stages = [[*one.stages] for one in programmes]
    count, most = len(names), max(map(len, stages), default=0)
    width = max(map(len, driven), default=0)
    opens = np.full((count, most, width), CLOSED)
    lane, leads = np.full((count, width), -1), np.full((count, width), -1)
    yields = np.zeros((count, width, width), np.bool_)
    times = np.zeros((4, count, most))
    for row, links in enumerate(driven):
        for movement, link in enumerate(links):
            lane[row, movement] = lanes[row].index(link.from_lane)
            leads[row, movement] = exits[row].index(edge_of(link.to_lane))
            way = network.yields.get((names[row], link.signal), set())
            yields[row, movement, : len(links)] = [(names[row], other.signal) in way for other in links]
            for stage, state in enumerate(programmes[row].states):
                opens[row, stage, movement] = _OPENS.get(state[link.signal], CLOSED)
        for stage, one in enumerate(stages[row]):
            times[:, row, stage] = one.green_s, one.least_green_s, one.most_green_s, one.change_s
    is_lane = np.zeros((count, max(map(len, lanes), default=0)), np.bool_)
    speed = np.ones(is_lane.shape)
    places = np.zeros((count, max(map(len, exits), default=0)))
    for row in range(count):
        is_lane[row, : len(lanes[row])] = True
        speed[row, : len(lanes[row])] = [network.edges[edge_of(name)].speed_mps for name in lanes[row]]
        roads = [network.edges[name] for name in exits[row]]
        places[row, : len(roads)] = [road.lanes * road.length_m / VEHICLE_M for road in roads]
    is_stage = np.arange(most) < np.array([len(one) for one in stages])[:, None]
    offset_s = np.array([one.offset_s for one in programmes])
    lengths = {name: one.length_m for name, one in network.edges.items()}
    streets = streets_of(exits, [[edge_of(name) for name in own] for own in lanes], network.before, lengths)
    return Junctions(
        is_stage=is_stage, opens=opens, yields=yields, lane=lane, exit=leads, is_lane=is_lane, speed_mps=speed,
        exit_places=places, green_s=times[0], least_green_s=times[1], most_green_s=times[2], change_s=times[3], offset_s=offset_s,
        streets=streets,
    )  # fmt: skip
