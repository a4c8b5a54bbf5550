"""Envelopes: how one MQTT payload or datagram holds frames, and when they were heard.

*bare*: the payload is one frame. *deployed* and *T/ITS 0117*: see `chelu.codec.envelope_read`, which reads them.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chelu.codec.cv2x_wire import is_whole
from chelu.codec.envelope_read import HEADER, NOT_SAID, Bools, Bytes, Ints, Layout, Reading, read
from chelu.errors import OutOfRangeError
from chelu.messages import DropReason, Frames, Rejects, frames_of

_KINDS = 5  # a MessageFrame's first four bits are below this


class Envelope(enum.StrEnum):
    """How a device wraps its frames; a property of the device in the register."""

    BARE = "bare"
    DEPLOYED = "deployed"
    TITS_0117_BE = "t/its 0117 big-endian"
    TITS_0117_LE = "t/its 0117 little-endian"
    AUTO = "auto"

    @property
    def code(self) -> int:
        """Its number in the columns of `split_columns`."""
        return _CODES[self]


_CODES = {envelope: code for code, envelope in enumerate(Envelope)}
_NAMES = tuple(Envelope)
_STRUCTURED = (Envelope.DEPLOYED, Envelope.TITS_0117_BE, Envelope.TITS_0117_LE)
_BARE, _DEPLOYED, _BIG, _, _AUTO = range(len(Envelope))
_UNTOLD = len(Envelope)  # AUTO that could not be told


def split(
    payloads: Sequence[bytes], envelopes: Sequence[Envelope], is_bsm: Sequence[bool], arrival_us: Ints
) -> tuple[Frames, Rejects]:
    """`split_columns` for separate payloads."""
    whole = frames_of(payloads, arrival_us)
    codes = np.fromiter((_CODES[envelope] for envelope in envelopes), np.uint8, len(payloads))
    return split_columns(whole.data, whole.start, whole.stop, codes, np.fromiter(is_bsm, np.bool_, len(payloads)), arrival_us)


def split_columns(
    data: Bytes, start: Ints, stop: Ints, envelope: npt.NDArray[np.uint8], is_bsm: Bools, arrival_us: Ints
) -> tuple[Frames, Rejects]:
    """Frames of payloads ``data[start:stop]`` (n,), in order; source and Rejects.index are payload indices.

    envelope: (n,) each one's `Envelope.code`. A frame's reference is the envelope's time where it has one, else the arrival. A
    payload that ends too early or too late gives the frames that are whole and one reject for the rest.
    """
    chosen, ambiguous = envelope, dict[int, str]()
    if (auto := np.flatnonzero(envelope == _AUTO)).size:
        chosen = envelope.copy()
        chosen[auto], ambiguous = _tell(data, start, stop, is_bsm, auto)
    rows = np.flatnonzero((chosen != _BARE) & (chosen != _UNTOLD))
    if not rows.size:
        return _bare(data, start, stop, chosen == _BARE, arrival_us), _rejects({}, ambiguous)
    reading = read(data, start[rows], stop[rows], _layout(chosen[rows], is_bsm[rows]))
    faults = {}
    for index in np.flatnonzero(reading.fault).tolist():
        row = int(rows[index])
        reason, detail = reading.refusal(index, int(stop[row] - start[row]))
        faults[row] = reason, f"{_NAMES[chosen[row]]}: {detail}"
    bare = _bare(data, start, stop, chosen == _BARE, arrival_us)
    return _joined(bare, reading, rows, arrival_us), _rejects(faults, ambiguous)


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
    return HEADER.pack(device_id, reference_us // 1000) + (bytes([len(frames)]) if is_bsm else b"") + body


def _sized(frame: bytes, order: str) -> bytes:
    if not 1 <= len(frame) <= 65535:
        raise OutOfRangeError("bytes of a frame", len(frame), 1, 65535)
    return struct.pack(order + "H", len(frame)) + frame


def _layout(codes: npt.NDArray[np.uint8], is_bsm: Bools) -> Layout:
    has_header = codes == _DEPLOYED
    return Layout(has_header, is_counted=~has_header | is_bsm, is_big=codes == _BIG)


# -- which envelope it is --------------------------------------------------------------------------------------------------------


def _tell(
    data: Bytes, start: Ints, stop: Ints, is_bsm: Bools, rows: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.uint8], dict[int, str]]:
    """The envelope's code of payloads `rows` by what they hold; and those that cannot be told, with a sentence."""
    start, stop, is_bsm = start[rows], stop[rows], is_bsm[rows]
    padded = np.concatenate([data, np.zeros(32, np.uint8)])
    is_empty = stop == start
    looks_bare = is_empty | _fits(np.where(is_empty, 255, padded[start]).astype(np.uint8), is_bsm)
    chosen = np.where(looks_bare, _BARE, _UNTOLD).astype(np.uint8)
    maybe = np.flatnonzero(_maybe_structured(padded, start, stop - start))
    found = dict[int, str]()
    if maybe.size:
        span = (start[maybe], stop[maybe])
        chosen[maybe], doubts = _tell_structured(padded, span, is_bsm[maybe], looks_bare[maybe])
        found = {int(maybe[place]): sentence for place, sentence in doubts.items()}
    nothing = "no envelope's reading consumes every byte and finds MessageFrames"
    return chosen, {int(rows[place]): found.get(place, nothing) for place in np.flatnonzero(chosen == _UNTOLD).tolist()}


