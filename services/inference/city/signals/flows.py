"""How many vehicles come on each lane in an hour, measured from those that are seen for the first time."""

from __future__ import annotations

import numpy as np

from services.inference.city.signals.contract import Floats, State


class FlowMeter:
    """A mean that forgets: what was long ago counts 1/e. Owned by one controller, told of every second."""

    def __init__(self, shape: tuple[int, int], forgets_s: float) -> None:
        self._seen, self._forgets_s = np.zeros(shape), forgets_s
        self._since_s = self._last_s = np.nan

    def take(self, state: State) -> None:
        """Count who came since the last state."""
        if np.isnan(self._since_s):
            self._since_s = self._last_s = state.now_s
        self._seen *= np.exp(-(state.now_s - self._last_s) / self._forgets_s)
        self._last_s = state.now_s
        self._seen += state.vehicles.count(self._seen.shape, state.vehicles.is_new)

    def per_s(self) -> Floats:
        """Vehicles a second (j, l); the first ones tell little, so before a minute it is taken as one."""
        elapsed = max(self._last_s - self._since_s, 60.0)
        return np.asarray(self._seen / (self._forgets_s * (1.0 - np.exp(-elapsed / self._forgets_s))))

    def seconds(self) -> float:
        """For how long it has counted."""
        return 0.0 if np.isnan(self._since_s) else float(self._last_s - self._since_s)
