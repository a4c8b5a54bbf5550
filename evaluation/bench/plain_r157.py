"""The plain way through R157's cut-ins: one case after the other, one step after the other, in Python's own numbers.

An independent reading of the same models (docs/scenario.md), for the benchmark to be faster than and for tests to agree with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, inf

STEP, LENGTH, WIDTH = 10, 4.3, 1.9  # steps a second; m
STEPS = 350
FULL, PEDAL = 0.774 * 9.81, 1.265


@dataclass(slots=True)
class State:
    """Both vehicles at one step, and the ego's driver. gap, side: free distance along and across."""

    ego: float
    ego_v: float
    before_v: float
    other: float
    other_v: float
    side: float = 0.0
    gap: float = 0.0
    aside_v: float = 0.0
    braking: float = 0.0
    waited: int = 0
    limit: float = field(default=inf)
    is_over: bool = False


def ttc(s: State) -> float:
    """Gap by the difference of speeds."""
    return abs(s.gap / (s.ego_v - s.other_v)) if s.ego_v != s.other_v else inf


def competent(s: State) -> bool:
    """Whether this driver sees danger."""
    if s.side > 0:
        return False
    s.is_over = ttc(s) > 2
    return not s.is_over


def regulation(s: State) -> bool:
    """Whether this driver sees danger."""
    return s.side <= 0.5 and ttc(s) <= (s.ego_v - s.other_v) / 12 + 0.35 + 0.1


def rss(s: State) -> bool:
    """Whether this driver sees danger."""
    wait, rate, brake = 0.75, 3, 6
    along = s.ego_v * wait + rate * wait**2 / 2 + (s.ego_v + wait * rate) ** 2 / (2 * brake) - s.other_v**2 / (2 * brake)
    lateral = abs(s.aside_v)
    across = 0.3 + (2 * lateral + wait) * wait / 2 + (lateral + wait) ** 2 / 2
    return s.gap < along and s.side < across


def fsm(s: State) -> bool:
    """Whether this driver sees danger."""
    if s.side > 0:
        if s.aside_v <= 0:
            return False
        past = (s.gap + 2 * LENGTH) / (s.ego_v - s.other_v) if s.ego_v != s.other_v else inf
        if s.side / s.aside_v > past + 0.1:
            return False
    critical, proactive = _critical(s), _proactive(s)
    s.limit = critical * 2 + 4 if critical > 0 else proactive * 4
    return critical + proactive > 0


def _critical(s: State) -> float:
    wait, low, high, closing = 0.75, 4, 6, s.ego_v - s.other_v
    if closing <= 0:
        return 0.0
    rate = (s.ego_v - s.before_v) * STEP
    kept = max(rate, -low)
    end = closing + wait * kept
    if end < 0:
        return float(s.gap < closing**2 / abs(2 * rate))
    reacting = (closing + kept * wait / 2) * wait
    return _degree(s.gap, reacting + end**2 / (2 * low), reacting + end**2 / (2 * high))


def _proactive(s: State) -> float:
    lead = s.other_v**2 / 14
    return _degree(s.gap - 2, s.ego_v * 0.75 + s.ego_v**2 / 8 - lead + 2, s.ego_v * 0.75 + s.ego_v**2 / 12 - lead)


def _degree(gap: float, safe: float, unsafe: float) -> float:
    if gap > safe:
        return 0.0
    return 1.0 if gap < unsafe else (gap - safe) / (unsafe - safe)


@dataclass(frozen=True, slots=True)
class Way:
    """How a driver brakes."""

    is_danger: Callable[[State], bool]
    reaction_s: float
    ramp: float
    full: float
    coasting: float = 0.0


WAYS = {
    "competent": Way(competent, 0.75, PEDAL, FULL, 0.4),
    "fsm": Way(fsm, 0.75, PEDAL, FULL),
    "rss": Way(rss, 0.75, PEDAL, FULL),
    "regulation": Way(regulation, 0.35, inf, 6.0),
}


def collides(ego_kmh: float, other_kmh: float, distance_m: float, lateral_mps: float, driver: str) -> bool:
    """Whether the ego touches a vehicle that cuts in."""
    way = WAYS[driver]
    swerve = [0.15 * step for step in range(ceil(lateral_mps / 0.15 - 1e-9))]  # speeds before it is as fast as it will be
    ego_v, other_v = ego_kmh / 3.6, other_kmh / 3.6
    s = State(-len(swerve) * ego_v / STEP, ego_v, ego_v, distance_m + LENGTH - len(swerve) * other_v / STEP, other_v)
    across = 1.6 + WIDTH + sum(swerve) / STEP
    speeds = [*swerve, *_change(lateral_mps)]
    wait = ceil(way.reaction_s * STEP)
    for step in range(len(speeds) - 1):
        s.side, s.gap, s.aside_v, s.limit = abs(across) - WIDTH, abs(s.other - s.ego) - LENGTH, speeds[step], inf
        is_danger = s.ego <= s.other and way.is_danger(s)
        if s.side < 0 and s.gap < 0:
            return True
        if s.is_over:
            return False
        s.before_v = s.ego_v
        if is_danger:
            _brake(s, way, wait)
        s.ego += s.ego_v / STEP
        s.other += s.other_v / STEP
        across -= speeds[step if step < len(swerve) else step + 1] / STEP
    return False


def _change(lateral_mps: float) -> list[float]:
    """Lateral speeds from where the distance counts: until the lanes' middle is passed, then none."""
    steps = int(STEP * (1.6 + WIDTH) // lateral_mps + 1) if lateral_mps else 0
    return [lateral_mps, *([lateral_mps] * steps + [0.0] * STEPS)[:STEPS]]


def _brake(s: State, way: Way, wait: int) -> None:
    if s.waited < wait:
        s.waited += 1
        s.braking = way.coasting
    else:
        s.braking = min(s.braking + way.ramp, way.full, s.limit)
    s.ego_v = max(s.ego_v - s.braking / STEP, 0.0)
