"""Where an event is on the site's lanes, and from which lanes one drives into it: worked out once, when it is told.

Then a vehicle's events are those of its lane: decks, carriageways and turns are told apart by the map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from chelu.geo import heading_difference, heading_of
from chelu.roads.geometry import at
from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from services.inference.events.shapes import Shape
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

_SAMPLE_M = 4.0  # a path is looked up this often along its way
_BESIDE_M = 2.0  # a path drawn this far beside a lane's centre is that lane's, however narrow it is said to be
_ALONG_DEG = 40.0
_SAME_DECK_M = 4.0
_BEGINS_M = 0.5  # a zone that begins nearer to the lane's own begin is entered from the lane before
_MOST_ENTRIES = 64  # looked upstream from at once


@dataclass(frozen=True, slots=True)
class LaneRows:
    """k lanes of an event, and lanes that lead to it.

    to_go_m: from the lane's begin to where the event begins; from_m, to_m: where on the lane it is, NaN where it only lies ahead.
    """

    lane: Ints
    to_go_m: Floats
    from_m: Floats
    to_m: Floats

    def __len__(self) -> int:
        return len(self.lane)


NOWHERE = LaneRows(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0))


class LaneWays:
    """What events ask a site's road network."""

    def __init__(self, network: RoadNetwork) -> None:
        lanes, links = network.lanes, network.connections
        kind = network.lane_kind()
        self._network = network
        self._is_driven = ((lanes.users & int(VEHICLES)) != 0) & (kind != Kind.CROSSING) & (kind != Kind.WALKING_AREA)
        last = np.maximum(lanes.shape.start[1:] - 1, 0)
        self.length_m = lanes.shape.offsets()[last] if len(lanes.shape.points) else np.zeros(0)
        via = np.where(links.via >= 0, links.via, links.to_lane)
        one, two = np.concatenate([links.from_lane, via]), np.concatenate([via, links.to_lane])
        apart = one != two
        one, two = one[apart].astype(np.int64), two[apart].astype(np.int64)
        count = len(lanes.id)
        one, two = np.divmod(np.unique(one * count + two), count) if count else (one, two)
        self._before = csr_array((np.maximum(self.length_m[one], 1e-3), (two, one)), shape=(count, count))

    def rows_of(self, shape: Shape, *, reach_m: float) -> LaneRows:
        """The lanes that an event is on, and those from which one comes to it within `reach_m`; none where no lane is near."""
        lane, low, high = _spans(*(self._covered(shape) if shape.is_disc.all() else self._along(shape)))
        return self.upstream(lane, low, high, reach_m=reach_m)

    def upstream(self, lane: Ints, from_m: Floats, to_m: Floats, *, reach_m: float) -> LaneRows:
        """Rows of lanes that an event is on (each once), and of those from which one drives there without changing lanes."""
        if not len(lane):
            return NOWHERE
        count = len(self.length_m)
        to_go = np.full(count, np.inf)
        on = np.zeros(count, np.bool_)
        on[lane] = True
        entry = np.flatnonzero(self._is_entered(lane, from_m, on))
        for begin in range(0, len(entry), _MOST_ENTRIES):
            some = entry[begin : begin + _MOST_ENTRIES]
            way = dijkstra(self._before, indices=lane[some], limit=reach_m) + from_m[some][:, None]
            to_go = np.minimum(to_go, way.min(axis=0))
        to_go[lane] = from_m
        found = np.flatnonzero(to_go <= reach_m + np.where(on, np.inf, self.length_m))
        low, high = np.full(count, np.nan), np.full(count, np.nan)
        low[lane], high[lane] = from_m, to_m
        return LaneRows(found, to_go[found], low[found], high[found])

    def lanes_of(self, link: int) -> Ints:
        """The lanes of a link that are driven on."""
        return np.flatnonzero((self._network.lanes.link == link) & self._is_driven)

    def link_id(self, link: int) -> str:
        """What the map calls a link."""
        return str(self._network.links.id[link])

    def place(self, lane: int, offset_m: float) -> tuple[float, float, float]:
        """East, north and up so far along a lane."""
        shape = self._network.lanes.shape
        along = shape.offsets()[shape.start[lane] : shape.start[lane + 1]]
        east, north, up = at(shape[lane], along, np.array([offset_m]))[0].tolist()
        return east, north, up

    def _is_entered(self, lane: Ints, from_m: Floats, on: Mask) -> Mask:
        """Whether one comes into the event on these lanes: it begins within the lane, or not all lanes before are part of it."""
        before = self._before[lane]
        outside = np.bincount(
            np.repeat(np.arange(len(lane)), np.diff(before.indptr)), weights=~on[before.indices], minlength=len(lane)
        )
        return np.asarray((from_m > _BEGINS_M) | (outside > 0))

    def _covered(self, shape: Shape) -> tuple[Ints, Floats, Floats]:
        """Spans of lanes within discs."""
        pieces = self._network.pieces
        a, step = pieces.a, pieces.b - pieces.a
        length = np.hypot(step[:, 0], step[:, 1])
        parts: list[tuple[Ints, Floats, Floats]] = []
        for centre, radius in zip(shape.a, np.maximum(shape.radius_m, _BESIDE_M), strict=True):
            away = centre[:2] - a[:, :2]
            along = np.einsum("ik,ik->i", away, step[:, :2]) / np.maximum(length, 1e-9)
            half = radius**2 - (np.einsum("ik,ik->i", away, away) - along**2)
            reach = np.sqrt(np.maximum(half, 0.0))
            low, high = np.maximum(along - reach, 0.0), np.minimum(along + reach, length)
            height = a[:, 2] + np.clip(along / np.maximum(length, 1e-9), 0.0, 1.0) * step[:, 2]
            rows = np.flatnonzero(
                (half > 0) & (low <= high) & self._is_driven[pieces.lane] & ~(np.abs(height - centre[2]) > _SAME_DECK_M)
            )
            begin = pieces.offset[rows]
            parts.append((pieces.lane[rows].astype(np.int64), begin + low[rows], begin + high[rows]))
        lane, low, high = (np.concatenate(column) for column in zip(*parts, strict=True))
        return lane, low, high

    def _along(self, shape: Shape) -> tuple[Ints, Floats, Floats]:
        """Spots of lanes along the part of paths that is the event."""
        spot, heading, radius = _samples(shape)
        pieces = self._network.pieces
        point, piece = pieces.grid.candidates(spot[:, :2])
        a, step = pieces.a[piece], (pieces.b - pieces.a)[piece]
        square = np.maximum(np.einsum("ik,ik->i", step[:, :2], step[:, :2]), 1e-9)
        share = np.clip(np.einsum("ik,ik->i", spot[point, :2] - a[:, :2], step[:, :2]) / square, 0.0, 1.0)
        away = a + share[:, None] * step - spot[point]
        turn = np.abs(heading_difference(heading[point], heading_of(step[:, 0], step[:, 1])))
        rows = np.flatnonzero(
            (np.hypot(away[:, 0], away[:, 1]) <= np.maximum(radius[point], _BESIDE_M))
            & (turn <= _ALONG_DEG)
            & ~(np.abs(away[:, 2]) > _SAME_DECK_M)
            & self._is_driven[pieces.lane[piece]]
        )
        offset = pieces.offset[piece[rows]] + share[rows] * np.linalg.norm(step[rows], axis=1)
        return pieces.lane[piece[rows]].astype(np.int64), offset, offset


