"""A junction as its MAP tells it: lanes that end at stop lines, the ways on from them, and where the MAP contradicts itself.

YD/T 3709-2020 draws what leads to a node, not what leads away from it. A link whose lanes have no lines of their own is one wide
lane. Coordinates are metres around the node's reference position.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.places import geodetic
from chelu.errors import OutOfRangeError
from chelu.geo import LocalFrame, heading_of

Json = Mapping[str, Any]
Floats = npt.NDArray[np.float64]
Node = tuple[int, int]  # region and number

USUAL_WIDTH_M = 3.5
NO_PHASE = -1  # of a way that no signal holds
PERMANENT_GREEN = 255  # PhaseID
WHOLE_LINK = 0  # in place of a lane's number
LANES_OF_A_LINK = 256
_STOP_LINE_REACH_M = 300.0  # from the reference position
_LOOK_BACK_M = 5.0  # from the stop line: a direction of two points 10 cm apart is rounding
_SAME_LINE_M = 0.5
TURNS = {
    "maneuverStraightAllowed": 0.0,
    "maneuverLeftAllowed": -90.0,
    "maneuverRightAllowed": 90.0,
    "maneuverUTurnAllowed": 180.0,
}
MANEUVERS = tuple(TURNS)


@dataclass(frozen=True, slots=True)
class Way:
    """Where a lane goes on: to which node, by which manoeuvres ("" unknown), under which phase."""

    lane: int  # row of the junction's lanes
    to: Node
    to_lane: int
    maneuvers: tuple[str, ...]
    phase: int


@dataclass(frozen=True, slots=True)
class Lane:
    """points (k, 3) along the direction of travel, the last one on the stop line; heading_deg there."""

    link: int
    number: int
    upstream: Node
    points: Floats
    width_m: float
    heading_deg: float

    @property
    def part(self) -> int:
        """As `Subject.part`."""
        return self.link * LANES_OF_A_LINK + self.number


@dataclass(frozen=True, slots=True)
class Junction:
    """One node of a MAP. contradictions: sentences; with one, nothing is judged by this map."""

    region: int
    node: int
    frame: LocalFrame | None
    lanes: tuple[Lane, ...]
    ways: tuple[Way, ...]
    walkers_phases: frozenset[int]  # held by crossings, pavements and tracks only
    contradictions: tuple[str, ...]

    @property
    def phases(self) -> frozenset[int]:
        """Phases that hold vehicles."""
        return frozenset(way.phase for way in self.ways if 0 < way.phase < PERMANENT_GREEN)

    def ways_of(self, lane: int) -> tuple[Way, ...]:
        """The ways on from one lane (row)."""
        return tuple(way for way in self.ways if way.lane == lane)


def junctions(value: Json) -> list[Junction]:
    """The junctions of a MAP as JSON (`chelu.codec.cv2x`). Never raises for what that decodes."""
    return [_junction(node) for node in value.get("nodes", ())]


def node_of(reference: Json) -> Node:
    """Region and number of a NodeReferenceID."""
    return int(reference.get("region", 0)), int(reference["id"])


def place_name(part: int) -> str:
    """`Lane.part` for people."""
    link, number = divmod(part, LANES_OF_A_LINK)
    return f"link {link + 1} lane {number}" if number else f"link {link + 1}"


def _junction(node: Json) -> Junction:
    (region, number), reference = node_of(node["id"]), node.get("reference_position", {})
    faults: list[str] = []
    frame = _frame(reference, faults)
    lanes, ways, walkers = list[Lane](), list[Way](), set[int]()
    for row, link in enumerate(node.get("in_links", ())):
        _read_link(row, link, reference, frame, lanes, ways, walkers, faults)
    faults += _twice(node.get("in_links", ()))
    faults += _wrong_lines(lanes)
    vehicles = {way.phase for way in ways}
    return Junction(region, number, frame, tuple(lanes), tuple(ways), frozenset(walkers - vehicles), tuple(faults))


def _frame(reference: Json, faults: list[str]) -> LocalFrame | None:
    latitude, longitude = reference.get("latitude_deg"), reference.get("longitude_deg")
    if latitude is None or longitude is None:
        faults.append("its reference position is not known")
        return None
    try:
        return LocalFrame(latitude, longitude, reference.get("elevation_m") or 0.0)
    except OutOfRangeError as error:
        faults.append(f"its reference position cannot be: {error}")
        return None


def _read_link(
    row: int,
    link: Json,
    reference: Json,
    frame: LocalFrame | None,
    lanes: list[Lane],
    ways: list[Way],
    walkers: set[int],
    faults: list[str],
) -> None:
    by_exit = {node_of(one["remote_intersection"]): one.get("phase_id") for one in link.get("movements", ())}
    numbers = Counter(int(lane["lane_id"]) for lane in link.get("lanes", ()))
    faults += [f"link {row + 1} has lane {number} {count} times" for number, count in numbers.items() if count > 1]
    whole: int | None = None
    for lane in link.get("lanes", ()):
        found = list(_ways(lane, by_exit, f"link {row + 1} lane {lane['lane_id']}", faults))
        if not is_for_vehicles(lane):
            walkers |= {phase for _, _, _, phase in found if phase > 0}
            continue
        if lane.get("points"):
            at = _add_lane(row, int(lane["lane_id"]), link, lane, reference, frame, lanes, faults)
        elif whole is None:
            at = whole = _add_lane(row, WHOLE_LINK, link, lane, reference, frame, lanes, faults)
        else:
            at = whole
        ways += [Way(at, to, to_lane, maneuvers, phase) for to, to_lane, maneuvers, phase in found if at >= 0]


def _add_lane(
    row: int, number: int, link: Json, lane: Json, reference: Json, frame: LocalFrame | None, lanes: list[Lane], faults: list[str]
) -> int:
    """The new lane's row; −1 where it has no line."""
    drawn, name = lane.get("points") or link.get("points", ()), f"link {row + 1} lane {lane['lane_id']}"
    points = _local(drawn, reference, frame) if frame is not None else np.empty((0, 3))
    if len(points) < 2:
        if frame is not None:
            faults.append(f"{name} has no line: {len(points)} different points")
        return -1
    width = lane.get("lane_width_m", USUAL_WIDTH_M) if number else link.get("link_width_m", _widths(link))
    east, north = _end_direction(points)
    lanes.append(Lane(row, number, node_of(link["upstream_node_id"]), points, float(width), float(heading_of(east, north))))
    return len(lanes) - 1


