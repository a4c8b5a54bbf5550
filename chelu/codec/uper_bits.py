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


class Source:
    """A buffer that can be read at any bit position, with zeros behind its end; data: (bytes,) uint8."""

    __slots__ = ("_bytes", "_words")

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        padded = np.zeros(len(data) // 8 * 8 + 16, np.uint8)
        padded[: len(data)] = data
        self._bytes: npt.NDArray[Any] = np.ndarray((len(padded) - 7,), ">u8", padded, strides=(1,))
        self._words = padded.view(">u8").astype(np.uint64)

    def window(self, position: Ints, bits: int) -> Words:
        """The `bits` bits at each position, (words, n), the first bit the highest of word 0."""
        first, shift = position >> 6, (position & 63).view(np.uint64)
        if bits <= 64:
            return self._shifted(first, shift)[None]
        words = self._words.take(first + np.arange(-(-bits // 64) + 1)[:, None], mode="clip")
        shifted: Words = words[1:] >> (np.uint64(64) - shift)  # a shift by 64 gives 0
        words = words[:-1]
        words <<= shift
        words |= shifted
        return words

    def few(self, position: Ints, bits: int) -> Ints:
        """The `bits` ≤ 56 bits at each position as numbers, (n,); for few rows quicker than `window`."""
        word: Words = self._bytes[np.minimum(position >> 3, len(self._bytes) - 1)] << (position & 7).view(np.uint64)
        word >>= np.uint64(64 - bits)
        return word.view(np.int64)

    def _shifted(self, first: Ints, shift: Words) -> Words:
        word: Words = self._words.take(first, mode="clip")
        word <<= shift
        word |= self._words.take(first + 1, mode="clip") >> (np.uint64(64) - shift)
        return word


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
