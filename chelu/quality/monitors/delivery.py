"""How well BSMs come through: the share that arrives, how long they take, how old what is known becomes. By device and place.

A place is a square of about 100 m, so that a corner in a radio shadow shows. Whoever hears BSMs, a roadside unit for many or an
OBU's own uplink, is judged on its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chelu.parameters import parameter
from chelu.quality.gaps import COUNTS
from chelu.quality.monitors.judged import BAD, Judged, judged, together
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.window import Window
from chelu.units import US_PER_S


@dataclass(frozen=True, slots=True)
class Delivery(Assessed):
    """Parameters of the packet delivery ratio."""

    fewest: float = parameter(100, "items", "messages sent: ±4 points at 0.95 (95 %)", low=1, high=1e6)
    most_bad: float = parameter(0.1, "share", "lost: the 90 % by which 3GPP TR 36.885 measures range", high=1)
    forget_s: float = parameter(6.0, "s", "half of the 12.8 s in which a count wraps at 10 Hz", low=0.2, high=12.8)


@dataclass(frozen=True, slots=True)
class Latency(Assessed):
    """Parameters of the latency."""

    fewest: float = parameter(100, "items", "of them the slowest twentieth is five", low=1, high=1e6)
    most_s: float = parameter(0.5, "s", "as the alarm latency-high (docs/operating.md)", low=0.001, high=60)


@dataclass(frozen=True, slots=True)
class Age(Assessed):
    """Parameters of the age of information."""

    fewest: float = parameter(100, "items", "as the latency", low=1, high=1e6)
    most_s: float = parameter(0.6, "s", "five messages missed: a car at 14 m/s is 8 m from where it was heard", low=0.01, high=60)
    gone_s: float = parameter(3.0, "s", "a longer silence is a vehicle that was out of reach", low=0.2, high=60)


def delivery_ratio(window: Window, parameters: Delivery) -> Judged:
    """Messages that were sent, by their counts: those that came, and those missing before them, where the next one came."""
    rows = window.vehicles
    step = np.diff(rows.message_count) % COUNTS
    is_away = np.diff(rows.time_us) > round(parameters.forget_s * US_PER_S)
    lost = np.where(rows.follows & ~is_away & (step > 0) & (step <= COUNTS // 2), step - 1, 0)
    came = judged(rows.places, rows.time_us, np.zeros(len(rows), np.bool_), np.zeros(len(rows)), of=rows.of_place, who=rows.who)
    if not lost.any():
        return came
    missing = np.repeat(np.flatnonzero(lost) + 1, lost[lost > 0])
    gone = came.take(missing)
    return together([came, replace(gone, outcome=np.full(len(gone), BAD, np.uint8), value=np.ones(len(gone)))])


def latency(window: Window, parameters: Latency) -> Judged:
    """Arrival less event time of each BSM, in seconds."""
    rows = window.vehicles
    delay_s = (rows.arrival_us - rows.time_us) / US_PER_S
    return judged(rows.places, rows.time_us, delay_s > parameters.most_s, delay_s, of=rows.of_place, who=rows.who)


def information_age(window: Window, parameters: Age) -> Judged:
    """How old what is known of a vehicle was just before the next message came, in seconds (the peak age of information)."""
    rows = window.vehicles
    age_s = (rows.arrival_us[1:] - rows.time_us[:-1]) / US_PER_S
    found = judged(rows.places, rows.time_us[1:], age_s > parameters.most_s, age_s, of=rows.of_place[1:], who=rows.who[1:])
    return found.take(rows.follows & (np.diff(rows.time_us) <= round(parameters.gone_s * US_PER_S)))
