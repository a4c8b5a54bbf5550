"""Deployed envelopes written as columns: one frame in each, for those who send thousands at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.codec.envelope_read import HEADER
from chelu.errors import OutOfRangeError
from chelu.ragged import Bytes, Ints, ranges

LONGEST = 65_535  # bytes of a frame: its length is a u16


def pack_each(
    data: Bytes, start: Ints, stop: Ints, *, device_id: Bytes, reference_us: Ints, is_bsm: npt.NDArray[np.bool_]
) -> tuple[Bytes, Ints, Ints]:
    """Frames ``data[start:stop]`` (n,) each in a deployed envelope of its own: their bytes, starts and stops.

    device_id: (n, 8) uint8; reference_us: (n,), of which whole milliseconds are written. As `envelope.pack` for each, which the
    tests hold it to.
    """
    size, count = stop - start, is_bsm.astype(np.int64)  # a BSM's envelope counts its frames
    if len(size) and not 1 <= size.min() <= size.max() <= LONGEST:
        raise OutOfRangeError("bytes of a frame", int(size.min()) if size.min() < 1 else int(size.max()), 1, LONGEST)
    ends = np.cumsum(HEADER.size + count + 2 + size)
    at = ends - (HEADER.size + count + 2 + size)
    out = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    out[at[:, None] + np.arange(8)] = device_id
    out[at[:, None] + np.arange(8, 16)] = (reference_us // 1000).astype("<i8").view(np.uint8).reshape(-1, 8)
    out[(at + HEADER.size)[is_bsm]] = 1
    length_at = ends - size - 2
    out[length_at], out[length_at + 1] = size & 255, size >> 8
    out[ranges(ends - size, size)] = data[ranges(start, size)]
    return out, at, ends
