"""Where and with what a device is tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chelu.clock import Clock
from simulators.scenario.dut.description import DeviceUnderTest

Tell = Callable[[float, int], None]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Bench:
    """actor: for whom the device stands. unheard: actors that it does not hear.

    tell gets the share of a run that is done, and which; say sentences for whoever waits.
    """

    device: DeviceUnderTest
    actor: int
    unheard: Sequence[int]
    site: str
    clock: Clock
    environ: Mapping[str, str]
    tell: Tell
    say: Say
