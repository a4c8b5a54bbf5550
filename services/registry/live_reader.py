"""What waits for one reader: bounded, thinned when the reader is slow, and never in anybody else's way.

Of a picture only the newest is kept. Of a stream, when there is no more room, every second item of each device is dropped, then
of those every second, and so on: what is left is an even sample of the time since the reader last took, and the newest of every
device. What was dropped is counted and told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.registry.live_rows import Item

MOST_ROWS = 2000


@dataclass(frozen=True, slots=True)
class End:
    """Why a socket is closed: a code of RFC 6455 or of ours (4000 + an HTTP status), and words for it."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a reader gets at once: dropped and refused are rows since it was last told."""

    items: Sequence[Item]
    dropped: int
    refused: int
    end: End | None


class Reader:
    """One thread puts, the socket's coroutine takes. `wake` is called by that thread, without the lock, when something came."""

    def __init__(self, wake: Callable[[], None], *, most_rows: int = MOST_ROWS) -> None:
        self._wake, self._most = wake, most_rows
        self._lock = threading.Lock()
        self._refused = 0
        self._end: End | None = None
        self._clear()

    def put(self, item: Item) -> None:
        """Keep an item for the reader."""
        topic = item.source.topic
        with self._lock:
            place = self._places.get(topic, -1) + 1
            former = self._newest.get(topic)
            if former is not None and (item.payload or (place - 1) % self._stride):
                self._drop(former)  # it was only there for being the newest
            self._number += 1
            self._items[self._number] = item, place
            self._places[topic], self._newest[topic] = place, self._number
            self._rows += item.rows
            while self._rows > self._most and len(self._items) > len(self._newest):
                self._thin()
        self._wake()

    def refuse(self, rows: int) -> None:
        """Count messages that could not be read."""
        with self._lock:
            self._refused += rows

    def end(self, code: int, reason: str) -> None:
        """Let the socket be closed after what waits; the first reason counts."""
        with self._lock:
            self._end = self._end or End(code, reason)
        self._wake()

    @property
    def has_ended(self) -> bool:
        """Whether the socket is to be closed."""
        return self._end is not None

    def take(self) -> Taken:
        """All that waits."""
        with self._lock:
            taken = Taken([item for item, _ in self._items.values()], self._dropped, self._refused, self._end)
            self._refused = 0
            self._clear()
        return taken

    def _clear(self) -> None:
        self._items: dict[int, tuple[Item, int]] = {}  # by number, with its place among its topic's
        self._places: dict[str, int] = {}
        self._newest: dict[str, int] = {}
        self._number = self._rows = self._dropped = 0
        self._stride = 1

    def _thin(self) -> None:
        """Keep every second of what is kept now of each topic, and its newest."""
        self._stride *= 2
        newest = set(self._newest.values())
        gone = [number for number, (_, place) in self._items.items() if place % self._stride and number not in newest]
        for number in gone:
            self._drop(number)

    def _drop(self, number: int) -> None:
        rows = self._items.pop(number)[0].rows
        self._dropped += rows
        self._rows -= rows
