"""Signals of all sites: heard and looked at in the service's loop, decided and commanded on a thread of its own.

On the service's thread happens no more than a look at topics and, once a second of event time, a copy of what the controllers see
of the picture. Warnings wait for neither a decision nor a database.
"""

from __future__ import annotations

import itertools
import json
import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu import topics
from chelu.bus import Messages, TopicLookup
from chelu.topics import SIGNALS, Kind
from services.inference.city.control.desk import SignalDesk
from services.inference.city.control.places import Roads
from services.inference.city.control.records import signal_rows
from services.inference.city.control.sight import Look, look
from services.inference.city.corridor.desk import CorridorDesk
from services.inference.register import Device, Register
from services.inference.site import Site
from services.inference.storage import SIGNAL, Item

log = logging.getLogger(__name__)

STAGE_UP, STAGE_DOWN, STAGE_ACK = "signal/{id}/stage/up", "signal/{id}/stage/down", "signal/{id}/stage/down/ack"
PRIORITY_DOWN = "signal/{id}/priority/down"
PATTERNS = (STAGE_UP, STAGE_ACK)
PERIOD_US = 1_000_000
PHASE_US = 500_000  # between two whole seconds: who speaks once a second does so at a whole one
LAST_NUMBER = 2**31
MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a signal."""

    device: Device
    stream: str
    payload: bytes
    arrival_us: int


@dataclass(frozen=True, slots=True)
class Second:
    """What a site's controllers see at an instant."""

    site_id: str
    seen: Look
    roads: Roads


@dataclass(frozen=True, slots=True)
class Known:
    """The register as it is from an instant on."""

    register: Register
    now_us: int


Task = Heard | Second | Known | None


def subscriptions() -> tuple[tuple[str, int], ...]:
    """Filters with their QoS."""
    return tuple((filter_, topics.row(pattern).qos) for pattern in PATTERNS for filter_ in topics.row(pattern).subscriptions())


class SignalOffice:
    """publish(topic, payload, qos) and store(item) may be called from any thread; all methods belong to the service's."""

    def __init__(self, publish: Callable[[str, bytes, int], object], store: Callable[[Item], None], first_number: int) -> None:
        self._publish, self._store = publish, store
        self._numbers: Iterator[int] = itertools.count(first_number % (LAST_NUMBER // 2))
        self._is_ours = TopicLookup(np.bool_, _is_ours)
        self._tasks: queue.Queue[Task] = queue.Queue(MOST_WAITING)
        self._register = self._known = Register({}, {}, {}, {})  # the second is the thread's
        self._sites: frozenset[str] = frozenset()  # with signals
        self._due_us = 0
        self._desks: dict[str, SignalDesk] = {}  # the thread's own, as are the corridors
        self._corridors: dict[str, CorridorDesk] = {}
        self.counts: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, name="signals", daemon=True)

    def start(self) -> None:
        """Begin to decide."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what waits."""
        self._tasks.put(None)
        self._thread.join()

    def use(self, register: Register, now_us: int) -> None:
        """Take over a new register."""
        self._register = register
        self._sites = frozenset(one.site_id for one in register.devices.values() if one.kind is Kind.SIGNAL) & set(register.sites)
        self._put(Known(register, now_us))

    def sort(self, received: Messages) -> tuple[Messages, Messages | None]:
        """What is for others, and what is ours (None: nothing)."""
        is_ours = self._is_ours.of(received)
        if not is_ours.any():
            return received, None
        return received.take(~is_ours), received.take(is_ours)

    def turn(self, messages: Messages | None, sites: Mapping[str, Site], now_us: int) -> None:
        """Hand on what signals said; once a second, what is seen. Call it in every turn of the loop."""
        if messages is not None:
            for index in range(len(messages)):
                self._hear(messages, index)
        second = (now_us - PHASE_US) // PERIOD_US
        if second == self._due_us or not self._sites:
            return
        self._due_us = second
        for site_id in self._sites & set(sites):
            site = sites[site_id]
            if (roads := site.roads_of_signals()) is not None:
                self._put(Second(site_id, look(site, now_us), Roads(*roads)))

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _hear(self, messages: Messages, index: int) -> None:
        found = topics.find(messages.topic_of(index))
        device = self._register.devices.get(found.device) if found else None
        if found is None or device is None or device.kind is not Kind.SIGNAL or device.site_id not in self._sites:
            self.counts["signals_unregistered"] += 1
            return
        self._put(Heard(device, found.topic.stream, messages.payload(index), int(messages.arrival_us[index])))

    def _put(self, task: Task) -> None:
        try:
            self._tasks.put_nowait(task)
        except queue.Full:
            self.counts["signals_queue_full"] += 1

    # -- the thread ----------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                if isinstance(task, Known):
                    self._take_over(task.register, task.now_us)
                elif isinstance(task, Heard):
                    if (desk := self._desks.get(task.device.site_id)) is not None:
                        desk.hear(task.device, task.stream, task.payload, task.arrival_us)
                else:
                    self._decide(task)
            except Exception:
                log.exception("a decision on signals failed; they go on by their own plans")
                self.counts["signals_failed"] += 1

    def _take_over(self, register: Register, now_us: int) -> None:
        self._known = register
        for site_id in register.sites:
            devices = {one.key: one for one in register.devices.values() if one.kind is Kind.SIGNAL and one.site_id == site_id}
            if devices or site_id in self._desks:
                desk = self._desks.setdefault(site_id, SignalDesk(lambda: next(self._numbers)))
                desk.use(devices, now_us)
                corridors = self._corridors.setdefault(site_id, CorridorDesk(desk))
                corridors.use([one for one in register.devices.values() if one.site_id == site_id])
        for gone in set(self._desks) - set(register.sites):
            del self._desks[gone], self._corridors[gone]

    def _decide(self, second: Second) -> None:
        desk = self._desks.get(second.site_id)
        if desk is None or not desk.told:
            return
        for said in desk.decide(second.seen, second.roads):
            self._tell(STAGE_DOWN, said.device.device_id, said.document)
        corridors = self._corridors[second.site_id]
        if not corridors.is_idle:
            for wish in corridors.turn(second.seen, second.roads):
                if (signal := self._known.by_key.get(wish.signal)) is not None:
                    self._tell(PRIORITY_DOWN, signal.device_id, {"seqNum": next(self._numbers), **wish.document})
        state = {
            "site": second.site_id, "time_us": second.seen.now_us, "signals": desk.state(), "corridors": corridors.state(),
            "counts": dict(desk.counts),
        }  # fmt: skip
        self._publish(SIGNALS.format(site=second.site_id), _json(state), 0)
        if events := desk.events():
            self._store(Item(SIGNAL, signal_rows(events, second.site_id)))

    def _tell(self, pattern: str, device_id: str, document: Mapping[str, Any]) -> None:
        row = topics.row(pattern)
        self._publish(row.topic(Kind.SIGNAL, device_id), _json(document), row.qos)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _is_ours(topic: str) -> bool:
    found = topics.find(topic)
    return found is not None and found.topic.pattern in PATTERNS
