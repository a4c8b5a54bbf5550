"""Cooperation of all sites, in the service's loop: which messages are its, which desk they are for, and what goes out.

It comes after the warnings of a turn are sent, and does a bounded part of its work in each. Owned by the service's thread.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np

from chelu import topics
from chelu.bus import Messages, TopicLookup
from services.inference.coop.catalogue import desk_of
from services.inference.coop.desk import Desk, Heard
from services.inference.coop.live import Live
from services.inference.coop.records import coop_rows
from services.inference.coop.turn import Note, Post
from services.inference.outbox import Letter
from services.inference.picture import resized
from services.inference.register import Device, Register
from services.inference.site import Site
from services.inference.storage import COOP, Item

COOP_UP, COOP_DOWN = "{kind}/{id}/coop/up", "{kind}/{id}/coop/down"
PRIORITY_DOWN, PRIORITY_ACK = "signal/{id}/priority/down", "signal/{id}/priority/down/ack"
PATTERNS = (COOP_UP, PRIORITY_ACK)
LAST_NUMBER = 2**31
LONGEST_TURN_S = 0.002  # of a site, and what it was at: a tenth of a warning's 20 ms
PAUSE_US = 20_000  # between two turns of a desk that has heard nothing
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """A session that was open when inference ended."""

    session_id: str
    site_id: str
    application: str
    device_key: int
    number: int


def subscriptions() -> tuple[tuple[str, int], ...]:
    """Filters with their QoS."""
    return tuple((filter_, topics.row(pattern).qos) for pattern in PATTERNS for filter_ in topics.row(pattern).subscriptions())


class Office:
    """values: the sites' parameters, site → application → name → value; lost: told at their site's first turn that it is over."""

    def __init__(
        self,
        values: Mapping[str, Any],
        new_id: Callable[[], str],
        monotonic_s: Callable[[], float],
        first_number: int,
        lost: Sequence[Lost] = (),
    ) -> None:
        self._values, self._new_id, self._monotonic_s = values, new_id, monotonic_s
        self._numbers: Iterator[int] = itertools.count(first_number % (LAST_NUMBER // 2))
        self._desks: dict[str, Desk] = {}
        self._due_us: dict[str, int] = {}
        self._lost = list(lost)
        self._is_ours = TopicLookup(np.bool_, _is_ours)
        self.counts: Counter[str] = Counter()

    def use(self, before: Register, register: Register) -> None:
        """Take over a new register: sites whose frame or roads changed start anew."""
        for site_id, entry in register.sites.items():
            if site_id not in self._desks or before.sites.get(site_id) != entry:
                self._lost += self._open_at(site_id)
                self._desks[site_id] = desk_of(self._values.get(site_id, {}), entry, self._new_id, lambda: next(self._numbers))
        for site_id in set(self._desks) - set(register.sites):
            del self._desks[site_id]

    def sort(self, received: Messages) -> tuple[Messages, Messages | None]:
        """What is for others, and what is ours (None: nothing), in no more than a look at the topics' numbers."""
        is_ours = self._is_ours.of(received)
        if not is_ours.any():
            return received, None
        return received.take(~is_ours), received.take(is_ours)

    def hear(self, messages: Messages, register: Register, now_us: int) -> None:
        """Hand messages to their sites' desks."""
        for index in range(len(messages)):
            found = topics.find(messages.topic_of(index))
            device = register.devices.get(found.device) if found else None
            if found is None or device is None or device.kind is not found.kind or device.site_id not in self._desks:
                self.counts["unregistered"] += 1
            else:
                self._desks[device.site_id].hear(Heard(device, found.topic.stream, messages.payload(index)), now_us)
                self._due_us[device.site_id] = 0

    def turn(self, sites: Mapping[str, Site], register: Register, now_us: int) -> Iterator[tuple[Letter | None, Item | None]]:
        """Letters to publish and rows to store."""
        for site_id, desk in self._desks.items():
            yield from self._farewells(site_id, register, now_us)
            if site_id not in sites or desk.is_idle or 0 <= now_us - self._due_us.get(site_id, 0) < PAUSE_US:
                continue
            self._due_us[site_id] = now_us
            site = sites[site_id]
            twin = resized(site.twins.twin, site.picture.capacity, -1)
            until_s = self._monotonic_s() + LONGEST_TURN_S
            live = Live(site.picture, site.placement, twin, now_us)
            posts, notes = desk.turn(live, register, partial(self._is_past, until_s))
            yield from ((letter(post), None) for post in posts)
            if notes:
                yield None, Item(COOP, coop_rows(notes, site_id))

    def total(self) -> Counter[str]:
        """What was counted, by all desks together."""
        return sum((desk.counts for desk in self._desks.values()), self.counts)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _is_past(self, until_s: float) -> bool:
        return self._monotonic_s() > until_s

    def _open_at(self, site_id: str) -> list[Lost]:
        desk = self._desks.get(site_id)
        sessions = desk.table.all_open() if desk else []
        return [Lost(one.session_id, site_id, one.application, one.device.key, one.number) for one in sessions]

    def _farewells(self, site_id: str, register: Register, now_us: int) -> Iterator[tuple[Letter | None, Item | None]]:
        """Whoever had a session with us before we started anew is told that it has none any more."""
        mine = [one for one in self._lost if one.site_id == site_id]
        if not mine:
            return
        self._lost = [one for one in self._lost if one.site_id != site_id]
        reason = "the platform has started anew: ask again"
        for one in mine:
            device = register.by_key.get(one.device_key)
            if device is None:
                continue
            document = {
                "type": "coop.refusal", "seqNum": next(self._numbers), "time_us": now_us,
                "answers": one.number, "state": "expired", "reason": reason,
            }  # fmt: skip
            yield letter(Post(device, "coop", document)), None
            yield None, Item(COOP, _lost_rows(one, device, document, now_us, reason))


def letter(post: Post) -> Letter:
    """As it goes out."""
    row = topics.row(COOP_DOWN if post.stream == "coop" else PRIORITY_DOWN)
    topic = row.topic(post.device.kind, post.device.device_id)
    return Letter(topic, _ENCODER.encode(post.document).encode(), row.qos, post.device)


def _lost_rows(lost: Lost, device: Device, document: Mapping[str, Any], now_us: int, reason: str) -> Any:
    note = Note(now_us, "moved", device, lost.number, None, "expired", reason, document)
    rows = coop_rows([note], lost.site_id)
    ids = np.array([UUID(lost.session_id)], object)
    return rows.with_columns(
        session_id=ids, session_id_valid=np.ones(1, np.bool_), application=np.array([lost.application], object)
    )


def _is_ours(topic: str) -> bool:
    found = topics.find(topic)
    return found is not None and found.topic.pattern in PATTERNS
