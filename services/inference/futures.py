"""Where every track will be in the next seconds: the motion model where it is better, physics elsewhere.

Futures are kept per slot and computed anew only for tracks that changed: `STEPS` instants, `STEP_S` apart, from the track's own
event time. `aligned` brings tracks with different event times to one instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import forward, rightward
from chelu.motion.instants import aligned
from chelu.motion.kinematics import Path, travelled
from services.inference.history import Recent, recent
from services.inference.picture import Picture, resized
from services.inference.reports import Floats, Ints, Participant

STEP_S = 0.2
STEPS = 27  # 0 … 5.2 s
ALIGNED_STEPS = 21  # 0 … 4.0 s after any shift of up to 1.0 s
MAX_SHIFT_S = (STEPS - ALIGNED_STEPS - 1) * STEP_S
AHEAD_S: Floats = np.arange(STEPS, dtype=np.float64) * STEP_S
_MAX_CURVATURE = 0.2  # 1/m: a car's tightest circle has a radius of about 5 m
_UNKNOWN_TURN_DEG = 90.0  # without a map, no turn is carried further than a junction's
_LEAST_TURN_RAD = 0.01  # a path that turns less over all its length is taken as straight: 0.3 m aside after 60 m
_LEAST_TURNING_MPS = 2.0  # below, a yaw rate says nothing about the path ahead
BULGE_M = 0.3  # rise of the tightest turn (5 m at 8 m/s) over 0.4 s
_KEPT_ACCELERATION = (-9.0, 4.0)  # m/s²: what tyres can do
_BRAKING_MPS2, _KEPT_S = -1.0, 1.0  # who brakes goes on to the stop; other changes of speed do not last


class MotionModel(Protocol):
    """A learned correction of physics, called from the stage's thread on whole arrays."""

    def correction(self, recent: Recent, ahead_s: Floats) -> Floats:
        """Metres forward and to the right of the physical path at `ahead_s`, in the vehicle's frame: (n, s, 2)."""


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """Where physics is used instead of the model (docs/models/motion.md, "Rule")."""

    most_acceleration_mps2: float = 3.0
    least_speed_mps: float = 2.0
    most_speed_mps: float = 30.0


class Futures:
    """xy (capacity, STEPS, 2), heading_deg (capacity, STEPS), time_us (capacity): owned by one thread."""

    def __init__(self, model: MotionModel | None = None, limits: ModelLimits | None = None) -> None:
        self._model, self._limits = model, limits or ModelLimits()
        self.xy: Floats = np.zeros((0, STEPS, 2))
        self.heading_deg: Floats = np.zeros((0, STEPS))
        self.low: Floats = np.zeros((0, 2))  # corners of the box around xy, see `bounds`
        self.high: Floats = np.zeros((0, 2))
        self.centre: Floats = np.zeros((0, 2))
        self.radius_m: Floats = np.zeros(0)
        self.is_modelled: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.acceleration_mps2: Floats = np.zeros(0)

    def update(self, picture: Picture, slots: Ints, turn_deg: Floats) -> None:
        """Compute the futures of these slots; turn_deg (n,): what their lanes still turn, NaN unknown."""
        self._fit(picture.capacity)
        now = recent(picture, slots, turn_deg)
        path = physics(now)
        chosen = self._modelled(picture, slots, now)
        xy, heading = path.xy, path.heading_deg
        if self._model is not None and chosen.any():
            rows = np.flatnonzero(chosen)
            part = now.take(rows)
            xy[rows] = _corrected(xy[rows], part.heading_deg, self._model.correction(part, AHEAD_S))
            heading[rows] = _tangents(xy[rows], heading[rows])
        self.xy[slots], self.heading_deg[slots], self.is_modelled[slots] = xy, heading, chosen
        self.acceleration_mps2[slots] = now.acceleration_mps2
        self.low[slots], self.high[slots] = low, high = bounds(xy)
        self.centre[slots] = (low + high) / 2
        self.radius_m[slots] = np.hypot(*(high - low).T) / 2 + np.hypot(now.length_m, now.width_m) / 2

    def aligned(self, slots: Ints, shift_s: Floats) -> tuple[Floats, Floats]:
        """Futures from `shift_s` (n,) ≥ 0 after each one's own start: xy (n, ALIGNED_STEPS, 2) and headings."""
        return aligned(self.xy, self.heading_deg, slots, np.clip(shift_s, 0.0, MAX_SHIFT_S) / STEP_S, ALIGNED_STEPS)

    def _modelled(self, picture: Picture, slots: Ints, now: Recent) -> npt.NDArray[np.bool_]:
        limits = self._limits
        return np.asarray(
            now.is_whole
            & np.isfinite(now.turn_deg)
            & (np.abs(now.acceleration_mps2) <= limits.most_acceleration_mps2)
            & (now.speed_mps >= limits.least_speed_mps)
            & (now.speed_mps <= limits.most_speed_mps)
            & (picture.ints["participant_type"][slots] == Participant.MOTOR)
            & (self._model is not None)
        )

    def _fit(self, capacity: int) -> None:
        if capacity != len(self.xy):
            for name in ("xy", "heading_deg", "low", "high", "centre", "radius_m", "is_modelled", "acceleration_mps2"):
                setattr(self, name, resized(getattr(self, name), capacity))


