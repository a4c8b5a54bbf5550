"""The ambulance of a run: set on the road, followed, led by the state of the roads where there is a corridor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from chelu.errors import ConfigurationError
from chelu.roads.network import VEHICLES
from evaluation.signals.layout import Layout
from evaluation.signals.world import STANDS_MPS
from services.inference.city.corridor.corridor import on_the_way
from services.inference.city.corridor.way import Streets, Way

if TYPE_CHECKING:
    from evaluation.corridor.drive import Task

FASTER = 1.2  # than the limit, where the road is free
AGAIN_S = 10.0  # between two looks for a quicker way
BETTER, BETTER_S = 0.85, 15.0  # a way has to be so much quicker to be changed for: a share, and seconds
AWAY_S = 5.0  # for so long who has made way stays on the other lane
BRAKES_MPS2, KEEPS_M, LONGEST_ASIDE_S, PARKING = 2.0, 20.0, 60.0, 1  # of who stops beside the road, not so near to its end
LINE_M = 60.0  # who stands so near to a line is waited for


TYPE = f'<additional><vType id="ambulance" vClass="emergency" length="6.5" speedFactor="{FASTER}"/></additional>'


class Ambulance:
    """Owned by one run. signals: of a connection of the roads, the light's row in the layout and its phase there."""

    NAME: ClassVar[str] = "ambulance"

    def __init__(self, engine: Any, roads: Streets, task: Task, layout: Layout) -> None:
        self._sumo, self._roads, self._task = engine, roads, task
        network = roads.network
        self._link = {str(name): row for row, name in enumerate(network.links.id.tolist())}
        names = network.signals.id.tolist()
        rows = {name: row for row, name in enumerate(layout.names)}
        self.signals: Mapping[int, tuple[int, int]] = {
            connection: (rows[names[signal]], group)
            for connection, (signal, group) in enumerate(
                zip(network.connections.signal.tolist(), network.connections.group.tolist(), strict=True)
            )
            if signal >= 0 and names[signal] in rows
        }
        self.arrived_s: float | None = None
        self.stops = self.reroutes = self.collisions = 0
        self.warned: set[str] = set()
        self._aside: set[str] = set()
        drives = (network.lanes.users & int(VEHICLES)) != 0
        self._lanes = {
            one: tuple(sorted(network.lanes.index[(network.lanes.link == one) & drives].tolist())) for one in roads.driven
        }
        self.path: list[tuple[float, float, float]] = []  # second, metres driven, speed
        self._is_added = self._stood = False
        self._looked_s = -np.inf
        self._links: tuple[int, ...] = ()
        self._place = 0, 0.0
        self._now_s = 0.0
        self._seen: tuple[np.ndarray, np.ndarray, np.ndarray, list[str]] | None = None

    @property
    def is_driving(self) -> bool:
        """Whether it is on the road."""
        return self._is_added and self.arrived_s is None and self.NAME in self._sumo.vehicle.getIDList()

    def step(self, now_s: float) -> None:
        """Set out when it is time; note where it is."""
        self._now_s, self._seen = now_s, None
        for one in self._sumo.simulation.getCollisions():
            self.collisions += self.NAME in {one.collider, one.victim}
        if not self._is_added and now_s >= self._task.at_s:
            self._add()
            return
        if self._is_added and self.arrived_s is None and self.NAME in self._sumo.simulation.getArrivedIDList():
            self.arrived_s = now_s
            for name in sorted(self._aside):
                self._come_back(name)
            return
        if self.is_driving:
            speed = self._sumo.vehicle.getSpeed(self.NAME)
            self.stops += speed < STANDS_MPS and not self._stood
            self._stood = speed < STANDS_MPS
            self._find()
            self._part()
            self.path.append(
                (round(now_s - self._task.at_s, 1), round(self._sumo.vehicle.getDistance(self.NAME), 1), round(speed, 2))
            )

    def way(self) -> Way:
        """From where it is to its goal, the quicker one of the two that are known."""
        link, _, speed, _ = self._traffic()
        takes_s = self._roads.now_s(link, speed, FASTER)
        goal = self._link[self._task.end]
        if self._now_s - self._looked_s >= AGAIN_S:
            self._looked_s = self._now_s
            self._look_for_better(goal, takes_s)
        return self._roads.along(self._links, self._place[1], takes_s)

    def standing(self) -> Mapping[int, int]:
        """How many stand before the line of each connection."""
        link, offset_m, speed, _ = self._traffic()
        length_m = self._roads.network.links.length_m
        near = (speed < 2.0) & (length_m[link] - offset_m < LINE_M)
        lanes = np.maximum(self._roads.lanes_of_link, 1)
        count = np.ceil(np.bincount(link[near], minlength=len(length_m)) / lanes).astype(np.int64)
        of = self._roads.network.lanes.link[self._roads.network.connections.from_lane]
        return {connection: int(count[of[connection]]) for connection in self.signals}

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _add(self) -> None:
        vehicle, task = self._sumo.vehicle, self._task
        way = self._roads.way(self._link[task.begin], 0.0, self._link[task.end], self._roads.free_s)
        if way is None:
            raise ConfigurationError("--to", task.end, f"a road to which one leads from {task.begin}")
        self._links = way.links
        self._sumo.route.add("to the goal", [str(self._roads.network.links.id[one]) for one in way.links])
        vehicle.add(self.NAME, "to the goal", self.NAME, departLane="best", departSpeed="max")
        self._is_added = True

    def _part(self) -> None:
        """Who is ahead on its way and hears it, or is warned: to another lane, else beside the road until it has passed."""
        link, offset_m, speed, names = self._traffic()
        task, length_m = self._task, self._roads.network.links.length_m
        reach_m = task.warns_m if task.has_corridor else task.hears_m
        ahead = on_the_way(self._links, link, offset_m, self._place[1], length_m, reach_m)
        near = {names[row] for row in np.flatnonzero(ahead).tolist()}
        for name in sorted(self._aside - near):
            self._come_back(name)
        for row in np.flatnonzero(ahead).tolist():
            self.warned.add(names[row])
            lanes = self._lanes.get(int(link[row]), ())
            if len(lanes) > 1:
                self._to_another_lane(names[row], lanes)
            elif names[row] not in self._aside:
                self._off_the_road(names[row], int(link[row]), float(offset_m[row]), float(speed[row]))

    def _to_another_lane(self, name: str, lanes: Sequence[int]) -> None:
        vehicle = self._sumo.vehicle
        own, its = vehicle.getLaneIndex(name), vehicle.getLaneIndex(self.NAME)
        if own == its or its not in lanes:
            vehicle.changeLane(name, lanes[0] if own != lanes[0] else lanes[1], AWAY_S)

    def _off_the_road(self, name: str, link: int, offset_m: float, speed_mps: float) -> None:
        """As soon as it can brake, unless it is too near to a junction."""
        at_m = offset_m + speed_mps**2 / (2.0 * BRAKES_MPS2) + 2.0 * speed_mps + 5.0
        if speed_mps < STANDS_MPS or at_m > float(self._roads.network.links.length_m[link]) - KEEPS_M:
            return
        road, lane = str(self._roads.network.links.id[link]), self._lanes[link][0]
        try:
            self._sumo.vehicle.setStop(name, road, at_m, lane, LONGEST_ASIDE_S, PARKING)
        except self._sumo.TraCIException:
            return  # SUMO finds it too near: then it drives on
        self._aside.add(name)

    def _come_back(self, name: str) -> None:
        self._aside.discard(name)
        if name in self._sumo.vehicle.getIDList() and self._sumo.vehicle.getStops(name, 1):
            if self._sumo.vehicle.isStopped(name):
                self._sumo.vehicle.resume(name)
            else:
                stop = self._sumo.vehicle.getStops(name, 1)[0]
                self._sumo.vehicle.setStop(name, stop.lane.rpartition("_")[0], stop.endPos, int(stop.lane.rpartition("_")[2]), 0)

    def _find(self) -> None:
        road = self._sumo.vehicle.getRoadID(self.NAME)
        route = self._sumo.vehicle.getRoute(self.NAME)
        at = self._sumo.vehicle.getRouteIndex(self.NAME)
        self._links = tuple(self._link[one] for one in route[at:])
        offset_m = self._sumo.vehicle.getLanePosition(self.NAME) if not road.startswith(":") else None
        # inside a junction it is at the end of the road that it comes from
        self._place = at, float(self._roads.network.links.length_m[self._links[0]]) if offset_m is None else float(offset_m)
        if offset_m is None and len(self._links) > 1:
            self._links, self._place = self._links[1:], (at + 1, 0.0)

    def _traffic(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
        """Everybody else's link, offset and speed."""
        if self._seen is None:
            rows = []
            for name in self._sumo.vehicle.getIDList():
                link = self._link.get(self._sumo.vehicle.getRoadID(name))
                if link is not None and name != self.NAME:
                    rows.append((link, self._sumo.vehicle.getLanePosition(name), self._sumo.vehicle.getSpeed(name), name))
            self._seen = (
                np.array([row[0] for row in rows], np.int64),
                np.array([row[1] for row in rows], np.float64),
                np.array([row[2] for row in rows], np.float64),
                [row[3] for row in rows],
            )
        return self._seen

    def _look_for_better(self, goal: int, takes_s: np.ndarray) -> None:
        now = self._roads.along(self._links, self._place[1], takes_s)
        other = self._roads.way(self._links[0], self._place[1], goal, takes_s)
        if other is not None and other.links != now.links and other.takes_s < min(BETTER * now.takes_s, now.takes_s - BETTER_S):
            self._sumo.vehicle.setRoute(self.NAME, [str(self._roads.network.links.id[one]) for one in other.links])
            self._links = other.links
            self.reroutes += 1
