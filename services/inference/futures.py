"""Where every track will be in the next seconds: the ways that its lane leads to where the motion model may judge, else physics.

Futures are kept per slot and computed anew only for tracks that changed: `STEPS` instants, `STEP_S` apart, from the track's own
event time. `aligned` brings tracks with different event times to one instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import forward
from chelu.motion.instants import aligned
from chelu.motion.kinematics import Path, travelled
from services.inference.ahead import Ahead, ahead_of, on_ways
from services.inference.history import Recent, recent
from services.inference.motion_model import MotionModel, Outlook, between
from services.inference.picture import Picture, resized
from services.inference.reports import Floats, Ints, Participant
from services.inference.signalled import by_signal
from services.inference.ways import OnWays, Ways

Singles = npt.NDArray[np.float32]

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
_LEAST_STEP_M = 0.05  # in one step: a slower track's steps have no direction
_SLANT_LEFT: Floats = np.exp(-AHEAD_S / 1.0)  # how much of a slant to the way is left: it is steered out within a second or two
LEAST_WEIGHT = 0.15  # a way less likely than this is left out
_KEPT_ACCELERATION = (-9.0, 4.0)  # m/s²: what tyres can do
_STOPPING_MPS2 = -2.0  # who brakes so hard goes on to the stop
_BRAKING_MPS2, _BRAKING_S, _KEPT_S = (
    -1.0,
    1.0,
    0.5,
)  # weaker braking, and other changes of speed, last so long (docs/models/motion.md)


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """Where physics is used instead of the model (docs/models/motion.md, "Rule")."""

    most_acceleration_mps2: float = 3.0
    least_speed_mps: float = 2.0
    most_speed_mps: float = 30.0


class Futures:
    """xy (capacity, STEPS, 2), heading_deg (capacity, STEPS): the likeliest way; owned by one thread.

    other_xy, other_deg: the next likely way of those that may take another one, other_weight (capacity,) how likely that is, 0
    where there is none; weight (capacity,): how likely the likeliest is.
    """

    def __init__(self, model: MotionModel | None = None, limits: ModelLimits | None = None) -> None:
        self._model, self._limits = model, limits or ModelLimits()
        self.xy: Floats = np.zeros((0, STEPS, 2))
        self.heading_deg: Floats = np.zeros((0, STEPS))
        self.weight: Floats = np.zeros(0)
        self.other_xy: Singles = np.zeros((0, STEPS, 2), np.float32)
        self.other_deg: Singles = np.zeros((0, STEPS), np.float32)
        self.other_weight: Floats = np.zeros(0)
        self.low: Floats = np.zeros((0, 2))  # corners of the box around all ways, see `bounds`
        self.high: Floats = np.zeros((0, 2))
        self.centre: Floats = np.zeros((0, 2))
        self.radius_m: Floats = np.zeros(0)
        self.is_modelled: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.acceleration_mps2: Floats = np.zeros(0)

    def update(
        self, picture: Picture, slots: Ints, turn_deg: Floats, on: OnWays | None = None, error_m: Floats | None = None
    ) -> None:
        """Compute the futures of these slots; turn_deg (n,): what their lanes still turn, NaN unknown; on: their ways.

        error_m (n, 2): what their places are known to be off (`lane_keeping.py`).
        """
        self._fit(picture.capacity)
        now = recent(picture, slots, turn_deg, error_m)
        path = physics(now)
        self.xy[slots], self.heading_deg[slots] = path.xy, path.heading_deg
        self.weight[slots], self.other_weight[slots], self.is_modelled[slots] = 1.0, 0.0, False
        low, high = bounds(path.xy)
        self.low[slots], self.high[slots] = low, high
        if self._model is not None and on is not None:
            rows = np.flatnonzero(self._may_be_modelled(picture, slots, now))
            self._choose(slots[rows], self._model, now.take(rows), on.take(rows), picture.ints["lights"][slots[rows]])
        self.acceleration_mps2[slots] = now.acceleration_mps2
        low, high = self.low[slots], self.high[slots]
        self.centre[slots] = (low + high) / 2
        self.radius_m[slots] = np.hypot(*(high - low).T) / 2 + np.hypot(now.length_m, now.width_m) / 2

    def aligned(self, slots: Ints, shift_s: Floats) -> tuple[Floats, Floats]:
        """Futures from `shift_s` (n,) ≥ 0 after each one's own start: xy (n, ALIGNED_STEPS, 2) and headings."""
        return _shifted(self.xy, self.heading_deg, slots, shift_s)

    def aligned_others(self, slots: Ints, shift_s: Floats) -> tuple[Floats, Floats]:
        """The same of the next likely ways."""
        return _shifted(self.other_xy, self.other_deg, slots, shift_s)

    def _choose(self, slots: Ints, model: MotionModel, now: Recent, on: OnWays, lights: Ints) -> None:
        """Put the likeliest of each track's ways, and the next likely, in the place of physics, where there are any."""
        ahead = ahead_of(now, on, float(AHEAD_S[-1]))
        if not len(ahead):
            return
        xy, weight = driven_ways(on.ways, now, ahead, model.outlook(now, ahead))
        heading, weight = _headings(xy, now.heading_deg[ahead.row]), by_signal(weight, ahead, lights)
        first, second = _two_likeliest(ahead.row, weight)
        slot, other = slots[ahead.row[first]], slots[ahead.row[second]]
        self.xy[slot], self.heading_deg[slot], self.weight[slot] = xy[first], heading[first], weight[first]
        self.is_modelled[slot] = True
        self.other_xy[other], self.other_deg[other], self.other_weight[other] = xy[second], heading[second], weight[second]
        self.low[slot], self.high[slot] = bounds(xy[first])
        low, high = bounds(xy[second])
        self.low[other], self.high[other] = np.minimum(self.low[other], low), np.maximum(self.high[other], high)

    def _may_be_modelled(self, picture: Picture, slots: Ints, now: Recent) -> npt.NDArray[np.bool_]:
        limits = self._limits
        return np.asarray(
            now.is_whole
            & np.isfinite(now.turn_deg)
            & (np.abs(now.acceleration_mps2) <= limits.most_acceleration_mps2)
            & (now.speed_mps >= limits.least_speed_mps)
            & (now.speed_mps <= limits.most_speed_mps)
            & (picture.ints["participant_type"][slots] == Participant.MOTOR)
        )

    def _fit(self, capacity: int) -> None:
        if capacity != len(self.xy):
            for name in _COLUMNS:
                setattr(self, name, resized(getattr(self, name), capacity))


