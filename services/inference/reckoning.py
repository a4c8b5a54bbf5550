"""Where a vehicle is that speaks without knowing its place, as in a tunnel: on from where it was, along the road that it was on.

It goes on saying how fast it is and where it heads, and so it stays in the picture, is warned, and others are warned of it. Who
is seen by the roadside meanwhile is carried on from there. Every metre driven adds to how far the place may be off; when that, or
the time, has become too much, the vehicle has no place any more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.applications.common import ReckoningParameters
from chelu.geo import heading_of
from chelu.motion.footprints import forward
from services.inference.ahead import MOST_ASIDE_M, MOST_SLANT_DEG
from services.inference.fusion import Twins
from services.inference.onward import Onward
from services.inference.picture import HISTORY, Picture, resized
from services.inference.placing import Placement
from services.inference.reports import Floats, Ints, Track
from services.inference.spread import USUAL_SIGMA_M
from services.inference.types import Mask
from services.inference.ways import OnWays

_ALL: Ints = np.arange(HISTORY)
_PER_METRE_ASIDE = 0.035  # 2° of heading, where no road tells which way it goes


@dataclass(frozen=True, slots=True)
class _From:
    """Where n tracks are reckoned from: place and instant, how far that is off, and when a place was known for the last time."""

    xyz: Floats
    time_us: Ints
    sigma_m: Floats
    since_us: Ints
    way_m: Floats


class Reckoning:
    """By slot, of who speaks: the newest place that counts, and since when and how far it is reckoned. Owned by one thread."""

    def __init__(self, parameters: ReckoningParameters) -> None:
        self._p = parameters
        self._known_us: Ints = np.empty(0, np.int64)  # time of the report in the ring whose place counts
        self._reckoned_us: Ints = np.empty(0, np.int64)  # the same where that place is reckoned; of such only what follows
        self._sigma_m: Floats = np.empty(0)  # of the place from which it is reckoned
        self._since_us: Ints = np.empty(0, np.int64)
        self._way_m: Floats = np.empty(0)

    def use(self, parameters: ReckoningParameters) -> None:
        """From the next update on."""
        self._p = parameters

    def update(self, picture: Picture, placement: Placement, onward: Onward | None, twins: Twins, slots: Ints) -> Ints:
        """Reckon the places of those of these slots that speak and do not know them; gives those for which it could."""
        self._fit(picture.capacity)
        slots = slots[picture.kind[slots] == Track.SPEAKS]
        is_lost = _is_lost(picture, slots, self._p.useless_m)
        self._keep(picture, slots[~is_lost])
        lost = slots[is_lost]
        lost = lost[np.isfinite(picture.floats["speed_mps"][lost]) & np.isfinite(picture.floats["heading_deg"][lost])]
        return self._reckon(picture, placement, onward, twins, lost) if len(lost) else lost

    def _keep(self, picture: Picture, slots: Ints) -> None:
        """These know where they are."""
        self._known_us[slots], self._sigma_m[slots] = picture.ints["time_us"][slots], picture.floats["place_sigma_m"][slots]

    def _reckon(self, picture: Picture, placement: Placement, onward: Onward | None, twins: Twins, lost: Ints) -> Ints:
        lost, before = self._known(picture, lost)
        before = _seen(twins, lost, before)
        time_us = picture.ints["time_us"][lost]
        way = _mean_speed(picture, lost) * (time_us - before.time_us) / 1e6
        driven = before.way_m + np.abs(way)
        sigma = np.hypot(before.sigma_m, self._p.per_metre * driven)
        told = picture.floats["place_sigma_m"][lost]
        chosen = (time_us - before.since_us <= self._p.most_s * 1e6) & (sigma <= self._p.most_off_m)
        chosen &= ~(np.isfinite(picture.xyz[lost, 0]) & (told <= sigma))  # what it says itself has become the better
        rows = np.flatnonzero(chosen)
        slots, start, way = lost[rows], before.xyz[rows], way[rows]
        xy, is_on_road = _driven(onward, picture, slots, start[:, :2], way)
        up = start[:, 2] + placement.gradient[slots] * way
        aside = np.where(is_on_road, 0.0, _PER_METRE_ASIDE * driven[rows])
        picture.reckon(slots, np.column_stack([xy, up]), sigma[rows], np.hypot(before.sigma_m[rows], aside))
        self._known_us[slots] = self._reckoned_us[slots] = time_us[rows]
        self._since_us[slots], self._way_m[slots] = before.since_us[rows], driven[rows]
        self._sigma_m[slots] = before.sigma_m[rows]
        return slots

    def _known(self, picture: Picture, lost: Ints) -> tuple[Ints, _From]:
        """Those of whom a place counts, and that place."""
        place = picture.ring_places(lost, np.broadcast_to(_ALL, (len(lost), HISTORY)))
        is_it = (picture.past_us.ravel()[place] == self._known_us[lost][:, None]) & (picture.count[lost][:, None] > _ALL)
        found = np.flatnonzero(is_it.any(axis=1))
        lost, at = lost[found], place[found, np.argmax(is_it[found], axis=1)]
        known_us, sigma, goes_on = self._known_us[lost], self._sigma_m[lost], self._known_us[lost] == self._reckoned_us[lost]
        return lost, _From(
            picture.past.reshape(-1, picture.past.shape[2])[at, :3],
            known_us,
            np.where(np.isnan(sigma), USUAL_SIGMA_M, sigma),
            np.where(goes_on, self._since_us[lost], known_us),
            np.where(goes_on, self._way_m[lost], 0.0),
        )

    def _fit(self, capacity: int) -> None:
        if capacity != len(self._known_us):
            self._known_us, self._reckoned_us = resized(self._known_us, capacity), resized(self._reckoned_us, capacity)
            self._since_us, self._sigma_m = resized(self._since_us, capacity), resized(self._sigma_m, capacity)
            self._way_m = resized(self._way_m, capacity)


def _is_lost(picture: Picture, slots: Ints, useless_m: float) -> Mask:
    """Whether the newest reports of these have no place, or say themselves that it is worth nothing."""
    sigma = picture.floats["place_sigma_m"][slots]
    return np.asarray(~np.isfinite(picture.xyz[slots, 0]) | (sigma > useless_m))


def _mean_speed(picture: Picture, slots: Ints) -> Floats:
    """Of the newest two reports: what was driven between them."""
    before = picture.past[slots, (picture.head[slots] - 1) % HISTORY, 3]
    now = picture.floats["speed_mps"][slots]
    return np.where(np.isfinite(before), (now + before) / 2.0, now)


def _seen(twins: Twins, slots: Ints, before: _From) -> _From:
    """Reckoned from where the roadside has seen them since, where it has."""
    is_seen, state = twins.known(slots)
    newer = is_seen & (state.time_us > before.since_us)
    xyz = before.xyz.copy()
    xyz[newer, :2] = state.xy[newer]
    return _From(
        xyz,
        np.where(newer, state.time_us, before.time_us),
        np.where(newer, np.sqrt(state.place_m2), before.sigma_m),
        np.where(newer, state.time_us, before.since_us),
        np.where(newer, 0.0, before.way_m),
    )


def _driven(onward: Onward | None, picture: Picture, slots: Ints, start: Floats, way_m: Floats) -> tuple[Floats, Mask]:
    """Places (n, 2) `way_m` on from `start`, and whether a road led there; else the heading does."""
    heading = picture.floats["heading_deg"][slots]
    aim = start + forward(heading) * way_m[:, None]
    if onward is None:
        return aim, np.zeros(len(slots), np.bool_)
    return _along_road(onward.at(picture, slots, start), start, aim, heading, way_m)


def _along_road(on: OnWays, start: Floats, aim: Floats, heading_deg: Floats, way_m: Floats) -> tuple[Floats, Mask]:
    """Of the ways that run about along the heading, the one that comes nearest to `aim`: as far to its side as before."""
    table = np.where(on.lane[:, None] >= 0, on.ways.of_lane[np.maximum(on.lane, 0)], -1)
    row, column = np.nonzero(table >= 0)
    way = table[row, column]
    along, aside = on.ways.foot(way, start[row], on.about_m[row])
    there, axis = (one[:, 0] for one in on.ways.places(way, (along + way_m[row])[:, None]))
    there = there + aside[:, None] * np.stack([axis[:, 1], -axis[:, 0]], axis=-1)
    slant = heading_deg[row] - heading_of(axis[:, 0], axis[:, 1])
    fits = (np.abs(aside) <= MOST_ASIDE_M) & (np.abs(slant - 360.0 * np.rint(slant / 360.0)) <= MOST_SLANT_DEG)
    order = np.flatnonzero(fits)
    order = order[np.lexsort((np.hypot(*(there - aim[row])[order].T), row[order]))]
    chosen, first = np.unique(row[order], return_index=True)
    xy, is_on_road = aim.copy(), np.zeros(len(aim), np.bool_)
    xy[chosen], is_on_road[chosen] = there[order[first]], True
    return xy, is_on_road
