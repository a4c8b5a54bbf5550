"""C-V2X messages of YD/T 3709-2020: frames → SI batches and back, one message ⇄ JSON, event time.

BSM, RSM and SPAT are decoded as columns (`uper_decode`); what that refuses, and MAP and RSI, asn1tools judges row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x_rows
from chelu.codec.cv2x_encode import encode_bsm, encode_rsm, encode_spat
from chelu.codec.cv2x_json import from_json, from_text, to_json, value_json
from chelu.codec.cv2x_spec import KINDS, canonical, slow_decode
from chelu.codec.cv2x_time import event_time_us
from chelu.codec.cv2x_wire import encode_wire, wire
from chelu.codec.uper_bits import Source
from chelu.codec.uper_table import Table
from chelu.errors import MalformedError
from chelu.messages import Batch, DropReason, Frames, Rejects, concatenate, frames_of

__all__ = [
    "Decoded",
    "Message",
    "decode",
    "encode_bsm",
    "encode_rsm",
    "encode_spat",
    "encode_wire",
    "event_time_us",
    "from_json",
    "from_text",
    "to_json",
    "wire",
]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_BATCH_ROWS = 16384  # columns of so many rows stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Message:
    """A MAP or RSI as JSON; frame: its index."""

    frame: int
    kind: str
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a batch of frames says; every batch has `frame`, the index into the frames, and ascends in it."""

    bsm: Batch
    participant: Batch
    spat: Batch
    path_points: Batch
    messages: tuple[Message, ...]
    rejects: Rejects


@dataclass(slots=True)
class _Refused:
    found: dict[int, tuple[DropReason, str]]

    def note(self, frame: int, error: MalformedError) -> None:
        self.found[frame] = (DropReason(error.reason), error.detail)

    def rejects(self) -> Rejects:
        order = sorted(self.found)
        found = [self.found[frame] for frame in order]
        return Rejects(np.array(order, np.int64), tuple(reason for reason, _ in found), tuple(text for _, text in found))


def kinds(frames: Frames) -> Ints:
    """Index into `KINDS` by each frame's first four bits, −1 for an empty frame, 5 and more for another version."""
    is_empty = frames.stop <= frames.start
    first = np.append(frames.data, np.uint8(0))[np.where(is_empty, len(frames.data), frames.start)]
    return np.where(is_empty, -1, first >> 4).astype(np.int64)


def decode(frames: Frames) -> Decoded:
    """Decode a batch of any frames; never raises for what they hold: a refused frame is a reject with its reason."""
    kind, refused, source = kinds(frames), _Refused({}), Source(frames.data)
    parts = {
        name: _stream(name, (frames, source), np.flatnonzero(kind == KINDS.index(name)), refused)
        for name in ("bsm", "rsm", "spat")
    }
    messages = _messages(frames, kind, refused)
    bsm, points = parts["bsm"]
    return Decoded(bsm, parts["rsm"][0], parts["spat"][0], points, messages, refused.rejects())


def _messages(frames: Frames, kind: Ints, refused: _Refused) -> tuple[Message, ...]:
    found = []
    for frame in np.flatnonzero((kind != 0) & (kind != 2) & (kind != 3)).tolist():
        try:
            value = slow_decode(frames.frame(frame))
        except MalformedError as error:
            refused.note(frame, error)
        else:
            found.append(Message(frame, KINDS[int(kind[frame])], value_json(value)))
    return tuple(found)


def _stream(name: str, frames: tuple[Frames, Source], index: Ints, refused: _Refused) -> tuple[Batch, Batch]:
    """The rows of all frames of one kind, and for BSM the points of their path histories."""
    if len(index) == 0:
        return _nothing(name)
    parts = [_chunk(name, frames, index[at : at + _BATCH_ROWS], refused) for at in range(0, len(index), _BATCH_ROWS)]
    return _together([part for chunk in parts for part in chunk])


@cache
def _nothing(name: str) -> tuple[Batch, Batch]:
    none = np.empty(0, np.int64)
    rows, points = _rows(name, Table(0), none, none)
    for column in (*rows.columns.values(), *points.columns.values()):
        column.flags.writeable = False
    return rows, points


def _chunk(name: str, given: tuple[Frames, Source], index: Ints, refused: _Refused) -> list[tuple[Batch, Batch]]:
    frames, source = given
    table, is_bad = wire(name, frames.take(index), source)
    good = _rows(name, table, index, frames.reference_us[index])
    if not is_bad.any():
        return [good]
    kept = _without(good, index[is_bad])
    judged, mended = _judge(frames, index[is_bad], refused)
    if not mended:
        return [kept]
    again = frames_of(mended, frames.reference_us[judged])
    extended = _rows(name, wire(name, again)[0], judged, again.reference_us)
    return [_merged(kept, extended)]


def _judge(frames: Frames, index: Ints, refused: _Refused) -> tuple[Ints, list[bytes]]:
    """Frames that only asn1tools can read: which they are, and the same without their extensions."""
    accepted, mended = [], []
    for frame in index.tolist():
        try:
            mended.append(canonical(slow_decode(frames.frame(frame))))
            accepted.append(frame)
        except MalformedError as error:
            refused.note(frame, error)
    return np.array(accepted, np.int64), mended


def _rows(name: str, table: Table, frame: Ints, reference_us: Ints) -> tuple[Batch, Batch]:
    if name == "bsm":
        rows = cv2x_rows.bsm_batch(table, frame, reference_us)
        return rows, cv2x_rows.path_batch(table, rows)
    make = cv2x_rows.participant_batch if name == "rsm" else cv2x_rows.spat_batch
    return make(table, frame, reference_us), Batch({})


def _without(part: tuple[Batch, Batch], dropped: Ints) -> tuple[Batch, Batch]:
    rows, points = part
    keep = ~np.isin(rows["frame"], dropped)
    if len(points.columns) == 0:
        return rows.take(keep), points
    points = points.take(keep[points["row"]])
    return rows.take(keep), points.with_columns(row=(np.cumsum(keep) - 1)[points["row"]])


def _together(parts: Sequence[tuple[Batch, Batch]]) -> tuple[Batch, Batch]:
    if len(parts) == 1:
        return parts[0]
    shift, points = 0, []
    for rows, own in parts:
        points.append(own.with_columns(row=own["row"] + shift) if own.columns else own)
        shift += len(rows)
    return concatenate([rows for rows, _ in parts]), concatenate(points)


def _merged(first: tuple[Batch, Batch], second: tuple[Batch, Batch]) -> tuple[Batch, Batch]:
    """Both parts in the order of their frames."""
    rows, points = _together([first, second])
    order = np.argsort(rows["frame"], kind="stable")
    if len(points.columns) == 0:
        return rows.take(order), points
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    points = points.with_columns(row=place[points["row"]])
    return rows.take(order), points.take(np.argsort(points["row"], kind="stable"))
