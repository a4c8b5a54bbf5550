"""What is known of every device's health, as columns: one array a quantity, one place a device. Pure but for its own arrays.

`Book` belongs to the monitor's thread. Words change single places; everything else (counts, status, alarms) is done for all
devices at once, and what few devices have (tallies, reasons) is kept of those few: a round over a hundred thousand devices has no
step in Python for each, since the interpreter is also that of those who ask the API.
"""

from __future__ import annotations

import enum
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.registry.health.words import Beat, Running, State, Word

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
DELAYS = 3  # of the last heartbeats: the least of them has the least of the way in it
QUANTITIES = (  # floats, NaN while unknown; named as the table's columns
    *("beat_s", "skew_s", "latency_ms", "lost_share", "cpu_percent", "memory_percent", "disk_percent"),
    *("rx_bytes_per_s", "tx_bytes_per_s", "uptime_s"),
)
INSTANTS = ("since_us", "heard_us")  # 0 while there was none
COUNTERS = ("stored", "lost")
TALLIES = ("sent", "received", "rates_hz")  # by stream


class Status(enum.StrEnum):
    """How a device does."""

    UNHEARD = "unheard"  # it never said anything
    OFFLINE = "offline"
    IMPAIRED = "impaired"  # it is there, but something is not as its profile and the thresholds have it
    HEALTHY = "healthy"


STATUSES = tuple(Status)  # a status in a column is its number here
UNHEARD, OFFLINE, IMPAIRED, HEALTHY = range(len(STATUSES))


@dataclass(frozen=True, slots=True)
class Known:
    """A device as the register has it. beat_s: as its profile says; NaN: as it says itself. expected_hz: by stream.

    usual_beat_s: as its standard says, where neither does; NaN where no standard does.
    """

    key: int
    device_id: str
    kind: str
    site_id: str
    is_supervised: bool
    beat_s: float
    expected_hz: Mapping[str, float]
    usual_beat_s: float = math.nan


