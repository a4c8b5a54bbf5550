"""What outlooks of water levels and of fine particles are worth: on days that were not learnt from, against what is simpler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.quantities import by_name
from services.inference.city.environment import outlook
from services.inference.city.environment.foretelling import known_as_log
from services.inference.city.environment.outlook import (
    AHEAD,
    DAYS_BEFORE,
    LAST_VALUE,
    LENGTH,
    METHODS,
    STEP_S,
    STEPS_A_DAY,
    Model,
)
from simulators.surroundings import air, water, weather
from simulators.surroundings.period import Floats, Period

START_US = 1_748_707_200_000_000  # 1 June 2025, UTC
EVERY = 5  # steps from one forecast to the next: no time of day is left out
OURS = "chelu"


@dataclass(frozen=True, slots=True)
class Series:
    """Readings by half hour and the rain of the same steps."""

    values: Floats
    rain: Floats


@dataclass(frozen=True, slots=True)
class Forecast:
    """At a step: what came (h,), what each method had told (h,), our interval, and which method ours chose."""

    at: int
    came: Floats
    told: dict[str, Floats]
    low: Floats
    high: Floats
    method: tuple[str, ...]


def made(quantity: str, days: int, seed: int) -> Series:
    """A simulated series of ``water_level`` (m) or ``pm2_5`` (µg/m³)."""
    period = Period(START_US, days * STEPS_A_DAY, STEP_S)
    rain = weather.rain_mm_h(period, seed)
    if quantity == "water_level":
        return Series(water.level_m(period, seed, rain), rain)
    return Series(air.pm2_5_ug(period, seed, rain, weather.wind_mps(period, seed)), rain)


def forecasts(series: Series, *, is_log: bool) -> Iterator[Forecast]:
    """As the running service makes them: a fortnight known, learnt anew once a day, nothing of the future."""
    model: Model | None = None
    learnt = -STEPS_A_DAY
    for at in range(LENGTH - 1, len(series.values) - max(AHEAD), EVERY):
        values, rain = series.values[at + 1 - LENGTH : at + 1], series.rain[at + 1 - LENGTH : at + 1]
        if model is None or at - learnt >= STEPS_A_DAY:
            model, learnt = outlook.fit(values, rain, is_log=is_log), at
        found = outlook.forecast(model, values, rain) if model is not None else None
        if found is None:
            continue
        ahead = np.array(AHEAD)
        days = np.array([outlook.days_before(values, np.array([len(values) - 1]), one)[0] for one in AHEAD])
        told = {OURS: found.middle, LAST_VALUE: np.full(len(ahead), values[-1]), DAYS_BEFORE: values[-1] + np.nan_to_num(days)}
        yield Forecast(at, series.values[at + ahead], told, found.low, found.high, found.method)


def judge(quantity: str, count: int, days: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """By horizon in minutes: mean absolute errors, the share of our 80 % intervals that held, how often which method served."""
    every: list[Forecast] = []
    for number in range(count):
        every += list(forecasts(made(quantity, days, seed + number), is_log=known_as_log(by_name()[quantity].code)))
        tell((number + 1) / count)
    return {"series": count, "days": days, "forecasts": len(every), "by_minutes": _figures(every)}


def _figures(every: list[Forecast]) -> dict[str, dict[str, Any]]:
    found = {}
    came = np.stack([one.came for one in every])
    low, high = np.stack([one.low for one in every]), np.stack([one.high for one in every])
    for at, ahead in enumerate(AHEAD):
        errors = {name: np.abs(np.array([one.told[name][at] for one in every]) - came[:, at]) for name in every[0].told}
        served = [one.method[at] for one in every]
        found[str(ahead * STEP_S // 60)] = {
            "mae": {name: round(float(off.mean()), 4) for name, off in errors.items()},
            "within_80_percent": round(float(((low[:, at] <= came[:, at]) & (came[:, at] <= high[:, at])).mean()), 3),
            "served_by": {name: round(served.count(name) / len(served), 3) for name in METHODS},
        }
    return found
