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
_AT_ONCE = 1 << 14  # places: 128 KiB of each column, which stay in the processor's cache
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


@dataclass(frozen=True, slots=True)
class _Legs:
    """c legs, each by itself, as ways of two instants; height_m (c, 2)."""

    ways: Futures
    height_m: Floats


def first_contacts(actors: Sequence[Actor], places: Places, heading_deg: Floats, step_s: float) -> Contacts:
    """Of n runs; places and headings (t, n, a). What background traffic does with its like is its own affair."""
    runs = heading_deg.shape[1]
    first, who = np.full(runs, np.inf), np.full((runs, 2), -1, np.int64)
    for a, b in combinations(range(len(actors)), 2):
        if actors[a].is_traffic:
            continue
        leg, run = _near(actors[a], actors[b], places.xy[:, :, a], places.xy[:, :, b])
        if not len(leg):
            continue
        meets = np.full(runs, np.inf)
        one, other = (_legs(actors[column], places, heading_deg, column, leg, run) for column in (a, b))
        within = leg + first_touch_s(one.ways, _where_level(other.ways, one.height_m, other.height_m), 1.0)
        hit = np.flatnonzero(np.isfinite(within))[::-1]  # backwards: of each run the first stays
        meets[run[hit]] = within[hit] * step_s
        sooner = meets < first
        first[sooner], who[sooner] = meets[sooner], (a, b)
    return Contacts(first, who)


def _near(a: Actor, b: Actor, xy_a: Floats, xy_b: Floats) -> tuple[Ints, Ints]:
    """Legs and their runs (c,), in the order of time, in which both may touch; xy (t, n, 2)."""
    instants, runs = xy_a.shape[:2]
    at_once = max(1, _AT_ONCE // max(runs, 1))
    found = [(np.empty(0, np.int64),) * 2]
    for begin in range(0, instants - 1, at_once):
        leg, run = np.nonzero(_may_touch(a, b, xy_a[begin : begin + at_once + 1], xy_b[begin : begin + at_once + 1]))
        if len(leg):
            found.append((begin + leg, run))
    legs, of = (np.concatenate(each) for each in zip(*found, strict=True))
    return legs, of


def _may_touch(a: Actor, b: Actor, xy_a: Floats, xy_b: Floats) -> Bools:
    """(t - 1, n) whether circles around both are as near at a leg's beginning as they must be to touch within it."""
    east, north = (xy_b[..., axis] - xy_a[..., axis] for axis in (0, 1))
    reach = (math.hypot(a.length_m, a.width_m) + math.hypot(b.length_m, b.width_m)) / 2.0 + _SWING_M
    to_east, to_north = np.diff(east, axis=0), np.diff(north, axis=0)
    legs, apart = to_east * to_east + to_north * to_north, east * east + north * north
    if b.is_traffic:  # who is nowhere for a part of the run
        legs, apart = np.nan_to_num(legs), np.where(np.isnan(apart), np.inf, apart)
    longest = np.sqrt(legs.max(axis=0, initial=0.0))
    return np.asarray(apart[:-1] <= (reach + longest) ** 2)


def _where_level(way: Futures, height_a: Floats, height_b: Floats) -> Futures:
    """A way that is nowhere (NaN) while it runs on another deck."""
    apart = np.abs(height_a - height_b) > DECK_M
    return replace(way, xy=np.where(apart[..., None], np.nan, way.xy)) if apart.any() else way


def _legs(actor: Actor, places: Places, heading_deg: Floats, column: int, leg: Ints, row: Ints) -> _Legs:
    """Of an actor's run `row` (c,) what lies between the instants `leg` and the next."""
    size = np.broadcast_to(np.array([actor.length_m, actor.width_m]), (len(leg), 2))
    xy, heading, height = (
        np.stack([of[leg, row, column], of[leg + 1, row, column]], axis=1) for of in (places.xy, heading_deg, places.elevation_m)
    )
    return _Legs(Futures(xy, heading, size), height)
