"""Receipts: what each device may forget, told at most once a second. Pure but for the clock it is handed.

A receipt says "everything up to this number", so it must never reach past a message that was lost before us: a broker that died
with its memory, or came back without our subscription, leaves a hole that the next message hides. A device sends in passes, each
from its oldest message without a receipt. After each connection of ours a device's stream is therefore trusted only once its
numbers step back: from there on a whole pass has come in order. The price: after we connect, what is on its way is sent twice.
So that this need not wait for the device's own repetition, the first message of a stream after we connect is answered by
``again``, which asks for a pass from the beginning; a device that does not hear or know it repeats in its own time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from chelu import topics
from chelu.clock import Clock
from chelu.topics import Kind
from services.ingest.prepared import Delivery, Prepared

TOPIC = topics.row("{kind}/{id}/receipt/down")
EVERY_S = 1.0


@dataclass(slots=True)
class _Run:
    """Numbers of one stream, rising, since a step back or since our connection `connection`. is_new: one number so far."""

    connection: int
    last: int
    is_whole: bool = False
    is_new: bool = True


class Receipts:
    """Owned by the loop's thread; bounded by the number of registered devices and their streams."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs: dict[tuple[Kind, str, str], _Run] = {}
        self._due: dict[tuple[Kind, str], dict[str, int]] = {}
        self._again: dict[tuple[Kind, str], set[str]] = {}
        self._said_s: dict[tuple[Kind, str], float] = {}

    def note(self, prepared: Prepared, delivered: Iterable[Delivery]) -> None:
        """These are durable in the database (now, or already before: the receipt may have been lost); in order of arrival."""
        for item in delivered:
            device = prepared.route_of(item.message).device
            if device is None:
                continue
            name = device.kind, device.device_id
            run = self._follow((*name, item.stream), item, prepared.messages[item.message].connection)
            if run.is_whole:
                self._due.setdefault(name, {})[item.stream] = run.last
                self._ask(name, item.stream, is_wanted=False)
            elif run.is_new:
                self._ask(name, item.stream, is_wanted=True)

    def take(self) -> list[tuple[str, bytes]]:
        """Topics and payloads of the receipts that are due, each device at most once in `EVERY_S`."""
        if not self._due and not self._again:
            return []
        now_s = self._clock.monotonic_s()
        devices = {**self._due, **self._again}
        ready = [device for device in devices if now_s - self._said_s.get(device, -EVERY_S) >= EVERY_S]
        self._said_s.update(dict.fromkeys(ready, now_s))
        return [(TOPIC.topic(*device), self._document(device)) for device in ready]

    def _document(self, device: tuple[Kind, str]) -> bytes:
        document: dict[str, object] = {"stored": self._due.pop(device, {})}
        if again := self._again.pop(device, None):
            document["again"] = sorted(again)
        return json.dumps(document).encode()

    def _follow(self, key: tuple[Kind, str, str], item: Delivery, connection: int) -> _Run:
        run = self._runs.get(key)
        if run is None or connection != run.connection:
            run = self._runs[key] = _Run(connection, item.sequence)
        elif item.sequence <= run.last:
            run.is_whole = True
        else:
            run.is_new = False
        run.last = item.sequence
        return run

    def _ask(self, device: tuple[Kind, str], stream: str, *, is_wanted: bool) -> None:
        """Ask for a new pass of a stream, or no longer: it has begun by itself."""
        if is_wanted:
            self._again.setdefault(device, set()).add(stream)
        elif device in self._again:
            self._again[device].discard(stream)
            if not self._again[device]:
                del self._again[device]
