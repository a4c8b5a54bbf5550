"""The district's expressways and the ramps that join them: carriageways, tunnels, viaducts. Metres in the site's local frame.

Both cross above Camellia Avenue at (0, 0), 7.5 m above one another. Riverside Expressway goes into a tunnel in the west, Gorge
Expressway in the north-east, each under the streets of the hill.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.district.curves import Floats, offset, profile, ramp, sample
from simulators.district.plain import Edge, Node, Plain, Turn

LANE_M = 3.5
MEDIAN_M = 1.5  # from an expressway's axis to its carriageway
AUXILIARY_M = MEDIAN_M + 2 * LANE_M  # to the left border of an acceleration or deceleration lane
EXPRESSWAY_MPS, RAMP_MPS = 22.22, 16.67


def riverside(x: Floats) -> Floats:
    """Axis of Riverside Expressway, eastward: straight between the bends at its ends, 37.5 m high over the avenue."""
    bend = np.sign(x) * 60.0 * (np.maximum(np.abs(x) - 600.0, 0.0) / 550.0) ** 2
    return np.column_stack([x, bend, profile((-1150, -720, 0, 800, 1150), (35, 36.5, 37.5, 38.5, 40))(x)])


def gorge(s: Floats) -> Floats:
    """Axis of Gorge Expressway, north-eastward: 45 m high over the avenue, coming up from the river at 3.5 %."""
    side = s / np.sqrt(2.0)
    return np.column_stack([side, side, profile((-1200, 0, 1200), (3, 45, 51))(s)])


@dataclass(frozen=True, slots=True)
class Piece:
    """A carriageway's edge up to station `end`: number of lanes and kind; ends in a node called `node`."""

    end: float
    node: str
    lanes: int = 2
    kind: str = "road"


CARRIAGEWAYS = {
    "riverside_e": ("Riverside Expressway", riverside, -1150.0, (
        Piece(-720, "portal", kind="tunnel"), Piece(-560, "exit"), Piece(-420, "nose", 3), Piece(280, "merge", kind="bridge"),
        Piece(540, "lane_end", 3), Piece(620, "merge2"), Piece(900, "lane_end2", 3, "bridge"), Piece(1150, "east", kind="bridge"),
    )),
    "riverside_w": ("Riverside Expressway", riverside, 1150.0, (
        Piece(620, "viaduct", kind="bridge"), Piece(560, "exit"), Piece(420, "nose", 3), Piece(-260, "merge", kind="bridge"),
        Piece(-450, "lane_end", 3), Piece(-470, "merge2"), Piece(-710, "lane_end2", 3), Piece(-730, "portal"),
        Piece(-1150, "west", kind="tunnel"),
    )),
    "gorge_n": ("Gorge Expressway", gorge, -1200.0, (
        Piece(-500, "exit", kind="bridge"), Piece(-360, "nose", 3, "bridge"), Piece(300, "abutment", kind="bridge"),
        Piece(520, "portal"), Piece(1130, "portal2", kind="tunnel"), Piece(1200, "north"),
    )),
    "gorge_s": ("Gorge Expressway", gorge, 1200.0, (
        Piece(1130, "portal"), Piece(520, "portal2", kind="tunnel"), Piece(500, "exit"), Piece(360, "nose", 3),
        Piece(300, "abutment"), Piece(-1200, "south", kind="bridge"),
    )),
}  # fmt: skip


def carriageways(plain: Plain) -> None:
    """Both expressways, each direction on its own nodes; extra lanes at ramps begin and end by hand-set connections."""
    for name, (street, axis, start, pieces) in CARRIAGEWAYS.items():
        before, station = f"{name}_start", start
        for index, piece in enumerate(pieces, start=1):
            line = offset(axis(sample(station, piece.end)), MEDIAN_M)
            for node, point in ((before, line[0]), (f"{name}_{piece.node}", line[-1])):
                plain.nodes.setdefault(node, Node(node, *point.tolist()))
            edge = Edge(
                f"{name}{index}", before, f"{name}_{piece.node}", line, street, piece.lanes, EXPRESSWAY_MPS, 10, kind=piece.kind
            )
            plain.edges.append(edge)
            before, station = f"{name}_{piece.node}", piece.end
        _through(plain, name, pieces)


