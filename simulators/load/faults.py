"""Faults on the way, wrapped around the clean generator: what a portion becomes, and how many messages that concerned.

Each kind draws from a seed of its own, message by message in order, so the same seed spoils the same messages however they are
drawn. A device does not know of a fault on its way: `sent` in its heartbeats stays what it meant to send.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from chelu.errors import ConfigurationError
from simulators.load.books import Books
from simulators.load.portion import Portion
from simulators.load.settings import LoadSettings

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ON_MESSAGES = ("loss", "duplicate", "corrupt", "unknown", "reorder", "delay")  # in the order in which they are applied
DEFAULT_MS = {"delay": 500.0, "skew": 2000.0}  # mean of an exponential; standard deviation
MOST_MS = 60_000.0
REORDER_PERIODS = 1.5
SPOILT_BYTES = 4
FRAME_BEHIND = {"bsm": 19, "rsm": 18, "spat": 18}  # in a deployed envelope, where its first frame begins


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of messages (`ON_MESSAGES`), of devices (skew), of sessions a second (churn); storm: seconds from one to the next.

    amount_ms: how much, for delay and skew. Raises ConfigurationError naming the fault, its value and what is allowed.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    amount_ms: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.shares.items():
            low, high = (1.0, 86_400.0) if name == "storm" else (0.0, 1.0)
            if name not in {*ON_MESSAGES, "skew", "churn", "storm"} or not low <= value <= high:
                raise ConfigurationError("--fault", f"{name}={value:g}", ALLOWED)
        for name, value in self.amount_ms.items():
            if name not in DEFAULT_MS or not 0 < value <= MOST_MS:
                raise ConfigurationError("--fault", f"{name}=…:{value:g}", ALLOWED)

    def share(self, name: str) -> float:
        """How much of it there is; 0 when it was not asked for."""
        return self.shares.get(name, 0.0)

    def milliseconds(self, name: str) -> float:
        """How long its delay or skew is."""
        return self.amount_ms.get(name, DEFAULT_MS[name])

    def fit(self, settings: LoadSettings) -> None:
        """ConfigurationError when this load cannot have these faults."""
        if settings.qos and (late := [name for name in ("reorder", "delay") if self.share(name)]):
            raise ConfigurationError("--fault", late[0], "with --qos 0 only: at QoS 1 a device sends its messages in order")
        if self.share("churn") and not settings.connections:
            raise ConfigurationError("--fault", "churn", "with --connections only: the gateway's session does not come and go")


ALLOWED = (
    f"share of messages 0 … 1: {', '.join(ON_MESSAGES)}; of devices: skew; of sessions a second: churn; "
    "seconds from 1 to 86400: storm; "
    f"delay and skew also with milliseconds up to {MOST_MS:g}, as delay=0.01:500"
)


def read_faults(texts: Sequence[str]) -> Faults:
    """``loss=0.01``, ``delay=0.01:500`` …; ConfigurationError when it is not."""
    shares, amounts = {}, {}
    for text in texts:
        name, _, value = text.partition("=")
        share, has_amount, amount = value.partition(":")
        try:
            shares[name] = float(share)
            if has_amount:
                amounts[name] = float(amount)
        except ValueError:
            raise ConfigurationError("--fault", text, ALLOWED) from None
    return Faults(shares, amounts)


def skews_ms(faults: Faults, settings: LoadSettings) -> Ints:
    """How far each vehicle's clock is ahead (vehicles,), 0 for most."""
    random = np.random.default_rng([settings.seed, 20])
    is_off = random.random(settings.vehicles) < faults.share("skew")
    off = np.rint(random.normal(0, faults.milliseconds("skew"), settings.vehicles)).astype(np.int64)
    return np.where(is_off, np.where(off == 0, 1, off), 0)