def _tell_structured(
    data: Bytes, span: tuple[Ints, Ints], is_bsm: Bools, looks_bare: Bools
) -> tuple[npt.NDArray[np.uint8], dict[int, str]]:
    """The same for payloads that may be structured: all three readings are tried, and only ties are looked at one by one."""
    readings = [_read_as(one, data, span, is_bsm) for one in _STRUCTURED]
    fits = np.array([_is_fitting(data, reading, is_bsm) for reading in readings])
    count = fits.sum(axis=0)
    code = np.array([one.code for one in _STRUCTURED], np.uint8)
    chosen = np.where(looks_bare, _BARE, _UNTOLD).astype(np.uint8)
    is_plain = (count == 1) & ~looks_bare
    chosen[is_plain] = code[fits[:, is_plain].argmax(axis=0)]
    doubts = {}
    for place in np.flatnonzero((count > 1) | (looks_bare & (count > 0))).tolist():
        spans = {one: _spans(reading, place) for one, reading, fit in zip(_STRUCTURED, readings, fits, strict=True) if fit[place]}
        fitting = _break_tie(data, (int(span[0][place]), int(span[1][place])), spans, looks_bare=bool(looks_bare[place]))
        chosen[place] = fitting[0].code if len(fitting) == 1 else _UNTOLD
        if len(fitting) != 1:
            names = ", ".join(fitting) or "no envelope"
            doubts[place] = f"{names}: exactly one reading must consume every byte and find MessageFrames"
    return chosen, doubts


def _read_as(envelope: Envelope, data: Bytes, span: tuple[Ints, Ints], is_bsm: Bools) -> Reading:
    return read(data, *span, _layout(np.full(len(is_bsm), envelope.code, np.uint8), is_bsm))


def _is_fitting(data: Bytes, reading: Reading, is_bsm: Bools) -> Bools:
    """Which payloads were read to their last byte, and every frame begins like one of its topic's kind."""
    first = np.where(reading.stop > reading.start, data[np.minimum(reading.start, len(data) - 1)], np.uint8(255))
    is_good: Bools = reading.fault == 0
    is_good[reading.row[~_fits(first, is_bsm[reading.row])]] = False
    return is_good


def _spans(reading: Reading, place: int) -> list[tuple[int, int]]:
    mine = slice(*np.searchsorted(reading.row, [place, place + 1]))
    return list(zip(reading.start[mine].tolist(), reading.stop[mine].tolist(), strict=True))


def _break_tie(
    data: Bytes, payload: tuple[int, int], spans: dict[Envelope, list[tuple[int, int]]], *, looks_bare: bool
) -> list[Envelope]:
    """Of several readings that consume every byte, those whose frames decode: what only looks like an envelope holds none."""
    if looks_bare and is_whole(data[slice(*payload)].tobytes()):
        spans = {**spans, Envelope.BARE: [payload]}
    if len(spans) < 2:
        return list(spans)
    whole = [one for one, found in spans.items() if all(is_whole(data[slice(*span)].tobytes()) for span in found)]
    return whole or list(spans)


def _fits(first: npt.NDArray[np.uint8], is_bsm: Bools) -> Bools:
    kind = first >> 4
    return np.asarray(np.where(is_bsm, kind == 0, (kind >= 1) & (kind < _KINDS)))


def _maybe_structured(padded: Bytes, start: Ints, size: Ints) -> Bools:
    """Where a structured reading of the payload could consume every byte, judged by its first length; never false wrongly."""
    found = np.zeros(len(size), np.bool_)
    for at, high, low in ((1, 0, 1), (1, 1, 0), (17, 1, 0), (16, 1, 0)):
        length = padded[start + at + high].astype(np.int64) << 8 | padded[start + at + low]
        count = padded[start + at - 1].astype(np.int64) if at != 16 else np.ones(len(size), np.int64)
        left = size - at - 2 - length
        found |= (length > 0) & (count > 0) & np.where(count == 1, left == 0, left >= 3 * (count - 1))
    return found


# -- results ---------------------------------------------------------------------------------------------------------------------


def _bare(data: Bytes, start: Ints, stop: Ints, is_bare: Bools, arrival_us: Ints) -> Frames:
    if is_bare.all():
        return Frames(data, start, stop, arrival_us, np.arange(len(start), dtype=np.int32))
    rows = np.flatnonzero(is_bare)
    return Frames(data, start[rows], stop[rows], arrival_us[rows], rows.astype(np.int32))


def _joined(bare: Frames, reading: Reading, rows: npt.NDArray[np.intp], arrival_us: Ints) -> Frames:
    """Bare frames and those that were read of payloads `rows`, in the order of payloads."""
    own = rows[reading.row]
    heard_us = reading.heard_us[reading.row]
    reference_us = np.where(heard_us == NOT_SAID, arrival_us[own], heard_us)
    source = np.concatenate([bare.source, own.astype(np.int32)])
    order = np.argsort(source, kind="stable") if len(bare) else slice(None)
    return Frames(
        bare.data,
        np.concatenate([bare.start, reading.start])[order],
        np.concatenate([bare.stop, reading.stop])[order],
        np.concatenate([bare.reference_us, reference_us])[order],
        source[order],
    )


def _rejects(faults: dict[int, tuple[DropReason, str]], ambiguous: dict[int, str]) -> Rejects:
    found = faults | {index: (DropReason.UNDECODABLE, sentence) for index, sentence in ambiguous.items()}
    order = sorted(found)
    return Rejects(np.array(order, np.int64), tuple(found[i][0] for i in order), tuple(found[i][1] for i in order))
