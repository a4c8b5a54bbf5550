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
        """Send at `rate` messages a second, with heartbeats before and after."""
        began, before = time.monotonic(), self._each
        self._beat()
        for tick in range(1, 1 + round(seconds / TICK_S)):
            due = round(tick * TICK_S * rate / CHILDREN) - (self._each - before)
            self._link.sendall(b"".join(self._round() for _ in range(due)))
            time.sleep(max(0.0, began + tick * TICK_S - time.monotonic()))
        self._beat()

    def close(self) -> None:
        self._link.close()

    def _beat(self) -> None:
        document = json.dumps({"start_id": "a", "sent": {"bsm": self._each}}).encode()
        self._link.sendall(b"".join(publish(f"obu/o{child}/heartbeat/up", document) for child in range(CHILDREN)))

    def _round(self) -> bytes:
        """A BSM of each child."""
        batch = bsm_batch(CHILDREN, time_us=time.time_ns() // 1000)
        counts = np.full(CHILDREN, self._each % 128, np.uint8)
        frames = cv2x.encode_bsm(batch.with_columns(message_count=counts, vehicle_id=np.arange(CHILDREN, dtype=np.uint64)))
        self._each += 1
        return b"".join(publish(f"obu/o{child}/bsm/up", frames.frame(child)) for child in range(CHILDREN))


def publish(topic: str, payload: bytes) -> bytes:
    """A PUBLISH at QoS 0, shorter than 128 bytes."""
    name = topic.encode()
    return bytes([0x30, len(name) + 2 + len(payload)]) + struct.pack(">H", len(name)) + name + payload
