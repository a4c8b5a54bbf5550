"""Readings that are made: a day's wave that every sensor follows, a jam that wanders from each to the next, noise, gaps."""

from __future__ import annotations

import numpy as np

from services.inference.city.forecast.readings import Readings


def wandering(sensors: int = 12, days: int = 6, seed: int = 0, step_s: int = 900) -> Readings:
    """Speeds; what one sensor shows, the next shows two steps later."""
    rng = np.random.default_rng(seed)
    a_day = 86_400 // step_s
    rows = days * a_day
    jam = np.convolve(rng.standard_normal(rows + 2 * sensors), np.ones(8) / 8, "same") * 20.0
    wave = 10.0 * np.sin(2.0 * np.pi * np.arange(rows) / a_day)
    values = np.stack([55.0 + wave + jam[2 * (sensors - at) :][:rows] for at in range(sensors)], axis=1)
    values += rng.standard_normal(values.shape)
    values[rng.random(values.shape) < 0.03] = np.nan
    return Readings(tuple(f"s{at}" for at in range(sensors)), step_s, values.astype(np.float32), 0)
