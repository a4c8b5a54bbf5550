"""What a JT/T 808 terminal and its platform say to each other beside reports: registration, authentication, answers, time.

Layouts as public texts and open decoders of both editions give them; docs/formats/jt808.md says how sure each one is.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chelu.codec.jt808_frame import Message
from chelu.errors import MalformedError


class Say(enum.IntEnum):
    """Message ids; 0x8000 and above are the platform's."""

    ANSWER = 0x0001
    HEARTBEAT = 0x0002
    LOGOUT = 0x0003  # the terminal leaves its vehicle: its authentication code ends
    TIME = 0x0004
    REGISTER = 0x0100
    AUTHENTICATE = 0x0102
    LOCATION = 0x0200
    BATCH = 0x0704
    PLATFORM_ANSWER = 0x8001
    RESEND = 0x8003
    TIME_ANSWER = 0x8004
    REGISTER_ANSWER = 0x8100


class Result(enum.IntEnum):
    """What a general answer says."""

    OK = 0
    FAILED = 1
    WRONG = 2
    UNSUPPORTED = 3


class Registered(enum.IntEnum):
    """What a registration's answer says."""

    OK = 0
    VEHICLE_TAKEN = 1
    NO_VEHICLE = 2
    TERMINAL_TAKEN = 3
    NO_TERMINAL = 4


_REGISTRATION: Mapping[int, struct.Struct] = {2013: struct.Struct(">HH5s20s7sB"), 2019: struct.Struct(">HH11s30s30sB")}
_GENERAL = struct.Struct(">HHB")
_IMEI, _SOFTWARE = 15, 20  # behind the code, in 2019
PLATE_CODING = "gbk"


@dataclass(frozen=True, slots=True)
class Registration:
    """Who a terminal is. plate: the vehicle's VIN where plate_colour is 0; texts are padded with zeros on the wire."""

    province: int
    city: int
    maker: str
    model: str
    terminal: str
    plate_colour: int
    plate: str

    def encode(self, edition: int) -> bytes:
        texts = (text.encode("ascii") for text in (self.maker, self.model, self.terminal))
        return _REGISTRATION[edition].pack(self.province, self.city, *texts, self.plate_colour) + self.plate.encode(PLATE_CODING)


def read_registration(edition: int, body: bytes) -> Registration:
    """The inverse of `encode`; MalformedError for a body that is too short."""
    layout = _REGISTRATION[edition]
    if len(body) < layout.size:
        raise MalformedError("truncated", f"{len(body)} bytes where a registration of {edition} has at least {layout.size}")
    province, city, maker, model, terminal, colour = layout.unpack_from(body)
    return Registration(province, city, _text(maker), _text(model), _text(terminal), colour, _text(body[layout.size :]))


def encode_authentication(edition: int, code: bytes, *, imei: str = "", software: str = "") -> bytes:
    """The body: in 2013 the code alone."""
    if edition == 2013:
        return code
    rest = imei.encode("ascii").ljust(_IMEI, b"\0") + software.encode("ascii").ljust(_SOFTWARE, b"\0")
    return bytes([len(code)]) + code + rest


def read_authentication(edition: int, body: bytes) -> bytes:
    """The code; MalformedError for a body that is too short for it."""
    if edition == 2013:
        return body.rstrip(b"\0")  # some end their texts with a zero
    if not body or len(body) < 1 + body[0]:
        raise MalformedError("truncated", f"{len(body)} bytes where a code of {body[0] if body else 1} bytes is announced")
    return body[1 : 1 + body[0]]


def general_answer(message: int, serial: int, result: int) -> bytes:
    """The body of an answer to a message."""
    return _GENERAL.pack(serial, message, result)


def read_general_answer(body: bytes) -> tuple[int, int, int]:
    """Message, serial number and result; MalformedError unless it has five bytes."""
    if len(body) != _GENERAL.size:
        raise MalformedError("truncated" if len(body) < _GENERAL.size else "overlong", f"{len(body)} bytes where an answer has 5")
    serial, message, result = _GENERAL.unpack(body)
    return message, serial, result


def registration_answer(serial: int, result: int, code: bytes = b"") -> bytes:
    """The body of the answer to a registration; the code is there when it went well."""
    return struct.pack(">HB", serial, result) + code


def read_registration_answer(body: bytes) -> tuple[int, int, bytes]:
    """Serial number, result and code."""
    if len(body) < 3:
        raise MalformedError("truncated", f"{len(body)} bytes where a registration's answer has at least 3")
    return int.from_bytes(body[:2]), body[2], body[3:]


def resend_request(edition: int, serial: int, parts: Sequence[int]) -> bytes:
    """The body that asks for parts again, of the message whose first part has this serial number."""
    return struct.pack(f">H{'H' if edition == 2019 else 'B'}{len(parts)}H", serial, len(parts), *parts)


def time_answer(now_us: int) -> bytes:
    """The body that tells the time: binary-coded decimals of UTC, unlike all other times of the protocol."""
    return bytes.fromhex(datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%y%m%d%H%M%S"))


def reply(to: Message, kind: int, serial: int, body: bytes) -> bytes:
    """A frame of the platform's in the edition of the message that it follows."""
    return Message(to.edition, kind, to.phone, serial, body, version=to.version).encode()


def _text(data: bytes) -> str:
    return data.rstrip(b"\0 ").decode(PLATE_CODING, "replace")
