"""How far places are off, as far as lanes show it: who drives along a lane keeps about to its middle, and errors last.

Satellites' errors of half a metre drift for ten seconds. Single reports so put a neighbour onto the own lane now and then, and
the mean of a second of them does no better. But a map knows where lanes are, and over some seconds a driver along a lane is
nearer to its middle (0.2 to 0.3 m: drivers' standard deviation of lateral position) than its receiver is to the truth. What is
seen of a place beside the middle while nothing shows a movement to the side is taken for its error; a movement to the side is
not, and stays one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.motion.footprints import forward, rightward
from services.inference.picture import Picture, resized
from services.inference.reports import Floats, Ints, Participant
from services.inference.spread import USUAL_SIGMA_M
from services.inference.types import Mask

_LEARNED_S = 1.5  # about so long it takes: errors drift for 10 s
_FORGOTTEN_S = 10.0  # what nothing shows any more: along the lane after a turn, aside of it while somebody moves over
_SETTLED_S = 0.5  # where nothing is learned, so many reports tell where somebody is beside a lane
_CENTRED_S = 5.0  # within so long drivers are back in the middle
_MOST_WAIT_S = 0.5
_SLANT = 0.015  # sine of 0.9°: what headings may be off; who points no further aside does not move aside
_ALONG = 0.045  # sine of 2.6°: who points further aside moves over, or stands while it does
_MOST_ASIDE_M = 1.0  # who is further off straddles two lanes or changes them, and is drawn to where it says that it is
_PLACED_S = 3.0  # within so long
_MOST_M, _MOST_SIGMAS = 1.2, 2.5  # of an error: of 2.8 m, the next lane is as likely as this one
_STANDS_MPS = 0.3  # who stands is where it was
_LEAST_MPS = 1.0  # who has not driven along a lane may be parked beside its middle
_DRIVEN = 10  # reports after which also who stands is on the lane that it came along


@dataclass(frozen=True, slots=True)
class _Ways:
    """Of n: whether a lane tells where each is, whether it stands there, and whether it points along it."""

    knows: Mask
    stands: Mask
    keeps: Mask

    @property
    def learns(self) -> Mask:
        """Whether what is seen beside the place is an error."""
        return np.asarray(self.keeps | self.stands)


class LaneKeeping:
    """By slot, how far places are off in metres east and north (capacity, 2). Owned by one thread.

    error_m: what lasts, off_m: all that is known to be off of the newest report, its own share beside.
    """

    def __init__(self) -> None:
        self.error_m: Floats = np.empty((0, 2))
        self.off_m: Floats = np.empty((0, 2))
        self._count: Ints = np.empty(0, np.int64)  # reports from which it was learned
        self._right: Floats = np.empty((0, 2))  # of the lane where the track was matched last
        self._at: Floats = np.empty((0, 2))
        self._there_m: Floats = np.empty(0)  # aside of the lane there, as the place was sent
        self._aside_m: Floats = np.empty(0)  # and now, of several reports; NaN before the first

    def begin(self, slots: Ints) -> None:
        """Other road users are in these slots now."""
        self.error_m[slots] = self.off_m[slots] = 0.0
        self._count[slots], self._aside_m[slots], self._there_m[slots] = 0, np.nan, np.nan

    def match(self, slots: Ints, xy: Floats, direction_deg: Floats, aside_m: Floats) -> None:
        """Places (n, 2) as they were sent; without their errors they are `aside_m` to the right of lanes of this direction."""
        right = rightward(direction_deg)
        self._aside_m[slots] += aside_m + _dot(self.error_m[slots], right) - self._sent_m(slots, xy)  # of another lane now
        self._right[slots], self._at[slots] = right, xy
        self._there_m[slots] = aside_m + _dot(self.error_m[slots], right)

    def update(self, picture: Picture, slots: Ints, is_on_lane: Mask) -> Floats:
        """Learn from the newest reports of these, on lanes or (in junctions) not; how far to their right they are (n,)."""
        right, waited_s = self._right[slots], np.minimum(picture.waited_s(slots), _MOST_WAIT_S)
        sent, ways = self._sent_m(slots, picture.xyz[slots, :2]), self._ways(picture, slots, is_on_lane)
        sigma_m = _sigma_m(picture, slots)
        most_m = np.minimum(_MOST_SIGMAS * sigma_m, _MOST_M)
        aside = self._carried_m(picture, slots, waited_s, sent, most_m, ways)
        share = np.minimum(np.maximum(1.0 / (self._count[slots] + 1.0), waited_s / _LEARNED_S), 1.0)
        error = self._learned_m(slots, waited_s, np.where(ways.learns, share * (sent - aside), 0.0), share, most_m, ways)
        lasting = _dot(error, right)
        is_more = ways.learns & (np.abs(lasting) >= 0.99 * most_m)  # than errors are: it is beside the middle
        aside = np.where(is_more, aside + share * (sent - lasting - aside), aside)
        aside = np.clip(aside, sent - _MOST_SIGMAS * sigma_m, sent + _MOST_SIGMAS * sigma_m)
        self.error_m[slots], self._aside_m[slots] = error, aside
        self._count[slots] += ways.learns
        self.off_m[slots] = np.nan_to_num(error + (sent - lasting - aside)[:, None] * right)
        return np.asarray(aside)

    def off_to_right_m(self, slots: Ints) -> Floats:
        """How far (n,) newest reports are known to be off to the right of their lanes."""
        return _dot(self.off_m[slots], np.nan_to_num(self._right[slots]))

    def fit(self, capacity: int) -> None:
        """Columns for so many slots."""
        if capacity != len(self._count):
            for name in ("error_m", "off_m", "_count", "_right", "_at", "_there_m", "_aside_m"):
                setattr(self, name, resized(getattr(self, name), capacity))

    def _ways(self, picture: Picture, slots: Ints, is_on_lane: Mask) -> _Ways:
        """How these drive."""
        speed = picture.floats["speed_mps"][slots]
        knows = is_on_lane & self._may_learn(picture, slots)
        return _Ways(knows, knows & (speed < _STANDS_MPS), knows & (np.abs(self._slant(picture, slots)) <= _ALONG))

    def _carried_m(self, picture: Picture, slots: Ints, waited_s: Floats, sent_m: Floats, most_m: Floats, ways: _Ways) -> Floats:
        """How far aside each is now: where it was, moved on, and drawn to where its way of driving tells that it is."""
        before, seen = self._aside_m[slots], sent_m - _dot(self.error_m[slots], self._right[slots])
        first = np.where(ways.learns, sent_m - np.clip(sent_m, -most_m, most_m), seen)
        aside = np.where(np.isnan(before), first, before + waited_s * self._sideways_mps(picture, slots))
        moves = np.where(ways.knows, (sent_m - aside) / _PLACED_S, (seen - aside) / _SETTLED_S)
        keeps = np.where(np.abs(aside) <= _MOST_ASIDE_M, -aside / _CENTRED_S, (sent_m - aside) / _PLACED_S)
        drawn = np.where(ways.stands, 0.0, np.where(ways.keeps, keeps, moves))
        return np.asarray(aside + np.minimum(waited_s, _SETTLED_S) * drawn)

    def _learned_m(self, slots: Ints, waited_s: Floats, more_m: Floats, share: Floats, most_m: Floats, ways: _Ways) -> Floats:
        """What lasts of errors (n, 2): aside of lanes a share is learned anew, `more_m`; what nothing shows is forgotten."""
        right, left = self._right[slots], 1.0 - waited_s / _FORGOTTEN_S
        ahead = np.stack([-right[:, 1], right[:, 0]], axis=1)
        aside, along = _dot(self.error_m[slots], right), _dot(self.error_m[slots], ahead)
        aside = np.where(ways.learns, (1.0 - share) * aside + more_m, left * aside)
        error = np.nan_to_num(aside[:, None] * right + (left * along)[:, None] * ahead)
        return np.asarray(error * np.minimum(1.0, most_m / np.maximum(np.hypot(error[:, 0], error[:, 1]), 1e-9))[:, None])

    def _sent_m(self, slots: Ints, xy: Floats) -> Floats:
        """How far to the right of their lanes places (n, 2) of these are, as they were sent."""
        return np.asarray(self._there_m[slots] + _dot(xy - self._at[slots], self._right[slots]))

    def _sideways_mps(self, picture: Picture, slots: Ints) -> Floats:
        """How fast each moves to the right of its lane, by speed and heading."""
        slant = self._slant(picture, slots)
        return np.where(np.abs(slant) > _SLANT, picture.floats["speed_mps"][slots] * slant, 0.0)

    def _slant(self, picture: Picture, slots: Ints) -> Floats:
        """Sine of how far each points to the right of its lane."""
        return _dot(forward(picture.floats["heading_deg"][slots]), self._right[slots])

    def _may_learn(self, picture: Picture, slots: Ints) -> Mask:
        """Whether these drive, or have driven, along their lanes, and say themselves where they are."""
        drives = (picture.floats["speed_mps"][slots] >= _LEAST_MPS) | (self._count[slots] >= _DRIVEN)
        is_motor = picture.ints["participant_type"][slots] == Participant.MOTOR
        return np.asarray(drives & is_motor & ~picture.is_reckoned[slots] & np.isfinite(picture.xyz[slots, 0]))


def _sigma_m(picture: Picture, slots: Ints) -> Floats:
    """What places may be off: who says that it knows better is taken at its word."""
    sigma = picture.floats["place_sigma_m"][slots]
    return np.where(np.isnan(sigma), USUAL_SIGMA_M, sigma)


def _dot(one: Floats, two: Floats) -> Floats:
    return np.asarray(np.einsum("nk,nk->n", one, two))
