"""The kinds of road users: their usual sizes, what they are on the air, and whether they have a unit that says where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simulators.scene import ActorKind


@dataclass(frozen=True, slots=True)
class Kind:
    """length_m, width_m, mass_kg: where a scenario does not say them; has_unit: others are seen by the roadside."""

    length_m: float
    width_m: float
    mass_kg: float
    on_air: ActorKind
    has_unit: bool


KINDS: Mapping[str, Kind] = {
    "car": Kind(4.8, 1.9, 1_500.0, ActorKind.CAR, has_unit=True),
    "bus": Kind(12.0, 2.55, 12_000.0, ActorKind.BUS, has_unit=True),
    "truck": Kind(12.0, 2.55, 18_000.0, ActorKind.TRUCK, has_unit=True),
    "motorcycle": Kind(2.2, 0.8, 280.0, ActorKind.MOTORCYCLE, has_unit=True),
    "bicycle": Kind(1.8, 0.6, 90.0, ActorKind.BICYCLE, has_unit=False),
    "pedestrian": Kind(0.5, 0.5, 75.0, ActorKind.PEDESTRIAN, has_unit=False),
    # A robot has no kind of its own on the air: it is seen by the roadside like somebody on a cycle.
    "robot": Kind(1.2, 0.8, 120.0, ActorKind.BICYCLE, has_unit=False),
}
WITH_A_UNIT = tuple(name for name, one in KINDS.items() if one.has_unit)
