"""Small road networks for tests, written as SUMO writes them: a crossing without signals, one with, a ramp, and a bend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from chelu.roads import sumo
from chelu.roads.network import RoadNetwork

LANE_M, HALF_M, ARM_M = 3.5, 12.0, 200.0
SPEED = 13.9
Point = tuple[float, float]


def _text(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.3f},{y:.3f},0" for x, y in points)


def _lane(name: str, index: int, points: Sequence[Point]) -> str:
    length = float(np.hypot(*np.diff(np.array(points), axis=0).T).sum())
    about = f'id="{name}_{index}" index="{index}" speed="{SPEED}" length="{length:.3f}" width="{LANE_M}"'
    return f'<lane {about} shape="{_text(points)}"/>'


def _bend(start: Point, corner: Point, end: Point) -> list[Point]:
    """A curve from start to end that leaves and arrives along the corner."""
    share = np.linspace(0, 1, 9)[:, None]
    a, b, c = (np.array(point) for point in (start, corner, end))
    return [(float(x), float(y)) for x, y in (1 - share) ** 2 * a + 2 * share * (1 - share) * b + share**2 * c]


def _net(nodes: Mapping[str, Point], edges: Sequence[str], connections: Sequence[str], signals: str = "") -> bytes:
    junctions = [f'<junction id="{name}" type="priority" x="{x}" y="{y}" z="0" shape=""/>' for name, (x, y) in nodes.items()]
    return f"<net>{''.join(edges)}{signals}{''.join(junctions)}{''.join(connections)}</net>".encode()


@cache
def crossing(*, has_signals: bool = False) -> RoadNetwork:
    """As `crossing_file` has it."""
    return sumo.read(crossing_file(has_signals=has_signals))


@cache
def ramp() -> RoadNetwork:
    """As `ramp_file` has it."""
    return sumo.read(ramp_file())


def crossing_file(*, has_signals: bool = False) -> bytes:
    """Node 5 at the origin with four arms of 200 m, one lane each way: nodes 1 north, 2 east, 3 south, 4 west; groups 0 to 3."""
    outward = {1: (0.0, 1.0), 2: (1.0, 0.0), 3: (0.0, -1.0), 4: (-1.0, 0.0)}
    edges, connections = [], []
    at = {"5": (0.0, 0.0), **{str(n): (x * ARM_M, y * ARM_M) for n, (x, y) in outward.items()}}
    ends: dict[int, tuple[Point, Point]] = {}
    for n, (x, y) in outward.items():
        right = (-y * LANE_M / 2, x * LANE_M / 2)  # of who drives inwards
        near, far = (x * HALF_M, y * HALF_M), (x * ARM_M, y * ARM_M)
        inward = [(far[0] + right[0], far[1] + right[1]), (near[0] + right[0], near[1] + right[1])]
        leaving = [(near[0] - right[0], near[1] - right[1]), (far[0] - right[0], far[1] - right[1])]
        ends[n] = inward[1], leaving[0]
        edges.append(f'<edge id="{n}to5" from="{n}" to="5">{_lane(f"{n}to5", 0, inward)}</edge>')
        edges.append(f'<edge id="5to{n}" from="5" to="{n}">{_lane(f"5to{n}", 0, leaving)}</edge>')
    number = 0
    for a, (x, y) in outward.items():
        for b, opposite in outward.items():
            if a == b:
                continue
            start, end = ends[a][0], ends[b][1]
            corner = (start[0], end[1]) if x == 0 else (end[0], start[1])
            points = [start, end] if (x, y) == (-opposite[0], -opposite[1]) else _bend(start, corner, end)
            name = f":5_{number}"
            edges.append(f'<edge id="{name}" function="internal">{_lane(name, 0, points)}</edge>')
            light = f' tl="5" linkIndex="{a - 1}"' if has_signals else ""
            connections.append(f'<connection from="{a}to5" to="5to{b}" fromLane="0" toLane="0" via="{name}_0"{light} dir="s"/>')
            connections.append(f'<connection from="{name}" to="5to{b}" fromLane="0" toLane="0" dir="s"/>')
            number += 1
    phases = '<phase duration="30" state="GrGr"/><phase duration="30" state="rGrG"/>'
    signals = f'<tlLogic id="5" type="static" programID="0" offset="0">{phases}</tlLogic>' if has_signals else ""
    return _net(at, edges, connections, signals)


def ramp_file() -> bytes:
    """A main line of two lanes from node 1 over 2 to 3, and a ramp from node 4 into its right lane at node 2."""
    nodes = {"1": (-300.0, 0.0), "2": (0.0, 0.0), "3": (300.0, 0.0), "4": (-300.0, -60.0)}
    left, right = 0.0, -LANE_M
    main = _lane("main", 0, [(-300, right), (-20, right)]) + _lane("main", 1, [(-300, left), (-20, left)])
    on = _lane("on", 0, [(0, right), (300, right)]) + _lane("on", 1, [(0, left), (300, left)])
    inner = _lane(":2_1", 0, [(-20, right), (0, right)]) + _lane(":2_1", 1, [(-20, left), (0, left)])
    edges = [
        f'<edge id="main" from="1" to="2">{main}</edge>',
        f'<edge id="on" from="2" to="3">{on}</edge>',
        f'<edge id="ramp" from="4" to="2">{_lane("ramp", 0, [(-300, -60), (-60, -10), (-20, right - 3)])}</edge>',
        f'<edge id=":2_0" function="internal">{_lane(":2_0", 0, [(-20, right - 3), (0, right)])}</edge>',
        f'<edge id=":2_1" function="internal">{inner}</edge>',
    ]
    connections = [
        '<connection from="ramp" to="on" fromLane="0" toLane="0" via=":2_0_0" dir="s"/>',
        '<connection from=":2_0" to="on" fromLane="0" toLane="0" dir="s"/>',
        *(f'<connection from="main" to="on" fromLane="{i}" toLane="{i}" via=":2_1_{i}" dir="s"/>' for i in (0, 1)),
        *(f'<connection from=":2_1" to="on" fromLane="{i}" toLane="{i}" dir="s"/>' for i in (0, 1)),
    ]
    return _net(nodes, edges, connections)


def bend_file() -> bytes:
    """One lane from node 1 to 2: 60 m to the north, a bend to the right of 80 m radius, and on to the east."""
    turn = np.radians(np.arange(0.0, 90.1, 5.0))
    bend = [(80.0 - 80.0 * float(np.cos(one)), 60.0 + 80.0 * float(np.sin(one))) for one in turn]
    points = [(0.0, 0.0), *bend, (300.0, 140.0)]
    edge = f'<edge id="bend" from="1" to="2">{_lane("bend", 0, points)}</edge>'
    return _net({"1": points[0], "2": points[-1]}, [edge], [])
