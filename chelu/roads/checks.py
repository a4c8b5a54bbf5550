"""What is doubtful in a road network, of whatever format: said with the element it is about, counted, and never a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from chelu.roads.decks import GAP_M
from chelu.roads.geometry import plan_crossings
from chelu.roads.network import VEHICLES, Floats, Kind, RoadNetwork, Strings

NARROW_M = 2.0  # a lane for motor vehicles is wider
LEVEL_M = 0.5  # two lanes that cross with less between them are at grade
ROUNDING_M = 0.01  # of heights in files
APART_M = 5.0  # between a lane's end and what it leads into
SAME_PLACE_M = 0.5
ROADS = (Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubtful thing. kind: what it is one of; element: which of the network's; what: what of it."""

    kind: str
    element: str
    what: str

    def sentence(self) -> str:
        """For a person."""
        return f"{self.kind}: {self.element}: {self.what}"


def check(network: RoadNetwork) -> list[Finding]:
    """Everything doubtful, by kind."""
    found = (
        _names(network), _nodes(network), _dangling(network), _gaps(network), _narrow(network), _groups(network),
        _touching(network), _conflicts(network),
    )  # fmt: skip
    return [one for each in found for one in each]


def _names(network: RoadNetwork) -> Iterator[Finding]:
    """Two of a kind with one id."""
    for what, ids in (
        ("node", network.nodes.id),
        ("link", network.links.id),
        ("lane", network.lanes.id),
        ("signal", network.signals.id),
    ):
        for name in _twice(ids):
            yield Finding("two with one id", f"{what} {name}", "there are several of this id")


def _twice(ids: Strings) -> list[str]:
    names, counts = np.unique(ids, return_counts=True)
    return [str(name) for name in names[counts > 1].tolist()]


def _nodes(network: RoadNetwork) -> Iterator[Finding]:
    """Links without nodes, and nodes upon one another."""
    links, nodes = network.links, network.nodes
    for link in np.flatnonzero(np.isin(links.kind, ROADS) & ((links.from_node < 0) | (links.to_node < 0))).tolist():
        yield Finding("dangling link", f"link {links.id[link]}", "it begins or ends at no node")
    order = np.lexsort(nodes.position.T)
    step = np.linalg.norm(np.diff(nodes.position[order], axis=0), axis=1)
    for at in np.flatnonzero(step < SAME_PLACE_M).tolist():
        yield Finding("contradiction", f"node {nodes.id[order[at]]}", f"node {nodes.id[order[at + 1]]} lies at the same place")


def _dangling(network: RoadNetwork) -> Iterator[Finding]:
    """Lanes for vehicles that lead nowhere, or that nothing leads into, at nodes where others go on."""
    lanes, links, ways = network.lanes, network.links, network.connections
    drives = ((lanes.users & int(VEHICLES)) != 0) & np.isin(network.lane_kind(), ROADS)
    out_of, into = np.isin(np.arange(len(drives)), ways.from_lane), np.isin(np.arange(len(drives)), ways.to_lane)
    begins, ends = (np.unique(node[lanes.link[drives]]) for node in (links.from_node, links.to_node))
    for is_met, node, others, problem in (
        (out_of, links.to_node, begins, "nothing leads on from it at node"),
        (into, links.from_node, ends, "nothing leads into it at node"),
    ):
        meets = (node[lanes.link] >= 0) & np.isin(node[lanes.link], others) & ~_turns_back(network, node)
        for lane in np.flatnonzero(drives & ~is_met & meets).tolist():
            yield Finding("dangling link", f"lane {lanes.id[lane]}", f"{problem} {network.nodes.id[node[lanes.link[lane]]]}")


def _turns_back(network: RoadNetwork, node: np.ndarray) -> np.ndarray:
    """Lanes at whose node nothing but the way back meets them: the end of a road with two directions."""
    links = network.links
    is_road = np.isin(links.kind, ROADS)
    neighbours: dict[int, set[int]] = {}
    for begin, end in zip(links.from_node[is_road].tolist(), links.to_node[is_road].tolist(), strict=True):
        neighbours.setdefault(begin, set()).add(end)
        neighbours.setdefault(end, set()).add(begin)
    alone = np.array([len(neighbours.get(row, ())) <= 1 for row in range(len(network.nodes.id))] + [False])
    return np.asarray(alone[node[network.lanes.link]])


