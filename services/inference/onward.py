"""From which lane each track goes on: the one that it is on, or in a junction the one on which it came there.

Paths lie on one another where a junction begins, so the lane that is nearest may be any of them; only the lane before tells which
there are to choose from.
"""

from __future__ import annotations

import numpy as np

from chelu.motion.footprints import forward
from services.inference.network import NetworkRoads
from services.inference.picture import Picture, resized
from services.inference.placing import Placement
from services.inference.reports import Floats, Ints
from services.inference.ways import OnWays


class Onward:
    """Lane and metres from its beginning, per slot. Owned by one thread."""

    def __init__(self, roads: NetworkRoads) -> None:
        self._roads, self._ways = roads, roads.ways
        self._lane: Ints = np.empty(0, np.int64)
        self._along_m: Floats = np.empty(0)
        self._at: Floats = np.empty((0, 2))
        self._generation: Ints = np.empty(0, np.int64)

    def update(self, picture: Picture, placement: Placement, slots: Ints) -> OnWays:
        """Where these slots are now, which were just placed."""
        self._fit(picture.capacity)
        lane, xy, generation = placement.lane[slots], picture.xyz[slots, :2], picture.generation[slots].astype(np.int64)
        before = np.where(self._generation[slots] == generation, self._lane[slots], -1)
        goes_on = (before >= 0) & self._roads.is_in_junction(lane)
        ways = forward(np.nan_to_num(picture.floats["heading_deg"][slots]))
        moved = np.einsum("nk,nk->n", xy - self._at[slots], ways)  # along: errors of places come and go, lengths would add up
        self._lane[slots] = np.where(goes_on, before, lane)
        self._along_m[slots] = np.where(goes_on, self._along_m[slots] + moved, np.nan_to_num(placement.along_m(picture, slots)))
        self._at[slots], self._generation[slots] = xy, generation
        return OnWays(self._ways, self._lane[slots], self._along_m[slots])

    def at(self, picture: Picture, slots: Ints, xy: Floats) -> OnWays:
        """The ways of these slots as of when they were placed last, about where `xy` (n, 2) lie on them."""
        self._fit(picture.capacity)
        is_known = self._generation[slots] == picture.generation[slots]
        since = xy - self._at[slots]
        moved = np.einsum("nk,nk->n", since, forward(picture.floats["heading_deg"][slots]))
        return OnWays(self._ways, np.where(is_known, self._lane[slots], -1), self._along_m[slots] + moved)

    def _fit(self, capacity: int) -> None:
        if capacity != len(self._lane):
            self._lane, self._along_m = resized(self._lane, capacity, -1), resized(self._along_m, capacity)
            self._at, self._generation = resized(self._at, capacity), resized(self._generation, capacity, -1)
