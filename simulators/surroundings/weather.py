"""Rain, wind, temperature and sight, in the units in which they mostly come."""

from __future__ import annotations

import numpy as np

from simulators.surroundings.period import Floats, Period, bump, wander

_RAIN, _WIND, _WARMTH, _SIGHT = 1, 2, 3, 4
STORMS_A_DAY = 0.4
STORM_H = 5.0  # mean
STORM_MM_H = 5.0  # mean of the heaviest moment
FOG_NIGHTS = 0.15  # share of nights
CLEAR_M = 12_000.0
STAGED_RAIN_MM_H, STAGED_RAIN_H = 32.0, 9.0
STAGED_FOG_M, STAGED_FOG_S = 80.0, 5400.0


def rain_mm_h(period: Period, seed: int, *, is_staged: bool = False) -> Floats:
    """Precipitation rate (t,); is_staged: a cloudburst that ends with the period."""
    rng, hours = period.rng(seed, _RAIN), period.steps * period.step_s / 3600.0
    at = (np.arange(period.steps) + 0.5) * period.step_s / 3600.0
    found = np.zeros(period.steps)
    for begin in np.sort(rng.uniform(-STORM_H, hours, rng.poisson(STORMS_A_DAY * hours / 24.0))).tolist():
        lasting, most = rng.gamma(2.0, STORM_H / 2.0), rng.gamma(1.2, STORM_MM_H / 1.2)
        share = np.clip((at - begin) / max(lasting, 0.5), 0.0, 1.0)
        found += most * np.sin(np.pi * share) * np.exp(0.3 * wander(rng, period.steps, 0.8))
    if is_staged:
        found += STAGED_RAIN_MM_H * np.clip(1.0 - period.left_s / (STAGED_RAIN_H * 3600.0), 0.0, 1.0) ** 0.5
    return np.asarray(np.round(np.where(found < 0.1, 0.0, found), 1), np.float64)


def wind_mps(period: Period, seed: int) -> Floats:
    """Mean wind speed (t,): more by day."""
    calm = 2.0 + 1.5 * bump(period.hour, 15.0, 4.0)
    return np.round(calm * np.exp(0.45 * wander(period.rng(seed, _WIND), period.steps, 0.97)), 1)


def temperature_degc(period: Period, seed: int) -> Floats:
    """Of the air (t,)."""
    slow = wander(period.rng(seed, _WARMTH), period.steps, 1.0 - period.step_s / (4 * 86_400.0))
    return np.round(20.0 + 4.0 * np.cos((period.hour - 15.0) / 24.0 * 2.0 * np.pi) + 4.0 * slow, 1)


def sight_m(period: Period, seed: int, rain: Floats, *, is_staged: bool = False) -> Floats:
    """Meteorological optical range (t,): less in rain, and in fog on some mornings; is_staged: fog at the period's end."""
    rng = period.rng(seed, _SIGHT)
    day = (period.time_us // 1_000_000 + 8 * 3600) // 86_400
    is_foggy = dict(zip(np.unique(day).tolist(), (rng.random(len(np.unique(day))) < FOG_NIGHTS).tolist(), strict=True))
    thick = np.array([is_foggy[one] for one in day.tolist()]) * bump(period.hour, 6.5, 1.3) * rng.uniform(0.5, 1.0)
    wavering = np.exp(0.12 * wander(rng, period.steps, 0.9))
    dark = 3.0 / CLEAR_M + 4e-4 * rain**0.6 + 0.035 * thick
    found = 3.0 / dark * wavering
    if is_staged:
        share = np.clip(period.left_s / STAGED_FOG_S, 0.0, 1.0)
        found = np.minimum(found, STAGED_FOG_M + (CLEAR_M - STAGED_FOG_M) * np.clip(3.0 * share - 1.5, 0.0, 1.0))
    return np.round(found)
