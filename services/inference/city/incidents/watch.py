"""Incidents of a site, from where its motor vehicles are about once a second. Pure: no I/O, no clock; state is arrays by slot.

- **Stopped vehicle**: stands in a lane where no queue explains it (nobody stands before it, no line at which one waits is near),
  or longer than any red lasts.
- **Wrong way**: moves against the lane that it is on.
- **Sudden queue**: several stand one behind the other where queues are not usual.
- **Avoided place** (debris): one vehicle after the other leaves the lane before one place, and none passes there.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from services.inference.city.incidents.avoided import Avoided
from services.inference.city.incidents.lanes import LaneSpots, Spot
from services.inference.city.incidents.parameters import IncidentParameters
from services.inference.picture import resized
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

_MOVED_M = 8.0  # who is so far from where it stood has moved on, whatever its speed says
_LEAST_WAY_M = 15.0  # against the lane, before it is wrong-way driving
_AGAINST = -0.7  # cosine of the angle between way and lane
_FASTEST_STEP_M = 80.0  # a place further from the one before is no way driven
_GAP_US = 5_000_000


class Kind(enum.StrEnum):
    """Of an incident."""

    STOPPED = "stopped_vehicle"
    WRONG_WAY = "wrong_way"
    QUEUE = "sudden_queue"
    DEBRIS = "debris"


@dataclass(frozen=True, slots=True)
class Tracks:
    """n motor vehicles at about one instant: slot and generation as in the live picture, places in local metres, speed."""

    slot: Ints
    generation: Ints
    xyz: Floats
    speed_mps: Floats


@dataclass(frozen=True, slots=True)
class Finding:
    """An incident as it is seen now: key names it while it lasts; since_us: when it began; tracks: slots that show it."""

    key: tuple[str, int, int]
    kind: Kind
    lane: int
    along_m: float
    since_us: int
    tracks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """A finding that was raised at `raised_us`; over_us: 0 while it lasts."""

    finding: Finding
    raised_us: int
    over_us: int = 0


class IncidentWatch:
    """Of one site. Owned by one thread; time is the site's event time."""

    def __init__(self, spots: LaneSpots, parameters: IncidentParameters) -> None:
        self._spots, self._p = spots, parameters
        self._avoided = Avoided(spots, parameters)
        self._generation: Ints = np.empty(0, np.int64)
        self._at: Floats = np.empty((0, 3))
        self._seen_us: Ints = np.empty(0, np.int64)
        self._stood_at: Floats = np.empty((0, 3))
        self._stands_us: Ints = np.empty(0, np.int64)  # since when it stands; 0: it does not
        self._against_us: Ints = np.empty(0, np.int64)  # since when it drives against its lane; 0: it does not
        self._against_m: Floats = np.empty(0)
        self._up: dict[tuple[str, int, int], tuple[Incident, int]] = {}

    def update(self, tracks: Tracks, now_us: int) -> list[Incident]:
        """What began and what is over, since the call before."""
        spot = self._spots.place(tracks.xyz)
        is_on_road = (spot.lane >= 0) & self._spots.is_road[np.maximum(spot.lane, 0)]
        self._follow(tracks, spot, is_on_road, now_us)
        stands_s = np.where(self._stands_us[tracks.slot] > 0, (now_us - self._stands_us[tracks.slot]) / 1e6, 0.0)
        is_in_lane = is_on_road & (spot.aside_m <= self._p.in_lane_m)
        found = self._stopped(tracks, spot, is_in_lane, stands_s)
        found += self._queues(tracks, spot, is_in_lane, stands_s)
        found += self._wrong_way(tracks, spot, now_us)
        drives = is_in_lane & (self._against_us[tracks.slot] == 0)
        for lane, along_m, since_us in self._avoided.update(tracks.slot[drives], spot, np.flatnonzero(drives), now_us):
            found.append(Finding((Kind.DEBRIS, lane, round(along_m / 60)), Kind.DEBRIS, lane, along_m, since_us, ()))
        return self._changes(found, now_us)

    def _follow(self, tracks: Tracks, spot: Spot, is_on_road: Mask, now_us: int) -> None:
        slot, p = tracks.slot, self._p
        self._fit(int(slot.max(initial=-1)) + 1)
        is_new = (self._generation[slot] != tracks.generation) | (now_us - self._seen_us[slot] > _GAP_US)
        self._stands_us[slot[is_new]] = self._against_us[slot[is_new]] = 0
        self._at[slot[is_new]] = tracks.xyz[is_new]
        moved = tracks.xyz[:, :2] - self._at[slot, :2]
        is_slow = tracks.speed_mps < p.stands_mps
        left = np.hypot(*(tracks.xyz[:, :2] - self._stood_at[slot, :2]).T) > _MOVED_M
        begins = is_slow & ((self._stands_us[slot] == 0) | left)
        self._stands_us[slot[begins]] = now_us
        self._stood_at[slot[begins]] = tracks.xyz[begins]
        self._stands_us[slot[~is_slow]] = 0
        step = np.hypot(moved[:, 0], moved[:, 1])
        forward = (moved[:, 0] * np.sin(spot.direction) + moved[:, 1] * np.cos(spot.direction)) / np.maximum(step, 1e-9)
        against = is_on_road & ~is_slow & (forward < _AGAINST) & (step < _FASTEST_STEP_M) & (spot.aside_m <= p.in_lane_m)
        self._against_m[slot] = np.where(against, np.where(self._against_us[slot] > 0, self._against_m[slot], 0.0) + step, 0.0)
        self._against_us[slot] = np.where(against, np.where(self._against_us[slot] > 0, self._against_us[slot], now_us), 0)
        self._at[slot], self._generation[slot], self._seen_us[slot] = tracks.xyz, tracks.generation, now_us

    def _stopped(self, tracks: Tracks, spot: Spot, is_in_lane: Mask, stands_s: Floats) -> list[Finding]:
        stands = is_in_lane & (stands_s > 0)
        may_queue = self._spots.ends[np.maximum(spot.lane, 0)] & (spot.rest_m <= self._p.queue_reach_m)
        least_s = np.where(may_queue | _has_one_before(spot, stands, self._p.follows_m), self._p.red_s, self._p.stopped_s)
        rows = np.flatnonzero(stands & (stands_s >= least_s))
        return [self._finding(Kind.STOPPED, tracks, spot, row, self._stands_us) for row in rows.tolist()]

    def _queues(self, tracks: Tracks, spot: Spot, is_in_lane: Mask, stands_s: Floats) -> list[Finding]:
        """One a link: where its first stands."""
        is_usual = self._spots.ends[np.maximum(spot.lane, 0)] & (spot.rest_m <= self._p.queue_reach_m)
        rows = np.flatnonzero(is_in_lane & ~is_usual & (stands_s >= self._p.queue_s))
        link = self._spots.link[spot.lane[rows]]
        found = []
        for one in np.unique(link).tolist():
            of = rows[link == one]
            if len(of) < self._p.queue_vehicles:
                continue
            first = of[np.argmin(spot.rest_m[of])]
            since = int(np.sort(self._stands_us[tracks.slot[of]])[int(self._p.queue_vehicles) - 1])
            lane, slots = int(spot.lane[first]), tuple(tracks.slot[of].tolist())
            found.append(Finding((Kind.QUEUE, one, 0), Kind.QUEUE, lane, float(spot.along_m[first]), since, slots))
        return found

    def _wrong_way(self, tracks: Tracks, spot: Spot, now_us: int) -> list[Finding]:
        since = self._against_us[tracks.slot]
        is_long = (now_us - since >= self._p.wrong_s * 1e6) & (self._against_m[tracks.slot] >= _LEAST_WAY_M)
        rows = np.flatnonzero((since > 0) & is_long)
        return [self._finding(Kind.WRONG_WAY, tracks, spot, row, self._against_us) for row in rows.tolist()]

    def _finding(self, kind: Kind, tracks: Tracks, spot: Spot, row: int, since_us: Ints) -> Finding:
        slot, lane = int(tracks.slot[row]), int(spot.lane[row])
        key = (kind, slot, int(tracks.generation[row]))
        return Finding(key, kind, lane, float(spot.along_m[row]), int(since_us[slot]), (slot,))

    def _changes(self, found: list[Finding], now_us: int) -> list[Incident]:
        changes = []
        for one in found:
            if one.key not in self._up:
                changes.append(Incident(one, now_us))
                self._up[one.key] = changes[-1], now_us
            else:
                self._up[one.key] = self._up[one.key][0], now_us
        for key, (incident, seen_us) in list(self._up.items()):
            if now_us - seen_us > self._p.over_s * 1e6:
                del self._up[key]
                changes.append(Incident(incident.finding, incident.raised_us, now_us))
        return changes

    def _fit(self, capacity: int) -> None:
        if capacity <= len(self._generation):
            return
        capacity = max(capacity, 2 * len(self._generation))
        self._generation = resized(self._generation, capacity, -1)
        for name in ("_at", "_seen_us", "_stood_at", "_stands_us", "_against_us", "_against_m"):
            setattr(self, name, resized(getattr(self, name), capacity))


def _has_one_before(spot: Spot, stands: Mask, follows_m: float) -> Mask:
    """Whether (n,) somebody stands close before on the same lane."""
    found = np.zeros(len(stands), np.bool_)
    rows = np.flatnonzero(stands)
    order = rows[np.lexsort((spot.along_m[rows], spot.lane[rows]))]
    behind, before = order[:-1], order[1:]
    is_close = (spot.lane[behind] == spot.lane[before]) & (spot.along_m[before] - spot.along_m[behind] <= follows_m)
    found[behind[is_close]] = True
    return found
