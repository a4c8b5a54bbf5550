"""How far a road user is and will come sideways of its lane: by where it is, how it slants on it, and how it turns."""

from __future__ import annotations

import numpy as np

from services.inference.reports import Floats, Ints
from services.inference.v2x.scene import Scene

_MOST_SLANT_RAD = np.radians(6.0)  # who changes lanes points no further aside
KEEPS_M = 2.4  # no further from its lane's middle, as is sent: half a lane, and errors of 0.65 m
ALONG_DEG = 3.0  # who points no further aside of its lane keeps to it
_STRAIGHT_DEG = 4.0  # a lane that still bends by more: turning is then no leaving of it


def shifts_m(scene: Scene, side: Ints, within_s: Floats) -> Floats:
    """Metres to the right of its lane that each of `side` moves within a time (n,); NaN where no straight road tells.

    Who turns further aside does so up to a lane change's slant; who turns back moves on sideways until it points along the lane.
    """
    tracks, slots = scene.tracks, scene.tracks.slots[side]
    slant = np.radians(scene.roads.slants_deg(slots))
    turn = np.radians(tracks.yaw_rate_dps[side])
    outward, inward = np.abs(slant), np.sign(slant) * turn  # inward < 0: back towards the lane's direction
    sense = np.where(slant != 0, np.sign(slant), np.sign(turn))
    rate = np.where(slant != 0, inward, np.abs(turn))
    aim = np.where(rate < 0, 0.0, np.maximum(outward, _MOST_SLANT_RAD))
    turning_s = np.minimum(np.abs(aim - outward) / np.maximum(np.abs(rate), 1e-9), within_s)
    then = outward + rate * turning_s
    way = (outward + then) / 2.0 * turning_s + then * (within_s - turning_s)
    is_straight = np.abs(scene.roads.bends_deg(slots)) <= _STRAIGHT_DEG
    return np.where(is_straight, sense * tracks.speed_mps[side] * way, np.nan)


def strays_m(scene: Scene, side: Ints) -> Floats:
    """Metres to the right of its lane's middle that each of `side` (n,) seems to be; NaN where no road tells that it keeps to it.

    Where lanes are is known better than where road users are: who keeps to one is judged by it.
    """
    slots = scene.tracks.slots[side]
    aside = scene.roads.asides_m(slots)
    keeps = (np.abs(aside) <= KEEPS_M) & (np.abs(scene.roads.slants_deg(slots)) <= ALONG_DEG)  # NaN compares false
    return np.where(keeps, aside, np.nan)
