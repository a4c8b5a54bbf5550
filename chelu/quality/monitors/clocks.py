"""Whether the time in a message is the time at which it came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.codec.cv2x_time import MINUTE_INVALID, minute_of_year
from chelu.parameters import parameter
from chelu.quality.monitors.judged import Judged, Subject, judged, together
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.window import Window
from chelu.units import US_PER_MINUTE, US_PER_S

UNDATED = "it carries no time"


@dataclass(frozen=True, slots=True)
class SignalTime(Assessed):
    """Parameters of SPAT's time stamps."""

    oldest_s: float = parameter(1.0, "s", "ten messages: what is older misleads who comes to the line at 14 m/s by 14 m")
    ahead_s: float = parameter(0.2, "s", "no message comes before it was made; the rest is the two clocks' own error")


@dataclass(frozen=True, slots=True)
class MapTime(Assessed):
    """Parameters of MAP's time stamps."""

    most_min: float = parameter(1.0, "min", "a MAP's time is a whole minute of the year (MinuteOfTheYear)", low=1, high=525_600)


def spat_time(window: Window, parameters: SignalTime) -> Judged:
    """Arrival less event time of each message, in seconds."""
    parts = []
    for one in window.signals:
        delta_s = (one.arrival_us - one.time_us) / US_PER_S
        is_bad = (delta_s > parameters.oldest_s) | (delta_s < -parameters.ahead_s)
        parts.append(judged(one.subject, one.time_us, is_bad, delta_s))
    return together(parts)


def map_time(window: Window, parameters: MapTime) -> Judged:
    """Minutes between the minute of the year that a MAP says and the one in which it came, the short way round the year."""
    parts = []
    for one in window.maps:
        now, _ = minute_of_year(one.arrival_us)
        days = np.where(_is_leap(one.arrival_us), 366, 365)
        year = days * 1440
        apart = (one.minute - now + year // 2) % year - year // 2
        undated = (one.minute < 0) | (one.minute >= MINUTE_INVALID)
        is_bad = np.abs(apart) > parameters.most_min
        subject = Subject(one.device_key, *one.junction)
        parts.append(judged(subject, one.time_us, is_bad, apart.astype(np.float64), passed={UNDATED: undated}))
    return together(parts)


def _is_leap(time_us: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    year = np.asarray(time_us, "datetime64[us]").astype("datetime64[Y]")
    length_us = (year + 1).astype("datetime64[us]").astype(np.int64) - year.astype("datetime64[us]").astype(np.int64)
    return np.asarray(length_us > 365 * 1440 * US_PER_MINUTE)
