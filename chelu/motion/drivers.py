"""Driver models that judge a gap: the Fuzzy Safety Model of UNECE R157's annex (Mattas et al. 2020 and 2022, JRC-FSM)."""

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
    reacting, lead = speed * p.reaction_s, np.asarray(leader_mps, np.float64) ** 2 / (2.0 * p.lead_brake_mps2)
    squared = speed**2
    safe = reacting + squared / (2.0 * p.brake_min_mps2) - lead + p.safe_margin_m
    unsafe = reacting + squared / (2.0 * p.brake_max_mps2) - lead
    return np.asarray(((safe - (gap_m - p.margin_m)) / (safe - unsafe)).clip(0.0, 1.0))


def critical_surrogate(
    gap_m: Floats, follower_mps: Floats, leader_mps: Floats, follower_mps2: Floats, parameters: FuzzyParameters
) -> Floats:
    """CFS: 0 when braking mildly after the reaction keeps off the leader, 1 when braking hard does not; leader at its speed.

    follower_mps2: its present acceleration, kept through the reaction. A follower that is slower by the end of it needs the room
    in which it becomes as slow as the leader, and no less.
    """
    p = parameters
    closing = np.asarray(follower_mps, np.float64) - leader_mps
    rate = np.maximum(follower_mps2, -p.brake_min_mps2)
    end = closing + p.reaction_s * rate
    reacting = (closing + rate * p.reaction_s / 2.0) * p.reaction_s
    squared = end**2
    safe, unsafe = (reacting + squared / (2.0 * brake) for brake in (p.brake_min_mps2, p.brake_max_mps2))
    braking = np.abs(2.0 * np.where(follower_mps2 == 0, 1.0, follower_mps2))
    is_slower = end < 0
    degree = np.clip(_ratio(safe - gap_m, safe - unsafe, np.where(gap_m < safe, 1.0, 0.0)), 0.0, 1.0)
    found = np.where(is_slower, (gap_m < closing**2 / braking).astype(np.float64), degree)
    return np.where(closing > 0, found, 0.0)


def _ratio(above: Floats, below: Floats, otherwise: Floats) -> Floats:
    """Above / below, another value where below is 0."""
    return np.where(below == 0, otherwise, above / np.where(below == 0, 1.0, below))
