"""A port: trucks at its gate by the time of day and by chance, what they weigh on the weighbridge, and ships at its berths."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulators.surroundings.period import Floats, Period, bump

_TRUCKS, _WEIGHTS, _SHIPS = 31, 32, 33
CAPACITY_H = 60.0
STAGED_SHARE, STAGED_S = 1.8, 7200.0  # times as many as can be let in, so long before the end

BERTHS, SHIPS_H, STAY_H = 10, 0.4, 18.0  # that come in an hour, and how long each stays in the median
SHIPS_SHARE, SHIPS_S = 4.0, 43_200.0  # staged: times as many ships, so long before the end
EMPTY_KG, LOADED_KG, HEAVY_KG = (16_000.0, 1_500.0), (38_000.0, 4_000.0), (58_000.0, 2_000.0)  # mean and deviation
LOADED_SHARE, HEAVY_S = 0.6, 1800.0  # staged: every fifth truck of the last half hour is too heavy
_BEFORE_H = 120.0  # ships of so long before may still be there

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


def weights_kg(period: Period, seed: int, weighed: Floats, *, is_staged: bool = False) -> Floats:
    """What is on the weighbridge in each step (t,), NaN where nobody is; weighed (t,): whether somebody is."""
    rng, count = period.rng(seed, _WEIGHTS), period.steps
    means, spreads = np.array([EMPTY_KG, LOADED_KG]).T
    kind = (rng.random(count) < LOADED_SHARE).astype(int)
    found = rng.normal(means[kind], spreads[kind])
    heavy = (rng.random(count) < 0.2) & (period.left_s <= HEAVY_S) & is_staged
    found = np.where(heavy, rng.normal(*HEAVY_KG, count), found)
    return np.where(weighed > 0, np.round(found, -1), np.nan)


def occupied_berths(period: Period, seed: int, *, is_staged: bool = False) -> Floats:
    """Ships at the berths at the end of each step (t,): who finds none waits for the first that is left."""
    rng, hours = period.rng(seed, _SHIPS), period.steps * period.step_s / 3600.0
    begin = hours - SHIPS_S / 3600.0
    usual = np.sort(rng.uniform(-_BEFORE_H, hours, rng.poisson(SHIPS_H * (hours + _BEFORE_H))))
    more = np.sort(rng.uniform(begin, hours, rng.poisson((SHIPS_SHARE - 1.0) * SHIPS_H * (hours - begin))))
    came = np.sort(np.concatenate([usual, more])) if is_staged else usual
    stays = STAY_H * np.exp(0.5 * rng.standard_normal(len(came)))
    free, at = [-_BEFORE_H] * BERTHS, np.arange(1, period.steps + 1) * period.step_s / 3600.0
    change = np.zeros(period.steps + 1)
    for arrives, stay in zip(came.tolist(), stays.tolist(), strict=True):
        moors = max(arrives, heapq.heappop(free))
        heapq.heappush(free, moors + stay)
        change[np.searchsorted(at, moors)] += 1.0
        change[np.searchsorted(at, moors + stay)] -= 1.0
    return np.cumsum(change)[:-1]
