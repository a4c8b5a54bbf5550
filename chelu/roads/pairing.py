"""Which lanes of two networks of the same roads are the same ones, and so which links, nodes and signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.network import Floats, Integers, Lines, RoadNetwork

ENDS_M = 1.5  # within which lanes of other names begin and end alike
NEAREST = 4  # lanes that are looked at for one of another name


@dataclass(frozen=True, slots=True)
class Pair:
    """Two networks, and for each of the first one's rows the second one's, -1 for none."""

    a: RoadNetwork
    b: RoadNetwork
    lane: Integers
    link: Integers
    node: Integers


def paired(a: RoadNetwork, b: RoadNetwork) -> Pair:
    """Lanes are the same by their ids, else by where they begin and end; links and nodes follow from their lanes."""
    lane = _same_lanes(a, b)
    link = by_votes(a.lanes.link, b.lanes.link, lane, len(a.links.id))
    ends = [
        by_votes(one, other, link, len(a.nodes.id))
        for one, other in ((a.links.from_node, b.links.from_node), (a.links.to_node, b.links.to_node))
    ]
    return Pair(a, b, lane, link, np.where(ends[0] >= 0, ends[0], ends[1]).astype(np.int32))


def placed_in(network: RoadNetwork, own: LocalFrame, other: LocalFrame) -> RoadNetwork:
    """The same network in the metres of another frame."""
    return moved(network, lambda points: other.to_local(*own.to_geodetic(points)).reshape(-1, 3))


def moved(network: RoadNetwork, move: Callable[[Floats], Floats]) -> RoadNetwork:
    """A network with its points (n, 3) elsewhere: shapes, nodes, outlines; gradients, decks and the index stay what they were."""

    def lines(old: Lines) -> Lines:
        return Lines(move(old.points), old.start)

    nodes = replace(network.nodes, position=move(network.nodes.position), area=lines(network.nodes.area))
    return replace(network, lanes=replace(network.lanes, shape=lines(network.lanes.shape)), nodes=nodes)


def _same_lanes(a: RoadNetwork, b: RoadNetwork) -> Integers:
    """By name where the ends agree, then by the ends alone, then by name alone: such lanes have moved."""
    named = _named(a, b)
    ends = _ends(a), _ends(b)
    apart = np.linalg.norm(ends[0] - ends[1][named], axis=1) if len(ends[1]) else np.full(len(named), np.inf)
    found = np.where((named >= 0) & (apart <= ENDS_M), named, -1).astype(np.int32)
    _by_ends(ends, found)
    is_free = ~np.isin(named, found)
    return np.where((found < 0) & is_free, named, found).astype(np.int32)


def _named(a: RoadNetwork, b: RoadNetwork) -> Integers:
    """By their own names, else by their link's and their place in it."""
    places = {place: row for row, place in enumerate(_places(b))}
    found = [b.lane_of.get(str(name), places.get(place, -1)) for name, place in zip(a.lanes.id.tolist(), _places(a), strict=True)]
    return np.array(found, np.int32)


def _places(network: RoadNetwork) -> list[tuple[str, int]]:
    return list(zip(network.links.id[network.lanes.link].tolist(), network.lanes.index.tolist(), strict=True))


def _by_ends(ends: tuple[Floats, Floats], found: Integers) -> None:
    """Fill in what begins and ends alike, the nearest first; no lane twice."""
    rest_a, rest_b = np.flatnonzero(found < 0), np.setdiff1d(np.arange(len(ends[1])), found)
    if not len(rest_a) or not len(rest_b):
        return
    from scipy.spatial import cKDTree  # late: memory that a registry would hold, though it seldom compares

    asked = cKDTree(ends[1][rest_b]).query(ends[0][rest_a], k=NEAREST, distance_upper_bound=ENDS_M)
    distance, nearest = (np.asarray(column).reshape(len(rest_a), NEAREST) for column in asked)
    taken = set[int]()
    for place in np.argsort(distance, axis=None, kind="stable").tolist():
        row, rank = divmod(place, NEAREST)
        other = int(nearest[row, rank])
        if np.isfinite(distance[row, rank]) and other not in taken and found[rest_a[row]] < 0:
            taken.add(other)
            found[rest_a[row]] = rest_b[other]


def _ends(network: RoadNetwork) -> Floats:
    """(n, 6) first and last point of each lane."""
    shape = network.lanes.shape
    if not len(shape):
        return np.empty((0, 6))
    return np.concatenate([shape.points[shape.start[:-1]], shape.points[shape.start[1:] - 1]], axis=1)


def by_votes(a: Integers, b: Integers, same: Integers, count: int) -> Integers:
    """For each of `count` rows of the first network the second one's that most of what is the same says; -1 for none."""
    votes: dict[int, dict[int, int]] = {}
    for mine, other in zip(a.tolist(), same.tolist(), strict=True):
        if other >= 0 and mine >= 0 and b[other] >= 0:
            own = votes.setdefault(mine, {})
            own[int(b[other])] = own.get(int(b[other]), 0) + 1
    return np.array(
        [max(votes[row], key=lambda each: votes[row][each]) if row in votes else -1 for row in range(count)], np.int32
    )
