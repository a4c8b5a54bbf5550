"""Particles and gases in the air of a street: weather of days, traffic of hours, and rain that washes them out."""

from __future__ import annotations

import numpy as np

from simulators.surroundings.period import Floats, Period, bump, wander

_PM, _NO2 = 21, 22
PM_UG = 38.0  # median
WASHED = 0.25  # share an hour that 5 mm/h of rain takes away


def pm2_5_ug(period: Period, seed: int, rain: Floats, wind: Floats) -> Floats:
    """Fine particles (t,), µg/m³."""
    rng = period.rng(seed, _PM)
    slow = wander(rng, period.steps, 1.0 - period.step_s / (2.5 * 86_400.0))
    fast = wander(rng, period.steps, 1.0 - period.step_s / (3 * 3600.0))
    traffic = 0.25 * bump(period.hour, 8.5, 1.5) + 0.3 * bump(period.hour, 20.5, 2.5) - 0.2 * bump(period.hour, 15.0, 2.5)
    washed = _kept(WASHED * (rain / 5.0) ** 0.7, period)
    return np.round(PM_UG * np.exp(0.5 * slow + 0.12 * fast + traffic + washed - 0.05 * (wind - 2.5)), 1)


def nitrogen_dioxide_ug(period: Period, seed: int, wind: Floats) -> Floats:
    """From exhausts (t,), µg/m³."""
    fast = wander(period.rng(seed, _NO2), period.steps, 1.0 - period.step_s / (4 * 3600.0))
    traffic = 0.5 * bump(period.hour, 8.3, 1.3) + 0.5 * bump(period.hour, 18.5, 1.8)
    return np.round(32.0 * np.exp(traffic + 0.2 * fast - 0.08 * (wind - 2.5)), 1)


def _kept(rate_h: Floats, period: Period) -> Floats:
    """The logarithm (t,) of what rain has left, which comes back within a day."""
    found, now = np.empty(period.steps), 0.0
    hours = period.step_s / 3600.0
    for at, rate in enumerate(rate_h.tolist()):
        now = max(now * np.exp(-hours / 18.0) - rate * hours, -1.5)
        found[at] = now
    return found
