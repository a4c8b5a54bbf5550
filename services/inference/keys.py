"""From keys to slots without a loop: a sorted array of keys that a whole batch is looked up in at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Slots = npt.NDArray[np.int64]


class KeyIndex:
    """uint64 key → slot. Lookup is O(m log n) for m rows, insertion and removal are one merge each. Owned by one thread."""

    __slots__ = ("_keys", "_slots")

    def __init__(self) -> None:
        self._keys: Keys = np.empty(0, np.uint64)
        self._slots: Slots = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, keys: Keys) -> Slots:
        """Slots of keys (n,), −1 where a key is not known."""
        if not len(self._keys):
            return np.full(len(keys), -1, np.int64)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[place] == keys, self._slots[place], -1)

    def add(self, keys: Keys, slots: Slots) -> None:
        """Enter keys that are distinct and not known yet."""
        order = np.argsort(keys, kind="stable")
        place = np.searchsorted(self._keys, keys[order])
        self._keys = np.insert(self._keys, place, keys[order])
        self._slots = np.insert(self._slots, place, slots[order])

    def remove_slots(self, slots: Slots) -> None:
        """Forget every key that leads to one of these slots."""
        keep = ~np.isin(self._slots, slots)
        self._keys, self._slots = self._keys[keep], self._slots[keep]
