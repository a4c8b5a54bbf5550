"""Conflicts of crossing paths: the area both would sweep, and how hard each must brake to leave it to the other.

Shared by the applications in which ways cross (intersection, left turn, vulnerable road users), and worked out for those pairs
only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol, Self

import numpy as np

from chelu.applications.reactions import Reaction
from chelu.motion.conflict import Futures
from chelu.motion.passage import passages, yielding_deceleration_mps2
from services.inference.futures import STEP_S
from services.inference.pairs import Tracks, swept
from services.inference.reports import Floats, Ints
from services.inference.types import Mask
from services.inference.v2x.reactions import on_level, reaction_s
from services.inference.v2x.scene import Views, wrapped_deg

_MOST_ASIDE_MPS2 = 8.0  # sideways acceleration: what tyres hold on a dry road
_EVENLY = 4
_BY_CHOICE_MPS2 = 3.0  # what drivers who mean to stop brake with (docs/decisions/023-when-a-red-light-warns.md)
_CLEARING_S = 2.0  # what is swept so long after the contact still belongs to the conflict


@dataclass(frozen=True, slots=True)
class Needs:
    """For q views: metres to the shared area; decelerations; and the passage's PET.

    host_mps2, other_mps2: to leave the area to the other, after the reaction, as on a level road; host_stop_mps2,
    other_stop_mps2: to stop short of it, beginning now.
    """

    way_m: Floats
    host_mps2: Floats
    other_mps2: Floats
    host_stop_mps2: Floats
    other_stop_mps2: Floats
    pet_s: Floats

    def where(self, mask: Mask) -> Self:
        """These only."""
        return type(self)(*(getattr(self, one.name)[mask] for one in fields(self)))


def yields(tracks: Tracks, side: Ints, stop_mps2: Floats, p: Reaction) -> Mask:
    """Whether each of `side` brakes already, and stops short of the area with what drivers choose (n,): it has seen the other."""
    return np.asarray((tracks.acceleration_mps2[side] <= p.is_braking_mps2) & (stop_mps2 <= _BY_CHOICE_MPS2 * tracks.grip[side]))


class Likely(Protocol):
    """Parameters that say how likely a contact must be."""

    @property
    def least_probability(self) -> float:
        """For all that is known."""

    @property
    def least_taken(self) -> float:
        """That both take the ways on which it comes: a turn that has not begun is a guess."""


def is_likely(views: Views, p: Likely) -> Mask:
    """Whether the futures touch for all that is known; who covers one another now is no collision to come."""
    return np.asarray((views.probability >= p.least_probability) & (views.taken >= p.least_taken) & ~(views.first_s <= 0))


def can_be_driven(futures: Futures, until_s: Floats) -> Mask:
    """Whether tyres can hold each future until then: who is too fast for a turn does not take it.

    Over `_EVENLY` steps, since futures bend in corners where a map's lines do.
    """
    xy, heading = futures.xy, futures.heading_deg
    span_s = _EVENLY * STEP_S
    moved = xy[:, _EVENLY:] - xy[:, :-_EVENLY]
    speed = np.hypot(moved[..., 0], moved[..., 1]) / span_s
    turn = np.radians(np.abs(wrapped_deg(heading[:, _EVENLY:] - heading[:, :-_EVENLY]))) / span_s
    is_before = np.arange(speed.shape[1]) * STEP_S <= np.minimum(until_s, 1e3)[:, None]
    return np.asarray(np.max(speed * turn * is_before, axis=1, initial=0.0) <= _MOST_ASIDE_MPS2)


def needs_of(tracks: Tracks, views: Views, p: Reaction) -> Needs:
    """Both sides' needs; a need that no shared area was found for (the futures only might touch) is 0."""
    if not len(views):
        return Needs(*np.zeros((6, 0)))
    until = np.minimum(views.contact_s(), 1e3) + _CLEARING_S
    shared = passages(swept(tracks, views.host_way), swept(tracks, views.other_way), STEP_S, until)
    yields, stops = [], []
    for side, way, clear in (
        (views.host, shared.way_a_m, shared.leave_b_s),
        (views.other, shared.way_b_m, shared.leave_a_s),
    ):
        speed = tracks.speed_mps[side]
        along = yielding_deceleration_mps2(speed, way, clear, reaction_s(tracks, side, p))
        yields.append(on_level(tracks, side, _or_nothing(along)))
        stops.append(_or_nothing(stopping_mps2(speed, way)))
    return Needs(_or_nothing(shared.way_a_m), yields[0], yields[1], stops[0], stops[1], shared.pet_s)


def _or_nothing(value: Floats) -> Floats:
    """0 where it is not known."""
    return np.where(np.isnan(value), 0.0, value)


def stopping_mps2(speed_mps: Floats, way_m: Floats) -> Floats:
    """Deceleration to stop within a way; inf without one, NaN where it is not known."""
    return np.where(way_m > 0, speed_mps**2 / (2.0 * np.where(way_m > 0, way_m, 1.0)), np.where(np.isnan(way_m), np.nan, np.inf))
