"""Bytes that arrive in pieces, cut into lines."""

from __future__ import annotations


class Lines:
    """Feed pieces, get whole lines without their ends; `overlong` counts lines that were thrown away for their length."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""
        self._is_skipping = False
        self.overlong = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that this piece completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines and self._is_skipping:
            lines, self._is_skipping = lines[1:], False
        kept = [line.strip() for line in lines if len(line) <= self._limit]
        self.overlong += len(lines) - len(kept)
        if len(self._rest) > self._limit:
            self.overlong += not self._is_skipping
            self._rest, self._is_skipping = b"", True
        elif self._is_skipping:
            self._rest = b""
        return [line for line in kept if line]
