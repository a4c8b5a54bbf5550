"""On which lane and at which height every track is: matched to the road network when it has moved, kept per slot in between.

Height decides what may collide in a city of stacked roads. A height that was sent is taken as it is, or as that of the matched
lane when it agrees with it; one that was not sent becomes a set of candidates, one for each deck the track may be on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from services.inference.picture import Picture, resized
from services.inference.reports import Floats, Ints, Participant

CANDIDATES = 4  # decks considered where the height is unknown
_AGREES_M = 3.0  # a sent height this close to the matched lane's is that lane's: half the least distance of two decks
_GRADIENT_LIMIT = 0.15
_LEAST_TRAVEL_M = 8.0


@dataclass(frozen=True, slots=True)
class Placed:
    """n tracks: lane index (−1 none), metres along it, its gradient in driving direction, heights of the decks it may be on.

    turn_deg: how far the lane's end points to the right of the track's heading now, NaN without a lane: a turning vehicle turns
    until then and not in circles.
    """

    lane: Ints
    offset_m: Floats
    gradient: Floats
    turn_deg: Floats
    heights_m: Floats  # (n, CANDIDATES), NaN where there is none


class Roads(Protocol):
    """The site's road network as this stage needs it, called from the stage's thread."""

    def place(self, xyz: Floats, heading_deg: Floats) -> Placed:
        """Match positions (n, 3), up NaN when unknown; a lane is one that runs about along the heading."""

    def leads_to(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether one drives from `lane` to `other` without changing lanes, within some hundred metres; unknown lanes may."""


class Placement:
    """lane, offset, gradient and candidate heights per slot: owned by one thread."""

    def __init__(self, roads: Roads | None, *, moved_m: float) -> None:
        self._roads, self._moved_m = roads, moved_m
        self.lane: Ints = np.empty(0, np.int64)
        self.offset_m: Floats = np.empty(0)
        self.gradient: Floats = np.empty(0)
        self.turn_deg: Floats = np.empty(0)
        self.heights_m: Floats = np.empty((0, CANDIDATES))
        self._at: Floats = np.empty((0, 3))
        self._generation: npt.NDArray[np.int64] = np.empty(0, np.int64)

    @property
    def has_roads(self) -> bool:
        """Whether the site has a road network."""
        return self._roads is not None

    def update(self, picture: Picture, slots: Ints) -> None:
        """Place these slots anew if they moved far enough since they were matched, or belong to another track now."""
        self._fit(picture.capacity)
        if self._roads is None:
            self._place_by_trend(picture, slots)
            return
        moved = _distance(picture.xyz[slots], self._at[slots]) > self._moved_m
        due = slots[moved | (self._generation[slots] != picture.generation[slots])]
        due = due[picture.ints["participant_type"][due] != Participant.PEDESTRIAN]
        if len(due):
            self._match(self._roads, picture, due)

    def leads_to(self, slot: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether the track in `slot` will come to where the other is without changing lanes, as far as the roads tell."""
        if self._roads is None:
            return np.ones(len(slot), np.bool_)
        return self._roads.leads_to(self.lane[slot], self.lane[other])

    def _match(self, roads: Roads, picture: Picture, due: Ints) -> None:
        found = roads.place(picture.xyz[due], picture.floats["heading_deg"][due])
        self.lane[due], self.offset_m[due], self.gradient[due] = found.lane, found.offset_m, found.gradient
        self.turn_deg[due] = found.turn_deg
        sent = picture.xyz[due, 2]
        apart = np.abs(found.heights_m - sent[:, None])
        nearest = np.nanmin(np.where(np.isnan(apart), np.inf, apart), axis=1)
        known = np.isfinite(sent)
        road = found.heights_m[np.arange(len(due)), np.argmin(np.where(np.isnan(apart), np.inf, apart), axis=1)]
        self.heights_m[due] = np.where(known[:, None], np.nan, found.heights_m)
        self.heights_m[due[known], 0] = np.where(nearest <= _AGREES_M, road, sent)[known]
        self._at[due], self._generation[due] = picture.xyz[due], picture.generation[due]

    def _place_by_trend(self, picture: Picture, slots: Ints) -> None:
        """Without a network: the height as sent, the gradient from the way already driven."""
        newest, oldest = picture.newest_and_oldest(slots)
        way = np.hypot(*(newest[:, :2] - oldest[:, :2]).T)
        far = way >= _LEAST_TRAVEL_M
        rise = np.nan_to_num((newest[:, 2] - oldest[:, 2]) / np.where(far, way, 1.0))
        self.gradient[slots] = np.where(far, np.clip(rise, -_GRADIENT_LIMIT, _GRADIENT_LIMIT), 0.0)
        self.lane[slots] = -1
        self.turn_deg[slots] = np.nan
        self.heights_m[slots] = np.nan
        self.heights_m[slots, 0] = picture.xyz[slots, 2]

    def _fit(self, capacity: int) -> None:
        if capacity != len(self.lane):
            self.lane, self.offset_m = resized(self.lane, capacity, -1), resized(self.offset_m, capacity)
            self.gradient, self.turn_deg = resized(self.gradient, capacity), resized(self.turn_deg, capacity, np.nan)
            self.heights_m, self._at = resized(self.heights_m, capacity, np.nan), resized(self._at, capacity, np.inf)
            self._generation = resized(self._generation, capacity, -1)


def _distance(now: Floats, before: Floats) -> Floats:
    """How far in space; an unknown height counts as unchanged, infinity as far."""
    return np.asarray(np.sqrt(np.nansum((now - before) ** 2, axis=1)))


def may_share_deck(
    heights_a: Floats, heights_b: Floats, rise_a: Floats, rise_b: Floats, tolerance_m: Floats
) -> npt.NDArray[np.bool_]:
    """Whether two tracks can be on one deck where they would meet: (p,).

    heights (p, CANDIDATES) now, rise (p,) from here to the meeting point along each one's gradient. A track of which nothing is
    known (no height, no network) may be anywhere.
    """
    there_a, there_b = heights_a + rise_a[:, None], heights_b + rise_b[:, None]
    apart = np.abs(there_a[:, :, None] - there_b[:, None, :])
    near = np.any(apart <= tolerance_m[:, None, None], axis=(1, 2))  # NaN compares false
    nothing = np.isnan(heights_a).all(axis=1) | np.isnan(heights_b).all(axis=1)
    return np.asarray(near | nothing)
