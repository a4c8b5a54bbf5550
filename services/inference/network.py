"""The site's road network as inference needs it: lanes and heights for tracks, segments for the city applications."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, identity

from chelu.geo import heading_difference, heading_of
from chelu.motion.footprints import rightward
from chelu.roads.matching import match
from chelu.roads.network import VEHICLES, Kind, Lines, RoadNetwork
from chelu.roads.pieces import meetings
from services.inference.city.segments import Segments
from services.inference.free_flow import free_flow_mps
from services.inference.pavements import Pavements
from services.inference.placing import AGREES_M, CANDIDATES, MOST_ERROR_M, Placed
from services.inference.reports import Floats, Ints
from services.inference.ways import Ways, ways_of

_LANE_STRIDE = 1e7  # longer than any lane: lane · stride + offset sorts points of all lanes
_ALONG_DEG = 50.0  # a lane counts as a candidate deck when it runs about along the heading
_HOPS = 4  # lane → junction → lane → junction → lane
_APART_M = 2.5  # heights closer than this are one deck
_CROSSING_HOPS = 2  # lane → junction → lane
_MEETS_M = 1.2  # centre lines that come so near share a place: opposite lanes do not
_JUMP_COST = 16.0  # of a lane to which one cannot have come: as much as 6 m aside


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
        self._tangent = _tangents(shape)
        following = _following(network, _HOPS)
        self._reachable = _keys(following)
        self._coming = _keys(_between_links(network, following))
        self._crossing = _keys(_crossing(network))
        is_for_vehicles = (network.lanes.users & int(VEHICLES)) != 0
        count = np.bincount(network.lanes.link[is_for_vehicles], minlength=len(network.links.id))
        self._in_junction = network.lane_kind() == Kind.JUNCTION
        self._is_single = (count[network.lanes.link] <= 1) & ~self._in_junction

    def place(self, xyz: Floats, heading_deg: Floats, before: Ints) -> Placed:
        """Lane, offset, gradient, slant, and the height of the road there.

        Of a height that is unknown, or far from the road's, every deck there is a candidate, unless the lane follows the one
        `before`: then it is that one, however wrong the height.
        """
        lane, offset = self._lanes_at(xyz, heading_deg, before)
        on = lane >= 0
        heights = np.full((len(xyz), CANDIDATES), np.nan)
        heights[on, 0] = self._height_at(lane[on], offset[on])
        is_followed = on & (before >= 0) & self._comes_to(before, lane)
        is_sure = is_followed | (np.abs(heights[:, 0] - xyz[:, 2]) <= AGREES_M)
        unsure = np.flatnonzero(~is_sure & np.isfinite(xyz[:, 0]))
        if len(unsure):
            heights[unsure] = self._decks_at(xyz[unsure], heading_deg[unsure])
        gradient = np.where(on, self._network.lanes.gradient[np.maximum(lane, 0)], 0.0)
        away, slant, aside = (np.full(len(xyz), np.nan) for _ in range(3))
        away[on] = _turn(heading_deg[on], self._end_deg[lane[on]])
        slant[on] = _turn(self._direction_at(lane[on], offset[on]), heading_deg[on])
        aside[on] = self._aside_at(lane[on], offset[on], xyz[on])
        return Placed(lane, offset, gradient, away, slant, aside, heights)

    def _lanes_at(self, xyz: Floats, heading_deg: Floats, before: Ints) -> tuple[Ints, Floats]:
        """Lane and offset; of lanes that lie above one another the one that the track can have come to."""
        whole = match(self._network, xyz, heading_deg, reach_m=self._reach_m, height_reach_m=MOST_ERROR_M)
        lane, offset = whole.lane.astype(np.int64), whole.offset_m
        jumps = np.flatnonzero((before >= 0) & (lane >= 0) & ~self._comes_to(before, lane))
        if len(jumps):
            came = before[jumps]
            again = match(
                self._network, xyz[jumps], heading_deg[jumps], reach_m=self._reach_m, height_reach_m=MOST_ERROR_M,
                handicap=lambda point, to: np.where(self._comes_to(came[point], to), 0.0, _JUMP_COST),
            )  # fmt: skip
            lane[jumps], offset[jumps] = again.lane, again.offset_m
        return lane, offset

    def _comes_to(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether the other lane's link is that of `lane` or follows it; true where either is unknown."""
        link = self._network.lanes.link.astype(np.int64)
        key = link[lane] * len(self._network.links.id) + link[other]
        place = np.minimum(np.searchsorted(self._coming, key), len(self._coming) - 1)
        return np.asarray((lane < 0) | (other < 0) | (self._coming[place] == key))

    def _direction_at(self, lane: Ints, offset_m: Floats) -> Floats:
        """Where the lane points there: between the directions at its points, so that a polyline bends as evenly as a road."""
        upper, share = self._between(lane, offset_m)
        axis = self._tangent[upper - 1] + share[:, None] * (self._tangent[upper] - self._tangent[upper - 1])
        return np.asarray(heading_of(axis[:, 0], axis[:, 1]))

    def _aside_at(self, lane: Ints, offset_m: Floats, xyz: Floats) -> Floats:
        """How far places are to the right of the lane's line there."""
        upper, share = self._between(lane, offset_m)
        points = self._network.lanes.shape.points[:, :2]
        off = xyz[:, :2] - (points[upper - 1] + share[:, None] * (points[upper] - points[upper - 1]))
        return np.asarray(np.sum(off * rightward(self._direction_at(lane, offset_m)), axis=1))

    @property
    def network(self) -> RoadNetwork:
        """What it is made of."""
        return self._network

    def speed_limit_mps(self, lane: Ints) -> Floats:
        """The limit of lanes, NaN for unknown ones."""
        return np.where(lane >= 0, self._network.lanes.speed_limit_mps[np.maximum(lane, 0)], np.nan)

    @cached_property
    def ways(self) -> Ways:
        """Where lanes lead to."""
        return ways_of(self._network)

    @cached_property
    def _pavements(self) -> Pavements:
        return Pavements(self._network)

    def off_pavements_m(self, xyz: Floats) -> Floats:
        """How far places (n, 3) are from the next pavement: 0 upon it, inf where none is near."""
        return self._pavements.off_m(xyz)

    def leads_to(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether `other` is the same lane or follows it over at most two junctions; true where either is unknown."""
        return self._is_listed(self._reachable, lane, other)

    def may_cross(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether a way that begins on `lane` meets one from `other` over the next junction; true where either is unknown."""
        return self._is_listed(self._crossing, lane, other)

    def is_in_junction(self, lane: Ints) -> npt.NDArray[np.bool_]:
        """Whether a lane is a path across a junction; unknown ones are not."""
        return np.asarray((lane >= 0) & self._in_junction[np.maximum(lane, 0)])

    def are_beside(self, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        """Whether both are lanes of one link; unknown ones are not."""
        link = self._network.lanes.link
        return np.asarray((lane >= 0) & (other >= 0) & (link[lane] == link[other]))

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
        return Segments(links.length_m, np.maximum(count, 1), free_flow_mps(links.speed_limit_mps), lane_link)

    def lane_id(self, lane: int) -> str | None:
        """A lane's name on the map; None for no lane."""
        return str(self._network.lanes.id[lane]) if lane >= 0 else None

    def link_ids(self) -> list[str]:
        """Names of the segments."""
        return [str(one) for one in self._network.links.id]

    def _is_listed(self, keys: Ints, lane: Ints, other: Ints) -> npt.NDArray[np.bool_]:
        key = lane * len(self._network.lanes.id) + other
        place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        return np.asarray((lane < 0) | (other < 0) | (keys[place] == key))

    def _height_at(self, lane: Ints, offset_m: Floats) -> Floats:
        upper, share = self._between(lane, offset_m)
        return np.asarray(self._height[upper - 1] + share * (self._height[upper] - self._height[upper - 1]))

    def _between(self, lane: Ints, offset_m: Floats) -> tuple[Ints, Floats]:
        """The point of the lane's shape after each place, and the place's share of the way from the point before."""
        key = lane * _LANE_STRIDE + offset_m
        upper = np.clip(np.searchsorted(self._key, key), 1, len(self._key) - 1)
        low, high = self._key[upper - 1], self._key[upper]
        share = np.clip((key - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
        return upper, np.where(low < lane * _LANE_STRIDE, 1.0, share)  # at its first point: the one before is another lane's

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


def _turn(from_deg: Floats, to_deg: Floats) -> Floats:
    """By how much `to_deg` points to the right of `from_deg`: −180 … 180."""
    return np.asarray(np.mod(to_deg - from_deg + 180.0, 360.0) - 180.0)


def _tangents(shape: Lines) -> Floats:
    """Directions (k, 2), east and north, at the points of lines: between those of the pieces that meet there."""
    step = np.diff(shape.points[:, :2], axis=0)
    step = step / np.maximum(np.linalg.norm(step, axis=1), 1e-9)[:, None]
    inner = shape.start[1:-1]
    step[inner[(inner > 0) & (inner <= len(step))] - 1] = 0.0  # from one line's end to the next one's beginning is no piece
    none = np.zeros((1, 2))
    total = np.concatenate([none, step]) + np.concatenate([step, none])
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1), 1e-9)[:, None])


def _between_links(network: RoadNetwork, following: csr_array) -> csr_array:
    """Which links follow which, themselves included, given which lanes do: (links, links)."""
    shape = (len(network.lanes.id), len(network.links.id))
    member = csr_array((np.ones(shape[0], np.int32), (np.arange(shape[0]), network.lanes.link)), shape=shape)
    return csr_array(member.T @ following @ member)


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
