"""Responsibility-Sensitive Safety distances (Shalev-Shwartz, Shammah & Shashua 2017): longitudinal, opposite, lateral."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Response:
    """How a vehicle answers: ρ s of reaction at up to `acceleration_mps2`, then brakes at least with `brake_min_mps2`."""

    reaction_s: Floats | float
    acceleration_mps2: Floats | float
    brake_min_mps2: Floats | float
    brake_max_mps2: Floats | float


def longitudinal_m(rear_mps: Floats, front_mps: Floats, response: Response) -> Floats:
    """Safe gap behind a vehicle that may brake with `brake_max_mps2`; never below 0."""
    rear, front = np.asarray(rear_mps, np.float64), np.asarray(front_mps, np.float64)
    gap = _reach(rear, response.reaction_s, response.acceleration_mps2, response.brake_min_mps2)
    return np.maximum(gap - front**2 / (2.0 * response.brake_max_mps2), 0.0)


def opposite_m(correct_mps: Floats, wrong_mps: Floats, response: Response, brake_correct_mps2: Floats | float) -> Floats:
    """Safe gap to an oncoming vehicle: one in its own lane brakes with `brake_correct_mps2`, the other with `brake_min_mps2`."""
    reaction, acceleration = response.reaction_s, response.acceleration_mps2
    correct = _reach(np.abs(correct_mps), reaction, acceleration, brake_correct_mps2)
    return np.asarray(correct + _reach(np.abs(wrong_mps), reaction, acceleration, response.brake_min_mps2))


def lateral_m(left_mps: Floats, right_mps: Floats, response: Response, margin_m: Floats | float) -> Floats:
    """Safe lateral gap; speeds are positive towards the right: `left_mps` of the left, `right_mps` of the right vehicle.

    Source: driving-test notes §5.3, with μ = `margin_m` and the lateral acceleration and brake in `response`.
    """
    rho, rate, brake = response.reaction_s, response.acceleration_mps2, response.brake_min_mps2
    left, right = np.asarray(left_mps, np.float64), np.asarray(right_mps, np.float64)
    left_end, right_end = left + rho * rate, right - rho * rate
    towards = (left + left_end) / 2.0 * rho + left_end**2 / (2.0 * brake)
    away = (right + right_end) / 2.0 * rho - right_end**2 / (2.0 * brake)
    return np.asarray(margin_m + np.maximum(towards - away, 0.0))


def _reach(speed: Floats, reaction: Floats | float, acceleration: Floats | float, brake: Floats | float) -> Floats:
    """Distance covered while reacting at full acceleration and then braking to rest."""
    return np.asarray(
        speed * reaction + 0.5 * acceleration * reaction**2 + (speed + reaction * acceleration) ** 2 / (2.0 * brake)
    )
