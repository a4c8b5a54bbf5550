"""What recorded road users really did afterwards: by which a warning is judged needless, and shown beside what was foreseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from chelu.motion.conflict import Futures
from chelu.motion.footprints import forward
from chelu.motion.kinematics import travelled
from evaluation.models.motion.tracks import Recording
from evaluation.v2x.actors import Floats, Ints
from evaluation.v2x.truth import NEEDED_FOR_S, NEEDED_MPS2, requires_braking

_STEP_S, _EVERY_S = 0.1, 0.25
NOBODY = -1
_AHEAD_S: Floats = np.arange(0.0, 8.0, _STEP_S)


@dataclass(frozen=True, slots=True)
class Raised:
    """A warning in recorded traffic: of the recording's road users, or of a thing (`NOBODY`), at an instant of it."""

    application: str
    host: int
    other: int
    at_s: float


class Verdict(StrEnum):
    """What hindsight says of a warning. UNJUDGED: nothing shows a need, but one of both left before five seconds were over."""

    NEEDED = "needed"
    NEEDLESS = "needless"
    UNJUDGED = "unjudged"


class Hindsight:
    """Each road user's samples in a row, to be read at any time and at any place of its way; straight on beyond its end."""

    def __init__(self, recording: Recording) -> None:
        order = np.lexsort((recording.time_s, recording.vehicle))
        vehicle = recording.vehicle[order]
        self._time, self._xy = recording.time_s[order], recording.xyz[order, :2]
        self._heading, self._speed = recording.heading_deg[order], recording.speed_mps[order]
        step = np.hypot(*np.diff(self._xy, axis=0, prepend=self._xy[:1]).T)
        step[np.concatenate([[True], vehicle[1:] != vehicle[:-1]])] = 0.0
        self._way, self._size = np.cumsum(step), recording.size_m
        self._begin, self._end = (np.searchsorted(vehicle, np.arange(len(self._size)), side) for side in ("left", "right"))

    def verdicts(self, warnings: Sequence[Raised]) -> list[Verdict]:
        """Needless: braking with 2 m/s² would have been enough at every moment of the next five seconds."""
        host, other = (np.array([getattr(one, side) for one in warnings], np.int64) for side in ("host", "other"))
        at = np.array([one.at_s for one in warnings])
        needed = np.zeros(len(warnings), np.bool_)
        for later_s in np.arange(0.0, NEEDED_FOR_S, _EVERY_S):
            open_rows = np.flatnonzero(~needed)
            needed[open_rows] = self._require_braking(host[open_rows], other[open_rows], at[open_rows] + later_s)
        stays = self.stay(host, at) & self.stay(other, at)
        names = np.where(needed, Verdict.NEEDED, np.where(stays, Verdict.NEEDLESS, Verdict.UNJUDGED))
        return [Verdict(one) for one in names.tolist()]

    def stay(self, road_user: npt.ArrayLike, at_s: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether these are still in the recording five seconds after these instants."""
        last_s = self._time[self._end[np.asarray(road_user, np.int64)] - 1]
        return np.asarray(last_s >= np.asarray(at_s, np.float64) + NEEDED_FOR_S)

    def places(self, vehicle: int, times_s: Floats) -> Floats:
        """Where it really was at these instants: (s, 2), NaN where the recording does not have it."""
        rows = slice(self._begin[vehicle], self._end[vehicle])
        times = self._time[rows]
        xy = np.stack([np.interp(times_s, times, self._xy[rows, axis]) for axis in (0, 1)], axis=1)
        return np.where(((times_s >= times[0]) & (times_s <= times[-1]))[:, None], xy, np.nan)

    def _require_braking(self, host: Ints, other: Ints, from_s: Floats) -> npt.NDArray[np.bool_]:
        """Whether at these instants the hosts' required deceleration was 2 m/s² or more."""
        moments = zip(host.tolist(), other.tolist(), from_s.tolist(), strict=True)
        return np.array([self._requires(*one) for one in moments], np.bool_)

    def _requires(self, host: int, other: int, at_s: float) -> bool:
        on, braking, there = (self._going_on(one, at_s, brake) for one, brake in ((host, 0.0), (host, NEEDED_MPS2), (other, 0.0)))
        if on is None or braking is None or there is None:
            return False
        speed = np.hypot(*(on.xy[0, 1] - on.xy[0, 0])) / _STEP_S
        return bool(requires_braking(on, braking, there, np.array([speed]))[0])

    def _going_on(self, vehicle: int, at_s: float, brake_mps2: float) -> Futures | None:
        """From this instant on, on the path that the road user really takes; None when it is not there."""
        rows = slice(self._begin[vehicle], self._end[vehicle])
        times, ways = self._time[rows], self._way[rows]
        if not times[0] <= at_s <= times[-1]:
            return None
        speed = np.interp(at_s, times, self._speed[rows])
        driven, _ = travelled(np.array([speed]), np.array([-brake_mps2]), _AHEAD_S)
        way = np.interp(at_s, times, ways) + driven[0]
        heading = self._heading[rows][np.clip(np.searchsorted(ways, way), 0, len(ways) - 1)]
        xy = np.stack([np.interp(way, ways, self._xy[rows, axis]) for axis in (0, 1)], axis=1)
        xy = xy + np.maximum(way - ways[-1], 0.0)[:, None] * forward(heading)
        return Futures(xy[None], heading[None], np.asarray(self._size[vehicle])[None])
