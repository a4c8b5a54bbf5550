"""What a connection has yet to send, and the fate of each publication. No I/O; any thread may call, a lock guards the state."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.bus import packets
from chelu.bus.messages import Failure, Publication
from chelu.bus.reasons import name_of

SEND_WINDOW = 1000  # unacknowledged publications on the wire when the broker names no limit of its own
HEADER_BYTES = 64  # what a PUBLISH packet may need beyond topic and payload: fixed header, packet number, the seq property
LAST_PACKET_ID = 65_534  # one more is the number of what is subscribed (chelu.bus.link)


@dataclass(frozen=True, slots=True)
class _Waiting:
    topic: str
    payload: bytes
    retain: bool
    sequence: int | None
    publication: Publication
    size: int


class Outbox:
    """Bounded: beyond `most` publications or `most_bytes`, a publication is refused. Closed until `open`."""

    def __init__(self, settled: threading.Condition, *, version: int, most: int, most_bytes: int) -> None:
        self._settled, self._version, self._most, self._most_bytes = settled, version, most, most_bytes
        self._guard = threading.Lock()
        self._pieces: deque[bytes] = deque()
        self._taken = memoryview(b"")  # being sent
        self._put = self._sent = 0  # bytes since the connection began
        self._plain: deque[tuple[int, Publication, int]] = deque()  # QoS 0: sent when so many bytes are, publication, size
        self._numbered: dict[int, tuple[Publication, int]] = {}  # QoS 1 on the wire, by packet id
        self._queued: deque[_Waiting] = deque()  # QoS 1 beyond the broker's receive maximum
        self._window, self._largest = SEND_WINDOW, packets.LARGEST
        self._last_id, self._bytes, self._is_open = 0, 0, False

    def open(self, *, window: int | None, largest: int | None) -> None:
        """The broker takes publications now: this many QoS 1 at a time, this many bytes in one (None: no limit named)."""
        with self._guard:
            self._window, self._largest = min(SEND_WINDOW, window or SEND_WINDOW), largest or packets.LARGEST
            self._is_open = True

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, sequence: int | None) -> Publication:
        """Queue a message; what cannot be queued says so."""
        size = len(topic) + len(payload) + HEADER_BYTES
        if size > self._largest:
            return Publication(self._settled, Failure.TOO_LARGE, f"{size} bytes; the broker takes {self._largest}")
        with self._guard:
            if not self._is_open:
                return Publication(self._settled, Failure.NOT_CONNECTED)
            count = len(self._plain) + len(self._numbered) + len(self._queued)
            if count >= self._most or self._bytes + size > self._most_bytes:
                return Publication(self._settled, Failure.OUTBOX_FULL)
            item = _Waiting(topic, payload, retain, sequence, Publication(self._settled), size)
            self._bytes += size
            if qos:
                self._queued.append(item)
                self._pump()
            else:
                self._write(item, 0)
                self._plain.append((self._put, item.publication, size))
        return item.publication

    def publish_all(self, packets_: bytes) -> Publication:
        """Queue PUBLISH packets of QoS 0 that are ready, with one fate for all."""
        size = len(packets_)
        with self._guard:
            if not self._is_open:
                return Publication(self._settled, Failure.NOT_CONNECTED)
            if self._bytes + size > self._most_bytes:
                return Publication(self._settled, Failure.OUTBOX_FULL)
            publication = Publication(self._settled)
            self._bytes += size
            self._append(packets_)
            self._plain.append((self._put, publication, size))
        return publication

    def say(self, packet: bytes) -> None:
        """Queue a packet that has no fate of its own."""
        with self._guard:
            self._append(packet)

    def acknowledge(self, packet_ids: npt.NDArray[np.uint16]) -> None:
        """Queue a PUBACK for each of (n,) packet ids."""
        self.say(packets.pubacks(packet_ids))

    def settle(self, packet_id: int, reason: int) -> None:
        """The broker's word on a QoS 1 publication; one for a number that is not waited for is passed over."""
        with self._guard, self._settled:
            entry = self._numbered.pop(packet_id, None)
            if entry is None:
                return
            publication, size = entry
            self._bytes -= size
            if reason >= 0x80:
                publication.failure, publication.detail = Failure.REFUSED, name_of(reason)
            else:
                publication.is_acknowledged = True
            self._pump()
            self._settled.notify_all()

    @property
    def has_bytes(self) -> bool:
        """Whether there is something to write."""
        return self._sent < self._put

    @property
    def has_unsettled(self) -> bool:
        """Whether anything is unwritten or unacknowledged."""
        with self._guard:
            return self.has_bytes or bool(self._plain or self._numbered or self._queued)

    def next(self) -> memoryview:
        """The bytes to be written next, the same again until `sent` says how many were."""
        with self._guard:
            if not self._taken and self._pieces:
                self._taken = memoryview(b"".join(self._pieces))
                self._pieces.clear()
            return self._taken

    def sent(self, count: int) -> None:
        """So many of the bytes that `next` gave were written."""
        with self._guard:
            self._taken = self._taken[count:]
            self._sent += count
            if not self._plain or self._plain[0][0] > self._sent:
                return
            with self._settled:
                while self._plain and self._plain[0][0] <= self._sent:
                    _, publication, size = self._plain.popleft()
                    publication.is_acknowledged = True
                    self._bytes -= size
                self._settled.notify_all()

    def close(self) -> None:
        """Take nothing more, and report everything without a fate as failed."""
        with self._guard, self._settled:
            self._is_open = False
            lost = [entry[1] for entry in self._plain] + [entry[0] for entry in self._numbered.values()]
            for publication in lost + [item.publication for item in self._queued]:
                publication.failure = Failure.CONNECTION_LOST
            self._plain.clear()
            self._numbered.clear()
            self._queued.clear()
            self._settled.notify_all()

    # -- inside, under the guard ---------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Put QoS 1 onto the wire as far as the broker's receive maximum allows (MQTT 5, 4.9)."""
        while self._queued and len(self._numbered) < self._window:
            item = self._queued.popleft()
            number = self._next_id()
            self._numbered[number] = item.publication, item.size
            self._write(item, number)

    def _next_id(self) -> int:
        """A number not in flight; the window is far smaller than there are numbers."""
        while True:
            self._last_id = self._last_id % LAST_PACKET_ID + 1
            if self._last_id not in self._numbered:
                return self._last_id

    def _write(self, item: _Waiting, number: int) -> None:
        packet = packets.publish(
            item.topic,
            item.payload,
            qos=1 if number else 0,
            retain=item.retain,
            packet_id=number,
            sequence=item.sequence,
            version=self._version,
        )
        self._append(packet)

    def _append(self, packet: bytes) -> None:
        self._pieces.append(packet)
        self._put += len(packet)
