"""Driver models that judge a gap: the Fuzzy Safety Model of UNECE R157's annex (Mattas et al. 2022, JRC-FSM)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FuzzyParameters:
    """Values of the JRC's published model: reaction, decelerations in m/s² and the two margins in m."""

    reaction_s: float = 0.75
    brake_min_mps2: float = 4.0
    brake_max_mps2: float = 6.0
    lead_brake_mps2: float = 7.0
    margin_m: float = 2.0
    safe_margin_m: float = 2.0


def proactive_surrogate(gap_m: Floats, follower_mps: Floats, leader_mps: Floats, parameters: FuzzyParameters) -> Floats:
    """PFS: 0 when the gap is safe if the leader brakes fully, 1 when it cannot be, linear between."""
    p = parameters
    speed = np.asarray(follower_mps, np.float64)
    base = speed * p.reaction_s - np.asarray(leader_mps, np.float64) ** 2 / (2.0 * p.lead_brake_mps2)
    safe = base + speed**2 / (2.0 * p.brake_min_mps2) + p.safe_margin_m
    unsafe = base + speed**2 / (2.0 * p.brake_max_mps2)
    return np.clip((safe - (gap_m - p.margin_m)) / (safe - unsafe), 0.0, 1.0)
