"""Live pictures at the broker without inference."""

from __future__ import annotations

import threading
import time

import numpy as np

from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.codec import columns
from chelu.local.ports import LOOPBACK
from chelu.messages import Batch
from chelu.topics import PICTURE
from tests.integration.registry.conftest import ACCOUNTS, SITE, Place


class Painter:
    """Stands for inference: publishes a picture of where two vehicles are, ten times a second until it is closed."""

    def __init__(self, place: Place, site: str = SITE) -> None:
        url = f"mqtt://inference:{ACCOUNTS['inference']}@{LOOPBACK}:{place.broker_port}"
        self.session = Session(url, client_id=f"painter of {site}", clock=SystemClock())
        self._site = site
        self.session.start()
        self.session.wait_connected(10)
        self.rows: list[tuple[int, str, float, float]] = []  # kind, BSM id, east, north
        self.speed = 5.0
        self.age_ms = 0.0
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._paint)
        self._thread.start()

    def _paint(self) -> None:
        while not self._leaving.wait(0.1):
            rows = self.rows
            place = np.array([row[2:] for row in rows], np.float32).reshape(-1, 2)
            count = len(rows)
            batch = Batch(
                {
                    "kind": np.array([row[0] for row in rows], np.uint8),
                    "key": np.array([int(row[1], 16) for row in rows], np.uint64),
                    "device_key": np.zeros(count, np.int32),
                    "east_m": place[:, 0],
                    "north_m": place[:, 1],
                    "up_m": np.zeros(count, np.float32),
                    "speed_mps": np.full(count, self.speed, np.float32),
                    "age_ms": np.full(count, self.age_ms, np.float32),
                    "twin": np.full(count, -1, np.int32),
                }
            )
            self.session.publish(PICTURE.format(site=self._site), columns.pack(batch, {"time_us": time.time_ns() // 1000}))

    def close(self) -> None:
        self._leaving.set()
        self._thread.join()
        self.session.stop()