def _through(plain: Plain, name: str, pieces: Sequence[Piece]) -> None:
    """The two through lanes go on as they are: counted from the left, so an extra lane on the right shifts the numbers.

    Nothing leads straight into an extra lane: who wants it changes lanes, as on a road, rather than jump sideways at a node.
    """
    for index, (first, second) in enumerate(itertools.pairwise(pieces), start=1):
        for lane in (1, 2):
            plain.turns.append(Turn(f"{name}{index}", first.lanes - lane, f"{name}{index + 1}", second.lanes - lane))


def _border(name: str, station: float, right_m: float) -> tuple[float, float, float]:
    """A point beside a carriageway and the direction of travel there: x, y, heading °."""
    _, axis, start, _ = CARRIAGEWAYS[name]
    step = 1.0 if station > start else -1.0
    line = offset(axis(np.array([station - step, station, station + step])), right_m)
    heading = np.degrees(np.arctan2(*(line[2] - line[0])[:2]))
    return float(line[1, 0]), float(line[1, 1]), float(heading)


def _height(name: str, station: float) -> float:
    return float(CARRIAGEWAYS[name][1](np.array([station]))[0, 2])


def ramps(plain: Plain) -> None:
    """Four ramps of the diamond down to Camellia Avenue, two direct ramps between the expressways."""
    south, north = plain.nodes["camellia_south"], plain.nodes["camellia_north"]
    for name, main, nose, node, heading in (
        ("ramp_es_off", "riverside_e", -420.0, south, 90.0), ("ramp_wn_off", "riverside_w", 420.0, north, 270.0)
    ):  # fmt: skip
        way = [_border(main, nose, AUXILIARY_M), (node.x, node.y, heading)]
        _ramp(plain, name, (f"{main}_nose", node.name), ramp(way, (_height(main, nose), node.z)), kind="road")
    for name, main, merge, node, heading in (
        ("ramp_es_on", "riverside_e", 280.0, south, 90.0), ("ramp_wn_on", "riverside_w", -260.0, north, 270.0)
    ):  # fmt: skip
        way = [(node.x, node.y, heading), _border(main, merge, AUXILIARY_M)]
        _ramp(plain, name, (node.name, f"{main}_merge"), ramp(way, (node.z, _height(main, merge))), kind="road")
    for name, main, nose, onto, merge, over in (
        ("ramp_ne_direct", "gorge_n", -360.0, "riverside_e", 620.0, (0.0, -185.0, 78.0)),
        ("ramp_sw_direct", "gorge_s", 360.0, "riverside_w", -470.0, (0.0, 185.0, 258.0)),
    ):
        way = [_border(main, nose, AUXILIARY_M), over, _border(onto, merge, AUXILIARY_M)]
        line = ramp(way, (_height(main, nose), _height(onto, merge)))
        _ramp(plain, name, (f"{main}_nose", f"{onto}_merge2"), line, kind="bridge")


def _ramp(plain: Plain, name: str, stops: tuple[str, str], line: Floats, *, kind: str) -> None:
    plain.edges.append(Edge(name, *stops, line, "Stack ramp", 1, RAMP_MPS, 8, kind=kind))
    leaving = next((edge for edge in plain.edges if edge.end == stops[0] and edge.lanes == 3), None)
    if leaving is not None:
        plain.turns.append(Turn(leaving.name, 0, name, 0))
    entering = next((edge for edge in plain.edges if edge.start == stops[1] and edge.lanes == 3), None)
    if entering is not None:
        plain.turns.append(Turn(name, 0, entering.name, 0))
