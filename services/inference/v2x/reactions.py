"""What drivers can do about a conflict: shared by the applications, so that all mean the same by a reaction and by braking.

The weather comes in here, for all of them: a need is told as on a level dry road, and times before a danger are longer where the
road is slippery or sight is poor (`services.inference.weather`).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from chelu.applications.reactions import Reaction
from chelu.motion.braking import level_equivalent_mps2
from services.inference.pairs import Tracks
from services.inference.reports import Floats, Ints
from services.inference.types import Mask


class Leads(Protocol):
    """Parameters with a lead."""

    @property
    def lead_s(self) -> float:
        """See `Notice`."""


def is_noticeable(need_mps2: Floats, closing_mps: Floats, least_mps2: Floats, p: Leads) -> Mask:
    """Whether braking from now on, or from `lead_s` before the contact on at this closing speed, takes `least_mps2`."""
    return np.asarray((need_mps2 >= least_mps2) | (closing_mps >= 2.0 * p.lead_s * least_mps2))


def reaction_s(tracks: Tracks, side: Ints, p: Reaction) -> Floats:
    """How long each driver of `side` still takes until the brakes act."""
    return np.where(tracks.acceleration_mps2[side] <= p.is_braking_mps2, p.braking_reaction_s, p.reaction_s)


class OnRoad(Protocol):
    """Road users on a road with a gradient, in some weather: tracks and hosts alike."""

    @property
    def gradient(self) -> Floats:
        """Rise over run in driving direction."""

    @property
    def grip(self) -> Floats:
        """Share of dry braking that the weather leaves."""

    @property
    def haste_s(self) -> Floats:
        """How much earlier the driver must be told."""


def on_level(users: OnRoad, side: Ints, along_mps2: Floats) -> Floats:
    """The same need as on a level dry road: the brakes must also hold the weight downhill, and have a share of their grip only.

    0 stays 0, inf stays inf.
    """
    level = level_equivalent_mps2(np.where(np.isfinite(along_mps2), along_mps2, 0.0), users.gradient[side])
    need = np.maximum(level, 0.0) / users.grip[side]
    return np.where(np.isfinite(along_mps2), np.where(along_mps2 > 0, need, 0.0), np.inf)


def in_time_s(users: OnRoad, side: Ints, seconds: float) -> Floats:
    """A time before a danger, longer where the weather makes everything take longer: never shorter because sight is poor."""
    return np.asarray(seconds + users.haste_s[side])
