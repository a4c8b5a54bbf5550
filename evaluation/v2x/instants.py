"""The plain way, as a baseline: footprints compared at six instants, half a second apart, three seconds ahead.

How a widely used open platform does it: needs five reports within the last half second, keeps velocity (or acceleration, or turn
rate) for three seconds, compares rectangles at 0.5, 1.0, … 3.0 s, and warns when the first overlap is no more than 2.14 s away
and one of both is faster than 2.8 m/s. Nothing between two instants is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import overlap
from chelu.motion.kinematics import Path, constant_turn_rate_acceleration
from evaluation.v2x.actors import Floats, Ints
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.radio import Air

INSTANTS_S = np.arange(0.5, 3.01, 0.5)
MOST_TTC_S, LEAST_SPEED_MPS = 2.14, 2.8
REPORTS, WITHIN_S = 5, 0.5
_LEAST_RATE_MPS2, _LEAST_TURN_DPS = 1.0, np.degrees(0.2)
Mask = npt.NDArray[np.bool_]


class SixInstants:
    """State of the staged pairs (blocks 0 and 1) as they were last heard of; `warned_s` (n,) is when each was first warned."""

    def __init__(self, encounters: Encounters) -> None:
        self._encounters, self._size_m = encounters, encounters.actors.size_m
        n = len(encounters.actors)
        self._last: dict[str, Floats] = {name: np.zeros(n) for name in ("speed", "heading", "rate", "yaw")}
        self._xy = np.zeros((n, 2))
        self._heard_s = np.full((n, REPORTS), -np.inf)
        self.warned_s = np.full(len(encounters), np.inf)

    def step(self, air: Air, rows: slice, now_s: float) -> None:
        """Take in what arrived and look at every pair."""
        self._hear(air, np.arange(rows.start, rows.stop))
        host, other = self._encounters.rows(0), self._encounters.rows(1)
        is_due = np.isinf(self.warned_s) & self._is_known(host) & self._is_known(other)
        pairs = np.flatnonzero(is_due)
        self.warned_s[pairs[warns(self._seen(), host[pairs], other[pairs])]] = now_s

    def _hear(self, air: Air, rows: Ints) -> None:
        actor, reports = air.actor[rows], air.reports
        for name, column in (
            ("speed", reports.speed_mps), ("heading", reports.heading_deg),
            ("rate", reports.acceleration_mps2), ("yaw", reports.yaw_rate_dps),
        ):  # fmt: skip
            self._last[name][actor] = column[rows]
        self._xy[actor] = reports.xyz[rows, :2]
        self._heard_s[actor] = np.roll(self._heard_s[actor], 1, axis=1)
        self._heard_s[actor, 0] = air.time_s[rows]

    def _is_known(self, actor: Ints) -> Mask:
        heard = self._heard_s[actor]
        return np.asarray((heard[:, -1] >= heard[:, 0] - WITHIN_S - 1e-6) & np.isfinite(heard[:, -1]), np.bool_)

    def _seen(self) -> Seen:
        last = self._last
        return Seen(self._xy, last["speed"], last["heading"], last["rate"], last["yaw"], self._size_m)


@dataclass(frozen=True, slots=True)
class Seen:
    """m road users as they were last heard of: xy (m, 2), size_m (m, 2)."""

    xy: Floats
    speed_mps: Floats
    heading_deg: Floats
    acceleration_mps2: Floats
    yaw_rate_dps: Floats
    size_m: Floats


def warns(seen: Seen, one: Ints, two: Ints) -> Mask:
    """Whether this way warns of these pairs (q,)."""
    if not len(one):
        return np.zeros(0, np.bool_)
    paths = [_path(seen, side) for side in (one, two)]
    hit = overlap(
        paths[1].xy - paths[0].xy,
        paths[0].heading_deg, seen.size_m[one][:, None],
        paths[1].heading_deg, seen.size_m[two][:, None],
    )  # fmt: skip
    first = np.where(hit.any(axis=1), INSTANTS_S[np.argmax(hit, axis=1)], np.inf)
    moves = np.maximum(seen.speed_mps[one], seen.speed_mps[two]) > LEAST_SPEED_MPS
    return np.asarray((first <= MOST_TTC_S) & moves)


def _path(seen: Seen, rows: Ints) -> Path:
    rate, yaw = seen.acceleration_mps2[rows], seen.yaw_rate_dps[rows]
    return constant_turn_rate_acceleration(
        seen.xy[rows],
        seen.heading_deg[rows],
        seen.speed_mps[rows],
        np.where(np.abs(rate) >= _LEAST_RATE_MPS2, rate, 0.0),  # also what is not known
        np.where(np.abs(yaw) >= _LEAST_TURN_DPS, yaw, 0.0),
        INSTANTS_S,
    )
