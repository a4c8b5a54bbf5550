"""From keys to slots without a loop: an open-addressing hash table that a whole batch is looked up in at once."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Slots = npt.NDArray[np.int64]

_FIRST_BITS = 6
_LOAD_SHIFT = 1  # at most half of the cells is taken: a key is found after 1.5 looks on average, a strange one after 2.5
_VACANT, _GONE = -1, -2  # a key that was removed leaves its cell marked, since others may lie behind it
_U8 = np.uint64


def _multiplier() -> int:
    return secrets.randbits(64) | 1


class KeyIndex:
    """uint64 key → slot ≥ 0. A batch costs its own size, whatever the table holds. Owned by one thread.

    The multiplier of the hash is drawn anew for each, so that nobody can choose ids that collide. The table grows when it is half
    full and shrinks when an eighth would do: its size follows the keys that are in it.
    """

    __slots__ = ("_bits", "_count", "_gone", "_keys", "_multiplier", "_slots")

    def __init__(self, multiplier: Callable[[], int] = _multiplier) -> None:
        self._multiplier = _U8(multiplier())
        self._clear(_FIRST_BITS)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Memory of the table."""
        return self._keys.nbytes + self._slots.nbytes

    def find(self, keys: Keys) -> Slots:
        """Slots of keys (n,), −1 where a key is not known."""
        cell = self._cells(keys)
        return np.where(cell >= 0, self._slots[cell], -1)

    def add(self, keys: Keys, slots: Slots) -> None:
        """Enter keys that are distinct and not known yet, with distinct slots."""
        if (self._count + self._gone + len(keys)) << _LOAD_SHIFT > len(self._keys):
            self._resize(self._count + len(keys))
        self._enter(keys, slots)
        self._count += len(keys)

    def remove(self, keys: Keys) -> None:
        """Forget these distinct keys; those that are not known are passed over."""
        cell = self._cells(keys)
        cell = cell[cell >= 0]
        self._slots[cell] = _GONE
        self._count -= len(cell)
        self._gone += len(cell)
        if self._bits > _FIRST_BITS and self._count << (_LOAD_SHIFT + 2) < len(self._keys):
            self._resize(self._count)

    def _hash(self, keys: Keys) -> Slots:
        mixed = (keys ^ (keys >> _U8(32))) * self._multiplier
        return (mixed >> _U8(64 - self._bits)).astype(np.int64)

    def _cells(self, keys: Keys) -> Slots:
        """Where keys lie, −1 for those that do not: all look at once, those that hit another key look on."""
        mask = len(self._keys) - 1
        cell = self._hash(keys)
        held = self._slots[cell]
        astray = np.flatnonzero(((self._keys[cell] != keys) & (held != _VACANT)) | (held == _GONE))
        while len(astray):
            cell[astray] = at = (cell[astray] + 1) & mask
            held[astray] = there = self._slots[at]
            astray = astray[((self._keys[at] != keys[astray]) & (there != _VACANT)) | (there == _GONE)]
        cell[held == _VACANT] = -1
        return cell

    def _enter(self, keys: Keys, slots: Slots) -> None:
        """All write into their cells at once; who finds it taken, or overwritten by another of the batch, tries the next."""
        mask = len(self._keys) - 1
        cell, left = self._hash(keys), np.arange(len(keys))
        while len(left):
            at = cell[left]
            free = self._slots[at] < 0
            open_, claimed = left[free], at[free]
            self._gone -= int(np.count_nonzero(self._slots[np.unique(claimed)] == _GONE))
            self._slots[claimed] = slots[open_]
            won = open_[self._slots[claimed] == slots[open_]]
            self._keys[cell[won]] = keys[won]
            left = np.setdiff1d(left, won, assume_unique=True)
            cell[left] = (cell[left] + 1) & mask

    def _resize(self, count: int) -> None:
        """A table in which `count` keys take a quarter or less of the cells, without marks of removed ones."""
        held = self._slots >= 0
        keys, slots = self._keys[held], self._slots[held]
        count = max(count << (_LOAD_SHIFT + 1), 1 << _FIRST_BITS)
        self._clear((count - 1).bit_length())
        self._enter(keys, slots)
        self._count = len(keys)

    def _clear(self, bits: int) -> None:
        self._bits, self._count, self._gone = bits, 0, 0
        self._keys: Keys = np.zeros(1 << bits, np.uint64)
        self._slots: Slots = np.full(1 << bits, _VACANT, np.int64)
