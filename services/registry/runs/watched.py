"""What a test tells of itself while it is paced: a scene, rows as columns, and what has come so far; read by whoever watches.

The thread that runs the test writes, those of requests read. Who reads seldom gets fewer instants, and the newest always.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import columns
from chelu.messages import Batch

COLUMNS: Mapping[str, Any] = {
    "at_s": np.float32,
    "actor": np.uint16,
    **dict.fromkeys(("x_m", "y_m", "elevation_m", "heading_deg", "speed_mps"), np.float32),
}
MOST_INSTANTS = 100  # of one answer: four seconds of them as they are told
MOST_ROWS = 1_000_000  # some 30 MB; of five minutes a tenth of that
NOBODY: Mapping[str, Any] = {"table": "run", "actors": {}, "ways": [], "stop_lines": []}


class Watched:
    """One test's. Any thread may read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scene: Mapping[str, Any] = NOBODY
        self._so_far: Mapping[str, Any] = {}
        self._left_out = 0
        self._columns = {name: array("d") for name in COLUMNS}

    def take(self, answer: Mapping[str, Any]) -> None:
        """What of an answer is to be watched."""
        with self._lock:
            self._scene = answer.get("scene", self._scene)
            self._so_far = answer.get("so_far", self._so_far)
            told = answer.get("motion")
            if told is not None and len(self) + len(told["at_s"]) > MOST_ROWS:
                self._left_out += len(told["at_s"])
            elif told is not None:
                for name, column in self._columns.items():
                    column.extend(told[name])

    def __len__(self) -> int:
        return len(self._columns["at_s"])

    def table(self, after: int) -> bytes:
        """The rows after so many; all where there are not that many, since it is then another run's that are known."""
        with self._lock:
            first, end = after if after <= len(self) else 0, len(self)
            header = {**self._scene, "so_far": self._so_far, "first": first, "next": end, "left_out": self._left_out}
            found = {name: np.array(column[first:], COLUMNS[name]) for name, column in self._columns.items()}
        kept = thinned(found["at_s"])
        return columns.pack(Batch({name: column[kept] for name, column in found.items()}), header)


def thinned(at_s: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Which rows, in the order of time, are sent: all of every so many instants, counted from the newest."""
    _, instant = np.unique(at_s, return_inverse=True)
    count = int(instant.max(initial=-1)) + 1
    every = max(1, -(-count // MOST_INSTANTS))
    return np.asarray((count - 1 - instant) % every == 0)
