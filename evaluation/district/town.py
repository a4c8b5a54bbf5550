"""The town: SUMO with who is on its roads, second by second, as columns. Loads libsumo; one in a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.messages import Batch
from evaluation.signals.world import World
from simulators.scene import ActorKind

KIND_OF_CLASS = {
    "truck": ActorKind.TRUCK, "trailer": ActorKind.TRUCK, "delivery": ActorKind.TRUCK, "bus": ActorKind.BUS,
    "coach": ActorKind.BUS, "motorcycle": ActorKind.MOTORCYCLE, "moped": ActorKind.MOTORCYCLE, "bicycle": ActorKind.BICYCLE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """Everybody on the road at an instant. actors: as `simulators.scene.ACTOR`; samples: as `SAMPLE`, of the middle of each."""

    names: tuple[str, ...]
    is_on_foot: np.ndarray
    actors: Batch
    samples: Batch

    def __len__(self) -> int:
        return len(self.names)

    @property
    def samples_xy(self) -> np.ndarray:
        """Places (n, 2)."""
        return np.stack([self.samples["x_m"], self.samples["y_m"]], axis=1)


class Town:
    """Reads a world. Owned by one thread."""

    def __init__(self, world: World) -> None:
        self._sumo = world.engine
        self._sizes: dict[str, tuple[int, float, float, float]] = {}

    def seen(self) -> Seen:
        """Everybody now."""
        vehicles, people = self._sumo.vehicle.getIDList(), self._sumo.person.getIDList()
        rows = [self._row(self._sumo.vehicle, name, is_driven=True) for name in vehicles]
        rows += [self._row(self._sumo.person, name, is_driven=False) for name in people]
        table = np.array(rows, np.float64).reshape(-1, 10)
        kind, length, width, height, x, y, z, speed, heading, acceleration = table.T
        angle = np.radians(heading)
        is_on_foot = np.arange(len(table)) >= len(vehicles)
        back = np.where(is_on_foot, 0.0, length / 2.0)  # SUMO says where the front is
        actors = Batch({"kind": kind.astype(np.uint8), "length_m": length, "width_m": width, "height_m": height})
        samples = Batch(
            {
                "actor": np.arange(len(table)), "x_m": x - back * np.sin(angle), "y_m": y - back * np.cos(angle), "z_m": z,
                "speed_mps": speed, "heading_deg": heading, "acceleration_mps2": acceleration,
                "yaw_rate_dps": np.zeros(len(table)),
            }
        )  # fmt: skip
        return Seen((*vehicles, *people), is_on_foot, actors, samples)

    def _row(self, domain: Any, name: str, *, is_driven: bool) -> tuple[float, ...]:
        size = self._sizes.get(name)
        if size is None:
            size = self._sizes[name] = self._size(domain, name, is_driven=is_driven)
        x, y, z = domain.getPosition3D(name)
        acceleration = domain.getAcceleration(name) if is_driven else 0.0
        return (*size, x, y, z if z > -1e6 else 0.0, domain.getSpeed(name), domain.getAngle(name), acceleration)

    def _size(self, domain: Any, name: str, *, is_driven: bool) -> tuple[int, float, float, float]:
        kind = KIND_OF_CLASS.get(domain.getVehicleClass(name), ActorKind.CAR) if is_driven else ActorKind.PEDESTRIAN
        height = domain.getHeight(name) if is_driven else 1.7
        return int(kind), domain.getLength(name), domain.getWidth(name), height
