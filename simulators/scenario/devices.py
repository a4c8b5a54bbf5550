"""What can be tested in memory, by name: programs that say whom they would have warned, that drive, or that switch signals.

A device comes by an entry point of its kind's group, so that whoever has one of its own installs it beside Chelu.
"""

from __future__ import annotations

import enum
from importlib.metadata import entry_points
from typing import Any, Protocol

from chelu.errors import ConfigurationError
from chelu.messages import Batch
from simulators.scenario.description import Description
from simulators.scenario.trace import Trace

NONE = "none"


class Kind(enum.StrEnum):
    """What a device does, and the group of entry points from which those of its kind come."""

    WARNS = "chelu.devices"
    DRIVES = "chelu.driving_functions"
    SIGNALS = "chelu.signal_controllers"


class Device(Protocol):
    """Called once for some cases of a scenario, from any process. It must hold to what a device can know.

    At each instant it may look at nothing later, and at each run as if there were no other; the same runs give the same warnings.
    A scenario with background traffic comes in one run at a time, with its vehicles (`trace.passing`, `traffic.passing.alone`).
    """

    def __call__(self, description: Description, trace: Trace) -> Batch:
        """The warnings in all runs, in the columns of `Trace.warnings`."""


def kind_of(name: str) -> Kind | None:
    """What the device of this name does, nothing for `none`. ConfigurationError when none is installed."""
    if name == NONE:
        return None
    installed = {kind: [point.name for point in entry_points(group=kind)] for kind in Kind}
    for kind, names in installed.items():
        if name in names:
            return kind
    known = sorted(one for names in installed.values() for one in names)
    raise ConfigurationError("--device", name, "one of " + ", ".join([NONE, *known]))


def loaded(name: str) -> Any:
    """The device of this name, as the module of its kind says: a `Device`, or what makes one that decides."""
    (point,) = (point for point in entry_points(group=kind_of(name) or "") if point.name == name)
    return point.load()
