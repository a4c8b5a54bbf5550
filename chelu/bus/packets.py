"""MQTT 3.1.1 and 5 control packets as bytes: written, and read one at a time. Pure.

Clause numbers are those of the OASIS standards (MQTT 5.0 of 2019, MQTT 3.1.1 of 2014). Streams of PUBLISH packets are read as
columns in `chelu.bus.wire`; what is here serves everything that comes rarely.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.bus.messages import Will
from chelu.bus.reasons import CODES_3, Reason, WireError

MQTT_3, MQTT_5 = 4, 5  # the protocol's own version numbers (3.1.2.2)
LARGEST = 268_435_455  # remaining length of four bytes (2.2.3)


class Kind(enum.IntEnum):
    """Packet types (2.1.2)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


# -- properties (2.2.2) ----------------------------------------------------------------------------------------------------------

SESSION_EXPIRY, SERVER_KEEP_ALIVE, RECEIVE_MAXIMUM, TOPIC_ALIAS, USER, PACKET_SIZE = 0x11, 0x13, 0x21, 0x23, 0x26, 0x27
SUBSCRIPTION = 0x0B
_BYTE, _TWO, _FOUR = ({0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}, {0x13, 0x21, 0x22, 0x23}, {0x02, 0x11, 0x18, 0x27})
_TEXT = {0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F}


@dataclass(slots=True)
class Properties:
    """Numbers by identifier, user properties in order; texts are passed over."""

    numbers: dict[int, int] = field(default_factory=dict)
    users: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def sequence(self) -> int | None:
        """The first well-formed ``seq``."""
        for name, value in self.users:
            if name == b"seq" and value.isdigit() and len(value) < 20:
                return int(value)
        return None


def variable(value: int) -> bytes:
    """A variable byte integer (1.5.5)."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class Reader:
    """Reads fields of one packet, never beyond its end; raises WireError."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise WireError(Reason.MALFORMED, f"a field of {count} bytes in a packet with {len(self.data) - self.position} left")
        self.position = end
        return self.data[end - count : end]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def text(self) -> bytes:
        return self.take(self.number(2))

    def variable(self) -> int:
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.number(1)
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise WireError(Reason.MALFORMED, "a variable byte integer of more than four bytes")

    def properties(self) -> Properties:
        inner = Reader(self.take(self.variable()))
        found = Properties()
        while inner.position < len(inner.data):
            inner._property(found)
        return found

    def _property(self, found: Properties) -> None:
        identifier = self.variable()
        if identifier == USER:
            found.users.append((self.text(), self.text()))
        elif identifier == SUBSCRIPTION:
            self.variable()
        elif identifier in _TEXT:
            self.text()
        else:
            size = 1 if identifier in _BYTE else 2 if identifier in _TWO else 4 if identifier in _FOUR else 0
            if not size:
                raise WireError(Reason.MALFORMED, f"property 0x{identifier:02X} does not exist")
            if identifier in found.numbers:
                raise WireError(Reason.PROTOCOL_ERROR, f"property 0x{identifier:02X} twice")
            found.numbers[identifier] = self.number(size)


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + variable(len(body)) + body


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


# -- what the client says --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """A CONNECT packet (3.1); the last three are MQTT 5's."""

    version: int
    client_id: str
    keepalive_s: int
    clean: bool
    user: str | None = None
    password: str | None = None
    will: Will | None = None
    session_expiry_s: int = 0
    receive_maximum: int = 65_535
    packet_bytes: int = LARGEST

    def encode(self) -> bytes:
        will, is_5 = self.will, self.version == MQTT_5
        flags = 2 * self.clean | 128 * (self.user is not None) | 64 * (self.password is not None)
        body = _text("MQTT")
        if will:
            flags |= 4 | will.qos << 3 | will.retain << 5
        body += struct.pack(">BBH", self.version, flags, self.keepalive_s)
        if is_5:
            properties = struct.pack(">BIBH", SESSION_EXPIRY, self.session_expiry_s, RECEIVE_MAXIMUM, self.receive_maximum)
            properties += struct.pack(">BI", PACKET_SIZE, self.packet_bytes)
            body += variable(len(properties)) + properties
        body += _text(self.client_id)
        if will:
            body += (b"\0" if is_5 else b"") + _text(will.topic) + _text(will.payload)
        for entry in (self.user, self.password):
            body += b"" if entry is None else _text(entry)
        return _packet(Kind.CONNECT << 4, body)


