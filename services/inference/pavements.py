"""Where people walk beside roads: pavements, and the areas in which these and crossings meet. Crossings themselves are road."""

from __future__ import annotations

import numpy as np

from chelu.roads.grid import expand
from chelu.roads.network import VEHICLES, Kind, RoadNetwork, User, lines_of
from chelu.roads.pieces import cut
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

_SAME_DECK_M = 3.0  # half the least distance of two decks


class Pavements:
    """How far places are from the next pavement of a network, on their deck."""

    def __init__(self, network: RoadNetwork) -> None:
        kind, users, lanes = network.lane_kind(), network.lanes.users, network.lanes
        is_area = np.asarray(kind == Kind.WALKING_AREA)
        is_path = ((users & int(User.PEDESTRIAN)) != 0) & ((users & int(VEHICLES)) == 0) & (kind != Kind.CROSSING)
        chosen = np.flatnonzero(is_area | is_path)
        self._is_area, self._half_m = is_area[chosen], np.where(is_area, 0.0, lanes.width_m / 2.0)[chosen]
        shapes = [lanes.shape[one] for one in chosen.tolist()]
        closed = [np.concatenate([one, one[:1]]) if area else one for one, area in zip(shapes, self._is_area, strict=True)]
        self._shape = lines_of(closed)
        self._pieces = cut(self._shape)

    def off_m(self, xyz: Floats) -> Floats:
        """Metres in plan of places (n, 3), up NaN when unknown, from the next one: 0 upon it, inf where none is near."""
        pieces = self._pieces
        point, piece = pieces.grid.candidates(xyz[:, :2])
        lane = pieces.lane[piece]
        step = pieces.b[piece] - pieces.a[piece]
        away = xyz[point, :2] - pieces.a[piece, :2]
        square = np.maximum(np.einsum("kc,kc->k", step[:, :2], step[:, :2]), 1e-12)
        share = np.clip(np.einsum("kc,kc->k", away, step[:, :2]) / square, 0.0, 1.0)
        rise = xyz[point, 2] - (pieces.a[piece, 2] + share * step[:, 2])
        level = ~(np.abs(rise) > _SAME_DECK_M)
        distance = np.hypot(*(away - share[:, None] * step[:, :2]).T)
        distance = np.maximum(distance - self._half_m[lane], 0.0)
        off = np.full(len(xyz), np.inf)
        np.minimum.at(off, point[level], distance[level])
        near = np.unique(np.stack([point, lane], axis=1)[level & self._is_area[lane]], axis=0).astype(np.int64)
        off[near[self._contain(near[:, 1], xyz[near[:, 0], :2]), 0]] = 0.0
        return off

    def _contain(self, area: Ints, xy: Floats) -> Mask:
        """Whether areas contain places (n, 2): a ray from there crosses their outlines an odd number of times."""
        first, count = self._shape.start[area], np.diff(self._shape.start)[area] - 1
        row, rank = expand(count)
        one = self._shape.points[first[row] + rank, :2] - xy[row]
        two = self._shape.points[first[row] + rank + 1, :2] - xy[row]
        spans = (one[:, 1] > 0) != (two[:, 1] > 0)
        rise = np.where(spans, two[:, 1] - one[:, 1], 1.0)
        crosses = spans & (one[:, 0] - one[:, 1] * (two[:, 0] - one[:, 0]) / rise > 0)
        return np.asarray(np.bincount(row, crosses, len(area)) % 2 == 1)
