"""What the signal ahead asks of road users: how hard they must brake so as to cross no red, whichever way they go on.

The red-light warning is made of it for hosts, and the applications of crossing ways ask by it whether a signal holds the other
back: as long as it must stop and still can, nobody needs a warning of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from chelu.motion.passage import yielding_deceleration_mps2
from services.inference.approach import Approach, FirstLine
from services.inference.pairs import Tracks
from services.inference.reports import Floats, Ints
from services.inference.signals import FOREVER_US, Light, is_free, is_red
from services.inference.types import Mask
from services.inference.v2x.scene import Scene, Views

LONGEST_YELLOW_S = 3.0  # GB 14886-2016: 3 s; of a yellow whose end was not said
_SLOWEST_MPS = 0.3
_KNOWN_AHEAD_M = 200.0  # further off nobody looks at a signal yet
_NEVER_S = 1e9
# What drivers begin to brake with at a line: hardly anybody who needed more than 12 ft/s² stopped (Olson and Rothery,
# "Deceleration levels and clearance times associated with the amber phase of traffic signals"); and what they still do then.
_BY_CHOICE_MPS2, _HARD_MPS2 = 3.7, 6.0
_IS_BRAKING_MPS2 = -1.0


@dataclass(frozen=True, slots=True)
class Obligation:
    """For n road users what the next line asks.

    need_mps2: least deceleration along the road, beginning now, to cross no red: 0 where they may go on; late_mps2: the same, but
    beginning after a reaction. arrive_s: until the front bumper is at the line at their speed. is_yellow: it is yellow now, so
    that who cannot stop may go. movement: the connection that asks least, −1 without a line.
    """

    need_mps2: Floats
    late_mps2: Floats
    arrive_s: Floats
    is_yellow: Mask
    movement: Ints

    def where(self, mask: Mask) -> Self:
        """These only."""
        return type(self)(*(getattr(self, one.name)[mask] for one in fields(self)))


def obligation(
    approach: Approach, first: FirstLine, speed_mps: Floats, *, margin_m: float, turn_mps: float, reaction_s: float | Floats = 0.0
) -> Obligation:
    """Of those whose first lines these are.

    margin_m: how far beyond the line a stop still counts; turn_mps: who may turn right though straight on is red must slow down
    to this; reaction_s: of `Obligation.late_mps2`, of all or of each (n,).
    """
    way = first.distance_m + margin_m
    wide = np.where(np.isfinite(way), way, 1e9)
    is_used = (first.connection >= 0) & (first.distance_m < _KNOWN_AHEAD_M)[:, None]
    arrive_s = np.maximum(wide, 0.0) / np.maximum(speed_mps, _SLOWEST_MPS)
    light, red, free_s = _on_arrival(approach, first.row, arrive_s)
    shape = is_used.shape
    speed, wide = (np.broadcast_to(one[:, None], shape) for one in (speed_mps, wide))
    turns = approach.is_right_turn(first.connection)

    def asked(after_s: float | Floats) -> Floats:
        after = np.broadcast_to(np.reshape(after_s, (-1, 1)), shape)
        stop = yielding_deceleration_mps2(speed, wide, free_s, after)
        slow = np.maximum(speed**2 - turn_mps**2, 0.0) / (2.0 * np.maximum(wide - speed * after, 1e-3))
        return np.where(is_used, np.where(red, stop, np.where(turns, slow, 0.0)), np.inf)

    need = asked(0.0)
    late = asked(reaction_s) if np.any(reaction_s) else need
    least, row = np.argmin(need, axis=1), np.arange(len(speed_mps))
    has_line = is_used.any(axis=1)
    return Obligation(
        np.where(has_line, need[row, least], 0.0),
        np.where(has_line, late[row, least], 0.0),
        arrive_s,
        light[row, least] == Light.YELLOW,
        np.where(has_line, first.connection[row, least], -1),
    )


def is_dark(approach: Approach, first: FirstLine) -> Mask:
    """Whether there is a line near ahead, and of no movement is it known what its signal shows."""
    is_used = (first.connection >= 0) & (first.distance_m < _KNOWN_AHEAD_M)[:, None]
    light, _ = approach.table.present(first.row, approach.now_us)
    is_known = (light != Light.UNAVAILABLE) & (light != Light.DARK)
    return np.asarray(is_used.any(axis=1) & ~(is_known & is_used).any(axis=1))


def _on_arrival(approach: Approach, row: Ints, arrive_s: Floats) -> tuple[Ints, Mask, Floats]:
    """What movements (n, m) show now, whether they will be red on arrival, and in how many seconds they then become free."""
    table, now_us = approach.table, approach.now_us
    at_us = now_us + np.broadcast_to(np.round(np.minimum(arrive_s, 1e5) * 1e6).astype(np.int64)[:, None], row.shape)
    light, end_us = table.present(row, now_us)
    then = table.at(row, at_us, now_us)
    is_unsaid = end_us == FOREVER_US
    yellow_us = np.where(is_unsaid, now_us + round(LONGEST_YELLOW_S * 1e6), end_us)
    lasts = is_red(light) & (is_unsaid | (at_us < end_us))
    turns_red = (light == Light.YELLOW) & (at_us >= yellow_us) & ~is_free(then)
    red = lasts | turns_red | is_red(then)
    free_us = table.free_from(row, at_us, now_us)
    free_us = np.where(lasts & ~is_unsaid, np.minimum(free_us, end_us), free_us)
    return light, red, np.where(free_us < FOREVER_US, (free_us - now_us) / 1e6, _NEVER_S)


def are_held_apart(scene: Scene, views: Views) -> Mask:
    """Whether a signal keeps one of both from the place where their ways cross: as long as it does, they need no warning.

    For the applications of crossing ways: ``views = views.where(~are_held_apart(scene, views))``. Who runs the light is told by
    the red-light warning; from when it can hardly stop any more both are told of one another, too.
    """
    return is_held_back(scene.signals, scene.tracks, views.host) | is_held_back(scene.signals, scene.tracks, views.other)


def is_held_back(approach: Approach, tracks: Tracks, side: Ints) -> Mask:
    """Whether a signal obliges each of `side` (rows of the tracks) to stop before the junction, and it still can or does so.

    Who must brake harder than drivers do by choice and does not begin is not held back any more: it runs the light.
    """
    if not approach.has_lines or not len(side):
        return np.zeros(len(side), np.bool_)
    rows, back = np.unique(side, return_inverse=True)
    first = approach.first(tracks.slots[rows])
    asked = obligation(approach, first, tracks.speed_mps[rows], margin_m=1.0, turn_mps=np.inf)
    must = (asked.need_mps2 > 0) & first.is_certain & (first.distance_m > -1.0)
    brakes = tracks.acceleration_mps2[rows] <= _IS_BRAKING_MPS2
    can = asked.need_mps2 <= np.where(brakes, _HARD_MPS2, _BY_CHOICE_MPS2)
    return np.asarray((must & can)[back])
