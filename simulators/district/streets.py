"""The district's streets: where they lie on the hill, how high, and where they meet. Metres in the site's local frame.

The hill rises from the river in the south (1 m) to the ridge in the north (77 m); avenues climb it, other streets follow it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulators.district.curves import Floats, sample, terraced
from simulators.district.plain import Edge, Node, Plain

AVENUE_MPS, STREET_MPS, LANE_MPS = 13.89, 11.11, 8.33


@dataclass(frozen=True, slots=True)
class Avenue:
    """A road up the hill: x (with a sway), stations y and heights there, and at which of them it is level for a junction."""

    street: str
    x: float
    sway_m: float
    stations: Sequence[float]
    heights: Sequence[float]
    lanes: int
    speed_mps: float
    level: Sequence[float]

    def line(self, y: Floats) -> Floats:
        x = self.x + self.sway_m * np.sin(np.pi * y / 400.0)
        return np.column_stack([x, y, terraced(self.stations, self.heights, self.level)(y)])


@dataclass(frozen=True, slots=True)
class Contour:
    """A street along the hill: y (with a sway), the heights of its west and east ends, the avenues it meets in order."""

    street: str
    y: float
    sway_m: float
    ends: tuple[float, float]
    avenues: Sequence[str]
    lanes: int
    speed_mps: float

    def y_at(self, x: Floats) -> Floats:
        return self.y + self.sway_m * np.sin(np.pi * x / 400.0)


AVENUES: Mapping[str, Avenue] = {
    "bamboo": Avenue(
        "Bamboo Avenue", -800, 20, (-650, -400, 0, 400, 650), (6, 18, 47.3, 60, 75.2), 1, STREET_MPS, (-650, -400, 400, 650)
    ),
    "camellia": Avenue(
        "Camellia Avenue",
        0,
        0,
        (-900, -650, -400, -130, 0, 130, 400, 650, 900),
        (1, 4, 18, 26, 30, 34, 50.5, 66, 75),
        2,
        AVENUE_MPS,
        (-650, -400, -130, 130, 400, 650),
    ),
    "ginkgo": Avenue(
        "Ginkgo Avenue", 800, 20, (-650, -400, 0, 400, 650), (4, 18, 30.3, 59.3, 74), 1, STREET_MPS, (-650, -400, 400, 650)
    ),
    "stone": Avenue("Stone Lane", -330, 0, (-650, -400), (4.8, 18), 1, LANE_MPS, (-650, -400)),
    "mint": Avenue("Mint Lane", 420, 0, (-650, -400), (4, 18), 1, LANE_MPS, (-650, -400)),
    "fern": Avenue("Fern Lane", -420, 0, (400, 650), (55.5, 71.0), 1, LANE_MPS, (400, 650)),
    "plum": Avenue("Plum Lane", 420, 0, (400, 650), (55.5, 70.6), 1, LANE_MPS, (400, 650)),
}
CONTOURS: Mapping[str, Contour] = {
    "ferry": Contour("Ferry Street", -650, 10, (6, 3), ("bamboo", "stone", "camellia", "mint", "ginkgo"), 1, STREET_MPS),
    "lantern": Contour("Lantern Street", -400, 20, (16, 17), ("bamboo", "stone", "camellia", "mint", "ginkgo"), 2, AVENUE_MPS),
    "terrace": Contour("Terrace Street", 400, 20, (60, 62), ("bamboo", "fern", "camellia", "plum", "ginkgo"), 2, AVENUE_MPS),
    "ridge": Contour("Ridge Street", 650, 10, (77, 74), ("bamboo", "fern", "camellia", "plum", "ginkgo"), 1, STREET_MPS),
}
SIGNALS = frozenset(
    f"{avenue}_{contour}"
    for avenue, contour in (
        *((avenue, contour) for avenue in ("bamboo", "camellia", "ginkgo") for contour in ("lantern", "terrace")),
        ("camellia", "ferry"),
        ("camellia", "ridge"),
    )
) | {"camellia_south", "camellia_north"}
DIAMOND = {"camellia_south": -130.0, "camellia_north": 130.0}
EAST_END = 1150.0


def grid(plain: Plain) -> None:
    """Streets and avenues, both ways, with pavements."""
    for name, avenue in AVENUES.items():
        stops = [(f"{name}_{key}", contour.y) for key, contour in CONTOURS.items() if name in contour.avenues]
        if name == "camellia":
            stops += [*DIAMOND.items(), ("camellia_river", -900.0), ("camellia_hill", 900.0)]
        _string(plain, name, avenue, sorted((_meet(avenue, stop, y) for stop, y in stops), key=lambda item: item[1]))
    for name, contour in CONTOURS.items():
        _contour(plain, name, contour)


def _meet(avenue: Avenue, stop: str, y: float) -> tuple[str, float]:
    """Where an avenue meets a street that sways: one round of substitution is exact to centimetres."""
    contour = CONTOURS.get(stop.rpartition("_")[2])
    if contour is None:
        return stop, y
    x = avenue.line(np.array([y]))[:, 0]
    x = avenue.line(contour.y_at(x))[:, 0]
    return stop, float(contour.y_at(x)[0])


def _string(plain: Plain, name: str, avenue: Avenue, stops: Sequence[tuple[str, float]]) -> None:
    for stop, y in stops:
        x, _, z = avenue.line(np.array([y]))[0].tolist()
        plain.nodes[stop] = Node(stop, x, y, z, "traffic_light" if stop in SIGNALS else "priority")
    for index, (first, second) in enumerate(itertools.pairwise(stops), start=1):
        line = avenue.line(sample(first[1], second[1]))
        _both_ways(plain, f"{name}_{index}", ("n", "s"), (first[0], second[0]), line, avenue)


def _contour(plain: Plain, name: str, contour: Contour) -> None:
    ends = ((f"{name}_west", -EAST_END, contour.ends[0]), (f"{name}_east", EAST_END, contour.ends[1]))
    for end, x, z in ends:
        plain.nodes[end] = Node(end, x, float(contour.y_at(np.array([x]))[0]), z)
    stops = [ends[0][0], *(f"{avenue}_{name}" for avenue in contour.avenues), ends[1][0]]
    for index, (first, second) in enumerate(itertools.pairwise(stops), start=1):
        a, b = plain.nodes[first], plain.nodes[second]
        along = sample(a.x, b.x)
        line = np.column_stack([along, contour.y_at(along), np.interp(along, (a.x, b.x), (a.z, b.z))])
        _both_ways(plain, f"{name}_{index}", ("e", "w"), (first, second), line, contour)


def _both_ways(
    plain: Plain, name: str, suffix: tuple[str, str], stops: tuple[str, str], line: Floats, road: Avenue | Contour
) -> None:
    priority = 6 if road.lanes > 1 else 4
    for tail, (start, end), shape in ((suffix[0], stops, line), (suffix[1], stops[::-1], line[::-1])):
        edge = Edge(name + tail, start, end, shape, road.street, road.lanes, road.speed_mps, priority, sidewalk_m=2.5)
        plain.edges.append(edge)
