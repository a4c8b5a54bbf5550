"""The steps of a simulated period, and what goes with the time of day there. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_DAY_S, _UTC_OFFSET_H = 86_400, 8


@dataclass(frozen=True, slots=True)
class Period:
    """From `start_us` on so many steps of `step_s`; the last step ends the period."""

    start_us: int
    steps: int
    step_s: int

    @property
    def time_us(self) -> Ints:
        """When each step ends (t,)."""
        return self.start_us + (np.arange(self.steps, dtype=np.int64) + 1) * self.step_s * 1_000_000

    @property
    def hour(self) -> Floats:
        """Local time of day (t,), 0 … 24."""
        return np.asarray((self.time_us // 1_000_000 % _DAY_S / 3600.0 + _UTC_OFFSET_H) % 24.0)

    @property
    def left_s(self) -> Floats:
        """How long before the period's end (t,)."""
        return np.arange(self.steps - 1, -1, -1, dtype=np.float64) * self.step_s

    def rng(self, seed: int, what: int) -> np.random.Generator:
        """Chance of its own for each thing that is made, so that none depends on what else is."""
        return np.random.default_rng([seed, what, self.start_us // 1_000_000 % (1 << 31), self.steps, self.step_s])


def wander(rng: np.random.Generator, steps: int, kept: float) -> Floats:
    """A first-order autoregression of deviation 1 (t,): each step keeps the share `kept` of the one before."""
    pushes = rng.standard_normal(steps) * np.sqrt(1.0 - kept**2)
    found = np.empty(steps)
    now = float(rng.standard_normal())
    for at, push in enumerate(pushes.tolist()):
        now = kept * now + push
        found[at] = now
    return found


def bump(hour: Floats, at: float, width: float) -> Floats:
    """1 at a time of day, less with distance from it."""
    off = (hour - at + 12.0) % 24.0 - 12.0
    return np.asarray(np.exp(-0.5 * (off / width) ** 2))
