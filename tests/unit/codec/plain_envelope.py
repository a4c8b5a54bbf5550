"""Envelopes read one payload at a time, as the descriptions of the formats say it: what the columns are held against."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from chelu.codec.cv2x_wire import is_whole
from chelu.codec.envelope import Envelope
from chelu.messages import DropReason

STRUCTURED = (Envelope.DEPLOYED, Envelope.TITS_0117_BE, Envelope.TITS_0117_LE)
LATEST_MS = 253_402_300_799_999


@dataclass
class Plain:
    frames: list[bytes] = field(default_factory=list)
    heard_us: int | None = None
    reason: DropReason | None = None
    note: str = ""


def read(payload: bytes, envelope: Envelope, *, is_bsm: bool) -> Plain:
    if envelope is Envelope.AUTO:
        return tell(payload, is_bsm=is_bsm)
    if envelope is Envelope.BARE:
        return Plain([payload])
    found, at, count = Plain(), 0, 1
    if envelope is Envelope.DEPLOYED:
        at = 16
        if len(payload) < at:
            return Plain(reason=DropReason.TRUNCATED, note="header alone")
        (stamp_ms,) = struct.unpack("<q", payload[8:16])
        if not 0 <= stamp_ms <= LATEST_MS:
            return Plain(reason=DropReason.OUT_OF_RANGE, note=f"time stamp {stamp_ms} ms")
        found.heard_us = stamp_ms * 1000
    if envelope is not Envelope.DEPLOYED or is_bsm:
        count, at = payload[at] if at < len(payload) else -1, at + 1
    if count < 1:
        found.reason, found.note = DropReason.TRUNCATED if count else DropReason.UNDECODABLE, "count"
        return found
    return walk(found, payload[at:], count, ">H" if envelope is Envelope.TITS_0117_BE else "<H")


def walk(found: Plain, rest: bytes, count: int, size: str) -> Plain:
    for number in range(count):
        end = 2 + struct.unpack(size, rest[:2])[0] if len(rest) > 1 else len(rest) + 1
        if end > len(rest):
            found.reason, found.note = DropReason.TRUNCATED, f"{number} of {count} frames"
            return found
        found.frames.append(rest[2:end])
        rest = rest[end:]
    if rest:
        found.reason, found.note = DropReason.OVERLONG, f"{len(rest)} of"
    return found


def tell(payload: bytes, *, is_bsm: bool) -> Plain:
    fitting = {one: read(payload, one, is_bsm=is_bsm) for one in STRUCTURED}
    fitting = {one: found for one, found in fitting.items() if not found.reason and looks_right(found.frames, is_bsm=is_bsm)}
    if (not payload or looks_right([payload], is_bsm=is_bsm)) and (not fitting or is_whole(payload)):
        fitting[Envelope.BARE] = Plain([payload])
    if len(fitting) > 1:
        fitting = {one: found for one, found in fitting.items() if all(map(is_whole, found.frames))} or fitting
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    return Plain(reason=DropReason.UNDECODABLE, note="reading")


def looks_right(frames: Sequence[bytes], *, is_bsm: bool) -> bool:
    kinds = [frame[0] >> 4 if frame else 15 for frame in frames]
    return all(kind == 0 if is_bsm else 1 <= kind < 5 for kind in kinds)