def subscribe(packet_id: int, filters: Sequence[tuple[str, int]], *, version: int, retain_handling: int = 0) -> bytes:
    """SUBSCRIBE (3.8). retain_handling (MQTT 5): 0 retained messages come always, 1 only for filters that are new."""
    options = retain_handling << 4 if version == MQTT_5 else 0
    body = struct.pack(">H", packet_id) + (b"\0" if version == MQTT_5 else b"")
    return _packet(Kind.SUBSCRIBE << 4 | 2, body + b"".join(_text(name) + bytes((qos | options,)) for name, qos in filters))


def unsubscribe(packet_id: int, filters: Sequence[str], *, version: int) -> bytes:
    """UNSUBSCRIBE (3.10)."""
    body = struct.pack(">H", packet_id) + (b"\0" if version == MQTT_5 else b"")
    return _packet(Kind.UNSUBSCRIBE << 4 | 2, body + b"".join(map(_text, filters)))


def publish(
    topic: str, payload: bytes, *, qos: int, retain: bool, packet_id: int, sequence: int | None = None, version: int = MQTT_5
) -> bytes:
    """PUBLISH (3.3); the sequence number travels as user property ``seq``, which 3.1.1 has no place for."""
    head = _text(topic) + (struct.pack(">H", packet_id) if qos else b"")
    if version == MQTT_5:
        user = b"" if sequence is None else bytes((USER,)) + _text("seq") + _text(str(sequence))
        head += variable(len(user)) + user
    return _packet(Kind.PUBLISH << 4 | qos << 1 | retain, head + payload)


def pubacks(packet_ids: npt.NDArray[np.uint16]) -> bytes:
    """A PUBACK (3.4) for each of (n,) packet ids, one after the other; success needs no reason code."""
    out = np.empty((len(packet_ids), 4), np.uint8)
    out[:, 0], out[:, 1] = Kind.PUBACK << 4, 2
    out[:, 2], out[:, 3] = packet_ids >> 8, packet_ids & 255
    return out.tobytes()


PINGREQ = _packet(Kind.PINGREQ << 4, b"")


def disconnect(reason: int = 0, *, version: int) -> bytes:
    """DISCONNECT (3.14); 3.1.1 has no reasons."""
    return _packet(Kind.DISCONNECT << 4, bytes((reason,)) if reason and version == MQTT_5 else b"")


# -- what the broker answers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Control:
    """A packet that is no PUBLISH: its first byte and its body."""

    first: int
    body: bytes

    @property
    def kind(self) -> int:
        return self.first >> 4


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer to CONNECT: reason 0 is yes; what it does not limit is None."""

    reason: int
    is_session_present: bool
    receive_maximum: int | None = None
    packet_bytes: int | None = None
    keepalive_s: int | None = None


def read_connack(body: bytes, *, version: int) -> Connack:
    """CONNACK (3.2). A broker of 3.1.1 refuses MQTT 5 in its own form, with its own codes."""
    reader = Reader(body)
    flags, reason = reader.number(1), reader.number(1)
    if reason < 0x80:
        reason = CODES_3.get(reason, 0x80) if reason else 0
    numbers = reader.properties().numbers if version == MQTT_5 and len(body) > 2 else {}
    return Connack(
        reason, bool(flags & 1), numbers.get(RECEIVE_MAXIMUM), numbers.get(PACKET_SIZE), numbers.get(SERVER_KEEP_ALIVE)
    )


def read_suback(body: bytes, *, version: int) -> tuple[int, bytes]:
    """SUBACK (3.9): packet id and one reason for each filter; 0x80 and above is no."""
    reader = Reader(body)
    packet_id = reader.number(2)
    if version == MQTT_5:
        reader.properties()
    return packet_id, body[reader.position :]


def read_puback(body: bytes) -> tuple[int, int]:
    """PUBACK (3.4): packet id and reason; a packet of two bytes is success."""
    reader = Reader(body)
    return reader.number(2), reader.number(1) if len(body) > 2 else 0


def read_disconnect(body: bytes) -> int:
    """DISCONNECT (3.14): the reason."""
    return body[0] if body else 0
