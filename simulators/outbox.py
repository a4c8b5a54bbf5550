"""Hands messages to a session without losing one: waits while it has no room or no connection, counts what reached the socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from chelu.bus import Failure, Publication
from chelu.clock import Clock
from chelu.errors import UnreachableError

PATIENCE_S = 30.0  # how long the broker may be away, or take nothing, before a replay gives up
PAUSE_S = 0.001


class Publisher(Protocol):
    """What is needed of `chelu.bus.Session`."""

    def publish(self, topic: str, payload: bytes, *, qos: int = 0) -> Publication: ...
    def wait_connected(self, timeout_s: float) -> None: ...


class Outbox:
    """Owned by the publishing thread. `published`: rows by stream written to the socket; `unsent`: messages that were not.

    A message is unsent when the connection ended between taking it and writing it. It is not sent again: it may have gone out
    after all, and would then be doubled.
    """

    def __init__(self, session: Publisher, clock: Clock, *, in_flight: int, streams: Iterable[str]) -> None:
        self._session, self._clock, self._in_flight = session, clock, in_flight
        self._flying: deque[tuple[Publication, str, int]] = deque()
        self.published = dict.fromkeys(streams, 0)
        self.messages = 0
        self.unsent = 0

    def send(self, topic: str, payload: bytes, *, stream: str, rows: int) -> None:
        """Publish at QoS 0; UnreachableError when the broker stays away, RefusedError when it says no."""
        self._settle(self._in_flight)
        self._flying.append((self._publish(topic, payload), stream, rows))
        self.messages += 1

    def flush(self) -> None:
        """Wait until everything is written or lost."""
        self._settle(0)

    def _publish(self, topic: str, payload: bytes) -> Publication:
        while True:
            publication = self._session.publish(topic, payload, qos=0)
            if publication.failure is Failure.NOT_CONNECTED:
                self._session.wait_connected(PATIENCE_S)
            elif publication.failure is Failure.OUTBOX_FULL:
                self._settle(len(self._flying) // 2)
                self._clock.sleep(PAUSE_S)
            else:
                return publication

    def _settle(self, most: int) -> None:
        """Count what has a fate; while more than `most` messages have none, wait for the oldest."""
        while self._flying:
            publication, stream, rows = self._flying[0]
            if not publication.is_settled:
                if len(self._flying) <= most:
                    return
                if not publication.wait(PATIENCE_S) and not publication.is_settled:
                    raise UnreachableError("the MQTT broker", "its socket", f"it took no message for {PATIENCE_S:g} s")
            self._flying.popleft()
            if publication.is_acknowledged:
                self.published[stream] += rows
            else:
                self.unsent += 1
