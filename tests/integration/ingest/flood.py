"""Publishes single BSMs over one raw MQTT 3.1.1 connection: `python -m tests.integration.ingest.flood`.

Arguments: host, port, seconds, messages a second, devices; and ``rubbish`` for messages that are none. Device d speaks as
obu/f{d}. Prints how many were sent.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Callable

import numpy as np

from chelu.codec import cv2x
from tests.unit.ingest.crafted import bsm_batch

CHUNK_S = 0.02
Packets = Callable[[int, int, int], bytes]  # from the number of the first, how many, devices


def main(host: str, port: int, seconds: float, rate: float, devices: int, packets: Packets) -> int:
    """Send at `rate`; returns the number of messages."""
    link = socket.create_connection((host, port))
    name = f"{packets.__name__:.5}".encode()
    link.sendall(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05" + name)
    link.recv(4)
    began, sent, turn = time.monotonic(), 0, 0
    while (passed := time.monotonic() - began) < seconds:
        due = int(min(passed + CHUNK_S, seconds) * rate) - sent
        if due > 0:
            link.sendall(packets(sent, due, devices))
            sent += due
        turn += 1
        time.sleep(max(0.0, turn * CHUNK_S - (time.monotonic() - began)))
    link.sendall(b"\xe0\x00")
    link.close()
    return sent


def flood(first: int, number: int, devices: int) -> bytes:
    """BSMs."""
    index = first + np.arange(number)
    batch = bsm_batch(number, time_us=time.time_ns() // 1000)
    batch = batch.with_columns(
        message_count=(index // devices % 128).astype(np.uint8), vehicle_id=(index % devices).astype(np.uint64)
    )
    frames = cv2x.encode_bsm(batch)
    data, start, stop = frames.data.tobytes(), frames.start.tolist(), frames.stop.tolist()
    return b"".join(
        _publish(f"obu/f{d}/bsm/up", data[a:b]) for d, a, b in zip((index % devices).tolist(), start, stop, strict=True)
    )


def rubbish(first: int, number: int, devices: int) -> bytes:
    """Random bytes: for registered devices, for ids and topics that are new each time, as JSON, and at the door."""
    random = np.random.default_rng(first)
    topics = (
        "obu/f{d}/bsm/up",
        "obu/stranger-{n}/bsm/up",
        "obu/f{d}/nonsense-{n}/up",
        "obu/f{d}/heartbeat/up",
        "join/new-{n}/hello",
    )
    sizes = random.integers(0, 80, number).tolist()
    return b"".join(
        _publish(topics[n % len(topics)].format(d=n % devices, n=n), b"\xf3" + random.bytes(size))
        for n, size in zip(range(first, first + number), sizes, strict=True)
    )


def _publish(topic: str, payload: bytes) -> bytes:
    name = topic.encode()
    return bytes([0x30, len(name) + 2 + len(payload)]) + struct.pack(">H", len(name)) + name + payload


if __name__ == "__main__":
    what = rubbish if sys.argv[6:] == ["rubbish"] else flood
    print(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]), what))
