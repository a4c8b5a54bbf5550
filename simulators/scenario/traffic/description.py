"""Background traffic as a person writes it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from simulators.scenario.parts import Part
from simulators.scenario.values import Bounds, Quantity

MOST = 200  # vehicles of it at once
TrafficKind = Literal["car", "bus", "truck", "motorcycle"]


def _cars() -> dict[TrafficKind, float]:
    return {"car": 1.0}


class Traffic(Part):
    """Vehicles that SUMO drives where the road is a SUMO network, from its beginnings to its ends.

    vehicles_per_hour: how many come in, over all beginnings. seed: of who comes when and drives how. kinds: shares. warm_up_s:
    how long it flows before the run begins. within_m: who is farther from every actor is no part of the run; most: of whom there
    may be at once. unheard: none of them has a radio, and no roadside unit sees them. net: the network itself, which the file
    that `road` names is read into.
    """

    vehicles_per_hour: Annotated[Quantity, Bounds(0, 100_000)] = 600.0
    seed: Annotated[Quantity, Bounds(0, 2**31 - 1)] = 1.0
    kinds: Annotated[dict[TrafficKind, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)] = Field(default_factory=_cars)
    warm_up_s: Annotated[float, Field(ge=0, le=3600)] = 120.0
    within_m: Annotated[float, Field(gt=0, le=2000)] = 200.0
    most: Annotated[int, Field(ge=1, le=MOST)] = 24
    unheard: bool = False
    net: SkipJsonSchema[str] = ""

    @model_validator(mode="after")
    def _has_whole_shares(self) -> Self:
        if abs(sum(self.kinds.values()) - 1.0) > 1e-6:
            raise ValueError(f"kinds: shares that come to 1, and not to {sum(self.kinds.values()):g}")
        return self
