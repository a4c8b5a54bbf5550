"""People at a landing stage, and the noise of the street."""

from __future__ import annotations

import numpy as np

from simulators.surroundings.period import Floats, Period, bump, wander

_PEOPLE, _NOISE = 41, 42


def people_count(period: Period, seed: int) -> Floats:
    """Who passes in each step (t,)."""
    rng = period.rng(seed, _PEOPLE)
    rate_h = 40.0 + 700.0 * bump(period.hour, 19.5, 2.2) + 300.0 * bump(period.hour, 12.5, 2.0)
    return rng.poisson(rate_h * period.step_s / 3600.0).astype(np.float64)


def sound_db(period: Period, seed: int) -> Floats:
    """Equivalent level of each step (t,)."""
    busy = 6.0 * bump(period.hour, 9.0, 3.0) + 7.0 * bump(period.hour, 18.0, 3.5)
    return np.round(56.0 + busy + 1.2 * wander(period.rng(seed, _NOISE), period.steps, 0.6), 1)
