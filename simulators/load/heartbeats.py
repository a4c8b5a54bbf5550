"""Heartbeats of a load's devices: what each has sent, so that loss on the way is a number in the site's books."""

from __future__ import annotations

import json
from collections.abc import Sequence

from chelu.bus import packets
from chelu.topics import row
from simulators.load.books import Books
from simulators.load.devices import Devices

EVERY_S = 10.0
TOPIC = row("{kind}/{id}/heartbeat/up")


class Heartbeats:
    """Each speaker's turn comes every `every_s` seconds, evenly spread. Owned by the load's thread."""

    def __init__(self, devices: Devices, books: Books, *, start_us: int, every_s: float = EVERY_S) -> None:
        self._devices, self._books, self._start_us = devices, books, start_us
        self._speakers, self._every_s = devices.speakers, every_s
        self._start_id = f"{devices.settings.seed}-{start_us}"
        self._said = 0  # of all heartbeats of all devices, in order of their turns

    def due(self, elapsed_s: float) -> Sequence[int]:
        """Devices whose turn has come since this was asked last."""
        if not self._every_s:
            return ()
        count = len(self._speakers)
        end = int(elapsed_s / self._every_s * count)
        found = [self._speakers[turn % count] for turn in range(self._said, end)]
        self._said = max(self._said, end)
        return found

    def packet(self, device: int, elapsed_s: float, packet_id: int) -> bytes:
        """The heartbeat of one device, as `edge.reports.heartbeat` has it, as a packet of QoS 1."""
        name, kind = self._devices.names[device], self._devices.kind(device)
        sent = {stream: int(counts[device]) for stream, counts in self._books.frames_of.items() if counts[device]}
        document = {
            "seqNum": 1 + self._said // len(self._speakers),
            "id": name,
            "kind": kind.value,
            "start_id": self._start_id,
            "time_us": self._start_us + int(elapsed_s * 1e6),
            "uptime_s": round(elapsed_s, 3),
            "sent": sent,
        }
        payload = json.dumps(document, separators=(",", ":")).encode()
        return packets.publish(TOPIC.topic(kind, name), payload, qos=1, retain=False, packet_id=packet_id)
