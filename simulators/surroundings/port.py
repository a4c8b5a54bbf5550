"""Trucks at a port's gate: who comes by the time of day and by chance, who is let in, and who heeds advice to come later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulators.surroundings.period import Floats, Period, bump

_TRUCKS = 31
CAPACITY_H = 60.0
STAGED_SHARE, STAGED_S = 1.8, 7200.0  # times as many as can be let in, so long before the end

Advice = Callable[[int, float, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Gate:
    """By step (t,): who came, who was let in, who waits at its end, and how long who came then waits, NaN where nobody did."""

    came: Floats
    entered: Floats
    waiting: Floats
    wait_s: Floats


def arrivals(period: Period, seed: int, *, is_staged: bool = False) -> Floats:
    """Who comes in each step (t,), by chance about the time of day's rate."""
    rng = period.rng(seed, _TRUCKS)
    rate_h = 12.0 + 60.0 * bump(period.hour, 9.5, 1.7) + 55.0 * bump(period.hour, 14.5, 2.0) + 15.0 * bump(period.hour, 20.0, 2.0)
    day = (period.time_us // 1_000_000 + 8 * 3600) // 86_400
    busy = dict(zip(np.unique(day).tolist(), rng.normal(1.0, 0.12, len(np.unique(day))).clip(0.6, 1.5).tolist(), strict=True))
    rate_h = rate_h * np.array([busy[one] for one in day.tolist()])
    if is_staged:
        rate_h = np.where(period.left_s <= STAGED_S, STAGED_SHARE * CAPACITY_H, rate_h)
    return rng.poisson(rate_h * period.step_s / 3600.0).astype(np.float64)


def gate_of(came: Floats, step_s: int, capacity_h: float = CAPACITY_H) -> Gate:
    """The gate's queue when so many come (t,): first come, first served, so many an hour."""
    per_step = capacity_h * step_s / 3600.0
    entered, waiting, wait_s = (np.zeros(len(came)) for _ in range(3))
    now, credit = 0.0, 0.0
    for at, one in enumerate(came.tolist()):
        wait_s[at] = (now + one / 2.0) / capacity_h * 3600.0 if one else np.nan
        now += one
        credit = min(credit + per_step, per_step + 1.0)  # whole trucks: what is left of a step counts for the next
        entered[at] = min(np.floor(credit), now)
        credit -= entered[at]
        now -= entered[at]
        waiting[at] = now
    return Gate(came, entered, waiting, wait_s)