class Way:
    """The way from the devices to the broker. Owned by the load's thread."""

    def __init__(self, faults: Faults, settings: LoadSettings, books: Books) -> None:
        self._faults, self._settings, self._books = faults, settings, books
        self._wanted = [name for name in ON_MESSAGES if faults.share(name)]
        self._choice = {name: np.random.default_rng([settings.seed, 30, number]) for number, name in enumerate(ON_MESSAGES)}
        self._detail = {name: np.random.default_rng([settings.seed, 31, number]) for number, name in enumerate(ON_MESSAGES)}
        self._held: list[tuple[int, int, Portion]] = []  # a heap: due, number, one portion
        self._number = 0
        for name in self._wanted:
            books.faults[name] = 0

    def through(self, portion: Portion) -> Portion | None:
        """What of a portion arrives now; None when nothing does. It may have been changed in place."""
        found: Portion | None = portion
        for name in self._wanted:
            if found is None:
                break
            hit = self._choice[name].random(len(found)) < self._faults.share(name)
            self._books.faults[name] += int(hit.sum())
            if hit.any():
                found = getattr(self, f"_{name}")(found, hit)
        return found

    def released(self, elapsed_us: int) -> Sequence[Portion]:
        """What was held and is due."""
        found = []
        while self._held and self._held[0][0] <= elapsed_us:
            found.append(heapq.heappop(self._held)[2])
        return found

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held."""
        return not self._held

    def _loss(self, portion: Portion, hit: Bools) -> Portion | None:
        self._books.believed(portion.take(np.flatnonzero(hit)), 1)
        return None if hit.all() else portion.take(np.flatnonzero(~hit))

    def _duplicate(self, portion: Portion, hit: Bools) -> Portion:
        if not self._settings.qos:  # at QoS 1 one number is booked once anyway
            self._books.believed(portion.take(np.flatnonzero(hit)), -1)
        return portion.take(np.repeat(np.arange(len(portion)), 1 + hit))

    def _corrupt(self, portion: Portion, hit: Bools) -> Portion:
        """Another value in up to four bytes of the payload."""
        rows = np.flatnonzero(hit)
        draw = self._detail["corrupt"].random((len(rows), 2 * SPOILT_BYTES))
        size = (portion.stop - portion.payload)[rows]
        at = portion.payload[rows, None] + (draw[:, :SPOILT_BYTES] * size[:, None]).astype(np.int64)
        portion.data[at] ^= (1 + draw[:, SPOILT_BYTES:] * 255).astype(np.uint8)
        return portion

    def _unknown(self, portion: Portion, hit: Bools) -> Portion:
        """The message's first frame is of a kind that no MessageFrame has: its first four bits 5 to 7 (YD/T 3709-2020)."""
        rows = np.flatnonzero(hit)
        is_bare = portion.stream == "bsm" and self._settings.via == "direct"
        at = portion.payload[rows] + (0 if is_bare else FRAME_BEHIND[portion.stream])
        kind = 5 + (self._detail["unknown"].random(len(rows)) * 3).astype(np.uint8)
        portion.data[at] = (portion.data[at] & 15) | (kind << 4)
        return portion

    def _reorder(self, portion: Portion, hit: Bools) -> Portion | None:
        """A message comes after its device's next one."""
        hz = self._settings.rate_hz if portion.stream == "bsm" else 10.0
        return self._hold(portion, hit, np.full(int(hit.sum()), int(REORDER_PERIODS * 1e6 / hz)))

    def _delay(self, portion: Portion, hit: Bools) -> Portion | None:
        wait_ms = self._detail["delay"].exponential(self._faults.milliseconds("delay"), int(hit.sum()))
        return self._hold(portion, hit, (wait_ms * 1000).astype(np.int64))

    def _hold(self, portion: Portion, hit: Bools, wait_us: Ints) -> Portion | None:
        for row, wait in zip(np.flatnonzero(hit).tolist(), wait_us.tolist(), strict=True):
            one = portion.take(np.array([row]))
            due = int(one.due_us[0]) + wait
            heapq.heappush(self._held, (due, self._number, replace(one, due_us=np.array([due]))))
            self._number += 1
        return None if hit.all() else portion.take(np.flatnonzero(~hit))
