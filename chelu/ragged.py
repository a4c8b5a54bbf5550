"""Byte strings of different lengths in one buffer, taken apart and put together without a loop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


def ranges(start: Ints, size: Ints) -> Ints:
    """start[0], start[0]+1, … (size[0] numbers), start[1], …: the indices of every byte of these strings, one after the other."""
    before = np.cumsum(size) - size
    return np.repeat(start - before, size) + np.arange(int(size.sum()))


def gathered(data: Bytes, start: Ints, stop: Ints) -> tuple[Bytes, Ints, Ints]:
    """These strings of a buffer in a new one, in this order, with their starts and stops."""
    size = stop - start
    ends = np.cumsum(size)
    return data[ranges(start, size)], ends - size, ends
