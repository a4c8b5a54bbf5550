"""A month of each vehicle: hours by mode from its stretches of driving, kilometres from its odometer, else its reports. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

UNKNOWN = "unknown"
OFF = "off"
ODOMETER, TELEMETRY, BSM = "odometer", "telemetry", "bsm"
US_PER_HOUR = 3_600_000_000
LONGEST_STEP_US = 15_000_000  # between two reports that are one drive: telemetry may come every ten seconds
STANDING_MPS = 0.1
MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spans:
    """A vehicle's stretches of driving in order (s,); metres NaN where its odometer does not say."""

    starts_us: Ints
    ends_us: Ints
    mode: tuple[str, ...]
    metres: Floats


@dataclass(frozen=True, slots=True)
class Track:
    """Reports of a vehicle in order (n,): when, and how fast."""

    time_us: Ints
    speed_mps: Floats
    source: str


@dataclass(slots=True)
class Sums:
    """By mode."""

    hours: dict[str, float] = field(default_factory=dict)
    kilometres: dict[str, float] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)


def bounds(month: str, zone: str) -> tuple[int, int]:
    """[from, to) µs of a month ``YYYY-MM`` by the clocks of a time zone; ValueError for another text."""
    found = MONTH.fullmatch(month)
    if not found or int(found[1]) < 1970:
        raise ValueError("a month as YYYY-MM")
    year, number = int(found[1]), int(found[2])
    begin = datetime.datetime(year, number, 1, tzinfo=ZoneInfo(zone))
    end = datetime.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=ZoneInfo(zone))
    return int(begin.timestamp() * 1_000_000), int(end.timestamp() * 1_000_000)


def spans_of(rows: Sequence[Mapping[str, Any]], from_us: int, to_us: int) -> Spans:
    """Stretches cut to a period; what a cut one drove is divided by time."""
    starts = np.array([row["starts_us"] for row in rows], np.int64)
    ends = np.array([row["ends_us"] for row in rows], np.int64)
    metres = np.array([np.nan if row["metres"] is None else row["metres"] for row in rows], np.float64)
    cut_starts, cut_ends = np.maximum(starts, from_us), np.minimum(ends, to_us)
    share = np.divide(cut_ends - cut_starts, ends - starts, out=np.ones(len(rows)), where=ends > starts)
    keep = cut_ends > cut_starts
    modes = tuple(row["mode"] for row, is_kept in zip(rows, keep.tolist(), strict=True) if is_kept)
    return Spans(cut_starts[keep], cut_ends[keep], modes, (metres * share)[keep])


def summed(spans: Spans, tracks: Iterable[Track]) -> Sums:
    """Hours and kilometres by mode.

    tracks: in the order in which they are believed; each fills the stretches in which nothing better said how far it was. What
    was driven in no stretch at all, faster than noise, counts as `UNKNOWN`.
    """
    metres, sources, outside = _filled(spans, tracks)
    hours = (spans.ends_us - spans.starts_us) / US_PER_HOUR
    sums = Sums(_by_mode(spans.mode, hours), _by_mode(spans.mode, np.nan_to_num(metres) / 1000), sources)
    if outside[0]:
        sums.hours[UNKNOWN], sums.kilometres[UNKNOWN] = outside[0] / 3600, outside[1] / 1000
    return sums


def _filled(spans: Spans, tracks: Iterable[Track]) -> tuple[Floats, list[str], tuple[float, float]]:
    """Metres of each stretch, where they come from, and (seconds, metres) driven in none."""
    metres, outside = spans.metres.copy(), (0.0, 0.0)
    sources = [ODOMETER] if (~np.isnan(metres)).any() else []
    for track in tracks:
        place, seconds, distance = _pieces(track, spans)
        within = place >= 0
        driven = np.bincount(place[within], distance[within], len(metres))
        fills = np.isnan(metres) & (np.bincount(place[within], minlength=len(metres)) > 0)
        metres = np.where(fills, driven, metres)
        is_outside = ~within & (distance > STANDING_MPS * seconds)
        if not outside[0]:
            outside = float(seconds[is_outside].sum()), float(distance[is_outside].sum())
        if fills.any() or is_outside.any():
            sources.append(track.source)
    return metres, sources, outside


def _by_mode(modes: Sequence[str], values: Floats) -> dict[str, float]:
    found: dict[str, float] = {}
    for mode, value in zip(modes, values.tolist(), strict=True):
        if mode != OFF:
            found[mode] = found.get(mode, 0.0) + value
    return found


def _pieces(track: Track, spans: Spans) -> tuple[Ints, Floats, Floats]:
    """From report to report (n − 1,): in which stretch it lies, −1 for none; seconds; metres. Too long ones are left out."""
    step_us = np.diff(track.time_us)
    speed = np.nan_to_num((track.speed_mps[:-1] + track.speed_mps[1:]) / 2)
    is_one = (step_us > 0) & (step_us <= LONGEST_STEP_US)
    middle, seconds = (track.time_us[:-1] + step_us // 2)[is_one], step_us[is_one] / 1e6
    place = np.searchsorted(spans.starts_us, middle, "right") - 1
    if len(spans.ends_us):
        place = np.where((place >= 0) & (middle < spans.ends_us[np.maximum(place, 0)]), place, -1)
    else:
        place = np.full(len(middle), -1, np.int64)
    return place, seconds, np.abs(speed[is_one]) * seconds