def _samples(shape: Shape) -> tuple[Floats, Floats, Floats]:
    """Places (n, 3) along the event's part of its paths, the path's heading and its radius there."""
    step = shape.b - shape.a
    length = np.hypot(step[:, 0], step[:, 1])
    low, high = np.clip(shape.to_go_m, 0.0, length), np.clip(shape.to_go_m + shape.lasts_m, 0.0, length)
    rows = np.flatnonzero((shape.to_go_m <= length) & (shape.to_go_m + shape.lasts_m >= 0.0))
    parts = np.maximum(np.ceil((high - low)[rows] / _SAMPLE_M).astype(np.int64), 1) + 1
    row = np.repeat(rows, parts)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts)
    along = low[row] + (high - low)[row] * rank / (np.repeat(parts, parts) - 1)
    place = shape.a[row] + (along / length[row])[:, None] * step[row]
    return place, np.asarray(heading_of(step[row, 0], step[row, 1])), shape.radius_m[row]


def _spans(lane: Ints, low: Floats, high: Floats) -> tuple[Ints, Floats, Floats]:
    """Each lane once, with where the event begins and ends on it."""
    if not len(lane):
        return lane, low, high
    order = np.argsort(lane, kind="stable")
    lane, low, high = lane[order], low[order], high[order]
    first = np.flatnonzero(np.append(True, lane[1:] != lane[:-1]))
    return lane[first], np.minimum.reduceat(low, first), np.maximum.reduceat(high, first)
