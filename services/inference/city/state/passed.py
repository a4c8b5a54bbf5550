"""How many probes drove through each segment over the last quarter of an hour: what counters are compared with.

Each counts by the part of the segment that it drove, so that those who begin or end on it count, too. In steps of five seconds.
"""

from __future__ import annotations

import numpy as np

from services.inference.reports import Floats, Ints

STEPS = 200


class Passed:
    """A ring of steps. Owned by one thread."""

    def __init__(self, segments: int, step_us: int) -> None:
        self._step_us = step_us
        self._total = np.zeros((STEPS + 1, segments))  # since the start, up to each step's end
        self._end_us = np.full(STEPS + 1, -1, np.int64)

    def add(self, through: Floats, end_us: int) -> None:
        """A step's probes by segment."""
        self._total = np.roll(self._total, -1, axis=0)
        self._end_us = np.roll(self._end_us, -1)
        self._total[-1] = self._total[-2] + through
        self._end_us[-1] = end_us

    def between(self, segment: Ints, from_us: Ints, to_us: Ints) -> Floats:
        """Probes (n,) through segments in periods; between two steps' ends in proportion."""
        return self._until(segment, to_us) - self._until(segment, from_us)

    def _until(self, segment: Ints, at_us: Ints) -> Floats:
        after = np.clip(np.searchsorted(self._end_us, at_us), 1, STEPS)
        share = np.clip((at_us - (self._end_us[after] - self._step_us)) / self._step_us, 0.0, 1.0)
        low, high = self._total[after - 1, segment], self._total[after, segment]
        return np.asarray(low + share * (high - low))
