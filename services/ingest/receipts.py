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
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu import topics
from chelu.clock import Clock
from chelu.topics import Kind
from services.ingest.prepared import Deliveries, Prepared

TOPIC = topics.row("{kind}/{id}/receipt/down")
EVERY_S = 1.0


@dataclass(slots=True)
class _Run:
    """Numbers of one stream since our connection `connection`; is_whole: since a step back they are those of a pass."""

    connection: int
    last: int
    is_whole: bool = False


class Receipts:
    """Owned by the loop's thread; bounded by the number of registered devices and their streams."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs: dict[tuple[Kind, str, str], _Run] = {}
        self._due: dict[tuple[Kind, str], dict[str, int]] = {}
        self._again: dict[tuple[Kind, str], set[str]] = {}
        self._said_s: dict[tuple[Kind, str], float] = {}

    def note(self, prepared: Prepared, delivered: Deliveries) -> None:
        """These are durable in the database (now, or already before: the receipt may have been lost); in order of arrival."""
        if not len(delivered):
            return
        routes, connection = prepared.routes, prepared.messages.connection[delivered.message]
        sender = routes.device_key[delivered.route], routes.stream[delivered.route], connection
        order = np.lexsort(sender[::-1])  # stable: each stream's numbers stay in the order of their arrival
        is_other = np.any([np.diff(column[order]) != 0 for column in sender], axis=0)
        for rows in np.split(order, np.flatnonzero(is_other) + 1):
            route = routes.rows[delivered.route[rows[0]]]
            if route.device is not None:
                name = route.device.kind, route.device.device_id
                self._note(name, route.stream, int(connection[rows[0]]), delivered.sequence[rows])

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

    def _note(self, device: tuple[Kind, str], stream: str, connection: int, numbers: npt.NDArray[np.int64]) -> None:
        """Follow the numbers (m,) of one stream that came over one connection of ours."""
        run, is_new = self._runs.get((*device, stream)), False
        if run is None or connection != run.connection:
            run, is_new = _Run(connection, int(numbers[0])), True
            self._runs[*device, stream] = run
        before = np.concatenate([[run.last], numbers[:-1]])
        run.is_whole |= bool((numbers <= before)[is_new:].any())
        run.last = int(numbers[-1])
        if run.is_whole:
            self._due.setdefault(device, {})[stream] = run.last
        if run.is_whole or is_new:
            self._ask(device, stream, is_wanted=not run.is_whole)

    def _ask(self, device: tuple[Kind, str], stream: str, *, is_wanted: bool) -> None:
        """Ask for a new pass of a stream, or no longer: it has begun by itself."""
        if is_wanted:
            self._again.setdefault(device, set()).add(stream)
        elif device in self._again:
            self._again[device].discard(stream)
            if not self._again[device]:
                del self._again[device]
