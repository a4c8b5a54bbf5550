"""A gateway that speaks for its children at a rate that costs the test little: single BSMs, and heartbeats with what was sent."""

from __future__ import annotations

import json
import socket
import struct
import time

import numpy as np

from chelu.api import NewDevice
from chelu.codec import cv2x
from chelu.topics import Kind
from tests.e2e.conftest import Running
from tests.unit.ingest.crafted import bsm_batch

GATEWAY, CHILDREN = "gw-1", 50
TICK_S = 0.02
WRITING_S = 20e-6  # for a message; more than it takes


class Fleet:
    """A gateway that speaks for its children over one plain socket: BSMs at QoS 0, and heartbeats with what each has sent."""

    def __init__(self, running: Running) -> None:
        endpoints, client = running.site.endpoints, running.client
        children = [
            NewDevice(device_id=f"o{i}", kind=Kind.OBU, site_id="hillside", parent=GATEWAY, credential=False)
            for i in range(CHILDREN)
        ]
        secret = client.add_devices([NewDevice(device_id=GATEWAY, kind=Kind.GATEWAY, site_id="hillside"), *children])[0].secret
        words = [word.encode() for word in (GATEWAY, GATEWAY, str(secret))]
        body = b"\x00\x04MQTT\x04\xc2\x00\x00" + b"".join(struct.pack(">H", len(word)) + word for word in words)
        self._link = socket.create_connection((endpoints.mqtt_host, endpoints.mqtt_port))
        self._link.sendall(bytes([0x10, len(body)]) + body)
        assert self._link.recv(4) == b"\x20\x02\x00\x00"
        self._each = 0

    @property
    def sent(self) -> int:
        return self._each * CHILDREN

    def drive(self, seconds: float, rate: int) -> None:
        """Send at `rate` messages a second, with heartbeats before and after; all is written first, so that sending is quick."""
        rounds = round(seconds * rate / CHILDREN)
        ahead_s = WRITING_S * rounds * CHILDREN
        began, times_us = time.monotonic() + ahead_s, time.time() * 1e6 + 1e6 * (ahead_s + np.arange(rounds) * CHILDREN / rate)
        written = self._write(times_us.astype(np.int64))
        self._beat()
        sent = 0
        for tick in range(1, 1 + round(seconds / TICK_S)):
            due = min(round(tick * TICK_S * rate / CHILDREN), rounds)
            time.sleep(max(0.0, began + tick * TICK_S - time.monotonic()))
            self._link.sendall(b"".join(written[sent:due]))
            sent = due
        self._each += rounds
        self._beat()

    def close(self) -> None:
        self._link.close()

    def _beat(self) -> None:
        document = json.dumps({"start_id": "a", "sent": {"bsm": self._each}}).encode()
        self._link.sendall(b"".join(publish(f"obu/o{child}/heartbeat/up", document) for child in range(CHILDREN)))

    def _write(self, times_us: np.ndarray) -> list[bytes]:
        """For each instant a BSM of every child."""
        rounds = len(times_us)
        batch = bsm_batch(rounds * CHILDREN).with_columns(
            time_us=np.repeat(times_us, CHILDREN),
            sec_mark_ms=np.repeat(times_us // 1000 % 60_000, CHILDREN).astype(np.uint16),
            message_count=np.repeat((self._each + np.arange(rounds)) % 128, CHILDREN).astype(np.uint8),
            vehicle_id=np.tile(np.arange(CHILDREN, dtype=np.uint64), rounds),
        )
        frames = cv2x.encode_bsm(batch)
        names = [f"obu/o{child}/bsm/up" for child in range(CHILDREN)]
        return [
            b"".join(publish(name, frames.frame(first + child)) for child, name in enumerate(names))
            for first in range(0, rounds * CHILDREN, CHILDREN)
        ]


def publish(topic: str, payload: bytes) -> bytes:
    """A PUBLISH at QoS 0, shorter than 128 bytes."""
    name = topic.encode()
    return bytes([0x30, len(name) + 2 + len(payload)]) + struct.pack(">H", len(name)) + name + payload
