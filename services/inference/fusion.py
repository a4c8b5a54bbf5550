"""The least of fusion: a participant that a roadside unit sees and that also speaks for itself is one road user, not two.

Such a participant's track has the speaking vehicle's slot as its *twin*: it is not paired and not counted. Two roadside units
that see the same participant are treated alike: the younger slot is the twin of the older.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from chelu.motion.footprints import forward
from services.inference.picture import Picture, resized
from services.inference.reports import Floats, Ints, Track

_NEIGHBOURS = 6
_SEARCH_M = 8.0  # covers what 0.2 s between two event times moves a fast car
_MOST_SKEW_S = 0.5


@dataclass(frozen=True, slots=True)
class TwinGate:
    """How alike two tracks must be to be one road user: brought to one instant, centre to centre."""

    place_m: float = 2.5  # two cars side by side are 3 m apart, bumper to bumper 5 m
    speed_mps: float = 2.5
    heading_deg: float = 25.0


class Twins:
    """twin slot per slot, −1 for none. Owned by one thread."""

    def __init__(self, gate: TwinGate | None = None) -> None:
        self._gate = gate or TwinGate()
        self.twin: Ints = np.empty(0, np.int64)

    def update(self, picture: Picture, changed: Ints) -> None:
        """Look anew for the twins of those changed tracks that a roadside unit sees."""
        self.twin = resized(self.twin, picture.capacity, -1)
        self.twin[changed] = -1
        seen = changed[picture.kind[changed] == Track.SEEN]
        if len(seen):
            self.twin[seen] = self._nearest(picture, seen)
            named = picture.own_id[seen] > 0
            speaking = picture.find(Track.SPEAKS, picture.own_id[seen[named]])
            self.twin[seen[named]] = np.where(speaking >= 0, speaking, self.twin[seen[named]])

    def forget(self, slots: Ints) -> None:
        """These slots were freed."""
        if len(slots):
            self.twin[np.isin(self.twin, slots)] = -1
            self.twin[slots[slots < len(self.twin)]] = -1

    def _nearest(self, picture: Picture, seen: Ints) -> Ints:
        live = picture.live()
        live = live[np.isfinite(picture.xyz[live, 0])]
        seen_xy = picture.xyz[seen, :2]
        placed = np.isfinite(seen_xy[:, 0]) & np.isfinite(seen_xy[:, 1])
        if not len(live) or not placed.any():
            return np.full(len(seen), -1, np.int64)
        tree = cKDTree(picture.xyz[live, :2])
        _, near = tree.query(np.where(placed[:, None], seen_xy, 1e9), k=_NEIGHBOURS, distance_upper_bound=_SEARCH_M)
        there = near < len(live)
        other = live[np.where(there, near, 0)]
        apart = self._apart(picture, seen[:, None], other)
        apart = np.where(there & placed[:, None] & self._alike(picture, seen[:, None], other), apart, np.inf)
        best = np.argmin(apart, axis=1)
        rows = np.arange(len(seen))
        return np.where(apart[rows, best] <= self._gate.place_m, other[rows, best], -1)

    def _apart(self, picture: Picture, one: Ints, two: Ints) -> Floats:
        """Distance after bringing the second to the first's instant at its own velocity."""
        late = (picture.ints["time_us"][one] - picture.ints["time_us"][two]) / 1e6
        speed = np.nan_to_num(picture.floats["speed_mps"][two])
        moved = forward(np.nan_to_num(picture.floats["heading_deg"][two])) * (speed * late)[..., None]
        between = picture.xyz[two, :2] + moved - picture.xyz[one, :2]
        return np.where(np.abs(late) <= _MOST_SKEW_S, np.hypot(between[..., 0], between[..., 1]), np.inf)

    def _alike(self, picture: Picture, one: Ints, two: Ints) -> npt.NDArray[np.bool_]:
        speed, heading = picture.floats["speed_mps"], picture.floats["heading_deg"]
        turn = np.abs(np.mod(heading[one] - heading[two] + 180.0, 360.0) - 180.0)
        slow = np.fmin(speed[one], speed[two]) < 1.0  # a standing track's heading is noise
        kind = picture.ints["participant_type"]
        elder = (picture.kind[two] == Track.SPEAKS) | (
            (picture.ints["device_key"][one] != picture.ints["device_key"][two]) & (two < one) & (self.twin[two] < 0)
        )
        steady = ~(np.abs(speed[one] - speed[two]) > self._gate.speed_mps) & (slow | ~(turn > self._gate.heading_deg))
        return np.asarray(elder & steady & (kind[one] == kind[two]) & (one != two))
