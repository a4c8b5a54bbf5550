"""Vehicles that drive along lanes, for tests of traffic state: sightings each second, and a monitor that takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.geo import heading_of
from chelu.roads.geometry import lane_path
from chelu.roads.network import RoadNetwork
from services.inference.city.state.layout import Scope
from services.inference.city.state.monitor import Result, StateMonitor
from services.inference.city.state.sightings import Sightings
from tests.unit.inference.small_roads import crossing

BASE_US = 1_777_622_400_000_000  # a whole quarter of an hour
LENGTH_M = 4.6
Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Car:
    """Drives along lanes from a distance on: metres along the path by second; nobody before `since_s`, nor after the last."""

    lanes: Sequence[str]
    along_m: Sequence[float]
    since_s: int = 0
    told: Mapping[str, float] = field(default_factory=dict)  # what it says instead of the truth: speed_mps, up_m

    def at(self, network: RoadNetwork, second: int) -> tuple[float, ...] | None:
        """Middle east, north, up, heading, speed."""
        row = second - self.since_s
        if not 0 <= row < len(self.along_m):
            return None
        points, along = lane_path(network, list(self.lanes))
        place = [float(np.interp(self.along_m[row] - LENGTH_M / 2, along, points[:, axis])) for axis in range(3)]
        piece = int(np.clip(np.searchsorted(along, self.along_m[row] - LENGTH_M / 2, side="right") - 1, 0, len(points) - 2))
        step = points[piece + 1] - points[piece]
        speed = (
            self.along_m[row] - self.along_m[row - 1] if row else self.along_m[min(1, len(self.along_m) - 1)] - self.along_m[0]
        )
        return (
            place[0],
            place[1],
            self.told.get("up_m", place[2]),
            float(heading_of(step[0], step[1])),
            self.told.get("speed_mps", speed),
        )


def seen(network: RoadNetwork, cars: Sequence[Car], second: int) -> Sightings:
    """All that are there."""
    found = [(slot, at) for slot, car in enumerate(cars) if (at := car.at(network, second)) is not None]
    columns = np.array([at for _, at in found]).reshape(-1, 5)
    count = len(found)
    return Sightings(
        np.array([slot for slot, _ in found], np.int64), np.zeros(count, np.int64), np.full(count, BASE_US + second * 1_000_000),
        columns[:, :3], columns[:, 3], columns[:, 4], np.zeros(count), np.full(count, LENGTH_M), np.zeros(count, np.bool_),
    )  # fmt: skip


def drive(monitor: StateMonitor, network: RoadNetwork, cars: Sequence[Car], seconds: int, *, every_s: int = 1) -> list[Result]:
    """Steps from second 0 to the last, and one more that ends the period."""
    results = []
    for second in range(0, seconds + 2, every_s):
        results += monitor.step(seen(network, cars, second), BASE_US + second * 1_000_000)
    return results


def of(results: Sequence[Result], period_s: int, scope: Scope, name: str, column: str, monitor: StateMonitor) -> float:
    """One figure of the first such period."""
    result = next(one for one in results if one.period_s == period_s)
    row = monitor.layout.places[scope].name.tolist().index(name)
    return float(result.rows[scope][column][row])


def ways(begin: str, end: str) -> tuple[str, str, str]:
    """The lanes of `small_roads.crossing` from one segment over the crossing to another."""
    network = crossing()
    links = network.connections
    row = next(
        row
        for row in range(len(links.via))
        if links.via[row] >= 0
        and network.lanes.id[links.from_lane[row]] == f"{begin}_0"
        and network.lanes.id[links.to_lane[row]] == f"{end}_0"
    )
    return f"{begin}_0", str(network.lanes.id[links.via[row]]), f"{end}_0"


def steady(way: tuple[str, ...], since_s: int, speed_mps: float = 10.0, seconds: int = 38) -> Car:
    """Drives on and on."""
    return Car(way, [5.0 + speed_mps * second for second in range(seconds)], since_s)