_COLUMNS = (
    *("xy", "heading_deg", "weight", "other_xy", "other_deg", "other_weight", "low", "high", "centre", "radius_m"),
    *("is_modelled", "acceleration_mps2"),
)


def driven_ways(ways: Ways, now: Recent, ahead: Ahead, outlook: Outlook) -> tuple[Floats, Floats]:
    """Places (r, STEPS, 2) on every way at the pace that is the mean of the model's, and how likely each is (r,)."""
    physical, _ = driven(now.speed_mps, now.acceleration_mps2)
    along = np.maximum.accumulate(physical[ahead.row] + between(outlook.mean_along_m(), AHEAD_S), axis=1)
    aside = ahead.aside_m[:, None] + between(outlook.aside_m, AHEAD_S)
    return on_ways(ways, ahead, np.maximum(along, 0.0), aside), outlook.way


def _two_likeliest(owner: Ints, weight: Floats) -> tuple[Ints, Ints]:
    """Rows of each owner's largest weight, and of its second where that is not too little; owners ascend."""
    order = np.lexsort((-weight, owner))
    is_first = np.concatenate([[True], owner[order][1:] != owner[order][:-1]])
    is_second = np.concatenate([[False], is_first[:-1]]) & ~is_first & (weight[order] >= LEAST_WEIGHT)
    return order[is_first], order[is_second]


def _shifted(xy: npt.NDArray[Any], heading_deg: npt.NDArray[Any], slots: Ints, shift_s: Floats) -> tuple[Floats, Floats]:
    return aligned(xy, heading_deg, slots, np.clip(shift_s, 0.0, MAX_SHIFT_S) / STEP_S, ALIGNED_STEPS)


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
    distance, speed = driven(now.speed_mps, acceleration_mps2)
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


def driven(speed_mps: Floats, acceleration_mps2: Floats, ahead_s: Floats = AHEAD_S) -> tuple[Floats, Floats]:
    """Distance and speed (n, s): hard braking lasts until the stop, other changes of speed do not."""
    weaker_s = np.where(acceleration_mps2 <= _BRAKING_MPS2, _BRAKING_S, _KEPT_S)
    kept_s = np.where(acceleration_mps2 <= _STOPPING_MPS2, np.inf, weaker_s)[:, None]
    during = np.minimum(ahead_s, kept_s)
    distance, speed = travelled(speed_mps, acceleration_mps2, during)
    return distance + speed * (ahead_s - during), speed


def _headings(xy: Floats, now_deg: Floats) -> Floats:
    """Headings (n, s) along sampled paths, at first that of now (n,): a long vehicle in a bend, or who moves over, slants."""
    step = np.diff(xy, axis=1, append=xy[:, -1:] * 2 - xy[:, -2:-1])
    moves = np.hypot(step[..., 0], step[..., 1]) > _LEAST_STEP_M
    tangent = np.where(moves, np.degrees(np.arctan2(step[..., 0], step[..., 1])), now_deg[:, None])
    slant = now_deg - tangent[:, 0]
    slant = slant - 360.0 * np.rint(slant / 360.0)
    return np.mod(tangent + slant[:, None] * np.where(moves, _SLANT_LEFT, 1.0), 360.0)
