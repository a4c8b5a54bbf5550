"""Time as an argument: whoever needs the time is handed a `Clock`, so that replay and tests can turn it."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from chelu.units import US_PER_S


class Clock(Protocol):
    """Read by any thread. `wall_us` may jump, `monotonic_s` never goes back."""

    def wall_us(self) -> int:
        """Microseconds UTC since 1970."""

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start, for durations and deadlines."""

    def sleep(self, seconds: float) -> None:
        """Wait until `seconds` of this clock have passed."""


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ()

    def wall_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


class VirtualClock:
    """A clock that moves only when told to: `sleep` and `advance` move it at once. Safe for several threads."""

    def __init__(self, start_us: int) -> None:
        self._lock = threading.Lock()
        self._start_us = start_us
        self._elapsed_us = 0

    def wall_us(self) -> int:
        with self._lock:
            return self._start_us + self._elapsed_us

    def monotonic_s(self) -> float:
        with self._lock:
            return self._elapsed_us / US_PER_S

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move the clock forward; a negative step is refused with ValueError, since monotonic time never goes back."""
        if seconds < 0:
            raise ValueError(f"a virtual clock cannot go back by {-seconds} s")
        with self._lock:
            self._elapsed_us += round(seconds * US_PER_S)


class ScaledClock:
    """A clock that runs `speed` times as fast as `base`, from `start_us`: virtual time of a replay."""

    def __init__(self, base: Clock, *, start_us: int, speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"a clock's speed must be above 0, not {speed}")
        self._base, self._start_us, self._speed = base, start_us, speed
        self._origin_s = base.monotonic_s()

    def wall_us(self) -> int:
        return self._start_us + round(self.monotonic_s() * US_PER_S)

    def monotonic_s(self) -> float:
        return (self._base.monotonic_s() - self._origin_s) * self._speed

    def sleep(self, seconds: float) -> None:
        self._base.sleep(seconds / self._speed)
