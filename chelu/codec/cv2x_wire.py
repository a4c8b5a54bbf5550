"""Frames ⇄ tables of wire integers, and whether bytes are a whole frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.codec.cv2x_spec import FRAME_BITS, KINDS, slow_decode, spec
from chelu.codec.uper_bits import Source
from chelu.codec.uper_encode import Encoder, assemble
from chelu.codec.uper_read import read
from chelu.codec.uper_table import Table
from chelu.errors import MalformedError
from chelu.messages import Frames

Ints = npt.NDArray[np.int64]


def wire(kind: str, frames: Frames, source: Source | None = None) -> tuple[Table, npt.NDArray[np.bool_]]:
    """Wire integers of frames that are all of one kind, and which rows of the table are not to be trusted (n,).

    source: `frames.data` made readable, for who decodes one buffer in several goes.
    """
    stop = frames.stop * 8
    table, end, is_bad = read(source or Source(frames.data), spec().programs[kind], frames.start * 8 + FRAME_BITS, stop)
    left = stop - end
    return table, is_bad | (left < 0) | (left >= 8)


def encode_wire(kind: str, table: Table, reference_us: Ints) -> Frames:
    """Frames of a table of wire integers with its shape columns, as `wire` gives it."""
    encoder = Encoder(table)
    encoder.run(spec().programs[kind])
    data, stop = assemble(encoder, KINDS.index(kind), FRAME_BITS)
    start = np.concatenate([np.zeros(min(1, len(stop)), np.int64), stop[:-1]])
    return Frames(data, start, stop, reference_us, np.arange(table.rows, dtype=np.int32))


def is_whole(frame: bytes) -> bool:
    """Whether the bytes are exactly one frame that decodes."""
    try:
        slow_decode(frame)
    except MalformedError:
        return False
    return True
