"""SUMO as the world of the controllers: what they may see of it, second by second, and the heads they set. Loads libsumo.

Seen is who is within a distance of a stop line, with place, speed and where he will turn, as vehicles that speak and roadside
perception tell; and how many stand in the roads behind the junction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chelu.errors import CannotStartError, MissingExtraError
from evaluation.signals.approaches import ahead, watched
from evaluation.signals.layout import Layout, Link, Way, edge_of, lay_out
from evaluation.signals.network import Network
from evaluation.signals.programme import Limits, Phase, Programme, derive
from services.inference.city.signals.contract import State, Vehicles

STANDS_MPS = 0.1


@dataclass(frozen=True, slots=True)
class Scenario:
    """What SUMO is given. teleport_s: after that a vehicle that is stuck vanishes from its place; −1 never.

    state: of an earlier run, from which to go on; extra: a file of further types.
    """

    net: Path
    route: Path
    begin_s: float
    end_s: float
    seed: int
    scale: float
    teleport_s: float = -1.0
    state: Path | None = None
    extra: Path | None = None


class World:
    """One run; owned by one thread, one in a process. Close it."""

    def __init__(self, scenario: Scenario, network: Network, limits: Limits, reach_m: float, scratch: Path) -> None:
        self._sumo = _started(scenario, scratch)
        self.scenario, self._network, self._reach_m = scenario, network, reach_m
        self.lights: tuple[str, ...] = tuple(self._sumo.trafficlight.getIDList())
        links = {name: _links(self._sumo, name) for name in self.lights}
        self.on_foot = {
            name: frozenset(one.signal for one in found if edge_of(one.from_lane) not in network.edges)
            for name, found in links.items()
        }
        programmes = {name: self._programme(name, limits) for name in self.lights}
        self.layout: Layout = lay_out(network, {name: one for name, one in programmes.items() if one is not None}, links)
        self._roads = watched(network, self.layout, reach_m)
        self._routes: dict[str, tuple[str, ...]] = {}
        self._ways: dict[tuple[str, str], tuple[tuple[Way, ...], float]] = {}
        self._stood: dict[str, tuple[int, bool]] = {}

    @property
    def engine(self) -> Any:
        """SUMO itself, for whoever sees more of the world than the controllers do."""
        return self._sumo

    def close(self) -> None:
        """End SUMO, which then writes what it has noted."""
        self._sumo.close()

    def step(self) -> float:
        """A second on; the time."""
        try:
            self._sumo.simulationStep()
        except (self._sumo.TraCIException, self._sumo.FatalTraCIError) as error:
            raise CannotStartError(f"SUMO gives up ({error})", "mend the demand") from None
        return float(self._sumo.simulation.getTime())

    def show(self, light: str, state: str) -> None:
        """Set the heads of a light."""
        self._sumo.trafficlight.setRedYellowGreenState(light, state)

    def shown(self, light: str) -> str:
        """What the heads of a light show."""
        return str(self._sumo.trafficlight.getRedYellowGreenState(light))

    def see(self, now_s: float, stage: np.ndarray, green_s: np.ndarray) -> State:
        """The state for the controllers; stage and green_s as the guards say."""
        queue = np.zeros(self.layout.junctions.exit_places.shape)
        for row, roads in enumerate(self.layout.exits):
            for place, road in enumerate(roads):
                queue[row, place] = self._sumo.edge.getLastStepHaltingNumber(road)
        return State(now_s, stage, green_s, self._vehicles(), queue)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _programme(self, name: str, limits: Limits) -> Programme | None:
        light = self._sumo.trafficlight
        active = next((one for one in light.getAllProgramLogics(name) if one.programID == light.getProgram(name)), None)
        if active is None:
            return None
        phases = [Phase(one.state, one.duration, *_bounds(one)) for one in active.phases]
        return derive(phases, self.on_foot[name], float(light.getParameter(name, "offset") or 0.0), limits)

    def _vehicles(self) -> Vehicles:
        rows: list[tuple[int, int, int, float, float, bool, bool]] = []
        stood: dict[str, tuple[int, bool]] = {}
        taken: dict[Way, int] = {}
        for road, is_line in self._roads.items():
            for name in self._sumo.edge.getLastStepVehicleIDs(road):
                seen = self._seen(name, road, is_line=is_line, taken=taken)
                if seen is None:
                    continue
                way, distance_m, speed_mps = seen
                junction, has_stood = self._stood.get(name, (-1, False))
                is_new = junction != way.junction
                has_stood = (has_stood and not is_new) or speed_mps < STANDS_MPS
                stood[name] = way.junction, has_stood
                rows.append((way.junction, way.lane, way.movement, distance_m, speed_mps, has_stood, is_new))
        self._stood = stood
        return _columns(rows)

    def _seen(self, name: str, road: str, *, is_line: bool, taken: dict[Way, int]) -> tuple[Way, float, float] | None:
        """A vehicle's movement, metres to the line and speed; nothing beyond what is watched."""
        key = (name, road)
        if key not in self._ways:
            self._ways[key] = self._ahead(name, road)
        ways, further_m = self._ways[key]
        if not ways:
            return None
        vehicle = self._sumo.vehicle
        distance_m = self._network.edges[road].length_m - vehicle.getLanePosition(name) + further_m
        if distance_m > self._reach_m:
            return None
        way = self._on_its_lane(name, road, ways) if is_line and further_m == 0 else None
        if way is None:
            way = min(ways, key=lambda one: taken.get(one, 0))
        taken[way] = taken.get(way, 0) + 1
        return way, distance_m, vehicle.getSpeed(name)

    def _on_its_lane(self, name: str, road: str, ways: tuple[Way, ...]) -> Way | None:
        lane = f"{road}_{self._sumo.vehicle.getLaneIndex(name)}"
        route = self._routes[name]
        onward = route[self._index(name, road) + 1]
        found = self.layout.by_lane.get((lane, onward))
        return found if found in ways else None

    def _index(self, name: str, road: str) -> int:
        route = self._routes[name]
        return route.index(road) if route.count(road) == 1 else int(self._sumo.vehicle.getRouteIndex(name))

    def _ahead(self, name: str, road: str) -> tuple[tuple[Way, ...], float]:
        if road not in self._routes.get(name, ()):
            self._routes[name] = tuple(self._sumo.vehicle.getRoute(name))
        route = self._routes[name]
        return ahead(self._network, self.layout, route, self._index(name, road), self._reach_m) if road in route else ((), 0.0)


