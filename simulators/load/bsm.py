"""The stream of BSMs: each message is a copy of its vehicle's packet with count, time and place written into it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chelu.ragged import ranges
from simulators.load.bank import LOWEST_LATITUDE, LOWEST_LONGITUDE, bank
from simulators.load.devices import Devices
from simulators.load.numbering import number_at
from simulators.load.portion import Portion
from simulators.load.rounds import TIME_AT, round_of
from simulators.load.schedule import Schedule
from simulators.load.slots import WORD, words_of
from simulators.load.vehicles import crowd

Ints = npt.NDArray[np.int64]


class BsmSource:
    """`simulators.load.portion.Source` of BSMs; skew_ms: (vehicles,) or None, how far each vehicle's clock is ahead."""

    stream = "bsm"

    def __init__(self, devices: Devices, *, skew_ms: Ints | None = None) -> None:
        settings = devices.settings
        self._crowd = crowd(settings)
        self._bank = bank(self._crowd)
        order = np.random.default_rng([settings.seed, 2]).permutation(settings.vehicles)
        self._round = round_of(self._bank, devices, order)
        rounds = max(1, round(settings.seconds * settings.rate_hz))
        self._schedule = Schedule(len(self._round.start), 1e6 / settings.rate_hz, rounds)
        self.per_s = len(self._round.start) * settings.rate_hz
        self._start_us, self._qos = 0, settings.qos
        self._skew_us = np.zeros(settings.vehicles, np.int64) if skew_ms is None else skew_ms * 1000
        self._is_back = np.zeros(len(self._round.frame), np.bool_)
        self._at = 0

    def begin(self, start_us: int) -> None:
        self._start_us = start_us

    @property
    def next_us(self) -> int | None:
        return None if self._at >= self._schedule.total else int(self._schedule.due_us(self._at, self._at + 1)[0])

    def skip(self, due_us: int) -> tuple[int, int]:
        begin, self._at = self._at, max(self._at, self._schedule.before(due_us))
        full, first = len(self._round.start), self._round.first
        rounds, last = divmod(self._at, full)
        rounds_begun, first_left = divmod(begin, full)
        return self._at - begin, int((rounds - rounds_begun) * first[-1] + first[last] - first[first_left])

    def until(self, due_us: int) -> Sequence[Portion]:
        end, found = self._schedule.before(due_us), []
        while self._at < end:
            number, at = divmod(self._at, len(self._round.start))
            upto = min(end - self._at + at, len(self._round.start))
            found.append(self._portion(number, at, upto))
            self._at += upto - at
        return found

    def _portion(self, number: int, at: int, upto: int) -> Portion:
        """Messages `at` to `upto` of the round of this number."""
        whole = self._round
        frames = slice(int(whole.first[at]), int(whole.first[upto]))
        begin = number * len(whole.start)
        due_us = self._schedule.due_us(begin + at, begin + upto)
        frames_due_us = np.repeat(due_us, np.diff(whole.first[at : upto + 1])) if whole.has_envelope else due_us
        origin, end = int(whole.start[at]), int(whole.stop[upto - 1])
        data = self._moved(number, frames, frames_due_us, origin, end)
        if whole.has_envelope:
            self._say_when(data, whole.payload[at:upto] - origin, due_us)
        messages = slice(at, upto)
        start = whole.start[messages] - origin
        payload = whole.payload[messages] - origin
        sequence = np.zeros(upto - at, np.int64)
        if self._qos:
            sequence = np.full(upto - at, self._start_us // 1000 + number)
            number_at(data, payload, sequence)
        count = np.diff(whole.first[at : upto + 1])
        stop = whole.stop[messages] - origin
        return Portion("bsm", data[: end - origin], start, stop, payload, whole.device[messages], count, count, due_us, sequence)

    def _moved(self, number: int, frames: slice, due_us: Ints, origin: int, end: int) -> npt.NDArray[np.uint8]:
        """The packets with every frame's four numbers."""
        whole, vehicle = self._round, self._round.vehicle[frames]
        latitude, longitude, is_back = self._crowd.lanes.at(vehicle, due_us / 1e6)
        self._turn(frames, is_back)
        data = whole.data[origin : end + WORD].copy()
        data[-WORD:] = 0
        words = words_of(data)
        event_ms = (self._start_us + due_us + self._skew_us[vehicle]) // 1000
        values = (
            (self._crowd.first_count[vehicle] + number) % 128,
            event_ms % 60_000,
            latitude - int(LOWEST_LATITUDE),
            longitude - int(LOWEST_LONGITUDE),
        )
        for slot, value in zip(whole.numbers.each(), values, strict=True):
            slot.write(words, value, frames, origin)
        return data

    def _turn(self, frames: slice, is_back: npt.NDArray[np.bool_]) -> None:
        """Exchange the frames of vehicles that drive the other way from now on."""
        turned = np.flatnonzero(is_back != self._is_back[frames]) + frames.start
        if not turned.size:
            return
        self._is_back[frames] = is_back
        size, vehicle = self._round.size[turned], self._round.vehicle[turned]
        way = np.repeat(self._is_back[turned].astype(np.int64), size)
        self._round.data[ranges(self._round.frame[turned], size)] = self._bank.ways[way, ranges(self._bank.start[vehicle], size)]

    def _say_when(self, data: npt.NDArray[np.uint8], payload: Ints, due_us: Ints) -> None:
        """The time of hearing, int64 ms, little-endian."""
        millis = ((self._start_us + due_us) // 1000).astype("<i8").view(np.uint8).reshape(-1, 8)
        data[(payload + TIME_AT)[:, None] + np.arange(8)] = millis
