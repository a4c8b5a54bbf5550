"""What a track's newest report says of a road user, as an estimate: with the accuracy that was told, or a usual one."""

from __future__ import annotations

import numpy as np

from chelu.motion.footprints import forward
from services.inference.estimate import Estimate
from services.inference.picture import Picture
from services.inference.reports import Floats, Ints, Participant
from services.inference.spread import USUAL_SIGMA_M

_SIGMA_M = (0.2, 3.0)  # a report is taken to be neither better nor worse than this; worse is who is reckoned
_SPEED_SIGMA_MPS, _HEADING_SIGMA_RAD = 0.4, 0.05
_UNKNOWN_M2PS2 = 400.0  # of a velocity that nobody told
_AGILITY = {Participant.MOTOR: 3.0, Participant.NON_MOTOR: 2.0, Participant.PEDESTRIAN: 0.8}  # m²/s³
_AGILITIES: Floats = np.array([_AGILITY.get(one, 3.0) for one in Participant])


def sightings(picture: Picture, slots: Ints) -> Estimate:
    """Of these slots, at their own event times."""
    told = picture.floats["place_sigma_m"][slots]
    sigma = np.clip(np.where(np.isnan(told), USUAL_SIGMA_M, told), *_SIGMA_M)
    sigma = np.where(picture.is_reckoned[slots], told, sigma)
    speed, heading = picture.floats["speed_mps"][slots], picture.floats["heading_deg"][slots]
    is_known = np.isfinite(speed) & np.isfinite(heading)
    speed = np.where(is_known, speed, 0.0)
    moves = forward(np.where(is_known, heading, 0.0)) * speed[:, None]
    speed_m2ps2 = np.where(is_known, _SPEED_SIGMA_MPS**2 + (_HEADING_SIGMA_RAD * speed) ** 2, _UNKNOWN_M2PS2)
    none = np.zeros(len(slots))
    return Estimate(picture.ints["time_us"][slots], picture.xyz[slots, :2], moves, sigma**2, none, speed_m2ps2)


def agility(picture: Picture, slots: Ints) -> Floats:
    """How quickly these change their velocities (`Estimate.at`)."""
    return _AGILITIES[np.clip(picture.ints["participant_type"][slots], 0, len(_AGILITIES) - 1)]
