"""Hands messages to sessions without losing one: waits while one has no room or no connection, counts what reached the socket."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from chelu.bus import Failure, Posts, Publication
from chelu.clock import Clock
from chelu.errors import UnreachableError

PATIENCE_S = 30.0  # how long the broker may be away, or take nothing, before a replay gives up
PAUSE_S = 0.001


class Publisher(Protocol):
    """What is needed of `chelu.bus`' sessions."""

    def publish_all(self, posts: Posts) -> Publication: ...
    def wait_connected(self, timeout_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _Flying:
    publication: Publication
    messages: int
    rows: Mapping[str, int]


class Outbox:
    """Owned by the publishing thread. `published`: rows by stream written to the socket; `unsent`: messages that were not.

    A message is unsent when the connection ended between taking it and writing it. It is not sent again: it may have gone out
    after all, and would then be doubled.
    """

    def __init__(self, clock: Clock, *, in_flight: int, streams: Iterable[str], patience_s: float = PATIENCE_S) -> None:
        self._clock, self._in_flight, self._patience_s = clock, in_flight, patience_s
        self._flying: deque[_Flying] = deque()
        self._under_way = 0  # messages without a fate
        self._published = Counter(dict.fromkeys(streams, 0))
        self.messages = 0
        self.unsent = 0

    @property
    def published(self) -> dict[str, int]:
        return dict(self._published)

    def send(self, session: Publisher, posts: Posts, rows: Mapping[str, int]) -> None:
        """Publish at QoS 0; rows: by stream. UnreachableError when the broker stays away, RefusedError when it says no."""
        self._settle(self._in_flight)
        self._flying.append(_Flying(self._publish(session, posts), len(posts), rows))
        self._under_way += len(posts)
        self.messages += len(posts)

    def flush(self) -> None:
        """Wait until everything is written or lost."""
        self._settle(0)

    def _publish(self, session: Publisher, posts: Posts) -> Publication:
        while True:
            publication = session.publish_all(posts)
            if publication.failure is Failure.NOT_CONNECTED:
                session.wait_connected(self._patience_s)
            elif publication.failure is Failure.OUTBOX_FULL:
                self._settle(self._under_way // 2)
                self._clock.sleep(PAUSE_S)
            else:
                return publication

    def _settle(self, most: int) -> None:
        """Count what has a fate; while more than `most` messages have none, wait for the oldest."""
        while self._flying:
            oldest = self._flying[0]
            if not oldest.publication.is_settled:
                if self._under_way <= most:
                    return
                if not oldest.publication.wait(self._patience_s) and not oldest.publication.is_settled:
                    raise UnreachableError("the MQTT broker", "its socket", f"it took no message for {self._patience_s:g} s")
            self._flying.popleft()
            self._under_way -= oldest.messages
            if oldest.publication.is_acknowledged:
                self._published.update(oldest.rows)
            else:
                self.unsent += oldest.messages
