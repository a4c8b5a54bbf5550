"""Which pilot a plan gets: what a device of a kind decides, for whom and how often."""

from __future__ import annotations

from typing import Any

from chelu.errors import ConfigurationError
from simulators.scenario.deciding.driving import FunctionPilot
from simulators.scenario.deciding.pilot import Pilot
from simulators.scenario.deciding.signals import ControllerPilot
from simulators.scenario.description import Description
from simulators.scenario.devices import Kind
from simulators.scenario.plan import Plan


def pilot_of(made: Plan, kind: Kind, decider: Any) -> Pilot:
    """decider: a `DrivingFunction` or `SignalController`. ConfigurationError where the scenario has nothing for it to decide."""
    every = steps_between(made.description)
    if kind is Kind.DRIVES:
        return FunctionPilot(made, made.index(made.description.actor_of_device()), decider, every)
    signals = made.description.switched() or tuple(made.description.road.signals)
    if not signals:
        raise ConfigurationError("--device", "a signal controller", "a scenario that has `road: signals:`")
    return ControllerPilot(made, signals, decider, every)


def steps_between(description: Description) -> int:
    """How many steps of the engine lie between two questions."""
    every_s = description.dut.every_s if description.dut is not None else None
    return 1 if every_s is None else max(1, round(every_s / description.step_s))
