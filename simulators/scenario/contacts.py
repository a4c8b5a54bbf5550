"""Who touches whom first, between the instants as well: oriented boxes swept along every leg, decks kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from chelu.motion.conflict import Futures
from chelu.motion.footprints import Floats
from chelu.motion.sweep import certain, meet
from simulators.scenario.trace import Actor, Ints
from simulators.scenario.ways import Places

DECK_M = 2.5  # heights further apart than this are two decks


@dataclass(frozen=True, slots=True)
class Contacts:
    """first_s (n,): when two first touch, inf when none do; actors (n, 2): which, −1 for none."""

    first_s: Floats
    actors: Ints


def first_contacts(actors: Sequence[Actor], places: Places, heading_deg: Floats, step_s: float) -> Contacts:
    """Of n runs; places and headings (t, n, a)."""
    runs = heading_deg.shape[1]
    first, who = np.full(runs, np.inf), np.full((runs, 2), -1, np.int64)
    ways = [_way(one, places, heading_deg, column) for column, one in enumerate(actors)]
    for a, b in combinations(range(len(actors)), 2):
        other = _where_level(ways[b], places.elevation_m[:, :, a], places.elevation_m[:, :, b])
        meets = meet(ways[a], other, step_s, certain(ways[a]), certain(other)).first_s
        sooner = meets < first
        first[sooner], who[sooner] = meets[sooner], (a, b)
    return Contacts(first, who)


def _where_level(way: Futures, height_a: Floats, height_b: Floats) -> Futures:
    """A way that is nowhere (NaN) while it runs on another deck."""
    apart = np.abs(height_a - height_b) > DECK_M
    return replace(way, xy=np.where(apart.T[..., None], np.nan, way.xy)) if apart.any() else way


def _way(actor: Actor, places: Places, heading_deg: Floats, column: int) -> Futures:
    size = np.broadcast_to(np.array([actor.length_m, actor.width_m]), (heading_deg.shape[1], 2))
    xy = np.ascontiguousarray(places.xy[:, :, column].transpose(1, 0, 2))
    return Futures(xy, np.ascontiguousarray(heading_deg[:, :, column].T), size)
