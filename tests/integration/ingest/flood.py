"""Publishes single BSMs over one raw MQTT 3.1.1 connection: `python -m tests.integration.ingest.flood`.

Arguments: host, port, seconds, messages a second, devices. Device d speaks as obu/f{d}. Prints how many were sent.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

import numpy as np

from chelu.codec import cv2x
from tests.unit.ingest.crafted import bsm_batch

CHUNK_S = 0.02


def main(host: str, port: int, seconds: float, rate: float, devices: int) -> int:
    """Send at `rate`; returns the number of messages."""
    link = socket.create_connection((host, port))
    link.sendall(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05flood")
    link.recv(4)
    began, sent, turn = time.monotonic(), 0, 0
    while (passed := time.monotonic() - began) < seconds:
        due = int(min(passed + CHUNK_S, seconds) * rate) - sent
        if due > 0:
            link.sendall(_packets(sent, due, devices))
            sent += due
        turn += 1
        time.sleep(max(0.0, turn * CHUNK_S - (time.monotonic() - began)))
    link.sendall(b"\xe0\x00")
    link.close()
    return sent


def _packets(first: int, number: int, devices: int) -> bytes:
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


def _publish(topic: str, payload: bytes) -> bytes:
    name = topic.encode()
    return bytes([0x30, len(name) + 2 + len(payload)]) + struct.pack(">H", len(name)) + name + payload


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
