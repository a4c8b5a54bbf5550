"""A small town for tests of signals, written as SUMO writes it, and what its signals say.

A road runs north past two signals: stop lines at y = −10 (signal c, intersection 1, phase 1) and y = 290 (d, intersection 2,
phase 1). From the west one crosses at c (phase 2). Where asked for, one may turn right at c.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from chelu.messages import SPAT, Batch, filled
from chelu.roads import sumo
from chelu.roads.network import RoadNetwork
from services.inference.signals import Light

Floats = npt.NDArray[np.float64]
Move = Callable[[Floats], Floats]
STOP_C, STOP_D = -10.0, 290.0
LIMIT_MPS = 16.0
SOUTH, WEST, FAR = (1, 1), (1, 2), (2, 1)  # intersection and phase
NEVER = float("nan")

_LANES: Mapping[str, Sequence[tuple[float, float]]] = {
    "south_0": [(0, -300), (0, STOP_C)],
    ":c_0_0": [(0, STOP_C), (0, 10)],
    "middle_0": [(0, 10), (0, STOP_D)],
    ":d_0_0": [(0, STOP_D), (0, 310)],
    "north_0": [(0, 310), (0, 600)],
    "west_0": [(-200, 0), (-10, 0)],
    ":c_1_0": [(-10, 0), (10, 0)],
    "east_0": [(10, 0), (200, 0)],
    ":c_2_0": [(0, STOP_C), (1, -5), (5, -1), (10, 0)],
}
_ENDS = {"south": "sc", "middle": "cd", "north": "dn", "west": "wc", "east": "ce", "plain": "sn"}  # of edges: from and to
_NODES = {"s": (0, -300), "c": (0, 0), "d": (0, 300), "n": (0, 600), "w": (-200, 0), "e": (200, 0)}


def _edge(lane: str, points: Floats) -> str:
    name = lane.rpartition("_")[0]
    function = ' function="internal"' if lane.startswith(":") else ' from="{}" to="{}"'.format(*_ENDS[name])
    shape = " ".join(",".join(f"{number:.6f}" for number in point) for point in points)
    length = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    inner = f'<lane id="{lane}" index="0" speed="{LIMIT_MPS}" length="{length:.3f}" shape="{shape}"/>'
    return f'<edge id="{name}"{function}>{inner}</edge>'


def _connection(begin: str, end: str, via: str, direction: str = "s", light: str = "") -> str:
    ends = f'from="{begin}" to="{end}" fromLane="0" toLane="0"'
    inner = f'<connection from="{via.rpartition("_")[0]}" to="{end}" fromLane="0" toLane="0" dir="s"/>'
    return f'<connection {ends} via="{via}" dir="{direction}"{light}/>{inner}'


def _light(signal: str, group: int) -> str:
    return f' tl="{signal}" linkIndex="{group}"'


def town(move: Move = lambda points: points, *, may_turn_right: bool = False, rises: float = 0.0) -> RoadNetwork:
    """The town, its points (k, 3) moved; rises: gradient of the road northwards. The right turn is held by no signal."""
    return sumo.read(town_file(move, may_turn_right=may_turn_right, rises=rises))


def town_file(move: Move = lambda points: points, *, may_turn_right: bool = False, rises: float = 0.0) -> bytes:
    """The same as the file that it is read from."""
    plan = {name: np.array([(x, y, rises * y) for x, y in points]) for name, points in _LANES.items()}
    edges = "".join(_edge(name, move(points)) for name, points in plan.items() if may_turn_right or name != ":c_2_0")
    ways = [
        _connection("south", "middle", ":c_0_0", light=_light("c", 0)),
        _connection("west", "east", ":c_1_0", light=_light("c", 1)),
        _connection("middle", "north", ":d_0_0", light=_light("d", 0)),
        *([_connection("south", "east", ":c_2_0", "r")] if may_turn_right else []),
    ]
    nodes = "".join(_junction(name, move(np.array([(x, y, rises * y)], np.float64))[0]) for name, (x, y) in _NODES.items())
    phase = '<phase duration="30" state="{}"/>'
    logics = "".join(
        f'<tlLogic id="{name}" type="static" programID="0" offset="0">{phase.format(state)}</tlLogic>'
        for name, state in (("c", "rG"), ("d", "G"))
    )
    return f'<net version="1.20">{edges}{logics}{nodes}{"".join(ways)}</net>'.encode()


def _junction(name: str, place: Floats) -> str:
    x, y, z = place.tolist()
    return f'<junction id="{name}" type="priority" x="{x:.6f}" y="{y:.6f}" z="{z:.6f}" shape=""/>'


def plain() -> RoadNetwork:
    """One lane, and no signal anywhere."""
    return sumo.read(f"<net>{_edge('plain_0', np.array([[0.0, -300, 0], [0, 300, 0]]))}</net>".encode())


State = tuple[Light, float, float]  # what it shows, from when to when, seconds from the message; NEVER: not said
Shown = Mapping[tuple[int, int], Sequence[State]]


def spat(shown: Shown, now_us: int) -> Batch:
    """SPAT rows of one instant: per intersection and phase its states, the present one first."""
    rows = [(*key, place, *state) for key, states in shown.items() for place, state in enumerate(states)]
    intersection, phase, place, light, start, end = (np.array(column) for column in zip(*rows, strict=True))
    return filled(
        SPAT, len(rows), time_us=np.full(len(rows), now_us), intersection_id=intersection.astype(np.uint16),
        phase_id=phase.astype(np.int16), state_index=place.astype(np.uint8), light=light.astype(np.uint8),
        timing=np.ones(len(rows), np.uint8),
        start_s=start.astype(np.float64), likely_end_s=end.astype(np.float64),
    )  # fmt: skip


def at(shown: Shown, t: float) -> Shown:
    """What is said at t of what was said at 0: states that are over are left out."""
    later = {key: [(light, max(0.0, a - t), b - t) for light, a, b in states if not b <= t] for key, states in shown.items()}
    return {key: states for key, states in later.items() if states}
