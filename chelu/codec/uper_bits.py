"""Bits of many rows at once: read windows at any bit position, take fields out of words, put words into a stream.

A *word* is a uint64 whose highest bit comes first on the wire; the words of n rows are an array (words, n).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

# Bytes of zeros kept behind the data: a cursor that ran off its frame stops at the end of its record, which is nearer.
MARGIN = 1 << 16


class Source:
    """A buffer that can be read at any bit position up to a record's length behind its end; data: (bytes,) uint8."""

    __slots__ = ("_data", "_words")

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self._data = np.concatenate([data, np.zeros(MARGIN, np.uint8)])
        self._words: npt.NDArray[Any] = np.ndarray((len(self._data) - 8,), ">u8", self._data, strides=(1,))

    def window(self, position: Ints, bits: int) -> Words:
        """The `bits` bits at each position, (words, n), the first bit the highest of word 0."""
        shift = (position & 7).view(np.uint64)
        if bits <= 57:
            word: Words = self._words[position >> 3].astype(np.uint64)
            word <<= shift
            return word[None]
        words = self._rows(position >> 3, -(-bits // 64) + 1)
        if not shift.any():
            return words[:-1]
        return (words[:-1] << shift) | (words[1:] >> (np.uint64(64) - shift))

    def _rows(self, byte: Ints, count: int) -> Words:
        """`count` words from each byte on, (count, n)."""
        rows: npt.NDArray[Any] = np.ndarray((len(self._data) - 8 * count,), f"V{8 * count}", self._data, strides=(1,))[byte]
        words: Words = rows.view(">u8").reshape(len(byte), count).T.astype(np.uint64, order="C")
        return words


def take(words: Words, offset: int, width: int) -> Words:
    """The field of `width` ≤ 64 bits at bit `offset` of every row, (n,)."""
    word, bit = offset >> 6, offset & 63
    spare = 64 - bit - width
    if spare >= 0:
        value: Words = words[word] >> np.uint64(spare) if spare else words[word]
    else:
        value = (words[word] << np.uint64(-spare)) | (words[word + 1] >> np.uint64(64 + spare))
    return value if width == 64 else value & np.uint64((1 << width) - 1)


def put(words: Words, offset: int, width: int, value: Words) -> None:
    """OR `value` (n,) into the field of `width` bits at bit `offset` of every row."""
    word, bit = offset >> 6, offset & 63
    spare = 64 - bit - width
    if spare >= 0:
        words[word] |= value << np.uint64(spare)
    else:
        words[word] |= value >> np.uint64(-spare)
        words[word + 1] |= value << np.uint64(64 + spare)


def write(stream: Words, position: Ints, words: Words | Sequence[Words]) -> None:
    """OR the words of every row into `stream` (a flat array of words) at its bit position.

    Positions ascend and rows do not overlap; what lies behind a row's own bits in its words must be zero.
    """
    if len(position) == 0:
        return
    slot, shift = position >> 6, (position & 63).astype(np.uint64)
    is_first = np.empty(len(slot), np.bool_)
    is_first[0] = True
    np.not_equal(slot[1:], slot[:-1], out=is_first[1:])
    starts = None if is_first.all() else np.flatnonzero(is_first)
    if starts is not None:
        slot = slot[starts]
    back, left = np.uint64(64) - shift, np.zeros(len(position), np.uint64)
    for number, word in enumerate((*words, None)):
        value = left if word is None else left | (word >> shift)
        stream[slot + number] |= value if starts is None else np.bitwise_or.reduceat(value, starts)
        left = left if word is None else word << back
