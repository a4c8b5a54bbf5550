"""A river's level at a gauge: rain of the catchment through linear reservoirs, a power station's daily rhythm, and waves."""

from __future__ import annotations

import numpy as np

from simulators.surroundings.period import Floats, Period, bump, wander

_RIVER, _UPSTREAM = 11, 12
LOW_M = 5.0  # above the gauge's zero, without rain
STATION_M = 0.35  # what a dam upstream lets through by day
METRES_A_MM = 0.032  # of rain, once it is all there
STORE_H = (3.0, 6.0)  # two reservoirs one after the other
RECESSION_H = 20.0
WAVES_A_DAY = 0.12
NOISE_M = 0.01


def level_m(period: Period, seed: int, rain: Floats, *, lag_h: float = 0.0) -> Floats:
    """Above the gauge's zero (t,); rain (t,) in mm/h; lag_h: how much later than at the first gauge."""
    rng = period.rng(seed, _RIVER)
    late = round(lag_h * 3600.0 / period.step_s)
    fallen = np.concatenate([np.zeros(late), rain])[: period.steps]
    swollen = METRES_A_MM * _stored(_stored(fallen, STORE_H[0], period), STORE_H[1], period) * RECESSION_H
    rhythm = STATION_M * (bump(period.hour - lag_h, 11.0, 2.5) + 0.8 * bump(period.hour - lag_h, 20.0, 2.0))
    slow = 0.4 * wander(rng, period.steps, 1.0 - period.step_s / (6 * 86_400.0))
    waves = _waves(period, period.rng(seed, _UPSTREAM), lag_h)
    return np.round(
        LOW_M + _stored(swollen, RECESSION_H / 4.0, period) + rhythm + slow + waves + NOISE_M * rng.standard_normal(period.steps),
        3,
    )


def _stored(inflow: Floats, hours: float, period: Period) -> Floats:
    """What leaves a linear reservoir (t,) that empties by itself within about so many hours."""
    share = 1.0 - np.exp(-period.step_s / (hours * 3600.0))
    found = np.empty(period.steps)
    now = 0.0
    for at, one in enumerate(inflow.tolist()):
        now += share * (one - now)
        found[at] = now
    return found


def _waves(period: Period, rng: np.random.Generator, lag_h: float) -> Floats:
    """Waves from rain far upstream, which no sensor here has seen fall (t,): they rise in half a day and sink in two."""
    hours = period.steps * period.step_s / 3600.0
    at = np.arange(period.steps) * period.step_s / 3600.0 - lag_h
    found = np.zeros(period.steps)
    for begin in rng.uniform(-48.0, hours, rng.poisson(WAVES_A_DAY * (hours + 48.0) / 24.0)).tolist():
        gone = np.maximum(at - begin, 0.0)
        found += rng.gamma(2.0, 0.5) * (np.exp(-gone / 24.0) - np.exp(-gone / 8.0)) * (at > begin)
    return found
