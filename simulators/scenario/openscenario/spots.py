"""Positions of an OpenSCENARIO file as places on roads (road, lane, s), or in the plane where there is no road."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from chelu.roads.matching import match
from chelu.roads.network import RoadNetwork
from chelu.roads.opendrive.model import OpenDrive, Road
from chelu.roads.opendrive.network import network_of
from chelu.roads.opendrive.onward import LaneAt, onward
from chelu.xml_tree import Element
from simulators.scenario.openscenario.numbers import Number
from simulators.scenario.openscenario.scope import Scope

ON_LANE_M = 0.5  # beyond a lane's edge and still on it
_STEPS = 6


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on a road. offset: left of the lane's middle as seen along s. heading_rad: from the direction of s."""

    road: str
    lane: int
    s: Number
    offset: Number
    heading_rad: float

    @property
    def is_along(self) -> bool:
        """Whether one who stands there looks along s rather than against it."""
        return math.cos(self.heading_rad) >= 0.0


@dataclass(frozen=True, slots=True)
class Free:
    """A place in the plane; heading counter-clockwise from east."""

    x_m: float
    y_m: float
    z_m: float
    heading_rad: float


Place = Spot | Free
Whereabouts = Callable[[Element, str], Place]  # where an entity begins; the element that asks is named in errors


class Roads:
    """The roads of a scenario, asked for places."""

    def __init__(self, model: OpenDrive) -> None:
        self.model = model
        self._network: RoadNetwork | None = None

    def road(self, element: Element, road: str) -> Road:
        """The road of this id; an error about the element when there is none."""
        if road not in self.model.roads:
            raise element.wrong(f"there is no road {road!r}; roads: {', '.join(list(self.model.roads)[:20]) or 'there are none'}")
        return self.model.roads[road]

    def middle_m(self, road: Road, lane: int, s_m: float) -> float:
        """Where a lane's middle is, as t; NaN where there is no such lane."""
        return float(road.lane_middle(lane, s_m))

    def plane(self, place: Place) -> Free:
        """The place in the plane, for the parameters' defaults."""
        if isinstance(place, Free):
            return place
        road = self.model.roads[place.road]
        at = road.places(place.s.value, self.middle_m(road, place.lane, place.s.value) + place.offset.value)
        return Free(float(at.x_m), float(at.y_m), float(at.z_m), float(at.heading_rad) + place.heading_rad)

    def placed(self, x_m: float, y_m: float, z_m: float, heading_rad: float) -> Place:
        """The spot on the lane that is there, if one is."""
        if not self.model.roads:
            return Free(x_m, y_m, z_m, heading_rad)
        if self._network is None:
            self._network = network_of(self.model)
        compass = 90.0 - math.degrees(heading_rad)
        for headings in (compass, compass + 180.0):  # also on a lane that is driven against its direction
            found = match(self._network, np.array([[x_m, y_m, z_m if z_m else np.nan]]), np.array([headings]))
            if found.lane[0] >= 0:
                road, section, lane = str(self._network.lanes.id[found.lane[0]]).rsplit(".", 2)
                spot = self._spot(self.model.roads[road], int(section), int(lane), x_m, y_m, heading_rad)
                if spot is not None:
                    return spot
        return Free(x_m, y_m, z_m, heading_rad)

    def _spot(self, road: Road, section: int, lane: int, x_m: float, y_m: float, heading_rad: float) -> Spot | None:
        begin, end = road.sections[section].begin_m, road.sections[section].end_m
        tried = np.linspace(begin, end, max(2, int(end - begin)))
        line = road.reference.at(tried)
        s = float(tried[np.argmin(np.hypot(line.x_m - x_m, line.y_m - y_m))])
        for _ in range(_STEPS):
            on = road.reference.at(s)
            east, north = float(np.cos(on.heading_rad)), float(np.sin(on.heading_rad))
            ahead, left = (x_m - on.x_m) * east + (y_m - on.y_m) * north, (y_m - on.y_m) * east - (x_m - on.x_m) * north
            s = float(np.clip(s + float(ahead) / max(1.0 - float(on.curvature_1pm) * float(left), 0.1), begin, end))
        inner, outer = road.lane_edges(lane, s)
        off = float(left) - float(inner + outer) / 2.0
        if not abs(off) <= abs(float(outer - inner)) / 2.0 + ON_LANE_M:
            return None
        return Spot(road.id, lane, Number(s), Number(off), heading_rad - float(on.heading_rad))

    def advanced(self, element: Element, spot: Spot, by: Number) -> Spot:
        """A spot so far on along its road's s, going over to the roads that follow where its own ends."""
        s, road = spot.s + by, self.model.roads[spot.road]
        if 0.0 <= s.value <= road.length_m:
            return replace(spot, s=s)
        rest = s.value - road.length_m if s.value > road.length_m else -s.value
        forwards = s.value > road.length_m
        at = LaneAt(road.id, len(road.sections) - 1 if forwards else 0, spot.lane, forwards)
        for _ in range(1000):
            found = onward(self.model, at) if at.lane in self.model.roads[at.road].sections[at.section].lanes else []
            if not found:
                raise element.wrong(
                    f"s = {s.value:.1f} m is beyond the end of road {road.id} ({road.length_m:.1f} m) and all that follow"
                )
            at = straightest(self.model, found)
            section = self.model.roads[at.road].sections[at.section]
            if rest <= section.end_m - section.begin_m:
                where = section.begin_m + rest if at.is_along else section.end_m - rest
                turned = 0.0 if at.is_along == forwards else math.pi
                return Spot(at.road, at.lane, Number(where), spot.offset, spot.heading_rad + turned)
            rest -= section.end_m - section.begin_m
        raise element.wrong("it is too far away")


