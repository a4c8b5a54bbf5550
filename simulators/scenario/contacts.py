"""Who touches whom first, between the instants as well: oriented boxes swept along every leg, decks kept apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from chelu.motion.conflict import Futures
from chelu.motion.footprints import Floats
from chelu.motion.sweep import first_touch_s
from simulators.scenario.trace import Actor, Ints
from simulators.scenario.ways import Places

Bools = npt.NDArray[np.bool_]
_SWING_M = 0.3  # what turning footprints may swing in a leg (`chelu.motion.sweep`)
_AT_ONCE = 1 << 16  # places: half a megabyte of each column, which stays in the processor's cache
DECK_M = 2.5  # heights further apart than this are two decks


@dataclass(frozen=True, slots=True)
class Contacts:
    """first_s (n,): when two first touch, inf when none do; actors (n, 2): which, −1 for none."""

    first_s: Floats
    actors: Ints

    def until(self, ended_s: Floats) -> Contacts:
        """Without those after a run was over (n,)."""
        is_later = self.first_s > ended_s
        return Contacts(np.where(is_later, np.inf, self.first_s), np.where(is_later[:, None], -1, self.actors))


def first_contacts(actors: Sequence[Actor], places: Places, heading_deg: Floats, step_s: float) -> Contacts:
    """Of n runs; places and headings (t, n, a). What background traffic does with its like is its own affair."""
    instants, runs = heading_deg.shape[:2]
    at_once = max(1, _AT_ONCE // instants)
    first, who = np.full(runs, np.inf), np.full((runs, 2), -1, np.int64)
    for a, b in combinations(range(len(actors)), 2):
        if actors[a].is_traffic:
            continue
        for begin in range(0, runs, at_once):
            each = places.xy[:, begin : begin + at_once]
            rows = begin + np.flatnonzero(_come_near(actors[a], actors[b], each[:, :, a], each[:, :, b]))
            if not len(rows):
                continue
            one, other = (_way(actors[column], places, heading_deg, column, rows) for column in (a, b))
            other = _where_level(other, places.elevation_m[:, rows, a], places.elevation_m[:, rows, b])
            meets = first_touch_s(one, other, step_s)
            sooner = rows[meets < first[rows]]
            first[sooner], who[sooner] = meets[meets < first[rows]], (a, b)
    return Contacts(first, who)


def _come_near(a: Actor, b: Actor, xy_a: Floats, xy_b: Floats) -> Bools:
    """(n,) whether circles around both touch within a leg: what must be looked at more closely."""
    east, north = (xy_b[..., axis] - xy_a[..., axis] for axis in (0, 1))
    reach = (math.hypot(a.length_m, a.width_m) + math.hypot(b.length_m, b.width_m)) / 2.0 + _SWING_M
    to_east, to_north = np.diff(east, axis=0), np.diff(north, axis=0)
    legs, apart = to_east * to_east + to_north * to_north, east * east + north * north
    if b.is_traffic:  # who is nowhere for a part of the run
        legs, apart = np.nan_to_num(legs), np.where(np.isnan(apart), np.inf, apart)
    longest, nearest = np.sqrt(legs.max(axis=0, initial=0.0)), np.sqrt(apart.min(axis=0))
    return np.asarray(nearest <= reach + longest)


def _where_level(way: Futures, height_a: Floats, height_b: Floats) -> Futures:
    """A way that is nowhere (NaN) while it runs on another deck."""
    apart = np.abs(height_a - height_b) > DECK_M
    return replace(way, xy=np.where(apart.T[..., None], np.nan, way.xy)) if apart.any() else way


def _way(actor: Actor, places: Places, heading_deg: Floats, column: int, rows: npt.NDArray[np.intp]) -> Futures:
    size = np.broadcast_to(np.array([actor.length_m, actor.width_m]), (len(rows), 2))
    xy = np.ascontiguousarray(places.xy[:, rows, column].transpose(1, 0, 2))
    return Futures(xy, np.ascontiguousarray(heading_deg[:, rows, column].T), size)
