"""Surrogate safety measures of one vehicle behind another, on arrays that broadcast together.

g is the gap bumper to bumper in metres, v_f the follower's and v_l the leader's speed in m/s, Δv = v_f − v_l. A measure that
does not apply (opening gap, standing follower) is infinite where small is dangerous and 0 where large is. Formulas:
Chelu's driving-test notes §5.3, after Minderhoud & Bovy 2001, Ozbay et al. 2008 (MTTC), Fu & Sayed 2021 (MDRAC).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def ttc_s(gap_m: Floats, follower_mps: Floats, leader_mps: Floats) -> Floats:
    """Time to collision g/Δv; inf unless closing."""
    return _ratio(gap_m, np.asarray(follower_mps, np.float64) - leader_mps)


def mttc_s(gap_m: Floats, closing_mps: Floats, closing_mps2: Floats) -> Floats:
    """Modified time to collision: smallest positive root of ½Δa t² + Δv t − g = 0 (Δv, Δa follower minus leader), else inf."""
    gap, speed, rate = np.broadcast_arrays(*(np.asarray(value, np.float64) for value in (gap_m, closing_mps, closing_mps2)))
    root = np.sqrt(np.maximum(speed**2 + 2.0 * rate * gap, 0.0))
    # 2g/(Δv ± √…) rather than the school formula: no division by Δa, so Δa → 0 gives g/Δv. The larger denominator that is
    # positive belongs to the smaller root.
    time = _ratio(2.0 * gap, speed + root)
    return np.where(speed**2 + 2.0 * rate * gap >= 0, time, np.inf)


def thw_s(gap_m: Floats, follower_mps: Floats) -> Floats:
    """Time headway by gap, g/v_f (not front to front); inf when the follower stands."""
    return _ratio(gap_m, follower_mps)


def drac_mps2(gap_m: Floats, follower_mps: Floats, leader_mps: Floats) -> Floats:
    """Deceleration rate to avoid the crash Δv²/(2g); 0 unless closing, inf at no gap."""
    closing = np.maximum(np.asarray(follower_mps, np.float64) - leader_mps, 0.0)
    return np.where(closing > 0, _ratio(closing**2, 2.0 * np.asarray(gap_m, np.float64)), 0.0)


def mdrac_mps2(gap_m: Floats, follower_mps: Floats, leader_mps: Floats, reaction_s: Floats | float) -> Floats:
    """Modified DRAC Δv/(2(TTC − R)): the follower brakes after R seconds; inf when TTC ≤ R, 0 unless closing."""
    closing = np.maximum(np.asarray(follower_mps, np.float64) - leader_mps, 0.0)
    left = ttc_s(gap_m, follower_mps, leader_mps) - reaction_s
    return np.where(closing > 0, _ratio(closing, 2.0 * left), 0.0)


def btn(required_mps2: Floats, available_mps2: Floats | float) -> Floats:
    """Brake threat number: deceleration needed over deceleration available; at 1 braking alone no longer helps."""
    return np.asarray(required_mps2, np.float64) / available_mps2


def required_deceleration_mps2(
    gap_m: Floats, follower_mps: Floats, leader_mps: Floats, leader_mps2: Floats, reaction_s: Floats
) -> Floats:
    """Constant deceleration the follower needs, after `reaction_s` at its speed, if the leader keeps its acceleration to a stop.

    A leader that brakes is followed to where it comes to rest; one that does not is taken at its present speed. 0 when no
    braking is needed, inf when the gap is gone before the reaction. (DRAC is the case of no reaction and no leader braking.)
    """
    gap, fast, slow, rate, wait = np.broadcast_arrays(
        *(np.asarray(value, np.float64) for value in (gap_m, follower_mps, leader_mps, leader_mps2, reaction_s))
    )
    braking = rate < -0.1
    rest = slow**2 / (2.0 * np.where(braking, -rate, 1.0))
    steady = _needed(np.maximum(fast - slow, 0.0), gap - np.maximum(fast - slow, 0.0) * wait)
    to_rest = _needed(fast, gap + rest - fast * wait)
    # A leader that comes to rest late may be touched before: while it still moves, relative braking is what counts.
    meets_moving = _needed_relative(gap, fast - slow, rate, wait)
    return np.where(
        braking, np.maximum(to_rest, np.where(_stops_first(to_rest, fast, slow, rate, wait), 0.0, meets_moving)), steady
    )


def _needed(speed: Floats, room: Floats) -> Floats:
    """v²/2d, 0 when standing, inf without room."""
    return np.where(speed > 0, _ratio(speed**2, 2.0 * room), 0.0)


def _needed_relative(gap: Floats, closing: Floats, leader_rate: Floats, wait: Floats) -> Floats:
    """Deceleration with which the gap just closes to 0 at equal speeds while the leader is still braking."""
    at_brake = closing - leader_rate * wait
    room = gap - closing * wait + 0.5 * leader_rate * wait**2
    return np.where(at_brake > 0, _needed(np.maximum(at_brake, 0.0), room) - leader_rate, 0.0)


def _stops_first(needed: Floats, fast: Floats, slow: Floats, leader_rate: Floats, wait: Floats) -> npt.NDArray[np.bool_]:
    """Whether the leader stands before the follower, braking with `needed` after `wait`, does."""
    leader_stop = slow / np.maximum(-leader_rate, 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        follower_stop = wait + fast / needed
    return np.asarray(leader_stop <= np.where(np.isfinite(follower_stop), follower_stop, np.inf))


def _ratio(above: Floats, below: Floats) -> Floats:
    """above/below, inf where `below` is not positive."""
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    positive = below > 0
    with np.errstate(over="ignore"):  # over next to nothing: infinite as well
        return np.where(positive, above / np.where(positive, below, 1.0), np.inf)
