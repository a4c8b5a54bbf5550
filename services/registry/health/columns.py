"""What is known of every device's health, as columns: one array a quantity, one place a device. Pure but for its own arrays.

`Book` belongs to the monitor's thread. Words change single places; everything else (counts, status, alarms) is done for all
devices at once.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.registry.health.words import Beat, Running, State, Word

Floats = npt.NDArray[np.float64]
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


@dataclass(frozen=True, slots=True)
class Known:
    """A device as the register has it. beat_s: as its profile says; NaN: as it says itself. expected_hz: by stream."""

    key: int
    device_id: str
    kind: str
    site_id: str
    is_supervised: bool
    beat_s: float
    expected_hz: Mapping[str, float]


class Book:
    """Columns over `devices`, in their order. What was known of a device before goes on in `following`."""

    def __init__(self, devices: Sequence[Known]) -> None:
        self.devices = devices
        count = len(devices)
        self.place = {device.device_id: index for index, device in enumerate(devices)}
        self.place_of_key = {device.key: index for index, device in enumerate(devices)}
        self.floats: dict[str, Floats] = {name: np.full(count, np.nan) for name in QUANTITIES}
        self.integers = {name: np.zeros(count, np.int64) for name in (*INSTANTS, *COUNTERS)}
        self.delays = np.full((count, DELAYS), np.nan)
        self.bytes = np.full((count, 3), np.nan)  # at_us, received, sent: of the last run-status
        self.is_off = np.zeros(count, np.bool_)
        self.is_changed = np.zeros(count, np.bool_)  # since it was written
        self.reason = [""] * count
        self.status = np.full(count, Status.UNHEARD, object)
        self.problems: list[tuple[str, ...]] = [()] * count
        self.tallies: dict[str, list[Mapping[str, float]]] = {name: [{}] * count for name in TALLIES}
        self.is_supervised = np.array([device.is_supervised for device in devices], np.bool_)
        self.profile_beat_s = np.array([device.beat_s for device in devices], np.float64)
        self.streams = sorted({name for device in devices for name in device.expected_hz})
        self.expected_hz = {
            name: np.array([device.expected_hz.get(name, np.nan) for device in devices], np.float64) for name in self.streams
        }
        self.rates_hz = {name: np.full(count, np.nan) for name in self.streams}

    def __len__(self) -> int:
        return len(self.devices)

    def following(self, devices: Sequence[Known]) -> Book:
        """A book of these devices, with what this one knows of them."""
        new = Book(devices)
        pairs = [(self.place_of_key[key], place) for key, place in new.place_of_key.items() if key in self.place_of_key]
        if not pairs:
            return new
        old, at = (np.array(column, np.intp) for column in zip(*pairs, strict=True))
        for mine, its in self._arrays(new):
            its[at] = mine[old]
        for stream in set(self.streams) & set(new.streams):
            new.rates_hz[stream][at] = self.rates_hz[stream][old]
        for before, after in pairs:
            new.reason[after], new.problems[after] = self.reason[before], self.problems[before]
            for name in TALLIES:
                new.tallies[name][after] = self.tallies[name][before]
        return new

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