def bounds(xy: Floats) -> tuple[Floats, Floats]:
    """Corners (n, 2) of boxes around paths (n, odd s, 2), from every other sample; `BULGE_M` covers what lies between."""
    coarse = np.ascontiguousarray(xy[:, ::2].transpose(1, 0, 2))  # over the first axis whole rows are compared at once
    return np.min(coarse, axis=0) - BULGE_M, np.max(coarse, axis=0) + BULGE_M


def physics(now: Recent) -> Path:
    """The physical path: present curvature and acceleration kept, a braking track stops."""
    turning = now.speed_mps >= _LEAST_TURNING_MPS
    curvature = np.radians(now.yaw_rate_dps) / np.where(turning, now.speed_mps, 1.0)
    curvature = np.where(turning, np.clip(curvature, -_MAX_CURVATURE, _MAX_CURVATURE), 0.0)
    acceleration = np.clip(now.acceleration_mps2, *_KEPT_ACCELERATION)
    return turning_path(now, acceleration, curvature)


def turning_path(now: Recent, acceleration_mps2: Floats, curvature_1pm: Floats) -> Path:
    """Along the present circle until the road's turn is done, then straight; a turn against the road's is not continued."""
    distance, speed = _driven(now.speed_mps, acceleration_mps2)
    xy = now.xy[:, None, :] + distance[..., None] * forward(now.heading_deg)[:, None, :]
    heading = np.repeat(now.heading_deg[:, None], STEPS, axis=1)
    allowed = np.where(np.isnan(now.turn_deg), _UNKNOWN_TURN_DEG, np.maximum(now.turn_deg * np.sign(curvature_1pm), 0.0))
    turning = np.flatnonzero((np.abs(curvature_1pm) * distance[:, -1] > _LEAST_TURN_RAD) & (allowed > 0))
    if len(turning):
        xy[turning], heading[turning] = _arc_then_straight(
            now.take(turning), distance[turning], curvature_1pm[turning], np.radians(allowed[turning])
        )
    return Path(xy, heading, speed)


def _arc_then_straight(now: Recent, distance: Floats, curvature: Floats, allowed_rad: Floats) -> tuple[Floats, Floats]:
    """Places and headings after `distance` (n, s) along a circle that ends after turning by `allowed_rad` (n,)."""
    arc = (allowed_rad / np.abs(curvature))[:, None]
    turn = curvature[:, None] * np.minimum(distance, arc)
    chord = (np.minimum(distance, arc) * np.sinc(turn / (2.0 * np.pi)))[..., None]
    heading = now.heading_deg[:, None]
    end = forward(now.heading_deg + np.degrees(allowed_rad * np.sign(curvature)))[:, None, :]
    straight = np.maximum(distance - arc, 0.0)[..., None]
    xy = now.xy[:, None, :] + chord * forward(heading + np.degrees(turn) / 2.0) + straight * end
    return xy, np.mod(heading + np.degrees(turn), 360.0)


def _driven(speed_mps: Floats, acceleration_mps2: Floats) -> tuple[Floats, Floats]:
    """Distance and speed (n, STEPS): braking lasts until the stop, weaker changes of speed for `_KEPT_S` only."""
    kept_s = np.where(acceleration_mps2 <= _BRAKING_MPS2, np.inf, _KEPT_S)[:, None]
    during = np.minimum(AHEAD_S, kept_s)
    distance, speed = travelled(speed_mps, acceleration_mps2, during)
    return distance + speed * (AHEAD_S - during), speed


def _corrected(xy: Floats, heading_deg: Floats, correction: Floats) -> Floats:
    along, across = forward(heading_deg)[:, None, :], rightward(heading_deg)[:, None, :]
    return np.asarray(xy + correction[..., :1] * along + correction[..., 1:] * across)


def _tangents(xy: Floats, fallback_deg: Floats) -> Floats:
    """Headings along sampled paths; where a track hardly moves the fallback stays."""
    step = np.diff(xy, axis=1, append=xy[:, -1:] * 2 - xy[:, -2:-1])
    heading = np.degrees(np.arctan2(step[..., 0], step[..., 1]))
    return np.where(np.hypot(step[..., 0], step[..., 1]) > 0.05, np.mod(heading, 360.0), fallback_deg)
