"""Envelopes: how one MQTT payload or datagram holds frames, and when they were heard.

*bare*: the payload is one frame. *deployed* (little-endian): 8-byte device id, int64 ms UTC, then for BSM a u8 count and
{u16 length, frame}…, for other messages one {u16 length, frame}. *T/ITS 0117*: u8 count, {u16 length, frame}…, in
either byte order.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.codec.cv2x_wire import is_whole
from chelu.errors import MalformedError, OutOfRangeError
from chelu.messages import DropReason, Frames, Rejects, frames_of

Ints = npt.NDArray[np.int64]
Span = tuple[int, int]

_HEADER = struct.Struct("<8sq")
_LATEST_MS = 253_402_300_799_999  # the end of the year 9999
_KINDS = 5  # a MessageFrame's first four bits are below this


class Envelope(enum.StrEnum):
    """How a device wraps its frames; a property of the device in the register."""

    BARE = "bare"
    DEPLOYED = "deployed"
    TITS_0117_BE = "t/its 0117 big-endian"
    TITS_0117_LE = "t/its 0117 little-endian"
    AUTO = "auto"


_STRUCTURED = (Envelope.DEPLOYED, Envelope.TITS_0117_BE, Envelope.TITS_0117_LE)


@dataclass(slots=True)
class _Reading:
    """Where frames lie in a payload, when they were heard (None: not said), and what is wrong with the rest of it."""

    spans: list[Span] = field(default_factory=list)
    heard_us: int | None = None
    fault: tuple[DropReason, str] | None = None


def split(
    payloads: Sequence[bytes], envelopes: Sequence[Envelope], is_bsm: Sequence[bool], arrival_us: Ints
) -> tuple[Frames, Rejects]:
    """Frames of payloads, in order; source and Rejects.index are payload indices, reference the envelope's time, else arrival.

    A payload that ends too early or too late gives the frames that are whole and one reject for the rest.
    """
    if all(envelope is Envelope.BARE for envelope in set(envelopes)):
        return frames_of(payloads, arrival_us), Rejects()
    whole = frames_of(payloads, arrival_us)
    chosen, ambiguous = _resolve(whole, payloads, envelopes, is_bsm)
    readings = {
        index: _read(payloads[index], chosen[index], is_bsm=bool(is_bsm[index]))
        for index in range(len(payloads))
        if chosen[index] is not Envelope.BARE and index not in ambiguous
    }
    return _frames(whole, readings, ambiguous), _rejects(readings, ambiguous)


def pack(envelope: Envelope, frames: Sequence[bytes], *, device_id: bytes, reference_us: int, is_bsm: bool) -> bytes:
    """One payload; OutOfRangeError when the envelope cannot hold these frames. AUTO is not a way to write: ValueError."""
    most = 255 if envelope is not Envelope.BARE and (is_bsm or envelope is not Envelope.DEPLOYED) else 1
    if not 1 <= len(frames) <= most:
        raise OutOfRangeError(f"frames in one {envelope} envelope", len(frames), 1, most)
    if envelope is Envelope.BARE:
        return frames[0]
    if envelope not in _STRUCTURED:
        raise ValueError(f"{envelope} is a way to read, not to write")
    order = ">" if envelope is Envelope.TITS_0117_BE else "<"
    body = b"".join(_sized(frame, order) for frame in frames)
    if envelope is not Envelope.DEPLOYED:
        return bytes([len(frames)]) + body
    if len(device_id) != 8:
        raise OutOfRangeError("bytes of device_id", len(device_id), 8, 8)
    return _HEADER.pack(device_id, reference_us // 1000) + (bytes([len(frames)]) if is_bsm else b"") + body


def _sized(frame: bytes, order: str) -> bytes:
    if not 1 <= len(frame) <= 65535:
        raise OutOfRangeError("bytes of a frame", len(frame), 1, 65535)
    return struct.pack(order + "H", len(frame)) + frame


def _read(payload: bytes, envelope: Envelope, *, is_bsm: bool) -> _Reading:
    reading, at, count = _Reading(), 0, 1
    try:
        if envelope is Envelope.DEPLOYED:
            reading.heard_us, at = _heard_us(payload), _HEADER.size
        if envelope is not Envelope.DEPLOYED or is_bsm:
            count, at = _count(payload, at), at + 1
        _walk(reading, payload, at, count, ">" if envelope is Envelope.TITS_0117_BE else "<")
    except MalformedError as error:
        reading.fault = (DropReason(error.reason), f"{envelope}: {error.detail}")
    return reading


def _heard_us(payload: bytes) -> int:
    if len(payload) < _HEADER.size:
        raise MalformedError(DropReason.TRUNCATED, f"{len(payload)} bytes, the header alone has {_HEADER.size}")
    stamp_ms = int(_HEADER.unpack_from(payload)[1])
    if not 0 <= stamp_ms <= _LATEST_MS:
        raise MalformedError(DropReason.OUT_OF_RANGE, f"time stamp {stamp_ms} ms is outside 0 … {_LATEST_MS}")
    return stamp_ms * 1000


def _count(payload: bytes, at: int) -> int:
    if len(payload) <= at:
        raise MalformedError(DropReason.TRUNCATED, f"{len(payload)} bytes, the count is missing")
    if payload[at] == 0:
        raise MalformedError(DropReason.UNDECODABLE, "the count of frames is 0, 1 … 255 are possible")
    return payload[at]


def _walk(reading: _Reading, payload: bytes, at: int, count: int, order: str) -> None:
    length = struct.Struct(order + "H")
    for number in range(count):
        if at + 2 > len(payload) or at + 2 + length.unpack_from(payload, at)[0] > len(payload):
            raise MalformedError(DropReason.TRUNCATED, f"{number} of {count} frames are whole in {len(payload)} bytes")
        stop = at + 2 + length.unpack_from(payload, at)[0]
        reading.spans.append((at + 2, stop))
        at = stop
    if at < len(payload):
        raise MalformedError(DropReason.OVERLONG, f"{len(payload) - at} of {len(payload)} bytes are left over")


def _resolve(
    whole: Frames, payloads: Sequence[bytes], envelopes: Sequence[Envelope], is_bsm: Sequence[bool]
) -> tuple[list[Envelope], dict[int, str]]:
    """The envelope of every payload, AUTO ones by what they hold; and the payloads that cannot be told, with a sentence."""
    chosen, ambiguous = list(envelopes), dict[int, str]()
    auto = np.fromiter((envelope is Envelope.AUTO for envelope in envelopes), np.bool_, len(envelopes))
    first = np.append(whole.data, np.uint8(255))[np.where(whole.stop > whole.start, whole.start, len(whole.data))]
    looks_bare = _fits(first, np.fromiter(is_bsm, np.bool_, len(payloads))) | (whole.stop == whole.start)
    maybe = _maybe_structured(whole)
    for index in np.flatnonzero(auto & ~maybe).tolist():
        chosen[index] = Envelope.BARE
    for index in np.flatnonzero(auto & ~maybe & ~looks_bare).tolist():
        ambiguous[index] = "no envelope's reading consumes every byte and finds MessageFrames"
    for index in np.flatnonzero(auto & maybe).tolist():
        fitting = _fitting(payloads[index], is_bsm=bool(is_bsm[index]), looks_bare=bool(looks_bare[index]))
        if len(fitting) == 1:
            chosen[index] = fitting[0]
        else:
            found = ", ".join(fitting) or "no envelope"
            ambiguous[index] = f"{found}: exactly one reading must consume every byte and find MessageFrames"
    return chosen, ambiguous


def _fits(first: npt.NDArray[np.uint8], is_bsm: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    kind = first >> 4
    return np.where(is_bsm, kind == 0, (kind >= 1) & (kind < _KINDS))


def _maybe_structured(whole: Frames) -> npt.NDArray[np.bool_]:
    """Where a structured reading of the payload could consume every byte, judged by its first length; never false wrongly."""
    data = np.concatenate([whole.data, np.zeros(32, np.uint8)]).astype(np.int64)
    start, size = whole.start, whole.stop - whole.start
    found = np.zeros(len(size), np.bool_)
    for at, high, low in ((1, 0, 1), (1, 1, 0), (17, 1, 0), (16, 1, 0)):
        length = (data[start + at + high] << 8) | data[start + at + low]
        count = data[start + at - 1] if at != 16 else np.ones(len(size), np.int64)
        left = size - at - 2 - length
        found |= (length > 0) & (count > 0) & np.where(count == 1, left == 0, left >= 3 * (count - 1))
    return found


def _fitting(payload: bytes, *, is_bsm: bool, looks_bare: bool) -> list[Envelope]:
    readings = ((envelope, _read(payload, envelope, is_bsm=is_bsm)) for envelope in _STRUCTURED)
    fitting = {e: reading.spans for e, reading in readings if reading.fault is None and _finds(payload, reading, is_bsm=is_bsm)}
    if looks_bare and (not fitting or is_whole(payload)):
        fitting[Envelope.BARE] = [(0, len(payload))]
    if len(fitting) > 1:  # what only looks like an envelope holds no frames that decode
        whole = [e for e, spans in fitting.items() if all(is_whole(payload[start:stop]) for start, stop in spans)]
        return whole or list(fitting)
    return list(fitting)


def _finds(payload: bytes, reading: _Reading, *, is_bsm: bool) -> bool:
    first = np.array([payload[start] if stop > start else 255 for start, stop in reading.spans], np.uint8)
    return bool(_fits(first, np.full(len(first), is_bsm)).all())


def _frames(whole: Frames, readings: dict[int, _Reading], refused: Iterable[int]) -> Frames:
    is_bare = np.ones(len(whole), np.bool_)
    is_bare[[*readings, *refused]] = False
    bare = np.flatnonzero(is_bare)
    rows = [
        (start, stop, index, -1 if reading.heard_us is None else reading.heard_us)
        for index, reading in readings.items()
        for start, stop in reading.spans
    ]
    table = np.array(rows, np.int64).reshape(-1, 4)
    source = np.concatenate([bare, table[:, 2]])
    order = np.argsort(source, kind="stable")
    heard = np.where(table[:, 3] < 0, whole.reference_us[table[:, 2]], table[:, 3])
    base = whole.start[table[:, 2]]
    return Frames(
        whole.data,
        np.concatenate([whole.start[bare], base + table[:, 0]])[order],
        np.concatenate([whole.stop[bare], base + table[:, 1]])[order],
        np.concatenate([whole.reference_us[bare], heard])[order],
        source[order].astype(np.int32),
    )


def _rejects(readings: dict[int, _Reading], ambiguous: dict[int, str]) -> Rejects:
    found = {index: reading.fault for index, reading in readings.items() if reading.fault is not None}
    found |= {index: (DropReason.UNDECODABLE, sentence) for index, sentence in ambiguous.items()}
    order = sorted(found)
    return Rejects(np.array(order, np.int64), tuple(found[i][0] for i in order), tuple(found[i][1] for i in order))
