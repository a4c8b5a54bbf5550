"""Series whose faults are known to the reading.

Daily and weekly curves of traffic with noise that persists, and in four of five series faults of one kind. The same seed makes
the same series.
"""

from __future__ import annotations

import numpy as np

from evaluation.anomalies.labelled import Labelled, Window
from services.inference.city.anomalies.detector import Kind
from services.inference.reports import Floats

STEP_S = 300
DAY_ROWS = 86_400 // STEP_S
START_US = 1_767_571_200_000_000  # Monday, 5 January 2026, 00:00 UTC
CLEAN_DAYS = 9  # before the first fault
KINDS = (Kind.NONE, Kind.SPIKE, Kind.SHIFT, Kind.DRIFT, Kind.FROZEN)
_HOUR = 3600 // STEP_S


def make(*, series: int, days: int, seed: int) -> Labelled:
    """So many series of 5 minutes' readings; kinds of faults go round, every fifth series has none."""
    rng = np.random.default_rng(seed)
    rows = days * DAY_ROWS
    values, windows = np.zeros((rows, series)), []
    for at in range(series):
        clean, deviation = _clean(rows, rng)
        kind = KINDS[at % len(KINDS)]
        values[:, at], found = _faulty(clean, deviation, kind, rng)
        windows.append(found)
    time = START_US + np.arange(rows, dtype=np.int64) * STEP_S * 1_000_000
    names = tuple(f"{KINDS[at % len(KINDS)].name.lower()} {at // len(KINDS)}" for at in range(series))
    return Labelled(names, np.repeat(time[:, None], series, axis=1), values, (rows,) * series, tuple(windows))


def _clean(rows: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Readings (t,) in whole or tenth units, and the standard deviation of their noise (t,)."""
    hour = np.arange(rows) * STEP_S / 3600.0
    day, of_day = hour // 24, hour % 24
    is_weekend = day % 7 >= 5
    morning, evening = rng.uniform(7, 9), rng.uniform(16.5, 18.5)
    rush = np.exp(-(((of_day - morning) / 1.5) ** 2)) + rng.uniform(0.6, 1.2) * np.exp(-(((of_day - evening) / 2.0) ** 2))
    broad = np.clip(np.sin((of_day - 6) / 16 * np.pi), 0, None)
    curve = np.where(is_weekend, 0.7 * broad, 0.4 * broad + 0.6 * rush)
    level, swing = rng.uniform(20, 100), rng.uniform(10, 60)
    deviation = swing * rng.uniform(0.04, 0.1) * (0.5 + curve)
    persists = rng.uniform(0.3, 0.9)
    noise, drawn = np.zeros(rows), rng.normal(size=rows) * np.sqrt(1 - persists**2)
    for row in range(1, rows):
        noise[row] = persists * noise[row - 1] + drawn[row]
    daily = 1.0 + 0.05 * rng.normal(size=int(day[-1]) + 1)[day.astype(int)]  # no day is like the one before
    return level + swing * curve * daily + noise * deviation, deviation


def _faulty(clean: Floats, deviation: Floats, kind: Kind, rng: np.random.Generator) -> tuple[Floats, tuple[Window, ...]]:
    values, windows = clean.copy(), []
    days = len(clean) // DAY_ROWS
    apart = 6 if kind is Kind.DRIFT else 2
    for day in range(CLEAN_DAYS, days - (4 if kind is Kind.DRIFT else 1), apart):
        if kind is Kind.NONE:
            break
        first = day * DAY_ROWS + int(rng.integers(6 * _HOUR, 16 * _HOUR))
        windows.append(_fault(values, deviation, kind, first, rng))
    resolution = 10.0 ** float(rng.integers(-1, 1))
    return np.round(values / resolution) * resolution, tuple(windows)


def _fault(values: Floats, deviation: Floats, kind: Kind, first: int, rng: np.random.Generator) -> Window:
    """Put one into the series from this row on; the window is as long as it lasts, and an hour in which to find it."""
    sign = float(rng.choice([-1.0, 1.0]))
    if kind is Kind.SPIKE:
        last = first + int(rng.integers(0, 2))
        values[first : last + 1] += sign * rng.uniform(6, 12) * deviation[first]
    elif kind is Kind.SHIFT:
        last = first + int(rng.integers(6 * _HOUR, 18 * _HOUR))
        values[first : last + 1] += sign * rng.uniform(3, 6) * float(deviation.mean())
    elif kind is Kind.DRIFT:
        last = first + 3 * DAY_ROWS
        values[first : last + 1] += sign * rng.uniform(4, 7) * float(deviation.mean()) * np.linspace(0, 1, last + 1 - first)
    else:
        last = first + int(rng.integers(2 * _HOUR, 6 * _HOUR))
        values[first : last + 1] = values[first]
    return Window(first, min(last + _HOUR, len(values) - 1), kind)
