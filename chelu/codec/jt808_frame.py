"""JT/T 808 frames: escaping, check, the headers of 2013 and 2019, and the frames in a stream of bytes."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chelu.errors import MalformedError, OutOfRangeError

MARK = b"\x7e"
MOST_BODY = 1023  # ten bits say a body's length
MOST_FRAME = 4096  # bytes between two marks; more is no frame
MOST_DAMAGED = 16  # frames with a wrong check in a row
LENGTH, ENCRYPTION, IS_PART, IS_2019 = 0x03FF, 0x1C00, 0x2000, 0x4000  # of the properties; bit 15 is reserved
_BAD_ESCAPE = re.compile(rb"\x7d(?![\x01\x02])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Message:
    """One message or part; phone: digits, 12 in 2013 and 20 in 2019; part: number of parts and this one's, from 1, or None.

    version: 2019's own protocol version, 0 in 2013; flags: encryption bits and reserved bit as sent.
    """

    edition: int
    message: int
    phone: str
    serial: int
    body: bytes
    part: tuple[int, int] | None = None
    version: int = 0
    flags: int = 0

    @property
    def is_encrypted(self) -> bool:
        return bool(self.flags & ENCRYPTION)

    def encode(self) -> bytes:
        """The frame, marks included; OutOfRangeError for a body or a phone that do not fit."""
        if len(self.body) > MOST_BODY:
            raise OutOfRangeError("bytes of a body", len(self.body), 0, MOST_BODY)
        digits = 20 if self.edition == 2019 else 12
        if len(self.phone) != digits:
            raise OutOfRangeError("digits of a phone number", len(self.phone), digits, digits)
        properties = len(self.body) | self.flags | (IS_PART if self.part else 0) | (IS_2019 if self.edition == 2019 else 0)
        head = struct.pack(">HH", self.message, properties) + (bytes([self.version]) if self.edition == 2019 else b"")
        head += (
            bytes.fromhex(self.phone) + struct.pack(">H", self.serial) + (struct.pack(">HH", *self.part) if self.part else b"")
        )
        inner = head + self.body
        return MARK + escape(inner + bytes([check_of(inner)])) + MARK


def escape(inner: bytes) -> bytes:
    """Without the mark's byte in it."""
    return inner.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unescape(inner: bytes) -> bytes:
    """The inverse; MalformedError for an escape that stands for nothing."""
    if found := _BAD_ESCAPE.search(inner):
        raise MalformedError("undecodable", f"byte {found.start()} begins an escape that stands for nothing")
    return inner.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")


def check_of(inner: bytes) -> int:
    """The exclusive or of all bytes."""
    return int(np.bitwise_xor.reduce(np.frombuffer(inner, np.uint8)))


def read(frame: bytes) -> Message:
    """One frame, its marks included; MalformedError says what is wrong with it."""
    if len(frame) < 2 or frame[:1] != MARK or frame[-1:] != MARK or MARK in frame[1:-1]:
        raise MalformedError("undecodable", "a frame begins and ends with 7e, and has none between")
    inner = unescape(frame[1:-1])
    if len(inner) < 13:
        raise MalformedError("truncated", f"{len(inner)} bytes where a header and a check have at least 13")
    if check_of(inner) != 0:
        raise MalformedError("undecodable", "the check is not that of the bytes")
    message, properties = struct.unpack_from(">HH", inner)
    edition = 2019 if properties & IS_2019 else 2013
    phone_at = 5 if edition == 2019 else 4
    serial_at = phone_at + (10 if edition == 2019 else 6)
    body_at = serial_at + (6 if properties & IS_PART else 2)
    expected = body_at + (properties & LENGTH) + 1
    if len(inner) != expected:
        reason = "truncated" if len(inner) < expected else "overlong"
        raise MalformedError(reason, f"{len(inner)} bytes where the header says {expected}")
    return Message(
        edition,
        message,
        inner[phone_at:serial_at].hex(),
        int.from_bytes(inner[serial_at : serial_at + 2]),
        inner[body_at:-1],
        struct.unpack_from(">HH", inner, serial_at + 2) if properties & IS_PART else None,
        inner[4] if edition == 2019 else 0,
        properties & ~(LENGTH | IS_PART | IS_2019),
    )


class Splitter:
    """Frames out of the bytes of a connection. For one thread.

    `passed_over` counts the bytes between frames and of what is too long for one, `damaged` the frames whose escapes or check are
    wrong. A connection that `is_lost` has sent so many of these in a row that it is not worth reading.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._in_a_row = 0
        self._is_empty = False  # two marks side by side came last: one ended a frame, or none did
        self.passed_over = 0
        self.damaged = 0

    @property
    def waiting(self) -> int:
        """Bytes of a frame that has not come whole; a mark alone may be the end of the one before."""
        return len(self._buffer) if len(self._buffer) > 1 else 0

    @property
    def is_lost(self) -> bool:
        """Whether nothing is read any more."""
        return self._in_a_row >= MOST_DAMAGED

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The frames that are whole now and their checks right, marks included; one mark may end a frame and begin the next."""
        self._buffer += piece
        at = 0
        while not self.is_lost:
            start = self._buffer.find(MARK, at)
            end = self._buffer.find(MARK, start + 1) if start >= 0 else -1
            self.passed_over += (start if start >= 0 else len(self._buffer)) - at
            at = start if start >= 0 else len(self._buffer)
            if end < 0:
                break
            if end > start + 1:
                yield from self._judged(bytes(self._buffer[start : end + 1]))
            at = end + self._begins_anew(end)
            was_empty, self._is_empty = self._is_empty, end == start + 1
            if was_empty and self._is_empty:
                self.passed_over += at - start
        del self._buffer[:at]
        if len(self._buffer) > MOST_FRAME:
            self.passed_over += len(self._buffer) - 1
            del self._buffer[1:]

    def _judged(self, frame: bytes) -> Iterator[bytes]:
        if len(frame) > MOST_FRAME:
            self.passed_over += len(frame) - 1
        elif is_sound(frame):
            self._in_a_row = 0
            yield frame
        else:
            self._in_a_row += 1
            self.damaged += 1

    def _begins_anew(self, end: int) -> bool:
        """Whether the mark at `end` only ends a frame, since another follows at once."""
        return bytes(self._buffer[end + 1 : end + 2]) == MARK


def is_sound(frame: bytes) -> bool:
    """Whether the escapes and the check of what stands between two marks are right."""
    try:
        return check_of(unescape(frame[1:-1])) == 0
    except MalformedError:
        return False
