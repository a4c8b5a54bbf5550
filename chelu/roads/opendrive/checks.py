"""What is doubtful in a file that could be read: pieces that do not meet, lengths that do not agree, links that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chelu.roads.network import Floats
from chelu.roads.opendrive.model import OpenDrive, Road, RoadLink
from chelu.roads.opendrive.onward import LaneAt, onward

GAP_M = 0.01  # between two pieces of a reference line
KINK_RAD = np.radians(0.5)
LENGTH_M = 0.01  # between a road's length and its pieces' sum
LANE_GAP_M = 0.2  # between the middles of two lanes that lead into one another


@dataclass(frozen=True, slots=True)
class Joints:
    """Where two pieces of a road's reference line meet (k − 1,): s, how far apart their ends are, how much they turn there."""

    s_m: Floats
    gap_m: Floats
    turn_rad: Floats


def joints(road: Road) -> Joints:
    """All joints of a road's reference line."""
    line, ends = road.reference, road.reference.ends()
    begins = line.at(line.s_m)
    gap = np.hypot(line.x_m[1:] - ends.x_m[:-1], line.y_m[1:] - ends.y_m[:-1])
    turn = np.abs(np.angle(np.exp(1j * (begins.heading_rad[1:] - ends.heading_rad[:-1]))))
    return Joints(line.s_m[1:], gap, turn)


def notes_on(model: OpenDrive) -> tuple[str, ...]:
    """A sentence for each thing that is doubtful."""
    return (*(note for road in model.roads.values() for note in _of_road(model, road)), *_of_junctions(model), *_of_lanes(model))


def _of_road(model: OpenDrive, road: Road) -> Iterator[str]:
    if abs(road.reference.end_m - road.length_m) > LENGTH_M:
        yield f"road {road.id}: length {road.length_m:.3f} m, but its pieces end at s = {road.reference.end_m:.3f} m"
    found = joints(road)
    bad = np.flatnonzero((found.gap_m > GAP_M) | (found.turn_rad > KINK_RAD))
    if len(bad):
        worst = bad[np.argmax(found.gap_m[bad] / GAP_M + found.turn_rad[bad] / KINK_RAD)]
        yield (
            f"road {road.id}: {len(bad)} joints of its reference line do not meet, the worst at s = {found.s_m[worst]:.2f} m: "
            f"{found.gap_m[worst]:.3f} m, {np.degrees(found.turn_rad[worst]):.2f}°"
        )
    yield from _dangling(model, road, "predecessor", road.predecessor)
    yield from _dangling(model, road, "successor", road.successor)


def _dangling(model: OpenDrive, road: Road, end: str, link: RoadLink | None) -> Iterator[str]:
    if link is not None and link.id not in (model.junctions if link.is_junction else model.roads):
        yield f"road {road.id}: its {end} is the {'junction' if link.is_junction else 'road'} {link.id}, which is not there"


def _of_junctions(model: OpenDrive) -> Iterator[str]:
    for junction in model.junctions.values():
        for path in junction.paths:
            for road in (path.incoming, path.connecting):
                if road and road not in model.roads:
                    yield f"junction {junction.id}: it names the road {road}, which is not there"


def _of_lanes(model: OpenDrive) -> Iterator[str]:
    """Driving lanes that lead into one another and do not meet: one sentence for each pair of roads."""
    worst: dict[tuple[str, str], tuple[float, LaneAt, LaneAt]] = {}
    ends = _Ends(model)
    for at in driven_lanes(model):
        for to in onward(model, at):
            apart = ends.of(at, is_end=at.is_along) - ends.of(to, is_end=not to.is_along)
            gap = float(np.hypot(*apart))
            if gap > max(LANE_GAP_M, worst.get((at.road, to.road), (0.0,))[0]):
                worst[at.road, to.road] = gap, at, to
    for gap, at, to in worst.values():
        yield f"road {at.road}, lane {at.lane}, ends {gap:.2f} m from where road {to.road}, lane {to.lane}, begins"


def driven_lanes(model: OpenDrive) -> Iterator[LaneAt]:
    """Every lane of the type "driving", in each section."""
    for road in model.roads.values():
        for section, one in enumerate(road.sections):
            for lane in one.lanes.values():
                if lane.type == "driving":
                    yield LaneAt(road.id, section, lane.id, road.runs_along(lane))


class _Ends:
    """Where lanes' middles are at the ends of their sections; worked out for all lanes of one when the first is asked for."""

    def __init__(self, model: OpenDrive) -> None:
        self._model = model
        self._edges: dict[tuple[str, int, bool], dict[int, tuple[Floats, Floats]]] = {}

    def of(self, at: LaneAt, *, is_end: bool) -> Floats:
        """x, y where the lane's section ends in s, or begins."""
        road = self._model.roads[at.road]
        section, place = road.sections[at.section], (at.road, at.section, is_end)
        s = np.asarray(section.end_m if is_end else section.begin_m)
        if place not in self._edges:
            self._edges[place] = section.every_edge(s)
        inner, outer = self._edges[place][at.lane]
        found = road.places(s, (inner + outer) / 2.0 + road.lane_offset.at(s))
        return np.array([float(found.x_m), float(found.y_m)])
