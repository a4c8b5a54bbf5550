"""Braking on gradients: on a hillside the same brakes need a longer way downhill."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

GRAVITY_MPS2 = 9.80665
Floats = npt.NDArray[np.float64]


def level_equivalent_mps2(along_mps2: Floats, gradient: Floats) -> Floats:
    """What a deceleration along the road asks of tyres and driver, as one on a level road: more downhill, less uphill."""
    slope = np.hypot(1.0, np.asarray(gradient, np.float64))
    return np.asarray(along_mps2 * slope - GRAVITY_MPS2 * np.asarray(gradient))
