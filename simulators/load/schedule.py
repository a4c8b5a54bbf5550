"""When each message of a stream is due: evenly over its period, round after round."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Schedule:
    """`messages` of them in each period of `period_us`, for so many rounds; message g is due at g/messages periods."""

    messages: int
    period_us: float
    rounds: int

    @property
    def total(self) -> int:
        """All messages."""
        return self.messages * self.rounds

    def due_us(self, begin: int, end: int) -> Ints:
        """When the messages of these numbers are due, µs since the beginning."""
        return (np.arange(begin, end) * (self.period_us / self.messages)).astype(np.int64)

    def before(self, due_us: int) -> int:
        """How many messages are due before this instant."""
        guess = min(self.total, max(0, math.ceil(due_us / (self.period_us / self.messages)) - 1))
        while guess < self.total and self.due_us(guess, guess + 1)[0] < due_us:
            guess += 1
        return guess
