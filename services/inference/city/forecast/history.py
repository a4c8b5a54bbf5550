"""The last days of a site's segments as a table of readings, a row each five minutes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from services.inference.city.forecast.features import DAYS, HISTORY_ROWS
from services.inference.city.forecast.readings import DAY_S, LONGEST_GAP_STEPS, Readings, Values
from services.inference.reports import Floats, Ints

STEP_S = 300
STEP_US = STEP_S * 1_000_000
ROWS = DAYS * DAY_S // STEP_S + HISTORY_ROWS + LONGEST_GAP_STEPS  # all that a forecast looks at
_ROOM = 288  # rows by which the table is moved at once


class History:
    """Of these segments. Owned by one thread. The newest row's time is `end_us`; before the first there is none."""

    def __init__(self, segments: Sequence[str]) -> None:
        self.segments = tuple(segments)
        self.end_us = 0
        self._values = np.full((ROWS + _ROOM, len(self.segments)), np.nan, np.float32)
        self._count = 0

    def fill(self, columns: Iterable[tuple[str, Ints, Floats]], end_us: int) -> None:
        """What is stored of each segment (times and speeds) up to `end_us`; of others and other times nothing is kept."""
        row_of = {name: at for at, name in enumerate(self.segments)}
        self._values[:] = np.nan
        self._count, self.end_us = ROWS, end_us
        for name, time_us, speed in columns:
            row = ROWS - 1 - (end_us - time_us) // STEP_US
            is_here = (row >= 0) & (row < ROWS) & (time_us % STEP_US == 0)
            if name in row_of:
                self._values[row[is_here], row_of[name]] = speed[is_here]

    def add(self, speed: Floats, time_us: int) -> None:
        """The newest readings (n,), NaN where nobody was; rows that are missing stay empty. Time that goes back begins anew."""
        steps = (time_us - self.end_us) // STEP_US if self._count else 1
        if not 0 < steps <= ROWS:
            self._values[:] = np.nan
            self._count, steps = 0, 1
        if self._count + steps > len(self._values):
            kept = max(ROWS - int(steps), 0)
            self._values[:kept] = self._values[self._count - kept : self._count].copy()
            self._values[kept:] = np.nan
            self._count = kept
        self._count += int(steps)
        self._values[self._count - 1] = speed
        self.end_us = time_us

    def readings(self) -> Readings:
        """All that is known, at most `ROWS` rows; a view that holds until the next row comes."""
        first = max(self._count - ROWS, 0)
        values: Values = self._values[first : self._count]
        return Readings(self.segments, STEP_S, values, self.end_us - (len(values) - 1) * STEP_US)
