"""What can be tested in memory: programs that are told how runs went on and say whom they would have warned, by name.

A device comes by an entry point of the group ``chelu.devices``, so that whoever has one of its own installs it beside Chelu.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Protocol

from chelu.errors import ConfigurationError
from chelu.messages import Batch
from simulators.scenario.description import Description
from simulators.scenario.trace import Trace

GROUP = "chelu.devices"
NONE = "none"


class Device(Protocol):
    """Called once for some cases of a scenario, from any process. It must hold to what a device can know.

    At each instant it may look at nothing later, and at each run as if there were no other; the same runs give the same warnings.
    """

    def __call__(self, description: Description, trace: Trace) -> Batch:
        """The warnings in all runs, in the columns of `Trace.warnings`."""


def device_of(name: str) -> Device | None:
    """The device of this name, none for `none`. ConfigurationError when it is not installed."""
    if name == NONE:
        return None
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        raise ConfigurationError("--device", name, "one of " + ", ".join([NONE, *sorted(found)]))
    device: Device = found[name].load()
    return device
