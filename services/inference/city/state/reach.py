"""How far it is from one link's end to another's begin, for all that are near one another: one table, looked up in batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.roads.grid import expand
from chelu.roads.network import RoadNetwork
from services.inference.reports import Floats, Ints

REACH_M = 120.0  # three seconds at 40 m/s
MOST_BETWEEN = 6  # links between two places of one vehicle


@dataclass(frozen=True, slots=True)
class Reach:
    """Pairs of links (k,), sorted by key from · links + to: metres between them, and the link before `to` on the shortest way."""

    links: int
    key: Ints
    gap_m: Floats
    before: Ints

    def gap(self, one: Ints, two: Ints) -> Floats:
        """Metres (n,) from the end of links `one` to the begin of `two`; infinity where there is no way within reach."""
        place, is_there = self._find(one, two)
        return np.where(is_there, self.gap_m[place], np.inf)

    def between(self, one: Ints, two: Ints) -> Ints:
        """Links (n, MOST_BETWEEN) driven between `one` and `two`, the last first, −1 where there are no more."""
        way = np.full((len(one), MOST_BETWEEN), -1, np.int64)
        at = two
        for column in range(MOST_BETWEEN):
            place, is_there = self._find(one, at)
            at = np.where(is_there, self.before[place], one)
            is_over = at == one
            if is_over.all():
                break
            way[:, column] = np.where(is_over, -1, at)
        return way

    def _find(self, one: Ints, two: Ints) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        key = one * self.links + two
        place = np.minimum(np.searchsorted(self.key, key), max(len(self.key) - 1, 0))
        is_there = (self.key[place] == key) & (one >= 0) & (two >= 0) if len(self.key) else np.zeros(len(key), np.bool_)
        return place, is_there


def reach_of(network: RoadNetwork, length_m: Floats) -> Reach:
    """The table of a network; length_m (links,)."""
    count = len(network.links.id)
    start, follows = _followers(network, count)
    source = np.repeat(np.arange(count), np.diff(start))
    key, gap, before = _shortest(source * count + follows, np.zeros(len(follows)), source)
    new_key, new_gap = key, gap
    for _ in range(MOST_BETWEEN):
        source, at = np.divmod(new_key, count)
        length = new_gap + length_m[at]
        near = length <= REACH_M
        source, at, length = source[near], at[near], length[near]
        row, rank = expand(start[at + 1] - start[at])
        further = source[row] * count + follows[start[at][row] + rank]
        known, known_gap = key, gap
        key, gap, before = _shortest(
            np.concatenate([key, further]), np.concatenate([gap, length[row]]), np.concatenate([before, at[row]])
        )
        place = np.minimum(np.searchsorted(known, key), len(known) - 1)
        is_new = (known[place] != key) | (gap < known_gap[place] - 1e-9)
        new_key, new_gap = key[is_new], gap[is_new]
        if not len(new_key):
            break
    return Reach(count, key, gap, before)


def _followers(network: RoadNetwork, count: int) -> tuple[Ints, Ints]:
    """Links that follow each one directly, the ways across junctions included, as compressed rows."""
    links, link = network.connections, network.lanes.link.astype(np.int64)
    has_via = links.via >= 0
    one = np.concatenate([link[links.from_lane], link[links.via[has_via]]])
    two = np.concatenate([link[np.where(has_via, links.via, links.to_lane)], link[links.to_lane[has_via]]])
    pair = np.unique(one[one != two] * count + two[one != two])
    one, two = np.divmod(pair, count)
    return np.concatenate([[0], np.cumsum(np.bincount(one, minlength=count))]).astype(np.int64), two


def _shortest(key: Ints, gap_m: Floats, before: Ints) -> tuple[Ints, Floats, Ints]:
    """Of equal keys the shortest way."""
    order = np.lexsort((gap_m, key))
    key, gap_m, before = key[order], gap_m[order], before[order]
    first = np.concatenate([np.ones(min(1, len(key)), np.bool_), key[1:] != key[:-1]])
    return key[first], gap_m[first], before[first]
