"""Event time: a message says milliseconds within the minute, at best the minute of the year; the reference time says the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

US_PER_MS = 1_000
US_PER_MINUTE = 60_000_000
UNKNOWN_MS = 60_000  # DSecond at and above: unknown
MINUTE_INVALID = 527_040  # MinuteOfTheYear


def event_time_us(sec_mark_ms: npt.ArrayLike, reference_us: npt.ArrayLike) -> Ints:
    """The instant nearest to the reference (µs UTC) at `sec_mark_ms` within its minute; unknown (≥ 60000): the reference."""
    mark, reference = np.asarray(sec_mark_ms, np.int64), np.asarray(reference_us, np.int64)
    half = US_PER_MINUTE // 2
    nearest = reference + (mark * US_PER_MS - reference + half) % US_PER_MINUTE - half
    return np.asarray(np.where(mark < UNKNOWN_MS, nearest, reference), np.int64)


def minute_time_us(minute: Ints, sec_mark_ms: Ints, reference_us: Ints) -> Ints:
    """The instant nearest to the reference with this minute of the year (of any year) and these milliseconds.

    minute: 527040 unknown; sec_mark_ms: ≥ 60000 unknown. Both unknown: the reference; only the milliseconds unknown: the
    instant of that minute that lies nearest to the reference.
    """
    by_mark = event_time_us(sec_mark_ms, reference_us)
    start, fits = _minute_start(minute, reference_us)
    within = np.where(sec_mark_ms < UNKNOWN_MS, sec_mark_ms * US_PER_MS, np.clip(reference_us - start, 0, US_PER_MINUTE - 1))
    return np.asarray(np.where(fits, start + within, by_mark), np.int64)


def minute_of_year(time_us: Ints) -> tuple[Ints, Ints]:
    """(minute of the year, milliseconds within the minute) of instants, rounded down."""
    year = _year(time_us)
    return (time_us - _year_start(year)) // US_PER_MINUTE, time_us // US_PER_MS % 60_000


def _year(time_us: Ints) -> Ints:
    return np.asarray(time_us, "datetime64[us]").astype("datetime64[Y]").astype(np.int64)


def _year_start(year: Ints) -> Ints:
    return year.astype("datetime64[Y]").astype("datetime64[us]").astype(np.int64)


def _minute_start(minute: Ints, reference_us: Ints) -> tuple[Ints, Bools]:
    """Start of the minute in the year nearest to the reference that has it, and where there is one."""
    years = _year(reference_us)[:, None] + np.arange(-1, 2)
    start = _year_start(years) + minute[:, None] * US_PER_MINUTE
    fits = (start < _year_start(years + 1)) & (minute[:, None] < MINUTE_INVALID)
    distance = np.where(fits, np.abs(start - reference_us[:, None]), np.iinfo(np.int64).max)
    nearest = distance.argmin(axis=1)
    rows = np.arange(len(minute))
    return start[rows, nearest], fits[rows, nearest]
