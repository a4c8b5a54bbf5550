"""How long before the water comes a riverside road is closed, and how often in vain: with the outlook, and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluation.environment.outlooks import START_US
from services.inference.city.environment import outlook
from services.inference.city.environment.flood import FloodParameters, FloodWatch, Water
from services.inference.city.environment.outlook import AHEAD, LENGTH, STEP_S, STEPS_A_DAY
from simulators.surroundings import water, weather
from simulators.surroundings.period import Floats, Period

ROAD = "quay"
ABOVE = 0.985  # share of a river's steps below the road: it is flooded some times in a season
_JOINED = 12  # steps: water that is back within so long is the same flood


@dataclass(slots=True)
class Count:
    """Floods that came, by how many seconds the road was closed before, and closed hours without water within two hours."""

    floods: int = 0
    leads_s: list[float] = field(default_factory=list)
    closings: int = 0
    in_vain: int = 0
    closed_h: float = 0.0


def judge(count: int, days: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """Both ways on the same rivers."""
    found = {"with outlook": Count(), "without": Count()}
    for number in range(count):
        period = Period(START_US, days * STEPS_A_DAY, STEP_S)
        rain = weather.rain_mm_h(period, seed + number)
        level = water.level_m(period, seed + number, rain)
        height_m = float(np.quantile(level[LENGTH:], ABOVE))
        for name, one in found.items():
            _add(one, level, _closed(level, rain, height_m, has_outlook=name == "with outlook"), height_m)
        tell((number + 1) / count)
    return {"rivers": count, "days": days, **{name: _figures(one) for name, one in found.items()}}


def _closed(level: Floats, rain: Floats, height_m: float, *, has_outlook: bool) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether the road is closed in each step (t,)."""
    watch, closed, model = FloodWatch(FloodParameters()), np.zeros(len(level), np.bool_), None
    lead = round(FloodParameters().lead_s / STEP_S)
    for at in range(LENGTH, len(level)):
        soon = feared = float("nan")
        if has_outlook:
            values, fallen = level[at + 1 - LENGTH : at + 1], rain[at + 1 - LENGTH : at + 1]
            if model is None or at % STEPS_A_DAY == 0:
                model = outlook.fit(values, fallen)
            told = outlook.forecast(model, values, fallen) if model is not None else None
            if told is not None:
                within = [place for place, ahead in enumerate(AHEAD) if ahead <= lead]
                soon, feared = float(told.middle[within].max()), float(told.high[within].max())
        time_us = START_US + at * STEP_S * 1_000_000
        state = Water("gauge", None, time_us, float(level[at]), soon, feared)
        (judged,) = watch.judge(state, [ROAD], {ROAD: height_m}, frozenset([ROAD]) if closed[at - 1] else frozenset())
        closed[at] = bool(judged.findings)
    return closed


def _add(count: Count, level: Floats, closed: np.ndarray[Any, np.dtype[np.bool_]], height_m: float) -> None:
    wet = level >= height_m
    wet[:LENGTH] = False
    begins = [at for at in np.flatnonzero(wet).tolist() if not wet[max(at - _JOINED, 0) : at].any()]
    for at in begins:
        before = np.flatnonzero(~closed[:at])
        since = int(before[-1]) + 1 if len(before) else at
        count.leads_s.append((at - since) * STEP_S if closed[at] else -STEP_S)
    count.floods += len(begins)
    starts = np.flatnonzero(closed & ~np.r_[False, closed[:-1]])
    ends = np.flatnonzero(closed & ~np.r_[closed[1:], False]) + 1
    count.closings += len(starts)
    count.in_vain += sum(not wet[begin : end + 4].any() for begin, end in zip(starts.tolist(), ends.tolist(), strict=True))
    count.closed_h += float(closed.sum()) * STEP_S / 3600.0


def _figures(count: Count) -> dict[str, Any]:
    leads = np.array(count.leads_s or [0.0]) / 60.0
    return {
        "floods": count.floods,
        "closed_before_the_water_percent": round(100.0 * float((leads > 0).mean()), 1),
        "minutes_before_p50": round(float(np.median(leads)), 1),
        "minutes_before_p10": round(float(np.quantile(leads, 0.1)), 1),
        "closings": count.closings,
        "closings_without_water": count.in_vain,
        "closed_h": round(count.closed_h, 1),
    }