def _columns(rows: list[tuple[int, int, int, float, float, bool, bool]]) -> Vehicles:
    """Sorted by junction, lane and distance."""
    junction, lane, movement, distance, speed, queued, new = zip(*rows, strict=True) if rows else [()] * 7
    found = (np.array(junction, np.int64), np.array(lane, np.int64), np.array(movement, np.int64))
    distance_m = np.array(distance, np.float64)
    order = np.lexsort((distance_m, found[1], found[0]))
    others = (distance_m, np.array(speed, np.float64), np.array(queued, np.bool_), np.array(new, np.bool_))
    return Vehicles(*(one[order] for one in found), *(one[order] for one in others))  # type: ignore[arg-type]


def _bounds(phase: Any) -> tuple[float, float]:
    """The least and most of a phase where the programme says them, else 0."""
    is_said = phase.minDur < phase.maxDur
    return (float(phase.minDur), float(phase.maxDur)) if is_said and phase.minDur > 0 and phase.maxDur < 1e6 else (0.0, 0.0)


def _links(sumo: Any, name: str) -> list[Link]:
    controlled: Iterable[Any] = sumo.trafficlight.getControlledLinks(name)
    return [Link(signal, one[0], one[1]) for signal, found in enumerate(controlled) for one in found]


def _started(scenario: Scenario, scratch: Path) -> Any:
    try:
        import libsumo  # an extra, and not to share a process with pyarrow: only this function loads it
    except ModuleNotFoundError:
        raise MissingExtraError("sumo", "libsumo") from None
    options: Mapping[str, object] = {
        "net-file": scenario.net,
        "route-files": scenario.route,
        "begin": scenario.begin_s,
        "end": scenario.end_s,
        "seed": scenario.seed,
        "scale": scenario.scale,
        "step-length": 1,
        "time-to-teleport": scenario.teleport_s,
        "tripinfo-output": scratch / "trips.xml",
        "tripinfo-output.write-unfinished": "true",
        "tripinfo-output.write-undeparted": "true",
        "statistic-output": scratch / "statistics.xml",
        "no-step-log": "true",
        "no-warnings": "true",
        "duration-log.disable": "true",
        **({"load-state": scenario.state} if scenario.state else {}),
        **({"additional-files": scenario.extra} if scenario.extra else {}),
    }
    try:
        libsumo.start(["sumo", *(text for key, value in options.items() for text in (f"--{key}", str(value)))])
    except (libsumo.TraCIException, libsumo.FatalTraCIError) as error:
        raise CannotStartError(f"SUMO does not take the scenario ({error})", "mend the network or the demand") from None
    return libsumo
