"""Ways of a scenario from OpenDRIVE: the lane that somebody follows, from road to road, as straight lines and arcs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.roads.network import Floats
from chelu.roads.opendrive.model import OpenDrive, Road
from chelu.roads.opendrive.onward import LaneAt, onward
from chelu.roads.opendrive.sampling import sample_places
from simulators.scenario.openscenario.numbers import Number, shortened
from simulators.scenario.openscenario.spots import Free, Spot, straightest

LONGEST_M = 20_000.0
THIN_M = 0.05  # a lane that is none
STRAIGHT_RAD = 1e-9  # of a piece's turn
CLOSE_M = 1e-3  # two points that are one
TIGHTEST_M = 1.0
_LOOK_M = 1e-3

Choose = Callable[[list[LaneAt]], LaneAt]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A lane of one section on a way: s (k,) as it is driven, and how far that is along the way."""

    at: LaneAt
    s_m: Floats
    along_m: Floats


@dataclass(frozen=True, slots=True)
class Track:
    """A way with what it follows; lanes: by number from the right, OpenDRIVE's number, middle (right of the line) and width."""

    stretches: tuple[Stretch, ...]
    pieces: tuple[tuple[float, float, float], ...]
    begin: Free
    lanes: tuple[tuple[int, float, float], ...]

    @property
    def length_m(self) -> float:
        """From the first point to the last."""
        return float(self.stretches[-1].along_m[-1])

    def stretch(self, road: str, s_m: float, *, is_along: bool) -> Stretch | None:
        """The one on which a place is, driven in that direction."""
        for one in self.stretches:
            low, high = sorted((float(one.s_m[0]), float(one.s_m[-1])))
            if (one.at.road, one.at.is_along) == (road, is_along) and low - CLOSE_M <= s_m <= high + CLOSE_M:
                return one
        return None

    def along(self, stretch: Stretch, s: Number, fix: Callable[[Number], float]) -> Number:
        """How far along the way s is; on a stretch that is longer or shorter than its road, only for the defaults."""
        order = np.argsort(stretch.s_m)
        along = float(np.interp(s.value, stretch.s_m[order], stretch.along_m[order]))
        sign = 1.0 if stretch.at.is_along else -1.0
        share = abs(stretch.along_m[-1] - stretch.along_m[0]) / max(abs(stretch.s_m[-1] - stretch.s_m[0]), 1e-9)
        if not s.names or abs(share - 1.0) > 1e-3:
            fix(s)
            return Number(along)
        return (s if sign > 0 else -s) + Number(along - sign * s.value)

    def way(self) -> dict[str, Any]:
        """As a description has it."""
        widths = [width for _, _, width in self.lanes]
        leftmost = self.lanes[-1]
        return {
            "x_m": shortened(self.begin.x_m),
            "y_m": shortened(self.begin.y_m),
            "heading_deg": shortened(90.0 - math.degrees(self.begin.heading_rad)),
            "elevation_m": shortened(self.begin.z_m),
            "lanes": len(widths),
            "lane_widths_m": [shortened(width) for width in widths],
            "left_edge_m": shortened(leftmost[1] - leftmost[2] / 2.0),
            "pieces": [_piece(*piece) for piece in self.pieces],
        }


def _piece(length_m: float, curvature_1pm: float, gradient: float) -> dict[str, Any]:
    found: dict[str, Any] = {"length_m": shortened(length_m)}
    if curvature_1pm:
        found |= {"radius_m": shortened(1.0 / abs(curvature_1pm)), "turns": "right" if curvature_1pm > 0 else "left"}
    return found | ({"gradient": shortened(gradient)} if gradient else {})


def track_of(model: OpenDrive, spot: Spot, length_m: float, choose: Choose | None = None) -> Track:
    """The way of one who follows the lane on which it begins, from where that begins on its road."""
    road = model.roads[spot.road]
    at = LaneAt(road.id, int(road.section_at(spot.s.value)), spot.lane, spot.is_along)
    chain = _chain(model, at, min(length_m, LONGEST_M), choose or (lambda lanes: straightest(model, lanes)))
    points, bounds = _points(model, chain)
    pieces, along = _arcs(points, _heading(model, chain[0]))
    begin = Free(float(points[0, 0]), float(points[0, 1]), float(points[0, 2]), _heading(model, chain[0]))
    stretches = [Stretch(one, s, along[low : low + len(s)]) for one, (low, s) in zip(chain, bounds, strict=True)]
    return Track(tuple(stretches), pieces, begin, _lanes(road, spot, at))


