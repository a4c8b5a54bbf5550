"""The last two seconds of a track in its own frame: what the motion model sees, and the acceleration when nobody sent one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import forward, rightward
from services.inference.picture import Picture
from services.inference.reports import Floats, Ints

BACK_S = np.array([0.4, 0.8, 1.2, 1.6])  # instants of the past that the model sees
_MAX_GAP_US = 450_000  # a hole of more than four messages is not bridged
_DERIVED_AFTER_US = 300_000  # acceleration from speeds needs at least this much time


@dataclass(frozen=True, slots=True)
class Recent:
    """n tracks now: past (n, 4, 3) is metres forward and to the right of the present pose, and speed, at `BACK_S`.

    turn_deg: how far the road still turns to the right until its lane ends, NaN when not known.
    """

    xy: Floats
    heading_deg: Floats
    speed_mps: Floats
    acceleration_mps2: Floats
    yaw_rate_dps: Floats
    length_m: Floats
    width_m: Floats
    turn_deg: Floats
    past: Floats
    is_whole: npt.NDArray[np.bool_]

    def take(self, rows: npt.NDArray[np.intp]) -> Self:
        """These tracks."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


def recent(picture: Picture, slots: Ints, turn_deg: Floats) -> Recent:
    """State and resampled past of these slots; unknown speed, heading and yaw rate count as 0 (such tracks warn nobody)."""
    times, past = picture.ordered_history(slots)
    sampled, whole = _resample(times, past)
    heading = np.nan_to_num(picture.floats["heading_deg"][slots])
    xy = picture.xyz[slots, :2]
    away = sampled[..., :2] - xy[:, None, :]
    ahead = np.sum(away * forward(heading)[:, None, :], axis=-1)
    right = np.sum(away * rightward(heading)[:, None, :], axis=-1)
    return Recent(
        xy=xy,
        heading_deg=heading,
        speed_mps=np.maximum(np.nan_to_num(picture.floats["speed_mps"][slots]), 0.0),
        acceleration_mps2=_acceleration(picture.floats["acceleration_mps2"][slots], times, past[..., 3]),
        yaw_rate_dps=np.nan_to_num(picture.floats["yaw_rate_dps"][slots]),
        length_m=picture.floats["length_m"][slots],
        width_m=picture.floats["width_m"][slots],
        turn_deg=turn_deg,
        past=np.stack([ahead, right, sampled[..., 3]], axis=-1),
        is_whole=whole & np.isfinite(sampled[..., [0, 1, 3]]).all(axis=(1, 2)),
    )


def _resample(times: Ints, past: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Linear between the two reports around each instant: (n, 4, 4), and whether every instant lay between close ones."""
    wanted = times[:, :1] - np.round(BACK_S * 1e6).astype(np.int64)
    older = np.sum(times[:, None, :] > wanted[:, :, None], axis=2)  # newest first: so many reports are younger
    inside = older < times.shape[1]
    older = np.minimum(older, times.shape[1] - 1)
    rows = np.arange(len(times))[:, None]
    late, early = times[rows, older - 1], times[rows, older]
    whole = inside & (early > 0) & (late - early <= _MAX_GAP_US)
    share = np.where(whole, (wanted - early) / np.maximum(late - early, 1), 0.0)[..., None]
    sampled = past[rows, older] + share * (past[rows, older - 1] - past[rows, older])
    return sampled, np.asarray(whole.all(axis=1))


def _acceleration(sent: Floats, times: Ints, speeds: Floats) -> Floats:
    """What was sent, else the mean over the last 0.3 s or a little more, else 0."""
    missing = np.flatnonzero(~np.isfinite(sent))
    if not len(missing):
        return sent
    when, speed = times[missing], speeds[missing]
    back = np.argmax((when[:, :1] - when >= _DERIVED_AFTER_US) & (when > 0), axis=1)
    rows = np.arange(len(missing))
    span = (when[rows, 0] - when[rows, back]) / 1e6
    known = (back > 0) & (span < 1.0)
    derived = np.where(known, (speed[rows, 0] - speed[rows, back]) / np.where(known, span, 1.0), 0.0)
    result = sent.copy()
    result[missing] = np.nan_to_num(derived)
    return result
