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
_U1, _U8, _I8 = np.uint8, np.uint64, np.int64


def _keys() -> npt.NDArray[np.uint64]:
    return np.frombuffer(secrets.token_bytes(8 * (LONGEST_WORDS + 1)), _U8) | _U8(1)


class TopicTable:
    """Owned by one thread, except `names`, which only grows and may be read by any."""

    def __init__(self, keys: Callable[[], npt.NDArray[np.uint64]] = _keys) -> None:
        self.names: list[str] = []
        self._ids: dict[bytes, int] = {}
        self._keys = keys()
        self._words = np.zeros((LONGEST_WORDS, 256), _U8)  # words[k, id]; beyond a topic's end zero
        self._lengths = np.zeros(256, _I8)
        self._hashes = np.zeros(256, _U8)
        self._bits = FIRST_BITS
        self._slots = np.full(1 << FIRST_BITS, -1, np.int32)

    def __len__(self) -> int:
        return len(self.names)

    def look_up(
        self, data: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Numbers (n,) of the topics ``data[start:start + length]``; new ones get the next numbers.

        data must go on for 96 bytes after the last start.
        """
        if not len(start):
            return np.zeros(0, np.int32)
        longest = int(length.max())
        if longest > 8 * LONGEST_WORDS:
            return self._one_by_one(data, start, length)
        words = _gather(data, start, length, max(1, (longest + 7) // 8))
        hashes = self._hash(words, length)
        found = self._find(words, length, hashes)
        for row in np.flatnonzero(found < 0).tolist():
            found[row] = self._learn(data[start[row] : start[row] + length[row]].tobytes())
        return found

    def _hash(self, words: list[npt.NDArray[np.uint64]], length: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """A sum, to which zero words add nothing: the same for a topic whatever others are in its batch."""
        mixed: npt.NDArray[np.uint64] = length.astype(_U8) * self._keys[LONGEST_WORDS]
        for word, key in zip(words, self._keys, strict=False):
            mixed += (word ^ (word >> _U8(32))) * key
        return mixed

    def _find(
        self, words: list[npt.NDArray[np.uint64]], length: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64]
    ) -> npt.NDArray[np.int32]:
        """Numbers (n,), −1 where the topic is new."""
        mask = len(self._slots) - 1
        slot = (hashes >> _U8(64 - self._bits)).astype(_I8)
        found = self._slots[slot]
        wrong = np.flatnonzero((found >= 0) & ~self._is_same(found, words, length))
        while wrong.size:
            slot[wrong] = (slot[wrong] + 1) & mask
            found[wrong] = self._slots[slot[wrong]]
            right = self._is_same(found[wrong], [word[wrong] for word in words], length[wrong])
            wrong = wrong[(found[wrong] >= 0) & ~right]
        return found

    def _is_same(
        self, found: npt.NDArray[np.int32], words: list[npt.NDArray[np.uint64]], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        same = self._lengths[found] == length
        for word, known in zip(words, self._words, strict=False):
            same &= known[found] == word
        return np.asarray(same)

    def _learn(self, topic: bytes) -> int:
        if (known := self._ids.get(topic)) is not None:
            return known
        number = self._ids[topic] = len(self.names)
        self.names.append(_text(topic))
        if len(topic) <= 8 * LONGEST_WORDS:
            self._enter(number, topic)
        return number

    def _enter(self, number: int, topic: bytes) -> None:
        self._make_room(number)
        padded = np.frombuffer(topic.ljust(8 * LONGEST_WORDS, b"\0"), _U8)
        count = max(1, (len(topic) + 7) // 8)
        self._words[:, number], self._lengths[number] = padded, len(topic)
        self._hashes[number] = self._hash([padded[word : word + 1] for word in range(count)], np.array([len(topic)]))[0]
        self._place(number)

    def _place(self, number: int) -> None:
        slot = int(self._hashes[number]) >> (64 - self._bits)
        while self._slots[slot] >= 0:
            slot = (slot + 1) & (len(self._slots) - 1)
        self._slots[slot] = number

    def _make_room(self, number: int) -> None:
        if number >= len(self._lengths):
            more = max(number + 1, 2 * len(self._lengths)) - len(self._lengths)
            self._words = np.pad(self._words, ((0, 0), (0, more)))
            self._lengths, self._hashes = np.pad(self._lengths, (0, more)), np.pad(self._hashes, (0, more))
        if (number + 1) << LOAD_SHIFT > len(self._slots):
            self._bits += 1
            self._slots = np.full(1 << self._bits, -1, np.int32)
            for entry in range(number):
                if self._lengths[entry]:  # long topics are not in here
                    self._place(entry)

    def _one_by_one(
        self, data: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        is_long = length > 8 * LONGEST_WORDS
        found = np.empty(len(start), np.int32)
        short = np.flatnonzero(~is_long)
        found[short] = self.look_up(data, start[short], length[short])
        for row in np.flatnonzero(is_long).tolist():
            found[row] = self._learn(data[start[row] : start[row] + length[row]].tobytes())
        return found


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
