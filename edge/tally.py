"""Counting what went wrong: every reason has a counter, and is logged the first time only."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping

log = logging.getLogger(__name__)
MAX_REASONS = 200  # reasons come from code, places from configuration; a bound all the same


class Tally:
    """Counters by (place, reason); any thread may count."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, place: str, reason: str, number: int = 1, *, detail: str = "") -> None:
        """Add to a counter; `detail` goes into the one log line."""
        key = (place, reason)
        with self._guard:
            is_new = key not in self._counts and len(self._counts) < MAX_REASONS
            self._counts[key if is_new or key in self._counts else (place, "other")] += number
        if is_new:
            log.warning("%s: %s%s (counted from now on, not logged again)", place, reason, f": {detail}" if detail else "")

    def of(self, place: str) -> int:
        """All that was counted at one place."""
        with self._guard:
            return sum(number for (at, _), number in self._counts.items() if at == place)

    def by_place(self) -> Mapping[str, Mapping[str, int]]:
        """Place → reason → number."""
        with self._guard:
            counts = dict(self._counts)
        found: dict[str, dict[str, int]] = {}
        for (place, reason), number in counts.items():
            found.setdefault(place, {})[reason] = number
        return found