def _widths(link: Json) -> float:
    return float(sum(lane.get("lane_width_m", USUAL_WIDTH_M) for lane in link.get("lanes", ()) if is_for_vehicles(lane)))


def is_for_vehicles(lane: Json) -> bool:
    """Whether a lane as a MAP has it is for vehicles; one that says nothing is."""
    kind = lane.get("lane_attributes", {}).get("lane_type")
    return kind is None or "vehicle" in kind or "striping" in kind


def _ways(
    lane: Json, by_exit: Mapping[Node, Any], name: str, faults: list[str]
) -> Iterator[tuple[Node, int, tuple[str, ...], int]]:
    """Where a lane goes on to, each once."""
    allowed = [one for one in lane.get("maneuvers", ()) if one in TURNS]
    said: dict[tuple[Node, int], int] = {}
    for one in lane.get("connects_to", ()):
        to, connecting = node_of(one["remote_intersection"]), one.get("connecting_lane", {})
        maneuvers = tuple(name for name in connecting.get("maneuver", ()) if name in TURNS)
        if wrong := [turn for turn in maneuvers if allowed and turn not in allowed]:
            faults.append(f"{name} goes on by {wrong[0]}, which the lane itself does not allow")
        phase = one.get("phase_id", by_exit.get(to))
        if "phase_id" in one and by_exit.get(to) not in {None, phase}:
            faults.append(f"{name} to node {to[1]} has phase {phase}, and the link's movement there phase {by_exit[to]}")
        number = NO_PHASE if phase is None else int(phase)
        key = to, int(connecting.get("lane", 0))
        if said.setdefault(key, number) != number:
            faults.append(f"{name} to node {to[1]} lane {key[1]} has phases {said[key]} and {number}")
        yield to, key[1], maneuvers or (tuple(allowed) if len(allowed) == 1 else ()), number


def _local(drawn: Sequence[Json], reference: Json, frame: LocalFrame) -> Floats:
    """Points (k, 3) without repetitions and without those whose place is not known; up NaN when it was not said."""
    places = np.array([geodetic(point["pos_offset"], reference) for point in drawn], np.float64).reshape(-1, 3)
    points = frame.to_local(places[:, 0], places[:, 1], places[:, 2])
    points = points[np.isfinite(points[:, :2]).all(axis=1)]
    step = np.hypot(*np.diff(points[:, :2], axis=0).T) if len(points) else np.empty(0)
    return np.asarray(points[np.concatenate([np.ones(min(1, len(points)), np.bool_), step > 0.01])])


def _end_direction(points: Floats) -> tuple[float, float]:
    back = points[-1, :2] - points[:-1, :2]
    far = np.flatnonzero(np.hypot(back[:, 0], back[:, 1]) >= _LOOK_BACK_M)
    east, north = back[far[-1] if len(far) else 0]
    return float(east), float(north)


def _twice(links: Sequence[Json]) -> Iterator[str]:
    counts = Counter(node_of(link["upstream_node_id"]) for link in links)
    yield from (f"{count} links come from node {node[1]}" for node, count in counts.items() if count > 1)


def _wrong_lines(lanes: Sequence[Lane]) -> Iterator[str]:
    """Stop lines that lie nowhere near, and lanes that are drawn over one another."""
    for row, lane in enumerate(lanes):
        name, end = place_name(lane.part), lane.points[-1]
        if (away := float(np.hypot(end[0], end[1]))) > _STOP_LINE_REACH_M:
            yield f"the stop line of {name} is {away:.0f} m from the reference position"
        for other in lanes[:row]:
            if len(lane.points) == len(other.points) and np.hypot(*(lane.points - other.points)[:, :2].T).max() < _SAME_LINE_M:
                yield f"{name} and {place_name(other.part)} are one line"
