"""What a device hears, is told and says, written to a file for some seconds: a line of JSON each.

``{"time_us", "way", "name", "payload"}``: way is ``heard`` (a frame from a source), ``down`` or ``up`` (a message, name being its
topic); the payload is hexadecimal. Belongs to the agent's thread, but that `note` may be called from any.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from chelu.clock import Clock

MOST_BYTES = 64 << 20
KEPT_FILES = 5
FOLDER = "captures"  # beside the spools


class Capture:
    """One capture, from its making until `end`. Raises OSError when its file cannot be made."""

    def __init__(self, directory: Path, number: int, seconds: float, clock: Clock) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        _forget_oldest(directory)
        self.path = directory / f"capture-{number}.ndjson"
        self._clock, self._guard = clock, threading.Lock()
        self._file: IO[bytes] | None = self.path.open("wb")
        self._digest = hashlib.sha256()
        self._messages = self._bytes = self._left_out = 0
        self.number, self.due_s = number, clock.monotonic_s() + seconds
        self.trouble = ""

    def note(self, way: str, name: str, payload: bytes) -> None:
        """One line; beyond `MOST_BYTES`, or on a full disk, it is only counted."""
        line = {"time_us": self._clock.wall_us(), "way": way, "name": name, "payload": payload.hex()}
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        with self._guard:
            if self._file is None or self.trouble or self._bytes + len(data) > MOST_BYTES:
                self._left_out += 1
                return
            try:
                self._file.write(data)
            except OSError as error:
                self.trouble = error.strerror or str(error)
                return
            self._digest.update(data)
            self._messages, self._bytes = self._messages + 1, self._bytes + len(data)

    def note_all(self, way: str, named: Iterable[tuple[str, bytes]]) -> None:
        """Several lines."""
        for name, payload in named:
            self.note(way, name, payload)

    def end(self) -> dict[str, Any]:
        """Close the file and say what is in it; `trouble` is set, and the file is gone, when the disk did not take it."""
        with self._guard:
            file, self._file = self._file, None
        try:
            if file is not None:
                file.close()
        except OSError as error:
            self.trouble = error.strerror or str(error)
        if self.trouble:
            with contextlib.suppress(OSError):
                self.path.unlink()
        found = {"file": self.path.name, "messages": self._messages, "bytes": self._bytes, "sha256": self._digest.hexdigest()}
        return {**found, "left_out": self._left_out}


def _forget_oldest(directory: Path) -> None:
    """Make room for one more: no device fills its disk by being asked often."""
    files = sorted(directory.glob("capture-*.ndjson"), key=lambda file: file.stat().st_mtime)
    for file in files[: max(0, len(files) - KEPT_FILES + 1)]:
        file.unlink(missing_ok=True)
