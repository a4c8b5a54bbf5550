"""Topic bytes → small numbers, for a whole batch of messages at once. Pure.

An open-addressing hash table over 8-byte words. The hash finds an entry, the words themselves decide: two topics are never taken
for each other. The multipliers are drawn anew in each process, so that nobody can choose topics that collide.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

LONGEST_WORDS = 12  # topics beyond 96 bytes go one by one; a device id has at most 64
FIRST_BITS = 12
LOAD_SHIFT = 2  # at most a quarter of the slots is taken
_U8, _I8 = np.uint64, np.int64
_ALL_64 = (1 << 64) - 1


def _keys() -> npt.NDArray[np.uint64]:
    return np.frombuffer(secrets.token_bytes(8 * (LONGEST_WORDS + 1)), _U8) | _U8(1)


class TopicTable:
    """Owned by one thread, except `names`, which only grows and may be read by any.

    The arrays without underscore are read by the native reader as well (chelu/native/chelu.c, `find_topic`): keys (13,), words
    (room, 12) uint64, zero beyond a topic's end, lengths (room,) int64, slots (1 << bits,) int32, −1 where empty.
    """

    def __init__(self, keys: Callable[[], npt.NDArray[np.uint64]] = _keys) -> None:
        self.names: list[str] = []
        self._ids: dict[bytes, int] = {}
        self.keys = keys()
        self._key_numbers: list[int] = self.keys.tolist()
        self.words = np.zeros((256, LONGEST_WORDS), _U8)
        self.lengths = np.zeros(256, _I8)
        self._hashes = np.zeros(256, _U8)
        self.bits = FIRST_BITS
        self.slots = np.full(1 << FIRST_BITS, -1, np.int32)

    def __len__(self) -> int:
        return len(self.names)

    def look_up(
        self, data: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Numbers (n,) of the topics ``data[start:start + length]``; new ones get the next numbers.

        data must go on for 96 bytes after the last start.
        """
        found = self._find_all(data, start, length)
        for row in np.flatnonzero(found < 0).tolist():
            found[row] = self.learn(data[start[row] : start[row] + length[row]].tobytes())
        return found

    def learn(self, topic: bytes) -> int:
        """The number of one topic, which is the next if it is new."""
        if (known := self._ids.get(topic)) is not None:
            return known
        number = self._ids[topic] = len(self.names)
        self.names.append(_text(topic))
        if len(topic) <= 8 * LONGEST_WORDS:
            self._enter(number, topic)
        return number

    def _find_all(
        self, data: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Numbers (n,), −1 where the topic is new or too long for the table."""
        found = np.full(len(start), -1, np.int32)
        short = np.flatnonzero(length <= 8 * LONGEST_WORDS)
        if not short.size:
            return found
        start, length = start[short], length[short]
        words = _gather(data, start, length, max(1, (int(length.max()) + 7) // 8))
        found[short] = self._find(words, length, self._hash(words, length))
        return found

    def _hash(self, words: list[npt.NDArray[np.uint64]], length: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """A sum, to which zero words add nothing: the same for a topic whatever others are in its batch."""
        mixed: npt.NDArray[np.uint64] = length.astype(_U8) * self.keys[LONGEST_WORDS]
        for word, key in zip(words, self.keys, strict=False):
            mixed += (word ^ (word >> _U8(32))) * key
        return mixed

    def _find(
        self, words: list[npt.NDArray[np.uint64]], length: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64]
    ) -> npt.NDArray[np.int32]:
        """Numbers (n,), −1 where the topic is new."""
        mask = len(self.slots) - 1
        slot = (hashes >> _U8(64 - self.bits)).astype(_I8)
        found = self.slots[slot]
        wrong = np.flatnonzero((found >= 0) & ~self._is_same(found, words, length))
        while wrong.size:
            slot[wrong] = (slot[wrong] + 1) & mask
            found[wrong] = self.slots[slot[wrong]]
            right = self._is_same(found[wrong], [word[wrong] for word in words], length[wrong])
            wrong = wrong[(found[wrong] >= 0) & ~right]
        return found

    def _is_same(
        self, found: npt.NDArray[np.int32], words: list[npt.NDArray[np.uint64]], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        same = self.lengths[found] == length
        for number, word in enumerate(words):
            same &= self.words[found, number] == word
        return np.asarray(same)

    def _enter(self, number: int, topic: bytes) -> None:
        self._make_room(number)
        padded = np.frombuffer(topic.ljust(8 * LONGEST_WORDS, b"\0"), _U8)
        self.words[number], self.lengths[number] = padded, len(topic)
        mixed = len(topic) * self._key_numbers[LONGEST_WORDS]  # as `_hash`, for one
        for word, key in zip(padded.tolist(), self._key_numbers, strict=False):
            mixed += (word ^ (word >> 32)) * key
        self._hashes[number] = mixed & _ALL_64
        self._place(number)

    def _place(self, number: int) -> None:
        slot = int(self._hashes[number]) >> (64 - self.bits)
        while self.slots[slot] >= 0:
            slot = (slot + 1) & (len(self.slots) - 1)
        self.slots[slot] = number

    def _make_room(self, number: int) -> None:
        if number >= len(self.lengths):
            more = max(number + 1, 2 * len(self.lengths)) - len(self.lengths)
            self.words = np.pad(self.words, ((0, more), (0, 0)))
            self.lengths, self._hashes = np.pad(self.lengths, (0, more)), np.pad(self._hashes, (0, more))
        if (number + 1) << LOAD_SHIFT > len(self.slots):
            self.bits += 1
            self.slots = np.full(1 << self.bits, -1, np.int32)
            for entry in range(number):
                if self.lengths[entry]:  # long topics are not in here
                    self._place(entry)


_MASKS = np.array([(1 << 8 * min(count, 8)) - 1 for count in range(9)], _U8)  # the first `count` bytes of a little-endian word


def _gather(
    data: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], length: npt.NDArray[np.int64], count: int
) -> list[npt.NDArray[np.uint64]]:
    """`count` words (n,) of each topic, zero beyond its end."""
    at = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    shortest = int(length.min())
    words = []
    for word in range(count):
        found = at[start + 8 * word]
        words.append(found if 8 * word + 8 <= shortest else found & _MASKS[np.clip(length - 8 * word, 0, 8)])
    return words


def _text(topic: bytes) -> str:
    """A topic that is no UTF-8 is outside every table, and is dead-lettered as such."""
    try:
        return topic.decode()
    except UnicodeDecodeError:
        return "\N{REPLACEMENT CHARACTER}"
