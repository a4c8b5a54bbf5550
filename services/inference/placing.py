"""On which lane and at which height every track is: matched to the road network when it has moved, kept per slot in between.

Height decides what may collide in a city of stacked roads. Satellites' heights may be 15 m off, for minutes and in the same
sense: where the map leaves no choice, a track's error is learned, and taken off from then on. A height that then agrees with the
matched lane's is that one; where it does not, and where none was sent, every deck the track may be on is a candidate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from services.inference.history import lingering_m
from services.inference.lane_keeping import LaneKeeping
from services.inference.picture import HISTORY, Picture, resized
from services.inference.reports import Floats, Ints, Participant
from services.inference.types import Mask

CANDIDATES = 4  # decks considered where the height is unknown
AGREES_M = 3.0  # a sent height this close to the matched lane's is that lane's: half the least distance of two decks
MOST_ERROR_M = 20.0  # of a height that is sent; who is further from every road is on none of them
_LEARNED_SHARE = 0.1  # of what a height that agrees is still off, at each match: errors drift
_GRADIENT_LIMIT = 0.15
_LOOKED_AT: Ints = np.arange(0, HISTORY, 2)  # reports back from the newest
_USUAL_GRADIENT = 0.04  # one standard deviation of hillside roads
_USUAL_HEIGHT_SIGMA_M = 1.0


@dataclass(frozen=True, slots=True)
class Placed:
    """n tracks: lane index (−1 none), metres along it, its gradient in driving direction, heights of the decks it may be on.

    turn_deg: how far the lane's end points to the right of the track's heading now, NaN without a lane: a turning vehicle turns
    until then and not in circles. slant_deg: how far the track points to the right of the lane where it is, NaN without one;
    aside_m: how far it is to the right of the lane's middle.
    """

    lane: Ints
    offset_m: Floats
    gradient: Floats
    turn_deg: Floats
    slant_deg: Floats
    aside_m: Floats
    heights_m: Floats  # (n, CANDIDATES), NaN where there is none


class Roads(Protocol):
    """The site's road network as this stage needs it, called from the stage's thread."""

    def place(self, xyz: Floats, heading_deg: Floats, before: Ints) -> Placed:
        """Match positions (n, 3), up NaN when unknown, of tracks that were on lanes `before` (−1 not known).

        A lane is one that runs about along the heading.
        """

    def leads_to(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether one drives from `lane` to `other` without changing lanes, within some hundred metres; unknown lanes may."""

    def may_cross(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether ways that begin on these lanes meet on one deck over the next junction; unknown lanes may."""

    def is_in_junction(self, lane: Ints) -> npt.NDArray[np.bool_]:
        """Whether a lane is a path across a junction; unknown ones are not."""

    def are_beside(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether both are lanes of one road in one direction; unknown ones are not."""

    def is_single_lane(self, lane: Ints) -> npt.NDArray[np.bool_]:
        """Whether a lane is the only one for vehicles in its direction; unknown ones are."""

    def off_pavements_m(self, xyz: Floats) -> Floats:
        """How far places (n, 3), up NaN when unknown, are from the next pavement: 0 upon it, inf where none is near."""

    def speed_limit_mps(self, lane: Ints) -> Floats:
        """The limit of lanes, NaN for unknown ones."""


class Placement:
    """lane, offset, gradient and candidate heights per slot, and what the weather leaves there: owned by one thread.

    grip: share of dry braking; haste_s: how much earlier the driver must be told (`services.inference.weather`).
    """

    def __init__(self, roads: Roads | None, *, moved_m: float) -> None:
        self._roads, self._moved_m = roads, moved_m
        self.lane: Ints = np.empty(0, np.int64)
        self.offset_m: Floats = np.empty(0)
        self.gradient: Floats = np.empty(0)
        self.turn_deg: Floats = np.empty(0)
        self.slant_deg: Floats = np.empty(0)
        self.aside_m: Floats = np.empty(0)
        self.keeping = LaneKeeping()
        self.lingering_m: Floats = np.empty((0, 2))  # of who walks or cycles, see `history.lingering_m`
        self.height_error_m: Floats = np.empty(0)  # of what the track sends, as far as the map showed it
        self.heights_m: Floats = np.empty((0, CANDIDATES))
        self.grip: Floats = np.empty(0)
        self.haste_s: Floats = np.empty(0)
        self._at: Floats = np.empty((0, 3))
        self._generation: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def along_m(self, picture: Picture, slots: Ints) -> Floats:
        """Metres along their lanes as of their newest reports: where they were matched, and what they moved since."""
        along = self.offset_m[slots] + _distance(picture.xyz[slots], self._at[slots])
        return np.where(self.lane[slots] >= 0, along, np.nan)

    def update(self, picture: Picture, slots: Ints) -> None:
        """Place these slots anew if they moved far enough since they were matched, or belong to another track now."""
        self._fit(picture.capacity)
        if self._roads is None:
            self._place_by_trend(picture, slots)
            return
        on_foot = slots[picture.ints["participant_type"][slots] != Participant.MOTOR]
        self.lingering_m[on_foot] = lingering_m(picture, on_foot)
        moved = _distance(picture.xyz[slots], self._at[slots]) > self._moved_m
        due = slots[moved | (self._generation[slots] != picture.generation[slots])]
        walks = picture.ints["participant_type"][due] == Participant.PEDESTRIAN
        self._walk(picture, due[walks])
        due = due[~walks]
        if len(due):
            self._match(self._roads, picture, due)
        on = slots[self.lane[slots] >= 0]
        if len(on):
            self.aside_m[on] = self.keeping.update(picture, on, ~self._roads.is_in_junction(self.lane[on]))

    def set_weather(self, slots: Ints, grip: Floats, haste_s: Floats) -> None:
        """What the weather leaves to these slots."""
        self.grip[slots], self.haste_s[slots] = grip, haste_s

    def leads_to(self, slot: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether the track in `slot` will come to where the other is without changing lanes, as far as the roads tell."""
        if self._roads is None:
            return np.ones(len(slot), np.bool_)
        return self._roads.leads_to(self.lane[slot], self.lane[other])

    def may_cross(self, slot: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether the ways of both can meet over the next junction, as far as the roads tell."""
        if self._roads is None:
            return np.ones(len(slot), np.bool_)
        return self._roads.may_cross(self.lane[slot], self.lane[other])

    def is_in_junction(self, slot: Ints) -> npt.NDArray[np.bool_]:
        """Whether the track in `slot` is in a junction, as far as the roads tell."""
        if self._roads is None:
            return np.zeros(len(slot), np.bool_)
        return self._roads.is_in_junction(self.lane[slot])

    def are_beside(self, slot: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether both tracks are on lanes of one road, as far as the roads tell."""
        if self._roads is None:
            return np.zeros(len(slot), np.bool_)
        return self._roads.are_beside(self.lane[slot], self.lane[other])

    def share_lane(self, slot: Ints, other: Ints) -> Mask:
        """Whether both tracks are known to be on one lane."""
        return np.asarray((self.lane[slot] >= 0) & (self.lane[slot] == self.lane[other]))

    def slants_deg(self, slot: Ints) -> Floats:
        """How far the track in `slot` points to the right of its lane, NaN where no road tells."""
        return self.slant_deg[slot]

    def asides_m(self, slot: Ints) -> Floats:
        """How far the track in `slot` is to the right of its lane's middle, NaN where no road tells."""
        return self.aside_m[slot]

    def sent_asides_m(self, slot: Ints) -> Floats:
        """The same of the place that it sent: not as lanes correct it."""
        return np.asarray(self.aside_m[slot] + self.keeping.off_to_right_m(slot))

    def bends_deg(self, slot: Ints) -> Floats:
        """How far the lane of the track in `slot` still turns to the right until its end, NaN where no road tells."""
        turn = self.turn_deg[slot] + self.slant_deg[slot]
        return np.asarray(turn - 360.0 * np.rint(turn / 360.0))

    def lingers_m(self, slot: Ints) -> Floats:
        """How far (q, 2) from its newest place the track in `slot`, which no motor vehicle is, was seen while it stood."""
        return np.zeros((len(slot), 2)) if self._roads is None else self.lingering_m[slot]

    def off_pavements_m(self, slot: Ints, xy: Floats) -> Floats:
        """How far places (q, 2) of the tracks in `slot` are from the next pavement: inf where no road tells of one."""
        if self._roads is None:
            return np.full(len(slot), np.inf)
        return self._roads.off_pavements_m(np.column_stack([xy, self._at[slot, 2]]))

    def is_single_lane(self, slot: Ints) -> npt.NDArray[np.bool_]:
        """Whether the track in `slot` has but one lane in its direction, as far as the roads tell."""
        if self._roads is None:
            return np.ones(len(slot), np.bool_)
        return self._roads.is_single_lane(self.lane[slot])

    def may_be_on_several(self, slot: Ints) -> Mask:
        """Whether it is not known on which deck the track in `slot` is."""
        return np.asarray(np.isnan(self.heights_m[slot, 0]) | np.isfinite(self.heights_m[slot, 1]))

    def limit_mps(self, slot: Ints) -> Floats:
        """The road's own limit where the track in `slot` is, NaN where the roads do not tell."""
        return np.full(len(slot), np.nan) if self._roads is None else self._roads.speed_limit_mps(self.lane[slot])

    def _walk(self, picture: Picture, slots: Ints) -> None:
        """Who walks is on no lane."""
        self.lane[slots], self.heights_m[slots] = -1, np.nan
        self.turn_deg[slots] = self.slant_deg[slots] = self.aside_m[slots] = np.nan
        self.keeping.begin(slots)
        self._at[slots], self._generation[slots] = picture.xyz[slots], picture.generation[slots]

    def _match(self, roads: Roads, picture: Picture, due: Ints) -> None:
        fresh = due[self._generation[due] != picture.generation[due]]
        self.lane[fresh], self.height_error_m[fresh] = -1, 0.0
        self.keeping.begin(fresh)
        xyz = picture.xyz[due].copy()
        xyz[:, :2] -= self.keeping.error_m[due]
        xyz[:, 2] -= self.height_error_m[due]
        before = np.where(np.isnan(self.heights_m[due, 1]), self.lane[due], -1)  # of several decks the lane may be the wrong one
        heading = picture.floats["heading_deg"][due]
        found = roads.place(xyz, heading, before)
        self.lane[due], self.offset_m[due], self.gradient[due] = found.lane, found.offset_m, found.gradient
        self.turn_deg[due], self.slant_deg[due], self.aside_m[due] = found.turn_deg, found.slant_deg, found.aside_m
        self.heights_m[due], off = _on_decks(found.heights_m, xyz[:, 2])
        self.height_error_m[due] += off
        self._at[due], self._generation[due] = picture.xyz[due], picture.generation[due]
        self.keeping.match(due, picture.xyz[due, :2], heading - found.slant_deg, found.aside_m)

    def _place_by_trend(self, picture: Picture, slots: Ints) -> None:
        """Without a network: height and gradient by the line through the heights sent along the way already driven."""
        sigma = picture.floats["height_sigma_m"][slots]
        sigma = np.where(np.isnan(sigma), _USUAL_HEIGHT_SIGMA_M, sigma)
        place = picture.ring_places(slots, _LOOKED_AT)
        past = picture.past.reshape(-1, picture.past.shape[2]).take(place, axis=0)
        up, gradient = _trend(past, picture.count[slots][:, None] > _LOOKED_AT, picture.xyz[slots], sigma)
        self.gradient[slots] = gradient
        self.lane[slots] = -1
        self.turn_deg[slots] = self.slant_deg[slots] = self.aside_m[slots] = np.nan
        self.heights_m[slots] = np.nan
        self.heights_m[slots, 0] = up

    def _fit(self, capacity: int) -> None:
        if capacity != len(self.lane):
            self.keeping.fit(capacity)
            self.lane, self.offset_m = resized(self.lane, capacity, -1), resized(self.offset_m, capacity)
            self.gradient, self.turn_deg = resized(self.gradient, capacity), resized(self.turn_deg, capacity, np.nan)
            self.slant_deg, self.height_error_m = (
                resized(self.slant_deg, capacity, np.nan),
                resized(self.height_error_m, capacity),
            )
            self.aside_m = resized(self.aside_m, capacity, np.nan)
            self.lingering_m = resized(self.lingering_m, capacity)
            self.heights_m, self._at = resized(self.heights_m, capacity, np.nan), resized(self._at, capacity, np.inf)
            self._generation = resized(self._generation, capacity, -1)
            self.grip, self.haste_s = resized(self.grip, capacity, 1), resized(self.haste_s, capacity)


def _on_decks(candidates_m: Floats, sent_m: Floats) -> tuple[Floats, Floats]:
    """Heights that count (n, CANDIDATES), and what is learned of each height's error (n,), given decks and sent heights.

    The nearest deck if it agrees, or if there is no other; else it may be any. Without a deck near what was sent counts.
    """
    apart = np.where(np.isnan(candidates_m) | np.isnan(sent_m)[:, None], np.inf, np.abs(candidates_m - sent_m[:, None]))
    rows, nearest = np.arange(len(sent_m)), np.argmin(apart, axis=1)
    agrees = apart[rows, nearest] <= AGREES_M
    is_near = apart[rows, nearest] <= MOST_ERROR_M
    is_only = is_near & np.isnan(candidates_m[:, 1])
    road = candidates_m[rows, nearest]
    one = np.where(agrees | is_only, road, np.where(is_near | np.isnan(sent_m), np.nan, sent_m))
    heights = np.where(np.isnan(one)[:, None], candidates_m, np.nan)
    heights[:, 0] = np.where(np.isnan(one), candidates_m[:, 0], one)
    off = np.where(agrees, _LEARNED_SHARE * (sent_m - road), np.where(is_only, sent_m - road, 0.0))
    return heights, off


def _trend(past: Floats, valid: Mask, xyz: Floats, sigma_m: Floats) -> tuple[Floats, Floats]:
    """Height now and gradient (n,): the likeliest line, given heights with errors along the way and what roads are like.

    past (n, k, 4): east, north, up, …, of which the `valid` (n, k) hold. Of one height alone, or of a short way, the gradient is
    none: from two heights 8 m apart it would be 5 m off when carried to a place 60 m ahead, and put one deck onto the other. A
    track whose newest height is unknown has none.
    """
    valid = valid & np.isfinite(past[..., 2])
    number = np.maximum(valid.sum(axis=1), 1)
    way = -np.hypot(past[..., 0] - xyz[:, None, 0], past[..., 1] - xyz[:, None, 1])
    way, up = np.where(valid, way, 0.0), np.where(valid, past[..., 2], 0.0)
    mean_way, mean_up = way.sum(axis=1) / number, up.sum(axis=1) / number
    off = np.where(valid, way - mean_way[:, None], 0.0)
    square = np.einsum("nt,nt->n", off, off)
    gradient = np.einsum("nt,nt->n", off, up) / np.maximum(square + (sigma_m / _USUAL_GRADIENT) ** 2, 1e-9)
    gradient = np.clip(gradient, -_GRADIENT_LIMIT, _GRADIENT_LIMIT)
    return np.where(np.isfinite(xyz[:, 2]), mean_up - gradient * mean_way, np.nan), gradient


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
