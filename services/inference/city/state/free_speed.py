"""How fast each segment is driven when nobody is in the way: learned from speeds, the limit until enough were seen.

What is learned stays near the limit, where there is one.
"""

from __future__ import annotations

import numpy as np

from services.inference.city.state.layout import Layout, Scope
from services.inference.reports import Floats, Ints

BIN_MPS, BINS = 1.0, 45
SHARE = 0.85  # of passages through a segment are slower: the usual percentile of free speed
ENOUGH = 100.0
HALF_LIFE_S = 86_400.0


class FreeSpeeds:
    """Passages of every segment by mean speed, older ones counting less. Owned by one thread."""

    def __init__(self, layout: Layout) -> None:
        places = layout.places[Scope.SEGMENT]
        self._road_m = places.road_m
        self._limit, self._count = places.limit_mps, len(places)
        self._low, self._high = 0.3 * self._limit, np.where(places.has_limit, 1.3 * self._limit, np.inf)
        self._seen = np.zeros((self._count, BINS))
        self.mps: Floats = self._limit.copy()

    def take(self, segment: Ints, took_s: Floats) -> None:
        """Passages whose begin and end were seen."""
        known = np.isfinite(took_s) & (took_s > 0)
        segment, speed = segment[known], self._road_m[segment[known]] / took_s[known]
        place = np.minimum((speed / BIN_MPS).astype(np.int64), BINS - 1)
        self._seen += np.bincount(segment * BINS + place, minlength=self._count * BINS).reshape(-1, BINS)

    def learn(self, passed_s: float) -> None:
        """Work the free speeds out anew; call it now and then."""
        total = np.cumsum(self._seen, axis=1)
        found = (np.argmax(total >= SHARE * total[:, -1:], axis=1) + 0.5) * BIN_MPS
        is_known = total[:, -1] >= ENOUGH
        self.mps = np.where(is_known, np.clip(found, self._low, self._high), self._limit)
        self._seen *= 0.5 ** (passed_s / HALF_LIFE_S)
