"""From MQTT messages to `Reports` per site: routes topics, opens envelopes, decodes, and says who each row came from. No I/O.

What cannot be used here is counted and left: ingest dead-letters it, so inference says nothing about it twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu import topics
from chelu.bus import Received
from chelu.codec import cv2x, envelope
from chelu.messages import Batch
from services.inference.register import Device, Register
from services.inference.reports import Origin, Reports, joined, of_bsm, of_participants

PATTERNS = ("rsu/{id}/bsm/up", "obu/{id}/bsm/up", "rsu/{id}/rsm/up", "rsu/{id}/spat/up")
_OWN = "obu/{id}/bsm/up"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a topic's messages belong."""

    device: Device
    is_bsm: bool
    is_own: bool


@dataclass(frozen=True, slots=True)
class Intake:
    """One micro-batch of one site."""

    reports: Reports
    spat: Batch


def subscriptions() -> tuple[tuple[str, int], ...]:
    """Filters with their QoS, from the topic table."""
    rows = [topics.row(pattern) for pattern in PATTERNS]
    return tuple((filter_, row.qos) for row in rows for filter_ in row.subscriptions())


class Inbox:
    """Routes by topic (remembered) and decodes. Owned by one thread."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._routes: dict[str, Route | None] = {}
        self.counts: Counter[str] = Counter()

    def use(self, register: Register) -> None:
        """The register changed."""
        self._register, self._routes = register, {}

    def read(self, received: Sequence[Received]) -> dict[str, Intake]:
        """Site id → what came for it. Messages of unknown devices and undecodable frames are counted and left out."""
        routed = [(message, route) for message in received if (route := self._route(message.topic)) is not None]
        self.counts["messages"] += len(received)
        self.counts["unregistered"] += len(received) - len(routed)
        if not routed:
            return {}
        frames, refused = envelope.split(
            [message.payload for message, _ in routed],
            [route.device.envelope for _, route in routed],
            [route.is_bsm for _, route in routed],
            np.array([message.arrival_us for message, _ in routed], np.int64),
        )
        decoded = cv2x.decode(frames)
        self.counts["refused"] += len(refused) + len(decoded.rejects)
        return self._by_site(routed, frames.source.astype(np.int64), decoded)

    def _by_site(
        self, routed: Sequence[tuple[Received, Route]], source: npt.NDArray[np.int64], decoded: cv2x.Decoded
    ) -> dict[str, Intake]:
        site_ids = list(dict.fromkeys(route.device.site_id for _, route in routed))
        site = np.array([site_ids.index(route.device.site_id) for _, route in routed])
        key = np.array([route.device.key for _, route in routed], np.int64)
        own = np.array([route.is_own for _, route in routed])
        arrival = np.array([message.arrival_us for message, _ in routed], np.int64)
        intakes = {}
        for index, site_id in enumerate(site_ids):
            entry = self._register.sites.get(site_id)
            if entry is None:
                continue
            parts = []
            for batch, read in ((decoded.bsm, of_bsm), (decoded.participant, of_participants)):
                message = source[batch["frame"]]
                here = site[message] == index
                origin = Origin(key[message[here]], own[message[here]], arrival[message[here]])
                parts.append(read(batch.take(here), origin, entry.frame))
            reports = self._without_foreign(joined(parts))
            spat = decoded.spat
            intakes[site_id] = Intake(reports, spat.take(site[source[spat["frame"]]] == index))
        return intakes

    def _without_foreign(self, reports: Reports) -> Reports:
        """Drop what one vehicle's unit says under the id that the register gives to another's."""
        rows = np.flatnonzero(reports.own_key > 0)
        owners = self._register.owner_of
        owner = np.array([owners.get(one, 0) for one in reports.key[rows].tolist()], np.int64)
        foreign = rows[(owner > 0) & (owner != reports.own_key[rows])]
        self.counts["foreign_id"] += len(foreign)
        if not len(foreign):
            return reports
        keep = np.ones(len(reports), np.bool_)
        keep[foreign] = False
        return reports.take(keep)

    def _route(self, topic: str) -> Route | None:
        if topic not in self._routes:
            self._routes[topic] = self._find(topic)
        return self._routes[topic]

    def _find(self, topic: str) -> Route | None:
        found = topics.find(topic)
        if found is None or found.topic.pattern not in PATTERNS:
            return None
        device = self._register.devices.get(found.device)
        if device is None or device.kind is not found.kind:
            return None
        pattern = found.topic.pattern
        return Route(device, is_bsm="bsm" in pattern, is_own=pattern == _OWN)
