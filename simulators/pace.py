"""When a replayed message is due: absolute deadlines on one clock, so that delays never add up."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.clock import Clock
from chelu.units import US_PER_MS

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pace:
    """Where the recording's clock is pinned to ours, and how fast it runs.

    The recording's millisecond `begin_ms` gets the event time `anchor_us` (a whole millisecond) and is due at `start_s` of the
    clock's monotonic time; from then on the recording's time passes `speed` times as fast as ours.
    """

    begin_ms: int
    anchor_us: int
    start_s: float
    speed: float

    def event_us(self, time_ms: Ints) -> Ints:
        """Event times (n,) in µs UTC of instants of the recording, exact to the millisecond at every speed."""
        return self.anchor_us + (time_ms - self.begin_ms) * US_PER_MS

    def due_s(self, time_ms: Ints) -> npt.NDArray[np.float64]:
        """Monotonic seconds (n,) at which instants of the recording are to be sent."""
        return self.start_s + (time_ms - self.begin_ms) / 1000 / self.speed


def pinned(clock: Clock, *, begin_ms: int, speed: float, lead_s: float) -> Pace:
    """A pace that begins `lead_s` from now, rounded up to a whole millisecond of wall time."""
    now_us, now_s = clock.wall_us(), clock.monotonic_s()
    anchor_us = -(-(now_us + round(lead_s * 1e6)) // US_PER_MS) * US_PER_MS
    return Pace(begin_ms, anchor_us, now_s + (anchor_us - now_us) / 1e6, speed)


@dataclass(slots=True)
class Lag:
    """How far behind their deadlines the first and the last message of each burst left."""

    samples_s: list[float] = field(default_factory=list)

    def add(self, late_s: float) -> None:
        """Note one message; one that left in time counts as 0."""
        self.samples_s.append(max(0.0, late_s))

    def percentile_s(self, percent: float) -> float:
        """The lag that this share of the messages noted stayed within; 0 when there were none."""
        return float(np.percentile(self.samples_s, percent)) if self.samples_s else 0.0