class Book:
    """Columns over devices, in the order in which they came. What was known of a device before goes on in `following`.

    keys, ids, kinds, sites: (n,), whose they are. None of it is an object for each device: a hundred thousand of them would have
    every full round of Python's garbage collector hold the interpreter for a tenth of a second.
    """

    def __init__(self, devices: Iterable[Known]) -> None:
        self.keys: list[int] = []
        self.ids: list[str] = []
        self.kinds: list[str] = []
        self.sites: list[str] = []
        supervised: list[bool] = []
        beats_s: list[tuple[float, float]] = []
        expected: dict[str, dict[int, float]] = {}  # by stream and place
        for place, device in enumerate(devices):
            self.keys.append(device.key)
            self.ids.append(device.device_id)
            self.kinds.append(sys.intern(device.kind))
            self.sites.append(sys.intern(device.site_id))
            supervised.append(device.is_supervised)
            beats_s.append((device.beat_s, device.usual_beat_s))
            for stream, rate_hz in device.expected_hz.items():
                expected.setdefault(stream, {})[place] = rate_hz
        self.is_supervised = np.array(supervised, np.bool_)
        self.profile_beat_s, self.usual_beat_s = np.array(beats_s, np.float64).reshape(-1, 2).T.copy()
        self.streams = sorted(expected)
        self.expected_hz = {name: _spread(expected[name], len(self)) for name in self.streams}
        self._index()
        self._forget()

    def _index(self) -> None:
        """Where each device is, and which have a site and a kind in common."""
        self.place = {device_id: place for place, device_id in enumerate(self.ids)}
        self.place_of_key = {key: place for place, key in enumerate(self.keys)}
        numbers: dict[tuple[str, str], int] = {}
        scope = [numbers.setdefault(pair, len(numbers)) for pair in zip(self.sites, self.kinds, strict=True)]
        self.scope, self.scopes = np.array(scope, np.intp), tuple(numbers)

    def _forget(self) -> None:
        """Nothing is known of anybody. counting_us, counted_us: from when to when stored rows are counted without a break."""
        count = len(self)
        self.counting_us = self.counted_us = 0
        self.floats: dict[str, Floats] = {name: np.full(count, np.nan) for name in QUANTITIES}
        self.integers = {name: np.zeros(count, np.int64) for name in (*INSTANTS, *COUNTERS)}
        self.rates_hz = {name: np.full(count, np.nan) for name in self.streams}
        self.delays = np.full((count, DELAYS), np.nan)
        self.bytes = np.full((count, 3), np.nan)  # at_us, received, sent: of the last run-status
        self.is_off = np.zeros(count, np.bool_)
        self.is_changed = np.zeros(count, np.bool_)  # since it was written
        self.status = np.full(count, UNHEARD, np.int8)
        self.problems: dict[str, Mask] = {}  # by name, of whom it is so
        self.reason: dict[int, str] = {}  # by place, of being off
        self.tallies: dict[str, dict[int, Mapping[str, float]]] = {name: {} for name in TALLIES}  # by place

    def __len__(self) -> int:
        return len(self.ids)

    def following(self, devices: Iterable[Known]) -> Book:
        """A book of these devices, with what this one knows of them."""
        new = Book(devices)
        new.counting_us, new.counted_us = self.counting_us, self.counted_us
        moved = {place: after for key, after in new.place_of_key.items() if (place := self.place_of_key.get(key)) is not None}
        old, at = np.array(list(moved), np.intp), np.array(list(moved.values()), np.intp)
        for mine, its in self._arrays(new):
            its[at] = mine[old]
        for stream in set(self.streams) & set(new.streams):
            new.rates_hz[stream][at] = self.rates_hz[stream][old]
        for name, mask in self.problems.items():
            new.problems[name] = np.zeros(len(new), np.bool_)
            new.problems[name][at] = mask[old]
        new.reason = {moved[place]: reason for place, reason in self.reason.items() if place in moved}
        for name, tally in self.tallies.items():
            new.tallies[name] = {moved[place]: numbers for place, numbers in tally.items() if place in moved}
        return new

    def problems_of(self, place: int) -> list[str]:
        """What is wrong with one device."""
        return [name for name, mask in self.problems.items() if mask[place]]

    def _arrays(self, new: Book) -> Iterable[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        yield from ((self.floats[name], new.floats[name]) for name in self.floats)
        yield from ((self.integers[name], new.integers[name]) for name in self.integers)
        for name in ("delays", "bytes", "is_off", "is_changed", "status"):
            yield getattr(self, name), getattr(new, name)

    # -- words ---------------------------------------------------------------------------------------------------------------

    def take(self, words: Iterable[Word]) -> bool:
        """Note what devices say; true when one of them has come or gone. What is said of strangers is passed over."""
        has_turned = False
        for word in words:
            place = self.place.get(word.device_id)
            if place is None:
                continue
            self.is_changed[place] = True
            if isinstance(word, State):
                has_turned |= self._state(place, word)
                continue
            self.integers["heard_us"][place] = max(self.integers["heard_us"][place], word.at_us)
            if isinstance(word, Beat):
                has_turned |= self._beat(place, word)
            elif isinstance(word, Running):
                self._running(place, word)
            elif not np.isnan(word.beat_s):
                self.floats["beat_s"][place] = word.beat_s
        return has_turned

    def _state(self, place: int, word: State) -> bool:
        if not word.is_retained:  # what the broker has kept is no sign of life
            self.integers["heard_us"][place] = max(self.integers["heard_us"][place], word.at_us)
        was_off = bool(self.is_off[place])
        self.is_off[place], self.reason[place] = not word.is_online, word.reason
        return was_off is word.is_online or not self.integers["since_us"][place]

    def _beat(self, place: int, word: Beat) -> bool:
        was_off = bool(self.is_off[place])
        self.is_off[place] = False
        self.delays[place] = np.roll(self.delays[place], 1)
        self.delays[place, 0] = word.delay_s
        spoken = self.delays[place][~np.isnan(self.delays[place])]
        self.floats["skew_s"][place] = -spoken.min() if len(spoken) else np.nan
        self.floats["uptime_s"][place] = word.uptime_s
        self.tallies["sent"][place], self.tallies["received"][place] = word.sent, word.received
        return was_off

    def _running(self, place: int, word: Running) -> None:
        for name in ("cpu_percent", "memory_percent", "disk_percent"):
            self.floats[name][place] = getattr(word, name)
        before, now = self.bytes[place].copy(), np.array([word.at_us, word.rx_bytes, word.tx_bytes])
        self.bytes[place] = now
        passed_s, received, sent = (now - before) * (1e-6, 1, 1)
        for name, number in (("rx_bytes_per_s", received), ("tx_bytes_per_s", sent)):
            is_known = passed_s > 0 and number >= 0  # neither NaN, nor counters that began anew
            self.floats[name][place] = number / passed_s if is_known else np.nan


def _spread(numbers: Mapping[int, float], count: int) -> Floats:
    """Numbers by place as a column, NaN where there is none."""
    column = np.full(count, np.nan)
    column[list(numbers)] = list(numbers.values())
    return column
