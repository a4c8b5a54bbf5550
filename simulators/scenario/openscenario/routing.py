"""Routes and trajectories, looked for before ways are laid: they decide where the ways go."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from chelu.roads.opendrive.model import OpenDrive
from chelu.roads.opendrive.onward import LaneAt, onward
from chelu.xml_tree import Element
from simulators.scenario.openscenario.cast import Cast, Member
from simulators.scenario.openscenario.catalogs import Catalogs
from simulators.scenario.openscenario.scope import Scope
from simulators.scenario.openscenario.spots import Spot, straightest
from simulators.scenario.openscenario.trajectories import Drawn, Trajectories

NEAR_M = 1.0  # from where somebody stands to where its trajectory begins
RoadAt = tuple[str, bool]


@dataclass(slots=True)
class Routing:
    """Finds them all; drawn: trajectories by their action's identity. routes: the roads that a member must come along."""

    cast: Cast
    catalogs: Catalogs
    drawn: dict[int, Drawn] = field(default_factory=dict)
    routes: list[tuple[Member, Element, list[str]]] = field(default_factory=list)

    def look(self, action: Element, scope: Scope, who: Member, *, is_at_once: bool) -> None:
        """At a <PrivateAction>; is_at_once: it is what the actor begins with."""
        for routing in action.all("RoutingAction"):
            for one in routing.children:
                if one.tag in {"AssignRouteAction", "AcquirePositionAction"}:
                    self._route(one, scope, who)
                elif one.tag == "FollowTrajectoryAction":
                    self._trajectory(one, scope, who, is_at_once=is_at_once)

    def _trajectory(self, action: Element, scope: Scope, who: Member, *, is_at_once: bool) -> None:
        drawn = self.drawn[id(action)] = Trajectories(self.cast, self.catalogs).drawn(action, scope)
        if who.path is not None:
            raise action.wrong(f"{who.thing.name} follows two trajectories: one is understood")
        if who.teleport is None:  # the trajectory puts it where it begins
            who.place = drawn.way.begin
        begin = self.cast.roads.plane(self.cast.place(action, who.thing.name))
        away = math.hypot(begin.x_m - drawn.way.begin.x_m, begin.y_m - drawn.way.begin.y_m)
        if not is_at_once and (away > NEAR_M or who.speed().value > 0.0):
            raise action.wrong(
                f"{who.thing.name} begins {away:.1f} m from the trajectory at {who.speed().value:.1f} m/s: understood are "
                "trajectories that are followed from the beginning, or from where somebody stands"
            )
        who.path = drawn.way

    def _route(self, action: Element, scope: Scope, who: Member) -> None:
        if who.choose is not None:
            raise action.wrong(f"{who.thing.name} is given two routes: one is understood")
        spots = [self.cast.positions.of(one, where) for one, where in self._waypoints(action, scope)]
        begin = self.cast.place(action, who.thing.name)
        if not isinstance(begin, Spot) or not all(isinstance(one, Spot) for one in spots):
            raise action.wrong("a route off the roads is not understood")
        model, now = self.cast.roads.model, (begin.road, begin.is_along)
        path = [now]
        for spot in (one for one in spots if isinstance(one, Spot)):
            part = _way_to(model, path[-1], spot.road)
            if part is None:
                raise action.wrong(f"no way from road {path[-1][0]} to road {spot.road}")
            path += part
        wanted = set(path)

        def choose(lanes: list[LaneAt]) -> LaneAt:
            kept = [one for one in lanes if (one.road, one.is_along) in wanted]
            return straightest(model, kept or lanes)

        who.choose = choose
        self.routes.append((who, action, [road for road, _ in path]))

    def _waypoints(self, action: Element, scope: Scope) -> Iterator[tuple[Element, Scope]]:
        if action.tag == "AcquirePositionAction":
            yield action.only("Position"), scope
            return
        route, where = action.first("Route"), scope
        catalogued = action.first("CatalogReference")
        if route is None and catalogued is not None:
            route, where = self.catalogs.referred(catalogued, scope)
        if route is None:
            raise action.wrong("a Route or a CatalogReference")
        where = where.within(route.first("ParameterDeclarations"))
        yield from ((one.only("Position"), where) for one in route.all("Waypoint"))

    def check(self) -> None:
        """Once ways are laid: each route is driven on the lane on which it is begun."""
        for who, action, roads in self.routes:
            driven = {one.at.road for one in who.track.stretches} if who.track is not None else set[str]()
            missed = [road for road in roads if road not in driven]
            if missed:
                raise action.wrong(f"the lane on which {who.thing.name} begins does not lead to road {missed[0]}")


def _way_to(model: OpenDrive, begin: RoadAt, road: str) -> list[RoadAt] | None:
    """The fewest roads from one to another, without the first."""
    before: dict[RoadAt, RoadAt | None] = {begin: None}
    waiting = deque([begin])
    while waiting:
        now = waiting.popleft()
        if now[0] == road:
            path = []
            step: RoadAt | None = now
            while step is not None and step != begin:
                path.append(step)
                step = before[step]
            return path[::-1]
        for following in _following(model, now):
            if following not in before:
                before[following] = now
                waiting.append(following)
    return None


def _following(model: OpenDrive, now: RoadAt) -> list[RoadAt]:
    road, is_along = now
    section = len(model.roads[road].sections) - 1 if is_along else 0
    lanes = model.roads[road].sections[section].lanes
    found = [to for lane in lanes for to in onward(model, LaneAt(road, section, lane, is_along))]
    return list(dict.fromkeys((one.road, one.is_along) for one in found))
