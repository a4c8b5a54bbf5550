"""Bits of many rows at once: read windows at any bit position, take fields out of words, put words into a stream.

A *word* is a uint64 whose highest bit comes first on the wire; the words of n rows are an array (words, n).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


class Source:
    """A buffer that can be read at any bit position, with zeros behind its end; data: (bytes,) uint8.

    Its words are made when they are first asked for: native code does without.
    """

    __slots__ = ("_made", "data")

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = data
        self._made: tuple[npt.NDArray[Any], Words] | None = None

    def _ready(self) -> tuple[npt.NDArray[Any], Words]:
        """The words at every byte, big-endian, and the aligned ones."""
        if self._made is None:
            padded = np.zeros(len(self.data) // 8 * 8 + 16, np.uint8)
            padded[: len(self.data)] = self.data
            self._made = np.ndarray((len(padded) - 7,), ">u8", padded, strides=(1,)), padded.view(">u8").astype(np.uint64)
        return self._made

    def window(self, position: Ints, bits: int) -> Words:
        """The `bits` bits at each position, (words, n), the first bit the highest of word 0."""
        first, shift = position >> 6, (position & 63).view(np.uint64)
        if bits <= 64:
            return self._shifted(first, shift)[None]
        aligned = self._ready()[1]
        back = np.uint64(64) - shift  # a shift by 64 gives 0
        words = np.empty((-(-bits // 64), len(position)), np.uint64)
        behind: Words = aligned.take(first, mode="clip")
        for number in range(len(words)):
            np.left_shift(behind, shift, out=words[number])
            behind = aligned.take(first + (number + 1), mode="clip")
            words[number] |= behind >> back
        return words

    def few(self, position: Ints, bits: int) -> Ints:
        """The `bits` ≤ 56 bits at each position as numbers, (n,); for few rows quicker than `window`."""
        at_bytes = self._ready()[0]
        # native byte order first: numpy would shift a large big-endian temporary in place and leave it big-endian
        word: Words = at_bytes[np.minimum(position >> 3, len(at_bytes) - 1)].astype(np.uint64)
        word <<= (position & 7).view(np.uint64)
        word >>= np.uint64(64 - bits)
        return word.view(np.int64)

    def _shifted(self, first: Ints, shift: Words) -> Words:
        aligned = self._ready()[1]
        word: Words = aligned.take(first, mode="clip")
        word <<= shift
        word |= aligned.take(first + 1, mode="clip") >> (np.uint64(64) - shift)
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


def add(stream: npt.NDArray[np.uint64], position: Ints, word: npt.NDArray[np.uint64]) -> None:
    """Lay words (n,) into a flat array of words at their bit positions, where the bits they set must be zero yet."""
    slot, shift = position >> 6, (position & 63).view(np.uint64)
    np.add.at(stream, slot, word >> shift)
    np.add.at(stream, slot + 1, word << (np.uint64(64) - shift))  # a shift by 64 gives 0
