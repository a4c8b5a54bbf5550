"""Stored rows against their source, row by row: what is missing, doubled or displaced. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch
from simulators.outgoing import rank_within

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# What both sides of a comparison carry. `who` tells senders (or heads) apart; `tie_*` put rows of one sender and one millisecond
# in an order that survives the wire; the values are NaN where a stream has none.
COLUMNS = ("who", "time_us", "tie_a", "tie_b", "x_m", "y_m", "z_m", "speed_mps", "light", "end_s")
COUNTS = ("expected", "stored", "missing", "doubled", "stray", "lights_wrong")
ERRORS = ("position_error_m", "height_error_m", "speed_error_mps", "time_error_us", "end_error_s")
SAME_ROW_US = 60_000_000  # a stray row of the right sender within this is taken for a missing one with a wrong time


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a stream came out. Errors are the largest found: metres, m/s, µs, seconds; `lights_wrong` counts signal rows."""

    stream: str
    expected: int = 0
    stored: int = 0
    missing: int = 0
    doubled: int = 0
    stray: int = 0
    position_error_m: float = 0.0
    height_error_m: float = 0.0
    speed_error_mps: float = 0.0
    time_error_us: float = 0.0
    end_error_s: float = 0.0
    lights_wrong: int = 0

    def __add__(self, other: Comparison) -> Comparison:
        """Two stretches of one stream together."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        errors = {name: max(getattr(self, name), getattr(other, name)) for name in ERRORS}
        return Comparison(self.stream, **counts, **errors)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a row may differ by.

    The wire rounds positions to 1e-7° (at most 0.8 cm in all), heights to 0.1 m, speeds to 0.02 m/s, ends of lights to 0.1 s.
    """

    position_m: float = 0.02
    height_m: float = 0.051
    speed_mps: float = 0.02
    time_us: float = 0.0
    end_s: float = 0.051

    def faults(self, found: Comparison) -> list[str]:
        """Why a stream does not pass, a sentence each."""
        counts = {
            "missing": found.missing,
            "stored twice": found.doubled,
            "of no sample": found.stray,
            "of another light": found.lights_wrong,
        }
        errors = (
            ("a position", found.position_error_m, self.position_m, "m"),
            ("a height", found.height_error_m, self.height_m, "m"),
            ("a speed", found.speed_error_mps, self.speed_mps, "m/s"),
            ("an event time", found.time_error_us, self.time_us, "µs"),
            ("the end of a light", found.end_error_s, self.end_s, "s"),
        )
        return [f"{found.stream}: {n} of {found.expected} rows {what}" for what, n in counts.items() if n] + [
            f"{found.stream}: {what} is off by {error:.4g} {unit}, more than {bound:.4g}"
            for what, error, bound, unit in errors
            if error > bound
        ]


def compare(stream: str, expected: Batch, stored: Batch) -> Comparison:
    """Match rows by sender and event time, several of one millisecond in their order on the wire, and measure the differences.

    Both batches have `COLUMNS`. A sender's surplus rows of a time it did send are doubled, those of another time stray.
    """
    key_e, key_s = _keys(expected, stored)
    order_e, order_s = _order(expected, key_e), _order(stored, key_s)
    sorted_e, sorted_s = key_e[order_e], key_s[order_s]
    # One key per row: (sender, time) and the row's rank among those of the same.
    most = 1 + max((int(rank.max(initial=0)) for rank in (rank_within(sorted_e), rank_within(sorted_s))), default=0)
    full_e, full_s = sorted_e * most + rank_within(sorted_e), sorted_s * most + rank_within(sorted_s)
    _, at_e, at_s = np.intersect1d(full_e, full_s, assume_unique=True, return_indices=True)
    surplus = np.setdiff1d(np.arange(len(full_s)), at_s, assume_unique=True)
    is_doubled = np.isin(sorted_s[surplus], sorted_e)
    lost = expected.take(order_e[np.setdiff1d(np.arange(len(full_e)), at_e, assume_unique=True)])
    stray = stored.take(order_s[surplus[~is_doubled]])
    one, two = expected.take(order_e[at_e]), stored.take(order_s[at_s])
    return Comparison(
        stream,
        expected=len(expected),
        stored=len(stored),
        missing=len(lost),
        doubled=int(is_doubled.sum()),
        stray=len(stray),
        position_error_m=max(_worst(one, two, "x_m", "y_m"), 0.0),
        height_error_m=_worst(one, two, "z_m"),
        speed_error_mps=_worst(one, two, "speed_mps"),
        time_error_us=_time_error_us(lost, stray),
        end_error_s=_worst(one, two, "end_s"),
        lights_wrong=int((one["light"] != two["light"]).sum()),
    )


def _keys(expected: Batch, stored: Batch) -> tuple[Ints, Ints]:
    """One integer per (sender, time) that both sides share."""
    who = np.concatenate([expected["who"], stored["who"]])
    times = np.concatenate([expected["time_us"], stored["time_us"]])
    low, high = (int(times.min()), int(times.max())) if times.size else (0, 0)
    keys = np.searchsorted(np.unique(who), who) * (high - low + 1) + (times - low)
    return keys[: len(expected)], keys[len(expected) :]


def _order(rows: Batch, key: Ints) -> npt.NDArray[np.intp]:
    return np.lexsort((rows["tie_b"], rows["tie_a"], key))


def _worst(one: Batch, two: Batch, *names: str) -> float:
    """The largest distance between paired rows over these columns; a value only one side has counts as infinitely wrong."""
    total = np.zeros(len(one))
    for name in names:
        difference = one[name] - two[name]
        total += np.where(np.isnan(one[name]) & np.isnan(two[name]), 0.0, np.where(np.isnan(difference), np.inf, difference)) ** 2
    return float(np.sqrt(total.max(initial=0.0)))


def _time_error_us(lost: Batch, stray: Batch) -> float:
    """How far stray rows are in time from the nearest missing row of their sender; 0 where none is near enough to be it."""
    worst = 0.0
    for who in np.intersect1d(lost["who"], stray["who"]):
        missing, found = np.sort(lost["time_us"][lost["who"] == who]), stray["time_us"][stray["who"] == who]
        at = np.searchsorted(missing, found).clip(1, max(1, len(missing) - 1))
        near = np.minimum(np.abs(missing[np.minimum(at, len(missing) - 1)] - found), np.abs(missing[at - 1] - found))
        near = near[near <= SAME_ROW_US]
        worst = max(worst, float(near.max(initial=0)))
    return worst
