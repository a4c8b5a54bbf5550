"""A scenario's ways as a SUMO network, so that the platform knows the road on which they are driven.

A way is cut at its stop lines; the connection over each is held by a signal of that name with the stages of one run. Lanes are
polylines along arcs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np

from chelu.motion.footprints import Floats
from simulators.scenario.roads import LIGHTS
from simulators.scenario.trace import Trace
from simulators.scenario.ways import Way, Ways

STEP_M = 2.0  # between points on an arc: 5 mm off at a radius of 100 m
_FASTEST_MPS = 55.56  # where a way has no limit
_LETTERS = {"red": "r", "yellow": "y", "green": "G"}

Programme = Sequence[tuple[str, float]]  # what is shown, for how many seconds


def sumo_net(ways: Ways, stop_lines: Mapping[str, tuple[int, float]], programmes: Mapping[str, Programme]) -> bytes:
    """The network's XML. stop_lines: by signal, row of its way and place along it; programmes: by signal."""
    root = ElementTree.Element("net", version="1.20")
    connections: list[ElementTree.Element] = []
    for name, programme in programmes.items():
        root.append(_logic(name, programme))
    for row, way in enumerate(ways.each):
        held = sorted((along_m, name) for name, (at, along_m) in stop_lines.items() if at == row and 0 < along_m < way.length_m)
        cuts = [0.0, *(along_m for along_m, _ in held), way.length_m]
        for part, (begin_m, end_m) in enumerate(pairwise(cuts)):
            root.append(_edge(ways, row, part, begin_m, end_m))
        for part, (_, name) in enumerate(held):
            connections += [_connection(way, part, lane, name) for lane in range(way.lanes)]
        for part, along_m in enumerate(cuts):
            root.append(_junction(ways, row, part, along_m, "traffic_light" if 0 < part < len(cuts) - 1 else "dead_end"))
    root.extend(connections)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _logic(name: str, programme: Programme) -> ElementTree.Element:
    logic = ElementTree.Element("tlLogic", id=name, type="static", programID="0", offset="0")
    for shown, seconds in programme:
        ElementTree.SubElement(logic, "phase", duration=f"{seconds:.3f}", state=_LETTERS[shown])
    return logic


def _edge(ways: Ways, row: int, part: int, begin_m: float, end_m: float) -> ElementTree.Element:
    way = ways.each[row]
    name = f"{way.name}.{part}"
    edge = ElementTree.Element("edge", {"id": name, "from": f"{name}.node", "to": f"{way.name}.{part + 1}.node", "priority": "1"})
    for index in range(way.lanes):  # SUMO's lane 0 is the rightmost, as our lane 1
        points = _points(ways, row, begin_m, end_m, way.lane_aside_m(index + 1))
        ElementTree.SubElement(
            edge,
            "lane",
            id=f"{name}_{index}",
            index=str(index),
            speed=f"{min(way.speed_limit_mps, _FASTEST_MPS):.2f}",
            length=f"{end_m - begin_m:.3f}",
            width=f"{way.widths_m[index]:.2f}",
            shape=" ".join(f"{x:.3f},{y:.3f},{z:.3f}" for x, y, z in points.tolist()),
        )
    return edge


def _points(ways: Ways, row: int, begin_m: float, end_m: float, aside_m: float) -> Floats:
    count = 2 if ways.is_straight and not ways.gradient.any() else max(2, int(np.ceil((end_m - begin_m) / STEP_M)) + 1)
    along = np.linspace(begin_m, end_m, count)
    places = ways.at(np.full(count, row, np.int64), along, np.full(count, aside_m))
    return np.column_stack([places.xy, places.elevation_m])


def _junction(ways: Ways, row: int, part: int, along_m: float, kind: str) -> ElementTree.Element:
    (x, y, z) = _points(ways, row, along_m, along_m, 0.0)[0].tolist()
    name = f"{ways.each[row].name}.{part}.node"
    return ElementTree.Element("junction", id=name, type=kind, x=f"{x:.3f}", y=f"{y:.3f}", z=f"{z:.3f}")


def _connection(way: Way, part: int, lane: int, signal: str) -> ElementTree.Element:
    return ElementTree.Element(
        "connection",
        {
            "from": f"{way.name}.{part}",
            "to": f"{way.name}.{part + 1}",
            "fromLane": str(lane),
            "toLane": str(lane),
            "tl": signal,
            "linkIndex": "0",
            "dir": "s",
        },
    )


def programme(shown: Sequence[int], step_s: float) -> list[tuple[str, float]]:
    """What a signal showed over a run (t,), as stages; the last one is as long as it was seen."""
    words = {int(light): word for word, light in LIGHTS.items()}
    lights = np.asarray(shown)
    begins = np.concatenate([[0], np.flatnonzero(np.diff(lights)) + 1, [len(lights)]])
    return [(words[int(lights[begin])], (end - begin) * step_s) for begin, end in pairwise(begins.tolist())]


def roads_of(trace: Trace, run: int) -> bytes:
    """The road of one run, with what its signals showed."""
    programmes = {name: programme(shown[:, run].tolist(), trace.step_s) for name, shown in trace.lights.items()}
    return sumo_net(trace.ways, trace.stop_lines, programmes)