def straightest(model: OpenDrive, lanes: list[LaneAt]) -> LaneAt:
    """The one that turns least from its road's one end to the other."""

    def turn(at: LaneAt) -> float:
        line = model.roads[at.road].reference
        headings = line.at(np.array([0.0, line.end_m])).heading_rad
        return abs(math.remainder(float(headings[1] - headings[0]), 2.0 * math.pi))

    return min(lanes, key=turn)


class Positions:
    """Reads <Position> elements."""

    def __init__(self, roads: Roads, whereabouts: Whereabouts) -> None:
        self._roads, self._whereabouts = roads, whereabouts
        self._kinds: dict[str, Callable[[Element, Scope], Place]] = {
            "LanePosition": self._lane, "RoadPosition": self._road, "WorldPosition": self._world,
            "RelativeLanePosition": self._relative_lane, "RelativeRoadPosition": self._relative_road,
            "RelativeWorldPosition": self._relative_world, "RelativeObjectPosition": self._relative_object,
        }  # fmt: skip

    def of(self, position: Element, scope: Scope) -> Place:
        """What a <Position> (or another element that has one kind of it in it) means."""
        if len(position.children) != 1:
            raise position.wrong("exactly one kind of position")
        one = position.children[0]
        if one.tag not in self._kinds:
            raise one.wrong(f"<{one.tag}> is not understood: one of {', '.join(self._kinds)}")
        return self._kinds[one.tag](one, scope)

    def _lane(self, element: Element, scope: Scope) -> Place:
        road = self._roads.road(element, scope.text(element, "roadId"))
        return self._on_lane(element, scope, road, scope.integer(element, "laneId"), scope.number(element, "s"))

    def _on_lane(self, element: Element, scope: Scope, road: Road, lane: int, s: Number) -> Spot:
        if not -1e-6 <= s.value <= road.length_m + 1e-6:
            raise element.wrong(f"s = {s.value:g}: 0 to {road.length_m:g}, the length of road {road.id}")
        section = road.sections[int(road.section_at(s.value))]
        if lane not in section.lanes:
            raise element.wrong(
                f"road {road.id} has no lane {lane} at s = {s.value:g}; lanes: {', '.join(map(str, sorted(section.lanes)))}"
            )
        ahead = 0.0 if road.runs_along(section.lanes[lane]) else math.pi
        return Spot(road.id, lane, s, scope.number(element, "offset", 0.0), self._heading(element, scope, road, s, ahead))

    def _heading(self, element: Element, scope: Scope, road: Road, s: Number, ahead: float) -> float:
        """From the direction of s; a relative orientation is from the lane's direction of travel."""
        orientation = element.first("Orientation")
        if orientation is None:
            return ahead
        given = scope.value(orientation, "h", 0.0)
        if scope.text(orientation, "type", "absolute") == "relative":
            return ahead + given
        return given - float(road.reference.at(s.value).heading_rad)

    def _road(self, element: Element, scope: Scope) -> Place:
        road = self._roads.road(element, scope.text(element, "roadId"))
        return self._at_t(element, scope, road, scope.number(element, "s"), scope.value(element, "t"))

    def _at_t(self, element: Element, scope: Scope, road: Road, s: Number, t: float) -> Place:
        section = road.sections[int(road.section_at(s.value))]
        for lane in section.lanes.values():
            inner, outer = (float(one) for one in road.lane_edges(lane.id, s.value))
            if min(inner, outer) <= t <= max(inner, outer):
                ahead = 0.0 if road.runs_along(lane) else math.pi
                return Spot(road.id, lane.id, s, Number(t - (inner + outer) / 2.0), self._heading(element, scope, road, s, ahead))
        at = road.places(s.value, t)
        return Free(
            float(at.x_m), float(at.y_m), float(at.z_m), float(at.heading_rad) + self._heading(element, scope, road, s, 0.0)
        )

    def _world(self, element: Element, scope: Scope) -> Place:
        x, y, z, heading = (scope.value(element, name, 0.0) for name in "xyzh")
        return self._roads.placed(x, y, z, heading)

    def _relative_lane(self, element: Element, scope: Scope) -> Place:
        spot = self._other_spot(element, scope)
        road = self._roads.model.roads[spot.road]
        lane = shifted_lane(spot.lane, scope.integer(element, "dLane"))
        along = "ds" if scope.has(element, "ds") else "dsLane"
        by = scope.number(element, along) if spot.is_along or along == "ds" else -scope.number(element, along)
        moved = self._roads.advanced(element, replace(spot, lane=lane, offset=Number(0.0)), by)
        return self._on_lane(
            element, scope, self._roads.model.roads[moved.road] if moved.road != road.id else road, moved.lane, moved.s
        )

    def _relative_road(self, element: Element, scope: Scope) -> Place:
        spot = self._other_spot(element, scope)
        road = self._roads.model.roads[spot.road]
        t = self._roads.middle_m(road, spot.lane, spot.s.value) + scope.fix(spot.offset) + scope.value(element, "dt", 0.0)
        moved = self._roads.advanced(element, spot, scope.number(element, "ds"))
        return self._at_t(element, scope, self._roads.model.roads[moved.road], moved.s, t)

    def _other_spot(self, element: Element, scope: Scope) -> Spot:
        found = self._whereabouts(element, scope.text(element, "entityRef"))
        if isinstance(found, Free):
            raise element.wrong(f"{scope.text(element, 'entityRef')} is on no road")
        return found

    def _relative_world(self, element: Element, scope: Scope) -> Place:
        other = self._roads.plane(self._whereabouts(element, scope.text(element, "entityRef")))
        return self._beside(element, scope, other, turned_rad=0.0)

    def _relative_object(self, element: Element, scope: Scope) -> Place:
        other = self._roads.plane(self._whereabouts(element, scope.text(element, "entityRef")))
        return self._beside(element, scope, other, turned_rad=other.heading_rad)

    def _beside(self, element: Element, scope: Scope, other: Free, *, turned_rad: float) -> Place:
        dx, dy = scope.value(element, "dx"), scope.value(element, "dy")
        x = other.x_m + dx * math.cos(turned_rad) - dy * math.sin(turned_rad)
        y = other.y_m + dx * math.sin(turned_rad) + dy * math.cos(turned_rad)
        orientation, heading = element.first("Orientation"), other.heading_rad
        if orientation is not None:
            is_relative = scope.text(orientation, "type", "absolute") == "relative"
            heading = scope.value(orientation, "h", 0.0) + (other.heading_rad if is_relative else 0.0)
        return self._roads.placed(x, y, other.z_m + scope.value(element, "dz", 0.0), heading)


def shifted_lane(lane: int, by: int) -> int:
    """The lane so many further in the order of their numbers, which leaves 0 out."""
    found = lane + by
    return found + (1 if by > 0 else -1) if lane * found <= 0 else found
