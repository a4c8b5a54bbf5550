"""Other names for vehicles that are not the recipient's: the same in all that one recipient gets, of no use to another. Pure.

docs/decisions/027-pseudonyms-are-per-recipient.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.uint64]
DIGITS = 16
NAMED = "vehicle-"
MOST_KNOWN = 200_000


def mark_of(key: bytes) -> str:
    """By which a key is known again, and not found out."""
    return hashlib.blake2b(key, digest_size=DIGITS // 2, person=b"mark").hexdigest()


class Pseudonyms:
    """Of one recipient, under the installation's key; remembers what it has worked out. One thread."""

    def __init__(self, key: bytes, recipient: str) -> None:
        self._key = hashlib.blake2b(recipient.encode(), key=key, person=b"recipient").digest()
        self._known: dict[int, int] = {}

    def of_ids(self, ids: Ids) -> Ids:
        """Other 8-byte ids (n,) for these; each different one is worked out once."""
        different, places = np.unique(ids, return_inverse=True)
        if len(self._known) > MOST_KNOWN:
            self._known = {}
        return np.array([self._of(one) for one in different.tolist()], np.uint64)[places]

    def of_name(self, device_id: str) -> str:
        """Another name for a device."""
        return NAMED + self._digest(device_id.encode(), b"device").hex()

    def names(self, devices: Mapping[int, str], hidden: frozenset[int]) -> dict[int, str]:
        """Devices' names by key, those that are hidden under their other name."""
        return {key: self.of_name(name) if key in hidden else name for key, name in devices.items()}

    def _of(self, one: int) -> int:
        found = self._known.get(one)
        if found is None:
            found = self._known[one] = int.from_bytes(self._digest(one.to_bytes(8, "big"), b"vehicle"), "big")
        return found

    def _digest(self, what: bytes, sort: bytes) -> bytes:
        return hashlib.blake2b(what, key=self._key, digest_size=DIGITS // 2, person=sort).digest()
