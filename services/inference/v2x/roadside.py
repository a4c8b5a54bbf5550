"""What the applications about events and signs share: which of them a host has to do with, and how a thing is told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from services.inference.events.holding import Holding
from services.inference.events.kinds import Meaning, Users
from services.inference.reports import Floats, Ints
from services.inference.types import Mask
from services.inference.v2x.assessment import Subject
from services.inference.v2x.scene import Scene

_USERS = ((10, 20, Users.CAR), (20, 40, Users.TRUCK), (50, 60, Users.BUS))  # ranges of BasicVehicleClass


@dataclass(frozen=True, slots=True)
class Nearby:
    """q rows: host (of the scene's hosts), thing (of what holds), way and time left at the present speed, 0 inside.

    is_certain: as `Nearing` has it.
    """

    host: Ints
    thing: Ints
    distance_m: Floats
    is_inside: Mask
    is_certain: Mask
    time_s: Floats

    def __len__(self) -> int:
        return len(self.host)

    def where(self, mask: Mask) -> Self:
        """These only."""
        return type(self)(*(getattr(self, one.name)[mask] for one in fields(self)))


def nearby(scene: Scene, *meanings: Meaning) -> Nearby:
    """What is or lies ahead of these kinds, for those for whom it holds."""
    near, holding, hosts = scene.events.near, scene.events.holding, scene.hosts
    if not len(near):
        return Nearby(near.mover, near.thing, near.distance_m, near.is_inside, near.is_certain, near.distance_m)
    kept = np.isin(holding.meaning[near.thing], [int(one) for one in meanings])
    kept &= holds_for(holding.users[near.thing], hosts.vehicle_class[near.mover])
    near = near.take(kept)
    time = near.distance_m / np.maximum(hosts.speed_mps[near.mover], 0.1)
    return Nearby(near.mover, near.thing, near.distance_m, near.is_inside, near.is_certain, time)


def holds_for(users: Ints, vehicle_class: Ints) -> Mask:
    """Whether what is for these `Users` (0: for all) is for a vehicle of this class; for one of unknown class nobody knows."""
    own = np.zeros(len(vehicle_class), np.int64)
    for low, high, one in _USERS:
        own[(vehicle_class >= low) & (vehicle_class < high)] = int(one)
    return np.asarray((users == 0) | ((users & own) > 0))


def keys_of(holding: Holding, thing: Ints) -> Ints:
    """The things' numbers for life."""
    return holding.key[thing]


def told_of(holding: Holding, thing: Ints, **facts: Floats) -> Callable[[int], Subject]:
    """What is told of each row's thing; facts (q,): the application's own figures, rounded, unknown ones left out."""

    def subject(row: int) -> Subject:
        one = holding.things[int(thing[row])]
        own: dict[str, Any] = {name: round(float(column[row]), 2) for name, column in facts.items() if np.isfinite(column[row])}
        told = {"code": one.code, "name": one.name, "text": one.text, "priority": one.priority}
        return Subject("sign" if one.is_sign else "event", f"{one.key:016x}", one.place, told | own)

    return subject
