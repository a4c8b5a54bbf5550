"""What waits for the agent's thread: frames that sources heard, the broker's messages, documents to say. Any thread may add."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from chelu.bus import Received
from edge.routing import Heard

LIMIT = 20_000
Taken = tuple[list[Heard], list[Received], list[tuple[str, bytes]]]


class Inboxes:
    """Bounded, but for messages of the broker, whose session has a bound of its own."""

    def __init__(self) -> None:
        self._guard = threading.Condition()
        self._heard: list[Heard] = []
        self._received: list[Received] = []
        self._reports: list[tuple[str, bytes]] = []

    @property
    def has_heard(self) -> bool:
        """Whether frames wait."""
        return bool(self._heard)

    def hear(self, heard: Sequence[Heard]) -> int:
        """How many of the frames were taken."""
        with self._guard:
            taken = max(0, min(len(heard), LIMIT - len(self._heard)))
            if taken:
                self._heard.extend(heard[:taken])
                self._guard.notify()
        return taken

    def receive(self, received: Sequence[Received]) -> None:
        """Messages of the broker."""
        with self._guard:
            self._received.extend(received)
            self._guard.notify()

    def report(self, stream: str, payload: bytes) -> bool:
        """Whether the document was taken."""
        with self._guard:
            is_full = len(self._reports) >= LIMIT
            if not is_full:
                self._reports.append((stream, payload))
                self._guard.notify()
        return not is_full

    def wake(self) -> None:
        """End the wait of `take`."""
        with self._guard:
            self._guard.notify()

    def take(self, wait_s: float, *, is_leaving: Callable[[], bool]) -> Taken:
        """All that waits; waits for the first of it for at most `wait_s`, and not at all when the agent is leaving."""
        with self._guard:
            if not (self._heard or self._received or self._reports or is_leaving()):
                self._guard.wait(wait_s)
            taken = self._heard, self._received, self._reports
            self._heard, self._received, self._reports = [], [], []
        return taken
