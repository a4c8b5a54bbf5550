"""How unsure a future is: from the position's own error, and from what speed and heading may be off by, growing with time."""

from __future__ import annotations

import numpy as np

from chelu.motion.sweep import Spread
from services.inference.futures import ALIGNED_STEPS, STEP_S
from services.inference.reports import Floats
from services.inference.types import Mask

USUAL_SIGMA_M = 0.75  # where no accuracy is sent: T/CSAE 53-2020 asks for 1.5 m, taken as a 95 % bound
_MOST_SIGMA_M = 3.0  # a sender that knows no better than this is taken at it: else it would never be warned of
_SPEED_SIGMA_MPS = 0.3
_ACCELERATION_SIGMA_MPS2 = 0.3
_HEADING_SIGMA_RAD = 0.0175  # 1°
_STROLL_SIGMA_MPS = 0.25  # who walks or cycles changes direction at will
_AHEAD_S: Floats = np.arange(ALIGNED_STEPS, dtype=np.float64) * STEP_S


def spread_of(along_m: Floats, across_m: Floats, speed_mps: Floats, age_s: Floats, is_vehicle: Mask) -> Spread:
    """Along and across the heading at the aligned instants (n, ALIGNED_STEPS), for reports that are `age_s` (n,) old.

    along_m, across_m (n,): what their places may be off by, NaN where it was not said.
    """
    place, beside = _place(along_m), _place(across_m)
    time_s = _AHEAD_S + np.clip(age_s, 0.0, None)[:, None]
    along = place**2 + (_SPEED_SIGMA_MPS * time_s) ** 2 + (0.5 * _ACCELERATION_SIGMA_MPS2 * time_s**2) ** 2
    steer = np.where(is_vehicle, _HEADING_SIGMA_RAD * speed_mps, _STROLL_SIGMA_MPS)[:, None]
    return Spread(np.sqrt(along), np.sqrt(beside**2 + (steer * time_s) ** 2), np.arange(len(speed_mps)))


def _place(sigma_m: Floats) -> Floats:
    return np.clip(np.where(np.isnan(sigma_m), USUAL_SIGMA_M, sigma_m), 0.0, _MOST_SIGMA_M)[:, None]
