"""The controllers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.inference.city.signals.actuated import Actuated
from services.inference.city.signals.contract import Controller, Junctions
from services.inference.city.signals.fixed import Fixed
from services.inference.city.signals.greedy import Greedy
from services.inference.city.signals.learned import Learned
from services.inference.city.signals.predictive import Predictive
from services.inference.city.signals.pressure import MaxPressure
from services.inference.city.signals.wave import GreenWave
from services.inference.city.signals.webster import Webster

CONTROLLERS: Mapping[str, Callable[[Junctions], Controller]] = {
    "fixed": Fixed,
    "webster": Webster,
    "green-wave": GreenWave,
    "actuated": Actuated,
    "greedy": Greedy,
    "max-pressure": MaxPressure,
    "predictive": Predictive,
    "learned": Learned,
}
