"""An agent under test, and what stands for the platform it speaks to."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from itertools import count
from typing import Any

from chelu.bus import Received, Session
from chelu.clock import SystemClock
from edge.agent import Agent
from tests.waiting import until

numbers = count()
NOW_US = 1_790_000_000_123_456
StartAgent = Callable[..., Agent]


def bsm(number: int) -> bytes:
    """Bytes that are routed as a BSM and can be told apart."""
    return b"\x00" + struct.pack(">I", number) + bytes(30)


class Platform:
    """Stands for ingest: hears one device, and says what is stored when told to."""

    def __init__(self, url: str, device: str, kind: str) -> None:
        self.device, self.kind = device, kind
        self.messages: list[Received] = []
        name = f"ingest-{device}-{next(numbers)}"
        self.session = Session(
            url, client_id=name, clock=SystemClock(), subscriptions=[f"{kind}/{device}/#"], clean=False, session_expiry_s=60
        )
        self.session.start()
        self.session.wait_connected(10)

    def take(self) -> None:
        taken = self.session.drain(10_000, 0.05)
        self.session.acknowledge(taken)
        self.messages += taken

    def of(self, stream: str) -> list[Received]:
        """All messages so far of e.g. ``bsm/up``."""
        self.take()
        return [message for message in self.messages if message.topic == f"{self.kind}/{self.device}/{stream}"]

    def wait(self, stream: str, number: int, timeout_s: float = 10) -> list[Received]:
        return until(lambda: found if len(found := self.of(stream)) >= number else None, timeout_s, f"{number} of {stream}") or []

    def documents(self, stream: str) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.of(stream) if message.payload]

    def say(self, stream: str, document: object) -> None:
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        assert self.session.publish(f"{self.kind}/{self.device}/{stream}", payload, qos=1).wait(5)

    def receipt(self) -> None:
        """As ingest does: the highest number heard, per stream."""
        self.take()
        stored: dict[str, int] = {}
        for message in self.messages:
            if message.sequence is not None:
                stream = message.topic.split("/", 2)[2].replace("/up", "").replace("/down", "")
                stored[stream] = max(message.sequence, stored.get(stream, 0))
        self.say("receipt/down", {"stored": stored})


MakePlatform = Callable[..., Platform]


def unpacked(payload: bytes) -> tuple[bytes, int, list[bytes]]:
    """A deployed BSM envelope: device id, time in ms, frames."""
    identity, time_ms, number = struct.unpack_from("<8sqB", payload)
    offset, frames = 17, []
    for _ in range(number):
        (length,) = struct.unpack_from("<H", payload, offset)
        frames.append(payload[offset + 2 : offset + 2 + length])
        offset += 2 + length
    assert offset == len(payload)
    return identity, time_ms, frames