def _gaps(network: RoadNetwork) -> Iterator[Finding]:
    """Ways on into a lane that begins elsewhere."""
    ways, shape = network.connections, network.lanes.shape
    over = np.where(ways.via >= 0, ways.via, ways.to_lane)
    is_path = (network.lane_kind()[over] == Kind.JUNCTION) | (network.lane_kind()[ways.from_lane] == Kind.JUNCTION)
    has_paths = bool((network.lane_kind() == Kind.JUNCTION).any())
    gap = np.linalg.norm(shape.points[shape.start[ways.from_lane + 1] - 1] - shape.points[shape.start[over]], axis=1)
    drives = (network.lanes.users[ways.from_lane] & int(VEHICLES)) != 0
    for row in np.flatnonzero(drives & (gap > APART_M) & (is_path if has_paths else np.zeros(len(gap), bool))).tolist():
        names = network.lanes.id[ways.from_lane[row]], network.lanes.id[over[row]]
        yield Finding("contradiction", f"lane {names[0]}", f"it leads into lane {names[1]}, which begins {gap[row]:.1f} m away")


def _narrow(network: RoadNetwork) -> Iterator[Finding]:
    lanes = network.lanes
    drives = ((lanes.users & int(VEHICLES)) != 0) & np.isin(network.lane_kind(), ROADS)
    for lane in np.flatnonzero(drives & (lanes.width_m < NARROW_M)).tolist():
        yield Finding("narrow lane", f"lane {lanes.id[lane]}", f"it is {lanes.width_m[lane]:.2f} m wide")


def _groups(network: RoadNetwork) -> Iterator[Finding]:
    """Groups of a signal that hold nothing, and ways on that a signal's programme does not know."""
    signals, ways = network.signals, network.connections
    for row in range(len(signals.id)):
        held = set(ways.group[ways.signal == row].tolist())
        states = {len(str(state)) for state in signals.phase_state[signals.phase_signal == row].tolist()}
        name = f"signal {signals.id[row]}"
        if len(states) > 1:
            yield Finding("contradiction", name, f"its phases have {' and '.join(map(str, sorted(states)))} groups")
        if not held:
            yield Finding("phase without lanes", name, "it holds nothing")
        for group in sorted(set(range(max(states, default=0))) - held):
            yield Finding("phase without lanes", name, f"group {group} holds nothing")
        for group in sorted(held - set(range(max(states, default=1 + max(held, default=0))))):
            yield Finding("contradiction", name, f"a way on has group {group}, its phases have {max(states)} groups")


def _touching(network: RoadNetwork) -> Iterator[Finding]:
    """Lanes that cross with too much between them for one deck, and too little for two."""
    found = plan_crossings(network)
    rise = np.abs(found["z_a"] - found["z_b"])
    for row in np.flatnonzero((rise >= LEVEL_M) & (rise < GAP_M - ROUNDING_M)).tolist():
        a, b = network.lanes.id[found["lane_a"][row]], network.lanes.id[found["lane_b"][row]]
        yield Finding("decks that touch", f"lane {a}", f"it crosses lane {b} with {rise[row]:.2f} m between them")


def _conflicts(network: RoadNetwork) -> Iterator[Finding]:
    """One signal group that lets two ways go which cross at grade: straight from where one lane ends to where the next begins."""
    ways, shape = network.connections, network.lanes.shape
    begin, end = shape.points[shape.start[ways.from_lane + 1] - 1], shape.points[shape.start[ways.to_lane]]
    held: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero((ways.signal >= 0) & (ways.group >= 0)).tolist():
        held.setdefault((int(ways.signal[row]), int(ways.group[row])), []).append(row)
    for rows in held.values():
        for one, other in combinations(rows, 2):
            if ways.from_lane[one] != ways.from_lane[other] and _cross(begin[[one, other]], end[[one, other]]):
                yield _conflict(network, one, other)


def _cross(begin: Floats, end: Floats) -> bool:
    """Whether two pieces, from begin (2, 3) to end (2, 3), cross in plan between their ends, and at one height."""
    u, v, w = end[0] - begin[0], end[1] - begin[1], begin[1] - begin[0]
    cross = u[0] * v[1] - u[1] * v[0]
    if abs(cross) < 1e-9:
        return False
    s, t = (w[0] * v[1] - w[1] * v[0]) / cross, (w[0] * u[1] - w[1] * u[0]) / cross
    rise = w[2] + t * v[2] - s * u[2]
    return bool(0.0 < s < 1.0 and 0.0 < t < 1.0 and abs(rise) < LEVEL_M)


def _conflict(network: RoadNetwork, one: int, other: int) -> Finding:
    ways, lanes = network.connections, network.lanes.id
    paths = [f"{lanes[ways.from_lane[row]]} → {lanes[ways.to_lane[row]]}" for row in (one, other)]
    name = f"signal {network.signals.id[ways.signal[one]]}, group {ways.group[one]}"
    return Finding("phase for conflicting ways", name, f"{paths[0]} and {paths[1]} cross")