def _chain(model: OpenDrive, at: LaneAt, length_m: float, choose: Choose) -> list[LaneAt]:
    """From the lane's beginning on its road to where it ends or has gone far enough."""
    chain = [at]
    while True:
        behind = chain[0].section + (-1 if at.is_along else 1)
        found = onward(model, chain[0]._replace(is_along=not at.is_along))
        before = [one for one in found if (one.road, one.section) == (at.road, behind)]  # not over a road's end: it may be a ring
        if not before:
            break
        chain.insert(0, before[0]._replace(is_along=at.is_along))
    gone = 0.0
    while gone < length_m and (found := onward(model, chain[-1])):
        following = found[0] if len(found) == 1 else choose(found)
        if following in chain and len(chain) > 1 and gone > length_m / 2.0:
            break
        chain.append(following)
        section = model.roads[following.road].sections[following.section]
        gone += max(section.end_m - section.begin_m, 1e-3)
    return chain


def middle_m(road: Road, at: LaneAt, s_m: Floats) -> Floats:
    """The middle (…) of a lane of this section, as t."""
    inner, outer = road.sections[at.section].edges(at.lane, s_m)
    return np.asarray((inner + outer) / 2.0 + road.lane_offset.at(s_m))


def _points(model: OpenDrive, chain: Sequence[LaneAt]) -> tuple[Floats, list[tuple[int, Floats]]]:
    """Points (k, 3) of the lanes' middles one after the other; of each lane where its points begin, and their s."""
    parts, bounds, count = [], [], 0
    for at in chain:
        road = model.roads[at.road]
        section = road.sections[at.section]
        s = sample_places(road, section.begin_m, section.end_m)
        s = s if at.is_along else s[::-1]
        places = road.places(s, middle_m(road, at, s))
        parts.append(np.column_stack([places.x_m, places.y_m, places.z_m]))
        bounds.append((count, s))
        count += len(s)
    return np.concatenate(parts), bounds


def _heading(model: OpenDrive, at: LaneAt) -> float:
    road = model.roads[at.road]
    section = road.sections[at.section]
    begin = section.begin_m if at.is_along else section.end_m
    s = np.array([begin, begin + _LOOK_M if at.is_along else begin - _LOOK_M])
    places = road.places(s, middle_m(road, at, s))
    return math.atan2(float(places.y_m[1] - places.y_m[0]), float(places.x_m[1] - places.x_m[0]))


def _arcs(points: Floats, heading_rad: float) -> tuple[tuple[tuple[float, float, float], ...], Floats]:
    """Arcs that go through all points (length, curvature right positive, gradient), and how far along each point is.

    Each is the one that leaves a point in the direction in which the last arrived there, so places are never off by more than an
    arc is from the curve between two points.
    """
    pieces: list[tuple[float, float, float]] = []
    along = [0.0]
    last, heading = points[0], heading_rad
    for point in points[1:]:
        dx, dy, dz = (point - last).tolist()
        chord = math.hypot(dx, dy)
        if chord < CLOSE_M:
            along.append(along[-1])
            continue
        half = math.remainder(math.atan2(dy, dx) - heading, 2.0 * math.pi)
        half = math.copysign(min(abs(half), math.asin(min(1.0, chord / 2.0 / TIGHTEST_M))), half)
        if abs(half) < STRAIGHT_RAD:
            half = 0.0
        length = chord * half / math.sin(half) if half else chord
        pieces.append((length, -2.0 * half / length, dz / length))
        heading += 2.0 * half
        along.append(along[-1] + length)
        last = point
    return _joined(pieces), np.array(along)


def _joined(pieces: list[tuple[float, float, float]]) -> tuple[tuple[float, float, float], ...]:
    """Neighbours that go on alike as one."""
    found: list[tuple[float, float, float]] = []
    for length, curvature, gradient in pieces:
        if found and abs(found[-1][1] - curvature) < 1e-9 and abs(found[-1][2] - gradient) < 1e-9:
            found[-1] = found[-1][0] + length, found[-1][1], found[-1][2]
        else:
            found.append((length, curvature, gradient))
    return tuple(found)


def _lanes(road: Road, spot: Spot, at: LaneAt) -> tuple[tuple[int, float, float], ...]:
    """All lanes beside that one there, from the rightmost of who drives in its direction."""
    s, section = np.asarray(spot.s.value), road.sections[at.section]
    own, sign = float(middle_m(road, at, s)), 1.0 if at.is_along else -1.0
    found = []
    for number in section.lanes:
        inner, outer = (float(one) for one in section.edges(number, s))
        middle = float(middle_m(road, at._replace(lane=number), s))
        if abs(outer - inner) >= THIN_M:
            found.append((number, sign * (own - middle), abs(outer - inner)))
    return tuple(sorted(found, key=lambda one: -one[1]))
