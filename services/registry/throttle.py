"""A bound on how often something may be tried within a time, such as logging in. Pure but for its lock; time comes in."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

MOST_KEYS = 10_000  # the longest unused are forgotten beyond it


class Throttle:
    """Counts attempts by key. Any thread may ask."""

    def __init__(self, *, limit: int, window_s: float) -> None:
        self._limit, self._window_s = limit, window_s
        self._lock = threading.Lock()
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str, now_s: float) -> float:
        """Count an attempt and answer 0, or the seconds to wait when there were too many; such an attempt is not counted."""
        with self._lock:
            attempts = self._attempts.setdefault(key, deque())
            self._attempts.move_to_end(key)
            while attempts and attempts[0] + self._window_s - now_s <= 0:  # summed as below: 0 is never told uncounted
                attempts.popleft()
            if len(attempts) >= self._limit:
                return attempts[0] + self._window_s - now_s
            attempts.append(now_s)
            while len(self._attempts) > MOST_KEYS:
                self._attempts.popitem(last=False)
            return 0.0

    def forget(self, key: str) -> None:
        """Let a key begin anew, after a success."""
        with self._lock:
            self._attempts.pop(key, None)
