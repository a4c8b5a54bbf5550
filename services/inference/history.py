"""The last two seconds of a track in its own frame: what the motion model sees, and the acceleration when nobody sent one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import forward, rightward
from services.inference.picture import HISTORY, Picture
from services.inference.reports import Floats, Ints, Participant

BACK_S = np.array([0.4, 0.8, 1.2, 1.6])  # instants of the past that the model sees
_MAX_GAP_US = 450_000  # a hole of more than four messages is not bridged
_DERIVED_AFTER_US = 300_000  # acceleration from speeds needs at least this much time
_STANDS_MPS = 0.3  # three times what speeds are off
_LINGERS_US = 1_000_000


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


def recent(picture: Picture, slots: Ints, turn_deg: Floats, error_m: Floats | None = None) -> Recent:
    """State and resampled past of these slots; unknown speed, heading and yaw rate count as 0 (such tracks warn nobody).

    error_m (n, 2): what their places are known to be off, of the past as of now.
    """
    times = picture.past_us[slots]
    sampled, whole = _resample(picture, slots, times)
    heading = np.nan_to_num(picture.floats["heading_deg"][slots])
    xy = picture.xyz[slots, :2]
    away = sampled[..., :2] - xy[:, None, :]
    ahead = np.einsum("ntk,nk->nt", away, forward(heading))
    right = np.einsum("ntk,nk->nt", away, rightward(heading))
    return Recent(
        xy=xy if error_m is None else xy - error_m,
        heading_deg=heading,
        speed_mps=np.maximum(np.nan_to_num(picture.floats["speed_mps"][slots]), 0.0),
        acceleration_mps2=_acceleration(picture, slots, times),
        yaw_rate_dps=np.nan_to_num(picture.floats["yaw_rate_dps"][slots]),
        length_m=picture.floats["length_m"][slots],
        width_m=picture.floats["width_m"][slots],
        turn_deg=turn_deg,
        past=np.stack([ahead, right, sampled[..., 3]], axis=-1),
        is_whole=whole & np.isfinite(sampled[..., [0, 1, 3]]).all(axis=(1, 2)),
    )


def lingering_m(picture: Picture, slots: Ints) -> Floats:
    """How far (n, 2) from its newest place each was seen on average, while it stood, over the last second: 0 for who moves.

    What is new in a place's error with each message is so averaged out; who stands for ten seconds is else seen where the worst
    of a hundred errors puts it.
    """
    back: Ints = np.arange(HISTORY)
    place = picture.ring_places(slots, back)
    past = picture.past.reshape(-1, picture.past.shape[2]).take(place, axis=0)
    age_us = picture.ints["time_us"][slots][:, None] - picture.past_us.ravel().take(place)
    stands = (past[..., 3] < _STANDS_MPS) & (age_us <= _LINGERS_US) & (picture.count[slots][:, None] > back)
    stands &= stands[:, :1]
    away = np.where(stands[..., None], past[..., :2] - picture.xyz[slots, None, :2], 0.0)
    return np.asarray(away.sum(axis=1) / np.maximum(stands.sum(axis=1), 1)[:, None])


def _resample(picture: Picture, slots: Ints, times: Ints) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Linear between the two reports around each instant: (n, 4, 4), and whether every instant lay between close ones.

    times (n, HISTORY): the ring as it lies; so many reports back as there are younger ones lies the one before an instant.
    """
    wanted = picture.ints["time_us"][slots][:, None] - np.round(BACK_S * 1e6).astype(np.int64)
    back = np.stack([_younger(times, wanted[:, one]) for one in range(len(BACK_S))], axis=1)
    inside = back < HISTORY
    place = picture.ring_places(slots, np.stack([back - 1, np.minimum(back, HISTORY - 1)]))
    late, early = picture.past_us.ravel().take(place)
    whole = inside & (early > 0) & (late - early <= _MAX_GAP_US)
    share = np.where(whole, (wanted - early) / np.maximum(late - early, 1), 0.0)[..., None]
    after, before = picture.past.reshape(-1, picture.past.shape[2]).take(place, axis=0)
    return before + share * (after - before), np.asarray(whole.all(axis=1))


def _younger(times: Ints, instant: Ints) -> Ints:
    """How many of each row's reports (n, HISTORY) are younger than its instant (n,)."""
    return np.asarray(np.add.reduce(times > instant[:, None], axis=1, dtype=np.uint8).astype(np.int64))


def _acceleration(picture: Picture, slots: Ints, times: Ints) -> Floats:
    """What was sent, else of vehicles the mean over the last 0.3 s or a little more, else 0.

    Who walks or cycles goes on as it does: speeds that are 0.1 m/s off show 0.5 m/s² in 0.3 s, as much as anybody on foot has.
    """
    sent = picture.floats["acceleration_mps2"][slots]
    missing = np.flatnonzero(~np.isfinite(sent))
    if not len(missing):
        return sent
    result = np.nan_to_num(sent)
    missing = missing[picture.ints["participant_type"][slots[missing]] == Participant.MOTOR]
    chosen, now_us = slots[missing], picture.ints["time_us"][slots[missing]]
    back = _younger(times[missing], now_us - _DERIVED_AFTER_US)
    place = picture.ring_places(chosen, np.minimum(back, HISTORY - 1)[:, None])[:, 0]
    then_us, speed = picture.past_us.ravel()[place], picture.past.reshape(-1, picture.past.shape[2])[place, 3]
    span = (now_us - then_us) / 1e6
    known = (back < HISTORY) & (then_us > 0) & (span < 1.0)
    derived = np.where(known, (picture.floats["speed_mps"][chosen] - speed) / np.where(known, span, 1.0), 0.0)
    result[missing] = np.nan_to_num(derived)
    return result
