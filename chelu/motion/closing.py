"""When a gap closes if both keep their acceleration: as a vehicle brakes, it comes to rest and stays there."""

from __future__ import annotations

import numpy as np

from chelu.motion.following import Floats, mttc_s

_NO_RATE_MPS2 = 1e-9


def closes_s(gap_m: Floats, follower_mps: Floats, leader_mps: Floats, follower_mps2: Floats, leader_mps2: Floats) -> Floats:
    """Seconds until the gap is 0, inf when it never is: accelerations are constant until the brakes have stopped one.

    Modified TTC (Ozbay et al. 2008) on each of three stretches: until the first of both stands, until the other does, afterwards.
    On a single stretch it is `mttc_s`; that alone lets a leader that has braked to rest drive backwards. Speeds are not negative.
    """
    gap, fast, slow, rate_f, rate_l = np.broadcast_arrays(
        *(np.asarray(value, np.float64) for value in (gap_m, follower_mps, leader_mps, follower_mps2, leader_mps2))
    )
    stands_f, stands_l = _stands_s(fast, rate_f), _stands_s(slow, rate_l)
    begins = np.zeros_like(gap)
    found = np.where(gap <= 0, 0.0, np.inf)
    for ends in (np.minimum(stands_f, stands_l), np.maximum(stands_f, stands_l), np.full_like(gap, np.inf)):
        drives_f, drives_l = begins < stands_f, begins < stands_l
        time = _bounded(begins)
        speed = np.where(drives_f, fast + rate_f * time, 0.0) - np.where(drives_l, slow + rate_l * time, 0.0)
        left = gap - _way(fast, rate_f, np.minimum(begins, stands_f)) + _way(slow, rate_l, np.minimum(begins, stands_l))
        takes = mttc_s(left, speed, np.where(drives_f, rate_f, 0.0) - np.where(drives_l, rate_l, 0.0))
        is_here = np.isfinite(begins) & (begins + takes <= ends)
        found = np.where(np.isinf(found) & is_here, begins + takes, found)
        begins = ends
    return found


def _stands_s(speed: Floats, rate: Floats) -> Floats:
    """When a vehicle comes to rest; inf when it does not. One that stands and does not speed up stands now."""
    braking = rate < -_NO_RATE_MPS2
    stop = np.where(braking, np.maximum(speed, 0.0) / np.where(braking, -rate, 1.0), np.inf)
    return np.where((speed <= 0) & (rate <= 0), 0.0, stop)


def _way(speed: Floats, rate: Floats, time_s: Floats) -> Floats:
    time = _bounded(time_s)
    return np.asarray(speed * time + 0.5 * rate * time**2)


def _bounded(time_s: Floats) -> Floats:
    """Infinite times as 0: their stretch does not exist, and inf − inf must not spread."""
    return np.where(np.isfinite(time_s), time_s, 0.0)
