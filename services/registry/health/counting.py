"""Counts what came of every device, in a thread of its own, and puts it into the monitor's book."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from chelu.clock import Clock
from chelu.units import US_PER_S
from services.registry.database import Register
from services.registry.health import counts
from services.registry.health.columns import Book
from services.registry.health.counts import Counts, Loss
from services.registry.rounds import Rounds

LOG = logging.getLogger(__name__)
EVERY_S = 5.0
LONGEST_S = 60.0  # to look back; what came before is not counted
LOSS_EVERY = 12  # counts
LOSS_WINDOW_S = 40.0  # has some heartbeats of whoever beats every 20 s; at 100,000 rows/s it is four million rows to count
FEWEST_FRAMES = 50  # of a device, of which a share lost is worth saying


@dataclass(frozen=True, slots=True)
class Counted:
    """What one round found. new: since the round before, until `to_us`; window: that and what the round before found.

    is_known: whether what was not stored did not come either, so that its sender was silent.
    """

    to_us: int
    is_known: bool
    new: Counts | None
    window: Counts | None
    losses: Mapping[int, Loss] | None


class Counting:
    """`start` and `stop` are called by the monitor's owner, `apply` by the monitor's thread."""

    def __init__(self, register: Register, clock: Clock, *, every_s: float = EVERY_S) -> None:
        self._register, self._clock = register, clock
        self._thread = Rounds.every(every_s, "health counts", self._count, "what comes of devices is not counted")
        self._guard = threading.Lock()
        self._waiting: list[Counted] = []
        self._counted_us = 0
        self._before: Counts | None = None
        self._rounds = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def apply(self, book: Book) -> None:
        """Put what was counted since the last call into the book."""
        with self._guard:
            waiting, self._waiting = self._waiting, []
        for counted in waiting:
            _note(book, counted)
            if counted.new is not None:
                _add(book, counted.new)
            if counted.window is not None:
                _measure(book, counted.window)
            if counted.losses is not None:
                _lose(book, counted.losses)

    def count(self) -> Counted:
        """One round, at once."""
        to_us = self._clock.wall_us() - round(counts.SETTLED_S * US_PER_S)
        from_us = max(self._counted_us, to_us - round(LONGEST_S * US_PER_S))
        lost = None
        with self._register.transaction() as connection:
            counts.on_one_core(connection)
            new = counts.count(connection, from_us=from_us, to_us=to_us) if self._counted_us else None
            is_known = self._counted_us > 0 and (new is not None or counts.is_idle(connection, from_us=from_us, to_us=to_us))
            if self._rounds % LOSS_EVERY == 0:
                lost = counts.losses(connection, from_us=to_us - round(LOSS_WINDOW_S * US_PER_S), to_us=to_us)
        window = counts.together(self._before, new)
        self._counted_us, self._before = to_us, new
        self._rounds += 1
        return Counted(to_us, is_known, new, window, lost)

    def _count(self) -> None:
        counted = self.count()
        with self._guard:
            self._waiting.append(counted)


def _note(book: Book, counted: Counted) -> None:
    """Until when rows are counted, and since when without a break."""
    if not counted.is_known or counted.to_us - book.counted_us > LONGEST_S * US_PER_S:
        book.counting_us = counted.to_us
    book.counted_us = counted.to_us


def _add(book: Book, counted: Counts) -> None:
    """Rows stored since the round before; whoever they are of was heard."""
    for key, number in counted.rows.items():
        if (place := book.place_of_key.get(key)) is not None:
            book.integers["stored"][place] += number
            book.integers["heard_us"][place] = max(book.integers["heard_us"][place], counted.last_us[key])
            book.is_changed[place] = True


def _measure(book: Book, counted: Counts) -> None:
    """Rates of all streams that are expected, 0 where nothing came, and latency where something did."""
    for column in book.rates_hz.values():
        column[:] = 0
    book.floats["latency_ms"][:] = np.nan
    former, now = book.tallies["rates_hz"], dict[int, Mapping[str, float]]()
    for key, by_stream in counted.frames.items():
        if (place := book.place_of_key.get(key)) is not None:
            rates = {counts.stream_of(book.kinds[place], name): number / counted.seconds for name, number in by_stream.items()}
            now[place] = {name: round(rate, 2) for name, rate in rates.items()}
            for name in rates.keys() & book.rates_hz.keys():
                book.rates_hz[name][place] = rates[name]
            book.floats["latency_ms"][place] = _latency_ms(counted, key, book.floats["skew_s"][place])
    book.tallies["rates_hz"] = now
    book.is_changed[[place for place in former.keys() | now.keys() if former.get(place) != now.get(place)]] = True


def _latency_ms(counted: Counts, key: int, skew_s: float) -> float:
    """From event to arrival, the clock's skew taken off where heartbeats tell it; NaN where no row has a time of its own."""
    timed = counted.timed.get(key)
    if not timed:
        return math.nan
    return max(0.0, 1000 * (counted.delay_s[key] / timed + (0.0 if math.isnan(skew_s) else skew_s)))


def _lose(book: Book, losses: Mapping[int, Loss]) -> None:
    book.floats["lost_share"][:] = np.nan
    for key, loss in losses.items():
        place = book.place_of_key.get(key)
        if place is not None and loss.sent >= FEWEST_FRAMES:
            book.floats["lost_share"][place] = loss.lost / loss.sent
            book.integers["lost"][place] = loss.lost
            book.is_changed[place] = True
