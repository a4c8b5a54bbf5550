"""Drift watch: is the model still better than the best simple method? While it is not, that one serves.

Without a model the best simple method does.

What was forecast is kept until it can be compared. Errors are judged over the last day that was compared, so that one odd hour
changes nothing; coming back to the model takes a clear lead, so that the two do not take turns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import numpy as np

from services.inference.city.forecast.readings import Values
from services.inference.reports import Floats

MODEL = "model"
WORSE, BETTER = 1.05, 0.98  # of the best simple method's error: above the first the model goes, below the second it is back
LEAST_VALUES = 1000  # compared, before anything is decided


class Watch:
    """Of one network. Owned by one thread; told of every step in order."""

    def __init__(self, methods: tuple[str, ...], steps_a_day: int, *, has_model: bool = True) -> None:
        self._names = (MODEL, *methods) if has_model else methods
        self.serving = self._names[0]
        self._waiting: deque[Mapping[str, Values]] = deque()
        self._errors: deque[tuple[Floats, int]] = deque(maxlen=steps_a_day)

    def step(self, read: Values, forecast: Mapping[str, Values]) -> str:
        """Readings (n,) of this step; forecast: by method (n, h), made from them. Returns which method serves now."""
        self._compare(read)
        self._waiting.append({name: forecast[name] for name in self._names})
        while len(self._waiting) > next(iter(forecast.values())).shape[1]:
            self._waiting.popleft()
        self._decide()
        return self.serving

    def errors(self) -> dict[str, float]:
        """Mean absolute error of each method over the last day compared; NaN where nothing was."""
        count = sum(count for _, count in self._errors)
        total = sum((sums for sums, _ in self._errors), np.zeros(len(self._names)))
        return dict(zip(self._names, (total / count if count else total * np.nan).tolist(), strict=True))

    def compared(self) -> int:
        """How many readings those errors are of."""
        return sum(count for _, count in self._errors)

    def _compare(self, read: Values) -> None:
        """Every forecast of this step that is kept, with what was read."""
        is_told = np.isfinite(read)
        sums, count = np.zeros(len(self._names)), 0
        for back, kept in enumerate(reversed(self._waiting)):
            made = np.stack([kept[name][:, back] for name in self._names])[:, is_told]
            is_whole = np.isfinite(made).all(axis=0)
            sums += np.abs(made - read[is_told])[:, is_whole].sum(axis=1)
            count += int(is_whole.sum())
        self._errors.append((sums, count))

    def _decide(self) -> None:
        if self.compared() < LEAST_VALUES:
            return
        errors = self.errors()
        best = min((name for name in self._names if name != MODEL), key=lambda name: errors[name])
        if MODEL not in self._names:
            self.serving = best
            return
        share = errors[MODEL] / max(errors[best], 1e-9)
        if self.serving == MODEL:
            self.serving = best if share > WORSE else MODEL
        else:
            self.serving = MODEL if share < BETTER else best
