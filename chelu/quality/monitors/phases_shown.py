"""What the phases of a junction show at given instants, by the SPAT that was heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.lights import Light
from chelu.quality.monitors.judged import Codes, Ints
from chelu.quality.monitors.junctions import PERMANENT_GREEN
from chelu.quality.monitors.signal_streams import ABSENT, SignalStream
from chelu.quality.monitors.window import Window
from chelu.units import US_PER_S

HOLDS_S = 1.0  # a message older than this no longer says what the light is now


@dataclass(frozen=True, slots=True)
class Shown:
    """One junction's signals. stream: the one of its devices that says most; None when none was heard."""

    stream: SignalStream | None

    def at(self, phase: int, at_us: Ints) -> tuple[Codes, Ints]:
        """The lights (n,) at instants and since when each is known to last, µs; UNAVAILABLE where nobody said."""
        if phase == PERMANENT_GREEN:
            return np.full(len(at_us), Light.PROTECTED_GREEN, np.uint8), np.zeros(len(at_us), np.int64)
        dark = np.full(len(at_us), Light.UNAVAILABLE, np.uint8), at_us
        if self.stream is None or phase not in self.stream.phase:
            return dark
        column = int(np.searchsorted(self.stream.phase, phase))
        said = np.flatnonzero(self.stream.light[:, column] != ABSENT)
        time_us, light = self.stream.time_us[said], self.stream.light[said, column]
        last = np.searchsorted(time_us, at_us, side="right") - 1
        inside = np.maximum(last, 0)
        is_heard = (last >= 0) & (at_us - time_us[inside] <= round(HOLDS_S * US_PER_S))
        begins = np.concatenate([[True], light[1:] != light[:-1]])
        since = time_us[np.maximum.accumulate(np.where(begins, np.arange(len(light)), 0))]
        return np.where(is_heard, light[inside], np.uint8(Light.UNAVAILABLE)), since[inside]


def shown_of(window: Window, junction: tuple[int, int]) -> Shown:
    """The signals of a junction in a window."""
    streams = [one for one in window.signals if one.junction == junction]
    return Shown(max(streams, key=lambda one: len(one.time_us), default=None))
