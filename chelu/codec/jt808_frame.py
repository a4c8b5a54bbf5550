"""JT/T 808 frames: escaping, check, the headers of 2013 and 2019, and long messages that come in parts."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from chelu.errors import MalformedError, OutOfRangeError

MARK = b"\x7e"
LOCATION = 0x0200
MOST_BODY = 1023  # ten bits say a body's length
MOST_FRAME = 4096  # bytes between two marks; more is no frame
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
    """Frames out of the bytes of a connection. For one thread. What is between frames, or too long for one, is `passed_over`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.passed_over = 0

    @property
    def waiting(self) -> int:
        """Bytes of a frame that has not come whole."""
        return len(self._buffer)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The frames that are whole now, marks included; one mark may end a frame and begin the next."""
        self._buffer += piece
        at = 0
        while True:
            start = self._buffer.find(MARK, at)
            if start < 0:
                self.passed_over += len(self._buffer) - at
                at = len(self._buffer)
                break
            self.passed_over += start - at
            end = self._buffer.find(MARK, start + 1)
            at = start
            if end < 0:
                break
            if end > start + 1:
                if end - start <= MOST_FRAME:
                    yield bytes(self._buffer[start : end + 1])
                else:
                    self.passed_over += end - start
            at = end
            if self._begins_anew(end):
                at += 1
        del self._buffer[:at]
        if len(self._buffer) > MOST_FRAME:
            self.passed_over += len(self._buffer) - 1
            del self._buffer[1:]

    def _begins_anew(self, end: int) -> bool:
        """Whether the mark at `end` only ends a frame, since another follows at once."""
        return bytes(self._buffer[end + 1 : end + 2]) == MARK


class Assembler:
    """Whole messages of parts, by phone and message. For one thread; at most `most` messages wait, the oldest goes first.

    dropped: parts that were given up, that contradict their message or that no message can have.
    """

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._waiting: dict[tuple[str, int, int], dict[int, Message]] = {}
        self.dropped = 0

    def add(self, message: Message) -> Message | None:
        """The whole message once its last part is here; one without parts at once. Its serial number is its first part's."""
        if message.part is None:
            return message
        total, index = message.part
        if not 1 <= index <= total:
            self.dropped += 1
            return None
        first = (message.serial - (index - 1)) & 0xFFFF  # parts have serial numbers one after another
        key = (message.phone, message.message, first)
        parts = self._waiting.setdefault(key, {})
        if parts and next(iter(parts.values())).part[0] != total:  # type: ignore[index]
            self.dropped += 1
            return None
        parts[index] = message
        if len(parts) == total:
            del self._waiting[key]
            return replace(parts[1], body=b"".join(parts[place].body for place in range(1, total + 1)), part=None)
        if len(self._waiting) > self._most:
            self.dropped += len(self._waiting.pop(next(iter(self._waiting))))
        return None
