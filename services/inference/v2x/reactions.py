"""What drivers can do about a conflict: shared by the applications, so that all mean the same by a reaction and by braking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.motion.braking import level_equivalent_mps2
from services.inference.pairs import Tracks
from services.inference.parameters import parameter
from services.inference.reports import Floats, Ints


@dataclass(frozen=True, slots=True)
class Switch:
    """The parameter that every application has; its own follow in a subclass."""

    is_on: float = parameter(1.0, "0 or 1", "0 switches this application off, and no other", high=1.0)


@dataclass(frozen=True, slots=True)
class Reaction(Switch):
    """Parameters of those with a braking driver."""

    reaction_s: float = parameter(0.8, "s", "driver's reaction to a warning; UNECE R157's careful driver: 0.75 s", high=3.0)
    braking_reaction_s: float = parameter(0.2, "s", "a host that brakes already has reacted; brake build-up only", high=3.0)
    is_braking_mps2: float = parameter(-1.0, "m/s²", "more than engine braking", low=-5.0, high=0.0)


def reaction_s(tracks: Tracks, side: Ints, p: Reaction) -> Floats:
    """How long each driver of `side` still takes until the brakes act."""
    return np.where(tracks.acceleration_mps2[side] <= p.is_braking_mps2, p.braking_reaction_s, p.reaction_s)


def on_level(tracks: Tracks, side: Ints, along_mps2: Floats) -> Floats:
    """The same need as on a level road: downhill the brakes must also hold the vehicle's weight. 0 stays 0, inf stays inf."""
    level = level_equivalent_mps2(np.where(np.isfinite(along_mps2), along_mps2, 0.0), tracks.gradient[side])
    return np.where(np.isfinite(along_mps2), np.where(along_mps2 > 0, np.maximum(level, 0.0), 0.0), np.inf)
