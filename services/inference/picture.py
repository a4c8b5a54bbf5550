"""The live picture of one site: every track's newest state and its last two seconds, as columns indexed by slot.

A slot belongs to one key until its track falls silent; then it is reused with the next generation number, so that (slot,
generation) names a track for ever. Owned by one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from services.inference.keys import KeyIndex
from services.inference.reports import Floats, Ints, Reports, Track

HISTORY = 24  # reports kept per track: 2.4 s at 10 Hz
_FLOATS = ("height_sigma_m", "speed_mps", "heading_deg", "acceleration_mps2", "yaw_rate_dps", "length_m", "width_m")
_INTS = ("time_us", "arrival_us", "participant_type", "device_key", "message_count", "sec_mark_ms")
_FIRST_CAPACITY = 256
Item = TypeVar("Item", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Change:
    """What one update did: slots that have a newer state, slots that are new among them, rows that were not newer than known."""

    slots: Ints
    fresh: Ints
    stale_rows: int


class Picture:
    """State columns (capacity long; read them by slot) and the history ring."""

    def __init__(self) -> None:
        self._index = {kind: KeyIndex() for kind in (Track.SPEAKS, Track.SEEN)}
        self.capacity = 0
        self.generation: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
        self.kind: Ints = np.empty(0, np.int64)
        self.key: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self.own_id: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self.own_key: Ints = np.empty(0, np.int64)
        self.xyz: Floats = np.empty((0, 3))
        self.floats: dict[str, Floats] = {name: np.empty(0) for name in _FLOATS}
        self.ints: dict[str, Ints] = {name: np.empty(0, np.int64) for name in _INTS}
        self.past_us: Ints = np.empty((0, HISTORY), np.int64)
        self.past: Floats = np.empty((0, HISTORY, 4))  # east, north, up, speed
        self.head: Ints = np.empty(0, np.int64)  # place of the newest report in the ring
        self.count: Ints = np.empty(0, np.int64)  # reports in the ring
        self._free: list[int] = []
        self._grow(_FIRST_CAPACITY)

    def live(self) -> Ints:
        """Slots in use, ascending."""
        return np.flatnonzero(self.kind)

    def find(self, kind: Track, keys: npt.NDArray[np.uint64]) -> Ints:
        """Slots of keys, −1 for those not in the picture."""
        return self._index[kind].find(keys)

    def update(self, reports: Reports) -> Change:
        """Take in reports; of several about one track all enter its history and the newest becomes its state."""
        if not len(reports):
            none = np.empty(0, np.int64)
            return Change(none, none, 0)
        slots, fresh = self._slots_of(reports)
        own = reports.own_key > 0  # also of rows that are not newer: the same message may reach us by a roadside unit first
        self.own_key[slots[own]] = reports.own_key[own]
        newer = reports.time_us > self.ints["time_us"][slots]
        rows = np.flatnonzero(newer)
        rows = rows[np.lexsort((reports.time_us[rows], slots[rows]))]
        rows = rows[_distinct(slots[rows], reports.time_us[rows])]
        for chosen in _ranks(slots[rows]):
            self._write(slots[rows[chosen]], reports, rows[chosen])
        return Change(np.unique(slots[rows]), fresh, len(reports) - len(rows))

    def expire(self, before_arrival_us: int) -> Ints:
        """Free the slots whose last report arrived before this instant; gives those slots."""
        old = np.flatnonzero((self.kind != Track.NONE) & (self.ints["arrival_us"] < before_arrival_us))
        if len(old):
            for index in self._index.values():
                index.remove_slots(old)
            self.kind[old] = Track.NONE
            self.generation[old] += 1
            self._free.extend(old[::-1].tolist())
        return old

    def ordered_history(self, slots: Ints) -> tuple[Ints, Floats]:
        """Newest first: instants (n, HISTORY) in µs, 0 where there is none yet, and east, north, up, speed (n, HISTORY, 4)."""
        order = (self.head[slots, None] - np.arange(HISTORY)) % HISTORY
        return self.past_us[slots[:, None], order], self.past[slots[:, None], order]

    def newest_and_oldest(self, slots: Ints) -> tuple[Floats, Floats]:
        """The first and the last of the history's rows: east, north, up, speed (n, 4) each."""
        oldest = (self.head[slots] - np.maximum(self.count[slots] - 1, 0)) % HISTORY
        return self.past[slots, self.head[slots]], self.past[slots, oldest]

    def _slots_of(self, reports: Reports) -> tuple[Ints, Ints]:
        slots = np.full(len(reports), -1, np.int64)
        fresh: list[Ints] = []
        for kind in (Track.SPEAKS, Track.SEEN):
            rows = np.flatnonzero(reports.kind == kind)
            found = self._index[kind].find(reports.key[rows])
            unknown = np.unique(reports.key[rows[found < 0]])
            if len(unknown):
                fresh.append(self._allot(kind, unknown))
                found = self._index[kind].find(reports.key[rows])
            slots[rows] = found
        return slots, np.concatenate(fresh) if fresh else np.empty(0, np.int64)

    def _allot(self, kind: Track, keys: npt.NDArray[np.uint64]) -> Ints:
        while len(self._free) < len(keys):
            self._grow(self.capacity * 2)
        slots = np.array([self._free.pop() for _ in range(len(keys))], np.int64)
        self._index[kind].add(keys, slots)
        self.kind[slots], self.key[slots] = kind, keys
        self.own_key[slots] = 0
        self.own_id[slots] = 0
        self.past_us[slots] = 0
        self.head[slots] = self.count[slots] = 0
        self.ints["time_us"][slots] = np.iinfo(np.int64).min
        return slots

    def _write(self, slots: Ints, reports: Reports, rows: npt.NDArray[np.intp]) -> None:
        """One row per slot becomes its state; slots are distinct."""
        for name, column in self.floats.items():
            column[slots] = getattr(reports, name)[rows]
        for name, whole in self.ints.items():
            whole[slots] = getattr(reports, name)[rows]
        self.xyz[slots] = reports.xyz[rows]
        self.own_id[slots] = reports.own_id[rows]
        head = (self.head[slots] + 1) % HISTORY
        self.head[slots] = head
        self.count[slots] = np.minimum(self.count[slots] + 1, HISTORY)
        self.past_us[slots, head] = reports.time_us[rows]
        self.past[slots, head, :3] = reports.xyz[rows]
        self.past[slots, head, 3] = reports.speed_mps[rows]

    def _grow(self, capacity: int) -> None:
        added = max(capacity - self.capacity, _FIRST_CAPACITY)
        for name in ("generation", "kind", "key", "own_id", "own_key", "xyz", "past_us", "past", "head", "count"):
            setattr(self, name, _extended(getattr(self, name), added))
        self.floats = {name: _extended(column, added) for name, column in self.floats.items()}
        self.ints = {name: _extended(whole, added) for name, whole in self.ints.items()}
        self._free = [*range(self.capacity + added - 1, self.capacity - 1, -1), *self._free]
        self.capacity += added


def _extended(array: npt.NDArray[Item], added: int) -> npt.NDArray[Item]:
    return np.concatenate([array, np.zeros((added, *array.shape[1:]), array.dtype)])


def _distinct(slots: Ints, times: Ints) -> npt.NDArray[np.bool_]:
    """Mask of the first of equal (slot, time) in sorted order: one message heard by several units counts once."""
    same = (slots[1:] == slots[:-1]) & (times[1:] == times[:-1])
    return np.concatenate([np.ones(min(1, len(slots)), np.bool_), ~same])


def _ranks(slots: Ints) -> list[npt.NDArray[np.intp]]:
    """Rows of sorted slots split by their place within their slot: a loop over reports per track (mostly one), not over rows."""
    if not len(slots):
        return []
    starts = np.flatnonzero(np.concatenate([[True], slots[1:] != slots[:-1]]))
    place = np.arange(len(slots)) - np.repeat(starts, np.diff(np.append(starts, len(slots))))
    return [np.flatnonzero(place == rank) for rank in range(int(place.max()) + 1)]
