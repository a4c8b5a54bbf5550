"""What holds of every run with a device in the loop, whatever its scenario asks: without it a verdict would mean nothing."""

from __future__ import annotations

from typing import Any

from simulators.scenario.dut.description import DeviceUnderTest
from simulators.scenario.requirements import Requirement, Validity

THERE = "the device under test is there"


def validity_of(device: DeviceUnderTest) -> tuple[Validity, ...]:
    """The device answers through the whole run, unless its absence is its failure."""
    if device.when_away == "fail":
        return ()
    return (Validity.model_validate({"name": THERE, "metric": "device_absence_s", "at_most": device.silent_s}),)


def requirements_of(device: DeviceUnderTest) -> tuple[Requirement, ...]:
    """It says what can be read, and nothing of anybody who is not there."""
    wanted: list[dict[str, Any]] = [{"name": "what the device says can be read", "metric": "unreadable_messages", "at_most": 0}]
    if device.kind == "warns":
        wanted.append({"name": "it warns of nobody who is not there", "metric": "unknown_warnings", "at_most": 0})
    if device.when_away == "fail":
        wanted.append({"name": THERE, "metric": "device_absence_s", "at_most": device.silent_s})
    return tuple(Requirement.model_validate(one) for one in wanted)
