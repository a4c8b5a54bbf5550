"""SUMO in a process of its own: libsumo and pyarrow do not get on in one, and only one network fits into it.

    python -m simulators.scenario.traffic.town

On standard input: a line of JSON, then for each instant the actors' front bumpers, (a, 4) float64: x, y, heading, speed. On
standard output: a line of JSON (`sumo`: its version), then for each instant how many vehicles there are, int64, and of each
`ROW`, float64. The first instant is the run's beginning: the traffic has flowed for a while, and the actors come into it.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

ROW = ("number", "kind", "x", "y", "z", "heading", "speed", "acceleration")  # kind: which of the order's; x, y, z: front bumper
ROOM_M, ROOM_S = 10.0, 2.0  # who would be nearer to an actor that comes into the traffic, or within so long, is not there
FARTHEST_M = 100.0  # of an actor from the nearest lane
ON_ITS_ROUTE, ANYWHERE = 1, 2
ASLEEP = 0  # no lane changes, no checks: an actor drives itself


def main() -> None:
    """Until there is no more input."""
    wire = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what SUMO has to say is no answer
    order = json.loads(sys.stdin.buffer.readline())
    import libsumo

    try:
        libsumo.start(["sumo", *(text for key, value in order["options"].items() for text in (f"--{key}", str(value)))])
    except libsumo.TraCIException as error:
        sys.exit(f"Error: {error}")
    for _ in range(order["warm_up_steps"]):
        libsumo.simulationStep()
    wire.write(json.dumps({"sumo": libsumo.getVersion()[1]}).encode() + b"\n")
    wire.flush()
    try:
        _drive(libsumo, order, sys.stdin.buffer, wire)
    finally:
        libsumo.close()


def _drive(sumo: Any, order: dict[str, Any], asks: BinaryIO, answers: BinaryIO) -> None:
    size, is_begun, kept = 8 * 4 * len(order["actors"]), False, list[int]()
    while len(asked := asks.read(size)) == size:
        actors = np.frombuffer(asked).reshape(-1, 4)
        if not is_begun:
            _make_room(sumo, actors)
            kept = _come_in(sumo, order, actors)
        for number, (x, y, heading, _) in enumerate(actors.tolist()):
            sumo.vehicle.moveToXY(
                f"actor {number}", "", -1, x, y, angle=heading, keepRoute=kept[number], matchThreshold=FARTHEST_M
            )
        if is_begun:
            sumo.simulationStep()
        is_begun = True
        rows = np.array([_row(sumo, name, order["kinds"]) for name in _names(sumo)], np.float64)
        answers.write(np.int64(len(rows)).tobytes() + rows.tobytes())
        answers.flush()


def _names(sumo: Any) -> list[str]:
    return sorted((name for name in sumo.vehicle.getIDList() if not name.startswith("actor ")), key=int)


def _make_room(sumo: Any, actors: npt.NDArray[np.float64]) -> None:
    for name in _names(sumo):
        x, y = sumo.vehicle.getPosition(name)
        away = np.hypot(actors[:, 0] - x, actors[:, 1] - y)
        if (away < ROOM_M + ROOM_S * np.maximum(actors[:, 3], sumo.vehicle.getSpeed(name))).any():
            sumo.vehicle.remove(name)


def _come_in(sumo: Any, order: dict[str, Any], actors: npt.NDArray[np.float64]) -> list[int]:
    """Each on a route to where its way ends, so that it is let pass; how it keeps to it: `ON_ITS_ROUTE` where there is one."""
    kept = []
    for number, (length, width, *end) in enumerate(order["actors"]):
        name = f"actor {number}"
        edges = _route(sumo, actors[number, :2].tolist(), end)
        sumo.route.add(name, edges or [order["edge"]])
        sumo.vehicletype.copy("DEFAULT_VEHTYPE", name)
        sumo.vehicletype.setLength(name, length)
        sumo.vehicletype.setWidth(name, width)
        sumo.vehicle.add(name, name, typeID=name)
        sumo.vehicle.setLaneChangeMode(name, ASLEEP)
        sumo.vehicle.setSpeedMode(name, ASLEEP)
        kept.append(ON_ITS_ROUTE if edges else ANYWHERE)
    return kept


def _route(sumo: Any, begin: list[float], end: list[float]) -> list[str]:
    """The edges from one place to another; none where SUMO knows no way."""
    begins, ends = (sumo.simulation.convertRoad(*place)[0] for place in (begin, end))
    if begins.startswith(":") or ends.startswith(":"):
        return []
    return list(sumo.simulation.findRoute(begins, ends).edges)


def _row(sumo: Any, name: str, kinds: list[str]) -> tuple[float, ...]:
    one = sumo.vehicle
    kind = kinds.index(one.getTypeID(name))
    return int(name), kind, *one.getPosition3D(name), one.getAngle(name), one.getSpeed(name), one.getAcceleration(name)


if __name__ == "__main__":
    main()
