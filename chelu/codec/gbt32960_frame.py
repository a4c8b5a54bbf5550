"""GB/T 32960.3 frames: header, check and time of one, and the frames in a stream of bytes. Editions differ in the start bytes."""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from chelu.errors import MalformedError, OutOfRangeError

STARTS = {2016: b"##", 2025: b"$$"}
EDITIONS = {start: edition for edition, start in STARTS.items()}
HEADER = struct.Struct(">2sBB17sBH")
OVERHEAD = HEADER.size + 1  # and the check
MOST_DATA = 65_531
MOST_DAMAGED = 16  # frames with a wrong check in a row
BEIJING_S = 8 * 3600  # all times on the wire are UTC+8


class Command(enum.IntEnum):
    """What a frame is."""

    LOGIN = 0x01
    REALTIME = 0x02
    REISSUE = 0x03
    LOGOUT = 0x04
    PLATFORM_LOGIN = 0x05
    PLATFORM_LOGOUT = 0x06
    HEARTBEAT = 0x07
    TIME = 0x08
    ACTIVATION = 0x09
    ACTIVATION_ANSWER = 0x0A
    KEY = 0x0B


class Answer(enum.IntEnum):
    """What an answer says; the last is what every request carries. 5 to 7 are of 2025."""

    OK = 0x01
    ERROR = 0x02
    VIN_DUPLICATE = 0x03
    VIN_UNKNOWN = 0x04
    SIGNATURE = 0x05
    STRUCTURE = 0x06
    DECRYPTION = 0x07
    REQUEST = 0xFE


class Encryption(enum.IntEnum):
    """How the data is encrypted; 4 and 5 are of 2025."""

    NONE = 0x01
    RSA = 0x02
    AES128 = 0x03
    SM2 = 0x04
    SM4 = 0x05
    ABNORMAL = 0xFE
    INVALID = 0xFF


def name_of_encryption(code: int) -> str:
    """For sentences."""
    return Encryption(code).name if code in set(Encryption) else f"0x{code:02x}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; vin: 17 bytes as sent."""

    edition: int
    command: int
    answer: int
    vin: bytes
    encryption: int
    data: bytes

    def encode(self) -> bytes:
        """The bytes; OutOfRangeError for data or a VIN that do not fit."""
        if len(self.data) > MOST_DATA:
            raise OutOfRangeError("bytes of data", len(self.data), 0, MOST_DATA)
        if len(self.vin) != 17:
            raise OutOfRangeError("bytes of a VIN", len(self.vin), 17, 17)
        start = STARTS[self.edition]
        head = HEADER.pack(start, self.command, self.answer, self.vin, self.encryption, len(self.data))
        return (body := head + self.data) + bytes([check_of(body[2:])])

    def reply(self, answer: Answer, data: bytes) -> Frame:
        """The answer to this frame, unencrypted."""
        return replace(self, answer=int(answer), encryption=int(Encryption.NONE), data=data)


def check_of(body: bytes) -> int:
    """The exclusive or of the bytes between start and check."""
    return int(np.bitwise_xor.reduce(np.frombuffer(body, np.uint8)))


def read(frame: bytes) -> Frame:
    """One whole frame; MalformedError says what is wrong with it."""
    if len(frame) < OVERHEAD:
        raise MalformedError("truncated", f"{len(frame)} bytes where a frame has at least {OVERHEAD}")
    start, command, answer, vin, encryption, length = HEADER.unpack_from(frame)
    if start not in EDITIONS:
        raise MalformedError("undecodable", f"a frame starts with ## or $$, not with {start.hex()}")
    if len(frame) != OVERHEAD + length:
        reason = "truncated" if len(frame) < OVERHEAD + length else "overlong"
        raise MalformedError(reason, f"{len(frame)} bytes where the header says {OVERHEAD + length}")
    if check_of(frame[2:-1]) != frame[-1]:
        raise MalformedError("undecodable", f"the check is {frame[-1]:02x}, that of the bytes is {check_of(frame[2:-1]):02x}")
    return Frame(EDITIONS[start], command, answer, vin, encryption, frame[HEADER.size : -1])


def encode_time(time_us: int) -> bytes:
    """Six bytes of Beijing time, in whole seconds; OutOfRangeError outside the years 2000 to 2255."""
    seconds = time_us // 1_000_000 + BEIJING_S
    moment = np.datetime64(seconds, "s").astype(object)
    if not 2000 <= moment.year <= 2255:
        raise OutOfRangeError("year", moment.year, 2000, 2255)
    return bytes([moment.year - 2000, moment.month, moment.day, moment.hour, moment.minute, moment.second])


class Splitter:
    """Frames out of the bytes of a connection, which come in pieces of any size. For one thread.

    Bytes that are no frame are passed over up to the next start; `passed_over` counts them and `damaged` the frames whose check
    is wrong. After such a frame the next one is looked for from its second byte on, since its length may be what is damaged. A
    connection that `is_lost` has sent so many in a row that it is not worth the search.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._in_a_row = 0
        self.passed_over = 0
        self.damaged = 0

    @property
    def waiting(self) -> int:
        """Bytes of a frame that has not come whole."""
        return len(self._buffer)

    @property
    def is_lost(self) -> bool:
        """Whether nothing is read any more."""
        return self._in_a_row >= MOST_DAMAGED

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The frames that are whole now, their checks right."""
        self._buffer += piece
        at = 0
        while not self.is_lost and (at := self._next_start(at)) + HEADER.size <= len(self._buffer):
            end = at + OVERHEAD + int.from_bytes(self._buffer[at + 22 : at + 24])
            if end > len(self._buffer):
                break
            frame = bytes(self._buffer[at:end])
            if check_of(frame[2:-1]) == frame[-1]:
                yield frame
                at, self._in_a_row = end, 0
            else:
                at, self._in_a_row = at + 1, self._in_a_row + 1
                self.damaged += 1
                self.passed_over += 1
        del self._buffer[:at]

    def _next_start(self, at: int) -> int:
        if bytes(self._buffer[at : at + 2]) in EDITIONS:
            return at
        found = [place for start in EDITIONS if (place := self._buffer.find(start, at)) >= 0]
        # Without a start, the last byte may be the first of one.
        place = min(found, default=max(at, len(self._buffer) - (bytes(self._buffer[-1:]) in {b"#", b"$"})))
        self.passed_over += place - at
        return place
