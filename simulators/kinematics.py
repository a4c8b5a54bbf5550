"""Rates of change of recorded motion, for recordings that give only where and how fast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEIGHBOUR_MS = 1000  # two samples further apart than this say nothing about a rate


def rates(actor: Ints, time_ms: Floats, speed_mps: Floats, heading_deg: Floats) -> tuple[Floats, Floats]:
    """Acceleration (m/s²) and yaw rate (°/s, clockwise positive) of each sample, by central differences within its actor.

    All (n,); rows in any order. At an end, or beside a gap, the difference is one-sided; a sample alone gets 0.
    """
    order = np.lexsort((time_ms, actor))
    a, t = actor[order], time_ms[order]
    linked = (a[1:] == a[:-1]) & (np.diff(t) <= NEIGHBOUR_MS) & (np.diff(t) > 0)
    index = np.arange(len(a))
    before = index - np.concatenate([[False], linked])[: len(a)]
    after = index + np.concatenate([linked, [False]])[: len(a)]
    seconds = (t[after] - t[before]) / 1000
    acceleration, yaw = np.empty(len(a)), np.empty(len(a))
    acceleration[order] = _slope(speed_mps[order][after] - speed_mps[order][before], seconds)
    turn = (heading_deg[order][after] - heading_deg[order][before] + 180) % 360 - 180
    yaw[order] = _slope(turn, seconds)
    return acceleration, yaw


def course(vx_mps: Floats, vy_mps: Floats, *, standing_mps: float = 0.05) -> tuple[Floats, Floats]:
    """Speed (m/s) and heading (° clockwise from north; NaN below `standing_mps`) of velocities east and north, all (n,)."""
    speed = np.hypot(vx_mps, vy_mps)
    heading = np.degrees(np.arctan2(vx_mps, vy_mps)) % 360
    return speed, np.where(speed < standing_mps, np.nan, heading)


def _slope(difference: Floats, seconds: Floats) -> Floats:
    slope = np.divide(difference, seconds, out=np.zeros_like(difference), where=seconds > 0)
    return np.where(np.isfinite(slope), slope, 0.0)
