"""Positions that a road user cannot have reached from the previous one at its speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.quality.senders import Previous
from chelu.units import US_PER_S

METRES_PER_DEGREE = 111_320.0  # of latitude, on the mean sphere: 0.6 % off at worst, which is far inside the margin


@dataclass(frozen=True, slots=True)
class JumpLimits:
    """What is still believed.

    margin_m: what satellite positioning may wander; acceleration_mps2: what a road user may gain between two rows;
    unknown_speed_mps: taken where no speed was sent; forget_s: beyond this interval nothing is said.
    """

    margin_m: float = 10.0
    acceleration_mps2: float = 10.0
    unknown_speed_mps: float = 70.0
    forget_s: float = 10.0


def jumps(now: Mapping[str, npt.NDArray[Any]], previous: Previous, limits: JumpLimits) -> npt.NDArray[np.bool_]:
    """Which rows (n,) lie further from their predecessor than speed, acceleration and margin allow.

    Both sides hold ``time_us``, ``latitude_deg``, ``longitude_deg``, ``speed_mps`` (NaN where unknown: then no jump is claimed
    for a position, and `unknown_speed_mps` is taken for a speed).
    """
    before = previous.columns
    elapsed_s = (now["time_us"] - before["time_us"]) / US_PER_S
    apart_m = _apart_m(now, before)
    speed = np.fmax(now["speed_mps"], before["speed_mps"])
    speed = np.where(np.isnan(speed), limits.unknown_speed_mps, speed)
    span_s = np.abs(elapsed_s)
    reach_m = limits.margin_m + speed * span_s + 0.5 * limits.acceleration_mps2 * span_s**2
    return previous.known & (span_s <= limits.forget_s) & (apart_m > reach_m)


def _apart_m(now: Mapping[str, npt.NDArray[Any]], before: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
    north_m = (now["latitude_deg"] - before["latitude_deg"]) * METRES_PER_DEGREE
    east_deg = (now["longitude_deg"] - before["longitude_deg"] + 180.0) % 360.0 - 180.0
    east_m = east_deg * METRES_PER_DEGREE * np.cos(np.radians(now["latitude_deg"]))
    return np.asarray(np.hypot(north_m, east_m), np.float64)
