"""A reader that stalls loses QoS 0 in any broker without a word: on a whole site it shows as what agents sent and nobody got."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time

import numpy as np

from chelu.api import NewDevice
from chelu.codec import cv2x
from chelu.topics import Kind
from tests.e2e.conftest import Running
from tests.unit.ingest.crafted import bsm_batch
from tests.waiting import until

GATEWAY, CHILDREN = "gw-1", 50
STALL_RATE, STALL_S = (
    20_000,
    12.0,
)  # more than the 100 000 messages that our broker keeps for a slow client, and the sockets' buffers
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
        began = time.monotonic()
        self._beat()
        for tick in range(1, 1 + round(seconds / TICK_S)):
            self._link.sendall(b"".join(self._round() for _ in range(round(rate * TICK_S / CHILDREN))))
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


def test_what_a_stalled_reader_loses_shows_as_loss_in_transit(running: Running) -> None:
    fleet, client = Fleet(running), running.client
    fleet.drive(3, 1000)

    def bsm() -> dict[str, int]:
        found = client.traffic(seconds=600)["streams"].get("bsm", {})
        return found if found.get("sent") == fleet.sent else {}

    before = until(bsm, 20, "the heartbeats of steady traffic")
    assert abs(before["in_transit"]) <= CHILDREN
    ingest = next(part.pid for part in running.site.status() if part.name == "ingest")
    assert ingest
    os.kill(ingest, signal.SIGSTOP)
    try:
        fleet.drive(STALL_S, STALL_RATE)
    finally:
        os.kill(ingest, signal.SIGCONT)
    fleet.drive(2, 1000)
    after = until(bsm, 30, "the heartbeats after the stall")
    print(f"\n{fleet.sent} sent, {after['stored']} stored, {after['in_transit']} lost in transit, {client.traffic()['broker']}")
    assert after["in_transit"] == fleet.sent - after["stored"] > 1000
    dropped = until(lambda: (client.traffic()["broker"] or {}).get("dropped", 0), 20, "the broker's own count")
    assert dropped >= after["in_transit"]
    shown = running.chelu("status", "--seconds", "600", "--data", str(running.site.layout.data)).stdout
    assert f"{after['in_transit']:,} (" in shown
    assert f"dropped {dropped:,} messages" in shown
    fleet.close()
