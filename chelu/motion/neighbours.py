"""Which of many boxes overlap: the cheap question before the exact one (`chelu.motion.sweep`).

Boxes are sorted into bands across the north, and within a band by their lower edge east: whoever begins before one has ended, in
the same band, may overlap it. With boxes much smaller than the ground this grows like n log n.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu import native

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
BAND_M = 128.0  # about the height of a fast track's box: few are in more than two bands
_MOST_BANDS = 64  # of one box: beyond, it ends there; 8 km are no road user's future
_LOOKS_PER_PAIR = 20  # without native code candidates are a table: at most so many times the room


class _Boxes(ctypes.Structure):
    """`chelu_boxes` in near.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("low", "high", "flags", "order", "band", "first_band", "a", "b")),
        *((name, ctypes.c_int64) for name in ("entries", "room", "needed")),
    )


@dataclass(frozen=True, slots=True)
class _Entries:
    """Boxes by band and lower edge east: a box is listed in each band that it touches. first (n,): its lowest band."""

    box: Ints
    band: Ints
    first: Ints


def meeting_boxes(low: Floats, high: Floats, flags: Bytes, needed: int, room: int) -> tuple[Ints, Ints] | None:
    """Pairs a < b of boxes (n, 2) that overlap and whose flags (n,) together hold all of `needed`; None if more than `room`.

    Boxes with a NaN overlap none.
    """
    entries = _entries(low, high)
    code = native.library()
    if code is None:
        return _plain(low, high, flags, needed, room, entries)
    a, b = np.empty(room, np.int64), np.empty(room, np.int64)
    held = (np.ascontiguousarray(low), np.ascontiguousarray(high), np.ascontiguousarray(flags))
    pointers = [one.ctypes.data for one in (*held, entries.box, entries.band, entries.first, a, b)]
    count = code.chelu_meeting_boxes(ctypes.byref(_Boxes(*pointers, len(entries.box), room, needed)))
    return None if count < 0 else (a[:count].copy(), b[:count].copy())


def _entries(low: Floats, high: Floats) -> _Entries:
    known = np.flatnonzero(np.isfinite(low).all(axis=1) & np.isfinite(high).all(axis=1))
    first = np.zeros(len(low), np.int64)
    first[known] = np.floor(low[known, 1] / BAND_M).astype(np.int64)
    last = np.minimum(np.floor(high[known, 1] / BAND_M).astype(np.int64), first[known] + _MOST_BANDS - 1)
    number = np.maximum(last - first[known] + 1, 1)
    box = np.repeat(known, number)
    band = first[box] + np.arange(len(box)) - np.repeat(np.cumsum(number) - number, number)
    east = low[box, 0] - low[box, 0].min(initial=np.inf)
    order = np.argsort(band * (east.max(initial=0.0) + 1.0) + east)  # a third of what sorting by two keys takes
    return _Entries(box[order], band[order], first)


def _plain(low: Floats, high: Floats, flags: Bytes, needed: int, room: int, entries: _Entries) -> tuple[Ints, Ints] | None:
    """With numpy: the entries that begin before one has ended are a range; all ranges together are the candidates."""
    box, band = entries.box, entries.band
    begin, wide = low[box, 0], (high[:, 0].max(initial=0.0, where=np.isfinite(high[:, 0])) + 1.0)
    least = begin.min(initial=0.0)
    key = band * (2.0 * (wide - least)) + (begin - least)
    ends = np.searchsorted(key, band * (2.0 * (wide - least)) + (high[box, 0] - least), side="right")
    number = np.maximum(ends - np.arange(len(box)) - 1, 0)
    if number.sum() > _LOOKS_PER_PAIR * room:
        return None
    one = np.repeat(np.arange(len(box)), number)
    two = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(number) - number, number)
    higher = np.maximum(entries.first[box[one]], entries.first[box[two]])
    one, two, is_here = box[one], box[two], higher == band[one]
    is_here &= (low[two, 1] <= high[one, 1]) & (low[one, 1] <= high[two, 1]) & (low[two, 0] <= high[one, 0])
    is_here &= ((flags[one] | flags[two]) & needed) == needed
    one, two = one[is_here], two[is_here]
    return None if len(one) > room else (np.minimum(one, two), np.maximum(one, two))
