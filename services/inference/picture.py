"""The live picture of one site: every track's newest state and its last two seconds, as columns indexed by slot.

A slot belongs to one key until its track falls silent; then it is reused with the next generation number, so that (slot,
generation) names a track for ever. Memory follows the live tracks: the columns double when they are full, and give back their
upper half when a quarter would do and nobody lives there. Owned by one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from services.inference.keys import KeyIndex
from services.inference.reports import TOLD, Floats, Ints, Reports, Track
from services.inference.types import Mask

HISTORY = 24  # reports kept per track: 2.4 s at 10 Hz
_FLOATS = (
    "height_sigma_m",
    "place_sigma_m",
    "speed_mps",
    "heading_deg",
    "acceleration_mps2",
    "yaw_rate_dps",
    "length_m",
    "width_m",
)
_INTS = ("time_us", "arrival_us", "participant_type", "device_key", "message_count", "sec_mark_ms", *TOLD)
_FIRST_CAPACITY = 256
MOST_TRACKS = 100_000  # beyond, who is new is not taken in: whoever invents ids cannot fill the memory
_BY_SLOT = ("kind", "key", "own_id", "own_key", "xyz", "past_us", "past", "head", "count", "is_reckoned", "across_m")
_NEVER_US = np.iinfo(np.int64).max
Item = TypeVar("Item", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Change:
    """What one update did: slots that have a newer state, and slots that are new among them.

    stale_rows: not newer than what was known; refused_rows: of tracks for which there was no room.
    """

    slots: Ints
    fresh: Ints
    stale_rows: int
    refused_rows: int = 0


class Picture:
    """State columns (capacity long; read them by slot) and the history ring; `generation` never shrinks."""

    def __init__(self, most_tracks: int = MOST_TRACKS) -> None:
        self._most = most_tracks
        self.tellers: Ints = np.empty(0, np.int64)  # keys of the devices that tell those whom they see of dangers
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
        self.is_reckoned: Mask = np.empty(0, np.bool_)  # the newest report had no place of its own (`reckon`)
        self.across_m: Floats = np.empty(0)  # how far who is reckoned may be off to the side
        self._free: Ints = np.empty(0, np.int64)  # the last is given out first
        self._oldest_us = _NEVER_US  # no live track was heard of before this
        self._resize(_FIRST_CAPACITY)

    def live(self) -> Ints:
        """Slots in use, ascending."""
        return np.flatnonzero(self.kind)

    def __len__(self) -> int:
        return self.capacity - len(self._free)

    @property
    def nbytes(self) -> int:
        """Memory of all columns and both indices."""
        columns = [getattr(self, name) for name in (*_BY_SLOT, "generation", "_free")]
        columns += [*self.floats.values(), *self.ints.values()]
        return int(sum(column.nbytes for column in columns)) + sum(index.nbytes for index in self._index.values())

    def find(self, kind: Track, keys: npt.NDArray[np.uint64]) -> Ints:
        """Slots of keys, −1 for those not in the picture."""
        return self._index[kind].find(keys)

    def update(self, reports: Reports) -> Change:
        """Take in reports; of several about one track all enter its history and the newest becomes its state."""
        if not len(reports):
            none = np.empty(0, np.int64)
            return Change(none, none, 0)
        slots, fresh = self._slots_of(reports)
        refused = int(np.count_nonzero(slots < 0))
        if refused:
            reports, slots = reports.take(slots >= 0), slots[slots >= 0]
        self._oldest_us = min(self._oldest_us, int(reports.arrival_us.min(initial=_NEVER_US)))
        own = reports.own_key > 0  # also of rows that are not newer: the same message may reach us by a roadside unit first
        self.own_key[slots[own]] = reports.own_key[own]
        newer = reports.time_us > self.ints["time_us"][slots]
        rows = np.flatnonzero(newer)
        rows = rows[np.lexsort((reports.time_us[rows], slots[rows]))]
        rows = rows[_distinct(slots[rows], reports.time_us[rows])]
        for chosen in ranks(slots[rows]):
            self._write(slots[rows[chosen]], reports, rows[chosen])
        return Change(np.unique(slots[rows]), fresh, len(reports) - len(rows), refused)

    def reckon(self, slots: Ints, xyz: Floats, sigma_m: Floats, across_m: Floats) -> None:
        """Put the newest reports of these, which do not say where, to where they are reckoned to be; as for one deviation."""
        self.xyz[slots], self.is_reckoned[slots] = xyz, True
        self.floats["place_sigma_m"][slots], self.across_m[slots] = sigma_m, across_m
        self.past[slots, self.head[slots], :3] = xyz

    def across_sigma_m(self, slots: Ints) -> Floats:
        """How far places may be off to the side, NaN where it was not said: of who is reckoned less than along the road."""
        return np.where(self.is_reckoned[slots], self.across_m[slots], self.floats["place_sigma_m"][slots])

    def expire(self, before_arrival_us: int) -> Ints:
        """Free the slots whose last report arrived before this instant; gives those slots."""
        if before_arrival_us <= self._oldest_us:
            return np.empty(0, np.int64)
        live = self.live()
        arrival_us = self.ints["arrival_us"][live]
        is_old = arrival_us < before_arrival_us
        self._oldest_us = int(arrival_us[~is_old].min(initial=_NEVER_US))
        old = live[is_old]
        if len(old):
            for kind, index in self._index.items():
                index.remove(self.key[old[self.kind[old] == kind]])
            self.kind[old] = Track.NONE
            self.generation[old] += 1
            self._free = np.flatnonzero(self.kind == Track.NONE)[
                ::-1
            ]  # the lowest are given out first, so that the highest empty
            self._shrink()
        return old

    def living(self, slots: Ints) -> Ints:
        """Those of these slots that are in use."""
        slots = slots[slots < self.capacity]
        return np.asarray(slots[self.kind[slots] != Track.NONE])

    def ring_places(self, slots: Ints, back: Ints) -> Ints:
        """Flat places in `past_us` and `past` of the reports that came `back` (…, n, k) ≥ 0 before the newest of slots (n,)."""
        return np.asarray(slots[:, None] * HISTORY + (self.head[slots][:, None] - back) % HISTORY)

    def waited_s(self, slots: Ints) -> Floats:
        """Seconds between each one's newest report and the one before, inf for its first."""
        before = (self.head[slots] - 1) % HISTORY
        waited = (self.past_us[slots, self.head[slots]] - self.past_us[slots, before]) / 1e6
        return np.where(self.count[slots] > 1, waited, np.inf)

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
        """Slots for new keys; of more than there is room for, the first."""
        keys = keys[: self._most - len(self)]
        while len(self._free) < len(keys):
            self._resize(2 * self.capacity)
        kept = len(self._free) - len(keys)
        self._free, slots = self._free[:kept], self._free[kept:][::-1]
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
        self.xyz[slots], self.is_reckoned[slots] = reports.xyz[rows], False
        self.own_id[slots] = reports.own_id[rows]
        head = (self.head[slots] + 1) % HISTORY
        self.head[slots] = head
        self.count[slots] = np.minimum(self.count[slots] + 1, HISTORY)
        self.past_us[slots, head] = reports.time_us[rows]
        self.past[slots, head, :3] = reports.xyz[rows]
        self.past[slots, head, 3] = reports.speed_mps[rows]

    def _shrink(self) -> None:
        """Give back the upper half while a quarter would do and nobody lives up there."""
        if self.capacity == _FIRST_CAPACITY or len(self) * 4 > self.capacity:
            return
        capacity, highest = self.capacity, int(self.live().max(initial=-1))
        while capacity > _FIRST_CAPACITY and len(self) * 4 <= capacity and highest < capacity // 2:
            capacity //= 2
        self._resize(capacity)

    def _resize(self, capacity: int) -> None:
        for name in _BY_SLOT:
            setattr(self, name, resized(getattr(self, name), capacity))
        self.floats = {name: resized(column, capacity) for name, column in self.floats.items()}
        self.ints = {name: resized(whole, capacity) for name, whole in self.ints.items()}
        self.generation = resized(self.generation, max(capacity, len(self.generation)))
        self._free = np.flatnonzero(self.kind == Track.NONE)[::-1]
        self.capacity = capacity


def resized(array: npt.NDArray[Item], capacity: int, fill: float = 0) -> npt.NDArray[Item]:
    """A column cut to its first `capacity` slots, or continued with `fill`; the same array where nothing changes."""
    before = len(array)
    if before == capacity:
        return array
    result = np.full((capacity, *array.shape[1:]), fill, array.dtype)
    result[:before] = array[:capacity]
    return result


def _distinct(slots: Ints, times: Ints) -> npt.NDArray[np.bool_]:
    """Mask of the first of equal (slot, time) in sorted order: one message heard by several units counts once."""
    same = (slots[1:] == slots[:-1]) & (times[1:] == times[:-1])
    return np.concatenate([np.ones(min(1, len(slots)), np.bool_), ~same])


def ranks(slots: Ints) -> list[npt.NDArray[np.intp]]:
    """Rows of sorted slots split by their place within their slot: a loop over reports per track (mostly one), not over rows."""
    if not len(slots):
        return []
    starts = np.flatnonzero(np.concatenate([[True], slots[1:] != slots[:-1]]))
    place = np.arange(len(slots)) - np.repeat(starts, np.diff(np.append(starts, len(slots))))
    return [np.flatnonzero(place == rank) for rank in range(int(place.max()) + 1)]
