"""Which stream a MessageFrame belongs to, read from its first bits: the frame itself stays as it came.

MessageFrame is a CHOICE with an extension mark: bit 0 says "extended", bits 1..3 are the index (YD/T 3709-2020, unaligned PER).
"""

from __future__ import annotations

from dataclasses import dataclass

from chelu import topics
from chelu.topics import Kind, Payload

STREAM_OF_INDEX = ("bsm", "map", "rsm", "spat", "rsi")
MAX_FRAME_BYTES = 0xFFFF  # an envelope gives a frame's length in two bytes
_ID_BYTES = 11  # a BSM's id ends at bit 83 when the frame starts with ext, index, ext, 7 option bits, msgCnt
_ID_SHIFT = 8 * _ID_BYTES - 83
_ID_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame and the instant at which this agent heard it, µs UTC; stream: of a document, which goes up as it is."""

    frame: bytes
    heard_us: int
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Router:
    """Which frames a device of this kind may publish; `own_id` (an OBU's BSM id) keeps others' BSMs off its topic."""

    streams: frozenset[str]
    own_id: int | None = None

    @classmethod
    def of_kind(cls, kind: Kind, own_id: int | None = None) -> Router:
        rows = topics.of_kind(kind, from_device=True)
        streams = (row.stream for row in rows if row.payload is Payload.FRAMES and row.standard is not topics.Standard.OPENV2X)
        return cls(frozenset(streams), own_id)

    def route(self, frame: bytes) -> tuple[str, str]:
        """(stream, "") or ("", why the frame is not published)."""
        if len(frame) < 2:
            return "", "truncated"
        if len(frame) > MAX_FRAME_BYTES:
            return "", "overlong"
        index = frame[0] >> 4
        if index >= len(STREAM_OF_INDEX):
            return "", "not a MessageFrame"
        stream = STREAM_OF_INDEX[index]
        if stream not in self.streams:
            return "", f"no {stream} from this kind of device"
        if stream == "bsm" and self.own_id is not None and vehicle_id(frame) != self.own_id:
            return "", "another vehicle's"
        return stream, ""


def vehicle_id(frame: bytes) -> int | None:
    """The 8-byte id of a BSM, None when the frame is too short to have one."""
    if len(frame) < _ID_BYTES:
        return None
    return (int.from_bytes(frame[:_ID_BYTES], "big") >> _ID_SHIFT) & _ID_MASK
