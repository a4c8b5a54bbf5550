"""MQTT 5's reason codes (2.4): what they are called, and the error that carries one."""

from __future__ import annotations

import enum

from chelu.errors import CheluError


class Reason(enum.IntEnum):
    """Those that this client says or acts on."""

    SUCCESS = 0x00
    MALFORMED = 0x81
    PROTOCOL_ERROR = 0x82
    UNSUPPORTED_VERSION = 0x84
    TOPIC_ALIAS = 0x94
    PACKET_TOO_LARGE = 0x95


CODES_3 = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}  # return codes of MQTT 3.1.1's CONNACK (3.2.2.3) as reason codes

_FROM_80 = (
    "unspecified error",
    "malformed packet",
    "protocol error",
    "implementation specific error",
    "unsupported protocol version",
    "client identifier not valid",
    "bad user name or password",
    "not authorized",
    "server unavailable",
    "server busy",
    "banned",
    "server shutting down",
    "bad authentication method",
    "keep alive timeout",
    "session taken over",
    "topic filter invalid",
    "topic name invalid",
    "packet identifier in use",
    "packet identifier not found",
    "receive maximum exceeded",
    "topic alias invalid",
    "packet too large",
    "message rate too high",
    "quota exceeded",
    "administrative action",
    "payload format invalid",
    "retain not supported",
    "QoS not supported",
    "use another server",
    "server moved",
    "shared subscriptions not supported",
    "connection rate exceeded",
    "maximum connect time",
    "subscription identifiers not supported",
    "wildcard subscriptions not supported",
)


def name_of(reason: int) -> str:
    """What the standard calls a reason code."""
    if 0x80 <= reason < 0x80 + len(_FROM_80):
        return _FROM_80[reason - 0x80]
    return "success" if not reason else f"reason code 0x{reason:02X}"


class WireError(CheluError):
    """The peer sent what the protocol does not allow; `reason` is the code to say good-bye with."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{name_of(reason)}: {detail}")
