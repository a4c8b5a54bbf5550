"""How often: SPAT and MAP in stretches of time, and BSM and RSM while somebody is there.

Stretches are those of the clock, and belong to the window in which they end, so that each is judged once. One with nothing in it
is dark: the zero-rate monitors count it and the rate monitors pass it over, so that dark time is not held against a sender twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chelu.parameters import parameter
from chelu.quality.monitors.judged import Ints, Judged, Mask, Numbers, Subject, judged, together
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.vehicles import by_sender
from chelu.quality.monitors.window import LONGEST_STRETCH_S, Window
from chelu.quality.senders import sender_keys
from chelu.units import US_PER_S

NOMINAL = "0.8 and 1.2 of the 10 Hz of T/ITS 0180.1 (docs/topics.md)"
DARK, BEGAN = "nothing came: the zero-rate monitor says so", "it began in this stretch"
SELDOM = "it came less than three times: sent on occasion, no rate to hold it to"
SHORT = "there for less than two seconds"
SHORTEST_US = 2 * US_PER_S


@dataclass(frozen=True, slots=True)
class SignalRate(Assessed):
    """Parameters of the SPAT rate."""

    stretch_s: float = parameter(10.0, "s", "100 messages: one more or less is 1 %", low=1, high=LONGEST_STRETCH_S)
    lowest_hz: float = parameter(8.0, "Hz", NOMINAL)
    highest_hz: float = parameter(12.0, "Hz", NOMINAL)


@dataclass(frozen=True, slots=True)
class MapRate(Assessed):
    """Parameters of the MAP rate."""

    stretch_s: float = parameter(10.0, "s", "ten messages at 1 Hz", low=1, high=LONGEST_STRETCH_S)
    lowest_hz: float = parameter(0.8, "Hz", "0.8 of 1 Hz, the usual rate of those that repeat it")
    highest_hz: float = parameter(12.0, "Hz", "1.2 of 10 Hz: beyond it takes the channel's time")


@dataclass(frozen=True, slots=True)
class Dark(Assessed):
    """Parameters of the zero rates."""

    stretch_s: float = parameter(
        10.0, "s", "a signal that is silent for longer is dark for every application", low=1, high=LONGEST_STRETCH_S
    )


@dataclass(frozen=True, slots=True)
class TrackRate(Assessed):
    """Parameters of the BSM and RSM rates."""

    stretch_s: float = parameter(10.0, "s", "as the SPAT rate", low=1, high=LONGEST_STRETCH_S)
    lowest_hz: float = parameter(8.0, "Hz", NOMINAL)
    highest_hz: float = parameter(12.0, "Hz", NOMINAL)
    gone_s: float = parameter(3.0, "s", "a longer silence is a road user who was away, not a low rate", low=0.2, high=60)


@dataclass(frozen=True, slots=True)
class _Stretches:
    """begin_us (k,) of the stretches that were heard as a whole until the window's end, and how many messages came in each.

    at_us: their first instant in the window, of those that end in it.
    """

    begin_us: Ints
    count: Ints
    width_us: int
    at_us: Ints


def spat_rate(window: Window, parameters: SignalRate) -> Judged:
    """Messages a second of each signal stream."""
    return together([
        _rate(one.subject, one.time_us, window, parameters, is_known=_is_known("spat", one.subject, window))
        for one in window.signals
    ])  # fmt: skip


def spat_zero(window: Window, parameters: Dark) -> Judged:
    """Stretches without any SPAT, of streams that have been there."""
    heard = {one.subject: one.time_us for one in window.signals}
    return together([
        _zero(subject, time_us, window, parameters, is_known=_is_known("spat", subject, window))
        for subject, time_us in _expected("spat", heard, window)
    ])  # fmt: skip


def map_rate(window: Window, parameters: MapRate) -> Judged:
    """Messages a second of each MAP that is repeated."""
    parts = []
    for one in window.maps:
        subject = Subject(one.device_key, *one.junction)
        is_known = _is_known("map", subject, window)
        found = _rate(subject, one.time_us, window, parameters, is_known=is_known)
        is_seldom = len(one.time_us) < 3 and not is_known
        parts.append(_all_passed(subject, found, SELDOM) if is_seldom else found)
    return together(parts)


def map_zero(window: Window, parameters: Dark) -> Judged:
    """Stretches without a MAP, of those that are repeated."""
    heard = {Subject(one.device_key, *one.junction): one.time_us for one in window.maps if len(one.time_us) >= 3}
    return together([
        _zero(subject, time_us, window, parameters, is_known=_is_known("map", subject, window))
        for subject, time_us in _expected("map", heard, window)
    ])  # fmt: skip


def bsm_rate(window: Window, parameters: TrackRate) -> Judged:
    """Messages a second of each vehicle while it is heard, by the device that heard it."""
    rows = window.vehicles
    return _track_rate(rows.time_us, rows.follows, rows.devices, rows.of_device, parameters, who=rows.who)


def rsm_rate(window: Window, parameters: TrackRate) -> Judged:
    """How often a roadside unit says where each participant is while it sees it."""
    rows = window.participant
    order, follows = by_sender(sender_keys(rows["device_key"], rows["rsu_id"], rows["participant_id"].astype(np.int64)))
    devices, of = np.unique(rows["device_key"][order], return_inverse=True)
    subjects = tuple(Subject(int(device)) for device in devices)
    return _track_rate(rows["time_us"][order], follows, subjects, of, parameters)


def _rate(subject: Subject, time_us: Ints, window: Window, parameters: SignalRate | MapRate, *, is_known: bool) -> Judged:
    stretches = _stretches(time_us, window, parameters.stretch_s)
    has_begun = is_known | (_first_us(time_us) <= stretches.begin_us)
    rate = stretches.count / (stretches.width_us / US_PER_S)
    is_bad = (rate < parameters.lowest_hz) | (rate > parameters.highest_hz)
    passed = {DARK: stretches.count == 0, BEGAN: ~has_begun}
    found = judged(subject, stretches.at_us, is_bad, rate, passed=passed)
    return found.take(has_begun | (stretches.count > 0))


def _zero(subject: Subject, time_us: Ints, window: Window, parameters: Dark, *, is_known: bool) -> Judged:
    stretches = _stretches(time_us, window, parameters.stretch_s)
    is_dark = stretches.count == 0
    found = judged(subject, stretches.at_us, is_dark, np.where(is_dark, parameters.stretch_s, 0.0))
    return found.take(is_known | (_first_us(time_us) <= stretches.begin_us))


def _stretches(time_us: Ints, window: Window, stretch_s: float) -> _Stretches:
    width_us = round(stretch_s * US_PER_S)
    first, behind = -(-window.heard_us // width_us), window.to_us // width_us  # earlier ones tell what goes on
    number = time_us // width_us - first
    inside = (number >= 0) & (number < behind - first)
    count = np.bincount(number[inside], minlength=max(behind - first, 0))
    begin_us = (first + np.arange(max(behind - first, 0))) * width_us
    return _Stretches(begin_us, count, width_us, window.instant_of(begin_us, width_us))


def _first_us(time_us: Ints) -> int:
    return int(time_us[0]) if len(time_us) else np.iinfo(np.int64).max


def _is_known(kind: str, subject: Subject, window: Window) -> bool:
    return (kind, subject.device_key, subject.region, subject.node) in window.known


def _expected(kind: str, heard: dict[Subject, Ints], window: Window) -> Iterator[tuple[Subject, Ints]]:
    """Streams that are heard, and those that were there before and now are not."""
    yield from heard.items()
    silent = {Subject(*rest) for name, *rest in window.known if name == kind} - heard.keys()
    yield from ((subject, np.empty(0, np.int64)) for subject in sorted(silent))


def _all_passed(subject: Subject, found: Judged, reason: str) -> Judged:
    everything = np.ones(len(found), np.bool_)
    return judged(subject, found.time_us, ~everything, found.value, passed={reason: everything})


def _track_rate(
    time_us: Ints,
    follows: Mask,
    subjects: tuple[Subject, ...],
    of: Ints,
    parameters: TrackRate,
    *,
    who: Numbers | None = None,
) -> Judged:
    """Rows (n,) by sender, then time; follows (n − 1,). Each instant of a sender counts once."""
    step_us = np.diff(time_us)
    stretch = time_us // round(parameters.stretch_s * US_PER_S)
    begins = np.ones(len(time_us), np.bool_)
    begins[1:] = ~follows | (np.diff(stretch) != 0) | (step_us > round(parameters.gone_s * US_PER_S))
    is_again = np.concatenate([np.zeros(min(1, len(time_us)), np.bool_), follows & (step_us == 0)])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(time_us))[: len(first)] - 1
    again = np.cumsum(is_again)
    instants = last - first - (again[last] - again[first])
    span_us = time_us[last] - time_us[first]
    rate = instants * US_PER_S / np.maximum(span_us, 1)
    return judged(
        subjects,
        time_us[first],
        (rate < parameters.lowest_hz) | (rate > parameters.highest_hz),
        rate,
        of=of[first],
        passed={SHORT: span_us < SHORTEST_US},
        who=None if who is None else who[first],
    )
