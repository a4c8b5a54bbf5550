"""A device of our own as the tests need it: numbers its QoS 1 messages and sends again what has no receipt."""

from __future__ import annotations

import json
import time

from chelu.bus import Session
from chelu.clock import SystemClock

WINDOW = 500
RESEND_S = 2.0


class Sender:
    """Sends `payload(number)` for 1 … total on one topic until the receipt says that all are stored."""

    def __init__(self, url: str, *, kind: str, device: str, stream: str) -> None:
        self._topic = f"{kind}/{device}/{stream}/up"
        self._stream = stream
        self.session = Session(url, client_id=device, clock=SystemClock(), subscriptions=[f"{kind}/{device}/receipt/down"])
        self.session.start()
        self.session.wait_connected(10)
        self.stored = self.sent = 0
        self.receipts: list[dict[str, int]] = []
        self._connection = self.session.connections
        self._progress_s = time.monotonic()

    def pump(self, total: int, payload: bytes, *, most: int = WINDOW) -> bool:
        """Send up to `most` more; True when everything is receipted."""
        self._read_receipts()
        if self.session.connections != self._connection and self.session.is_connected:
            self._connection = self.session.connections
            self._again()
        if self.sent > self.stored and time.monotonic() - self._progress_s > RESEND_S:
            self._again()
        last = min(total, self.sent + most, self.stored + 10 * WINDOW)
        # A number must not overtake the new pass that follows a reconnection, or its receipt would cover what was lost.
        while self.sent < last:
            publication = self.session.publish(self._topic, payload, qos=1, sequence=self.sent + 1, on=self._connection)
            if not publication.is_accepted:
                break
            self.sent += 1
        return self.stored >= total

    def _again(self) -> None:
        """A pass anew from the oldest message without a receipt."""
        self.sent, self._progress_s = self.stored, time.monotonic()

    def _read_receipts(self) -> None:
        for message in self.session.drain(100, 0.02):
            receipt = json.loads(message.payload)
            if self._stream in receipt.get("again", ()):
                self._again()
            if not receipt["stored"]:
                continue
            self.receipts.append(receipt["stored"])
            if (number := self.receipts[-1].get(self._stream, 0)) > self.stored:
                self.stored, self._progress_s = number, time.monotonic()
