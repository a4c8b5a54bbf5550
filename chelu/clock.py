"""Time as an argument: whoever needs the time is handed a `Clock`, so that replay and tests can turn it."""

from __future__ import annotations

import mmap
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, Self

from chelu.errors import CannotStartError
from chelu.units import US_PER_S

VARIABLE = "CHELU_CLOCK"  # a file with a shared clock, for services of a simulated site
_BYTES = 8


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


class SharedClock:
    """Wall time that one process sets and others read: microseconds in eight bytes of a file. For simulated sites.

    Durations and deadlines stay the machine's own: whatever waits for a broker or a database waits as long as ever.
    """

    def __init__(self, file: Path) -> None:
        try:
            with file.open("r+b") as opened:
                self._map = mmap.mmap(opened.fileno(), _BYTES)
        except (OSError, ValueError) as error:
            raise CannotStartError(f"{VARIABLE} = {file} is no shared clock ({error})", "leave it unset") from None
        self._time_us = memoryview(self._map).cast("q")

    @classmethod
    def create(cls, file: Path, start_us: int) -> Self:
        """A new one that stands at an instant."""
        file.write_bytes(bytes(_BYTES))
        made = cls(file)
        made.set(start_us)
        return made

    def set(self, time_us: int) -> None:
        """It is this instant now, for everybody; one aligned write, so nobody reads half of it."""
        self._time_us[0] = time_us

    def wall_us(self) -> int:
        return self._time_us[0]

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


def clock_of(environ: Mapping[str, str]) -> Clock:
    """The machine's own clocks, unless the environment names the file of a shared one."""
    file = environ.get(VARIABLE, "")
    return SharedClock(Path(file)) if file else SystemClock()
