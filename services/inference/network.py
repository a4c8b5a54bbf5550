"""The site's road network as inference needs it: lanes and heights for tracks, segments for the city applications."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, identity

from chelu.geo import heading_difference, heading_of
from chelu.roads.matching import match
from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from chelu.roads.pieces import meetings
from services.inference.city.segments import Segments
from services.inference.placing import CANDIDATES, Placed
from services.inference.reports import Floats, Ints

_LANE_STRIDE = 1e7  # longer than any lane: lane · stride + offset sorts points of all lanes
_ALONG_DEG = 50.0  # a lane counts as a candidate deck when it runs about along the heading
_HOPS = 4  # lane → junction → lane → junction → lane
_APART_M = 2.5  # heights closer than this are one deck
_CROSSING_HOPS = 2  # lane → junction → lane
_MEETS_M = 1.2  # centre lines that come so near share a place: opposite lanes do not


class NetworkRoads:
    """`services.inference.placing.Roads` over a `RoadNetwork`."""

    def __init__(self, network: RoadNetwork, *, reach_m: float = 5.0) -> None:
        self._network, self._reach_m = network, reach_m
        shape = network.lanes.shape
        lane = np.repeat(np.arange(len(shape)), np.diff(shape.start))
        self._key = lane * _LANE_STRIDE + shape.offsets()
        self._height = shape.points[:, 2]
        last = np.maximum(shape.start[1:] - 1, 1)
        step = shape.points[last, :2] - shape.points[last - 1, :2]
        self._end_deg = np.asarray(heading_of(step[:, 0], step[:, 1]))
        self._reachable = _keys(_following(network, _HOPS))
        self._crossing = _keys(_crossing(network))
        is_for_vehicles = (network.lanes.users & int(VEHICLES)) != 0
        count = np.bincount(network.lanes.link[is_for_vehicles], minlength=len(network.links.id))
        self._in_junction = network.lane_kind() == Kind.JUNCTION
        self._is_single = (count[network.lanes.link] <= 1) & ~self._in_junction

    def place(self, xyz: Floats, heading_deg: Floats) -> Placed:
        """Lane, offset, gradient, and the height of the road there, or of every deck there when the own height is unknown."""
        found = match(self._network, xyz, heading_deg, reach_m=self._reach_m)
        lane = found.lane.astype(np.int64)
        on = lane >= 0
        heights = np.full((len(xyz), CANDIDATES), np.nan)
        heights[on, 0] = self._height_at(lane[on], found.offset_m[on])
        unknown = np.flatnonzero(np.isnan(xyz[:, 2]) & np.isfinite(xyz[:, 0]))
        if len(unknown):
            heights[unknown] = self._decks_at(xyz[unknown], heading_deg[unknown])
        gradient = np.where(on, self._network.lanes.gradient[np.maximum(lane, 0)], 0.0)
        away = np.mod(self._end_deg[np.maximum(lane, 0)] - heading_deg + 180.0, 360.0) - 180.0
        return Placed(lane, found.offset_m, gradient, np.where(on, away, np.nan), heights)

    def leads_to(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether `other` is the same lane or follows it over at most two junctions; true where either is unknown."""
        return self._is_listed(self._reachable, lane, other)

    def may_cross(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether a way that begins on `lane` meets one from `other` over the next junction; true where either is unknown."""
        return self._is_listed(self._crossing, lane, other)

    def is_in_junction(self, lane: Ints) -> npt.NDArray[np.bool_]:
        """Whether a lane is a path across a junction; unknown ones are not."""
        return np.asarray((lane >= 0) & self._in_junction[np.maximum(lane, 0)])

    def is_single_lane(self, lane: Ints) -> npt.NDArray[np.bool_]:
        """Whether a lane is its link's only one for vehicles; inside a junction nothing is, unknown lanes are."""
        return np.asarray((lane < 0) | self._is_single[np.maximum(lane, 0)])

    def segments(self) -> Segments:
        """Roads, tunnels and bridges: one segment per link (junction paths and crossings have no lanes in it)."""
        network = self._network
        links, lanes = network.links, network.lanes
        counted = np.isin(links.kind, [Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE])
        lane_link = np.where(counted[lanes.link], lanes.link, -1).astype(np.int64)
        count = np.bincount(lanes.link, minlength=len(links.id))
        return Segments(links.length_m, np.maximum(count, 1), links.speed_limit_mps, lane_link)

    def link_ids(self) -> list[str]:
        """Names of the segments."""
        return [str(one) for one in self._network.links.id]

    def _is_listed(self, keys: Ints, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        key = lane * len(self._network.lanes.id) + other
        place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        return np.asarray((lane < 0) | (other < 0) | (keys[place] == key))

    def _height_at(self, lane: Ints, offset_m: Floats) -> Floats:
        key = lane * _LANE_STRIDE + offset_m
        upper = np.clip(np.searchsorted(self._key, key), 1, len(self._key) - 1)
        low, high = self._key[upper - 1], self._key[upper]
        share = np.clip((key - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
        is_first = low < lane * _LANE_STRIDE  # the lane's first point: the one before belongs to another lane
        between = self._height[upper - 1] + share * (self._height[upper] - self._height[upper - 1])
        return np.where(is_first, self._height[upper], between)

    def _decks_at(self, xyz: Floats, heading_deg: Floats) -> Floats:
        """Distinct heights (n, CANDIDATES) of lanes that pass here about along the heading, nearest lane first."""
        pieces = self._network.pieces
        point, piece = pieces.grid.candidates(xyz[:, :2])
        a, step = pieces.a[piece], pieces.b[piece] - pieces.a[piece]
        away = xyz[point, :2] - a[:, :2]
        share = np.clip(np.sum(away * step[:, :2], axis=1) / np.maximum(np.sum(step[:, :2] ** 2, axis=1), 1e-9), 0.0, 1.0)
        distance = np.linalg.norm(away - share[:, None] * step[:, :2], axis=1)
        turn = np.abs(heading_difference(heading_deg[point], heading_of(step[:, 0], step[:, 1])))
        left = (distance <= self._reach_m) & ~(turn > _ALONG_DEG)
        height = a[:, 2] + share * step[:, 2]
        heights = np.full((len(xyz), CANDIDATES), np.nan)
        for column in range(CANDIDATES):
            rows = np.flatnonzero(left)
            rows = rows[np.lexsort((-distance[rows], point[rows]))]
            heights[point[rows], column] = height[rows]  # written far to near: the nearest stays
            left &= np.abs(height - heights[point, column]) > _APART_M
        return heights


def _following(network: RoadNetwork, hops: int) -> csr_array:
    """Which lanes follow which over at most so many connections, themselves included: (lanes, lanes)."""
    count, links = len(network.lanes.id), network.connections
    via = np.where(links.via >= 0, links.via, links.to_lane)
    one = np.concatenate([links.from_lane, via])
    two = np.concatenate([via, links.to_lane])
    step = csr_array((np.ones(len(one), np.int32), (one, two)), shape=(count, count)) + csr_array(identity(count, np.int32))
    whole = step
    for _ in range(hops - 1):
        whole = csr_array(whole @ step)
        whole.data[:] = 1
    return whole


def _crossing(network: RoadNetwork) -> csr_array:
    """Lanes from which one drives, over the next junction, into ways that meet on one deck: (lanes, lanes)."""
    count, ahead = len(network.lanes.id), _following(network, _CROSSING_HOPS)
    found = meetings(network.pieces, within_m=_MEETS_M)
    level = np.abs(found.point_a[:, 2] - found.point_b[:, 2]) <= _APART_M
    one, two = found.lane_a[level], found.lane_b[level]
    meet = csr_array((np.ones(len(one), np.int32), (one, two)), shape=(count, count))
    meet = meet + meet.T + csr_array(identity(count, np.int32))
    return csr_array(ahead @ meet @ ahead.T)


def _keys(pairs: csr_array) -> Ints:
    """Sorted keys from · lanes + to of the pairs of lanes that a matrix holds."""
    rows, columns = pairs.nonzero()
    return np.sort(rows.astype(np.int64) * pairs.shape[1] + columns)
