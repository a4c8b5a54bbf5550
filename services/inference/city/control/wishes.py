"""What an operator wants of a signal, from its labels in the register: who controls it, by which plan, who has priority there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chelu.signal_control import CONTROL, MANUAL, OFF, PLAN, ControlError, plan_of
from services.inference.city.signals.catalogue import CONTROLLERS


@dataclass(frozen=True, slots=True)
class Wanted:
    """controller: one of the catalogue, `MANUAL`, or `OFF`: its own plan; greens_s: of a manual plan, else empty."""

    controller: str = OFF
    greens_s: tuple[float, ...] = ()


def wanted(labels: Mapping[str, str]) -> Wanted:
    """What the labels say; ControlError for what nobody can do."""
    name = labels.get(CONTROL, OFF)
    if name == MANUAL:
        return Wanted(MANUAL, plan_of(labels.get(PLAN, "")))
    if name != OFF and name not in CONTROLLERS:
        raise ControlError(f"{CONTROL} = {name!r} is none of {', '.join((OFF, MANUAL, *CONTROLLERS))}")
    return Wanted(name)
