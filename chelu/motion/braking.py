"""Braking on gradients: on a hillside the same brakes need a longer way downhill."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

GRAVITY_MPS2 = 9.80665
Floats = npt.NDArray[np.float64]


def deceleration_on_gradient_mps2(flat_mps2: Floats | float, gradient: Floats | float) -> Floats:
    """What remains of a level-road deceleration on a gradient (rise over run, uphill positive).

    With slope angle θ = atan(gradient) the wheels' share scales with cos θ and gravity adds g·sin θ.
    """
    slope = np.hypot(1.0, np.asarray(gradient, np.float64))
    return np.asarray((flat_mps2 + GRAVITY_MPS2 * np.asarray(gradient)) / slope)


def braking_distance_m(
    speed_mps: Floats, flat_mps2: Floats | float, gradient: Floats | float = 0.0, reaction_s: Floats | float = 0.0
) -> Floats:
    """Way to a stop along the road: v·ρ + v²/(2b′), b′ = deceleration on the gradient; inf where gravity beats the brakes."""
    speed = np.asarray(speed_mps, np.float64)
    left = deceleration_on_gradient_mps2(flat_mps2, gradient)
    speed, left = np.broadcast_arrays(speed, left)
    way = np.where(left > 0, speed**2 / (2.0 * np.where(left > 0, left, 1.0)), np.where(speed > 0, np.inf, 0.0))
    return np.asarray(speed * reaction_s + way)


def level_equivalent_mps2(along_mps2: Floats, gradient: Floats) -> Floats:
    """What a deceleration along the road asks of tyres and driver, as one on a level road: more downhill, less uphill."""
    slope = np.hypot(1.0, np.asarray(gradient, np.float64))
    return np.asarray(along_mps2 * slope - GRAVITY_MPS2 * np.asarray(gradient))
