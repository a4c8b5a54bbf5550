"""The ways that a lane leads to: over the next junction left, straight on, right; each a line of points `STEP_M` apart.

Beyond the first fork the way that turns least is taken: five seconds seldom reach a second one. What lies behind the edge of the
map is a straight line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chelu.roads.geometry import lane_path
from chelu.roads.network import VEHICLES, RoadNetwork
from services.inference.free_flow import TURNING_MPS
from services.inference.reports import Floats, Ints

STEP_M = 2.0  # a turn of 8 m radius is cut by 6 cm
REACH_M = 170.0  # what is driven in the horizon at 30 m/s, and some points for the search
MOST_WAYS = 4  # of one lane; a fifth would be the rarest
_TURNS_DEG = 45.0
_TURNED_M = 24.0  # a path across a junction
_WINDOW: Ints = np.arange(-3, 4)
_LONGEST_LANES = 30  # of one way: short ones inside junctions


@dataclass(frozen=True, slots=True)
class Ways:
    """w ways: points (k, 2) of which those of way i begin at first[i]; of_lane (lanes, MOST_WAYS), −1 where there is none.

    own_m (w,): length of the lane itself, so where the junction begins; turn_deg (w,): how far the way turns to the right from
    there over `_TURNED_M`; limit_mps (w,): least speed limit of the lane and of what follows, of turns at most
    `TURNING_MPS` where theirs is not known; NaN where none is.
    """

    points: Floats
    first: Ints
    count: Ints
    of_lane: Ints
    own_m: Floats
    turn_deg: Floats
    limit_mps: Floats

    def places(self, way: Ints, along_m: Floats) -> tuple[Floats, Floats]:
        """Places (n, s, 2) at distances (n, s) along ways (n,), and the unit vectors of the ways there (n, s, 2)."""
        place = np.clip(along_m / STEP_M, 0.0, (self.count[way] - 2)[:, None])
        whole = place.astype(np.int64)
        at = self.first[way][:, None] + whole
        begin = self.points.take(at, axis=0)
        step = self.points.take(at + 1, axis=0) - begin
        return begin + (along_m / STEP_M - whole)[..., None] * step, step / STEP_M

    def foot(self, way: Ints, xy: Floats, about_m: Floats) -> tuple[Floats, Floats]:
        """Where on ways (n,) near `about_m` (n,) places (n, 2) lie: metres along, and metres to the right of the way."""
        near = np.clip(np.rint(about_m / STEP_M).astype(np.int64)[:, None] + _WINDOW, 0, (self.count[way] - 2)[:, None])
        away = xy[:, None, :] - self.points.take(self.first[way][:, None] + near, axis=0)
        rows = np.arange(len(way))
        best = np.argmin(np.einsum("nwk,nwk->nw", away, away), axis=1)
        index, away = near[rows, best], away[rows, best]
        step = (self.points[self.first[way] + index + 1] - self.points[self.first[way] + index]) / STEP_M
        along = index * STEP_M + away[:, 0] * step[:, 0] + away[:, 1] * step[:, 1]
        return along, away[:, 0] * step[:, 1] - away[:, 1] * step[:, 0]


@dataclass(frozen=True, slots=True)
class OnWays:
    """n tracks: the lane from which their ways lead on, −1 unknown, and how far from its beginning they are, to some metres."""

    ways: Ways
    lane: Ints
    about_m: Floats

    def take(self, rows: Ints) -> OnWays:
        """These tracks."""
        return OnWays(self.ways, self.lane[rows], self.about_m[rows])


def ways_of(network: RoadNetwork) -> Ways:
    """The ways of every lane for vehicles."""
    following = _following(network)
    is_for_vehicles = (network.lanes.users & int(VEHICLES)) != 0
    of_lane = np.full((len(network.lanes.id), MOST_WAYS), -1, np.int64)
    lines: list[Floats] = []
    own, turns, limits = [], [], []
    for lane in np.flatnonzero(is_for_vehicles).tolist():
        for column, chain in enumerate(_chains(network, following, lane)):
            of_lane[lane, column] = len(lines)
            line, own_m = _line(network, chain)
            lines.append(line)
            own.append(own_m)
            turns.append(_turn_deg(line, own_m))
            limits.append(_limit_mps(network.lanes.speed_limit_mps[chain[:3]], turns[-1]))
    count = np.array([len(line) for line in lines], np.int64)
    points = np.concatenate([*lines, np.zeros((0, 2))])
    return Ways(points, np.cumsum(count) - count, count, of_lane, np.array(own), np.array(turns), np.array(limits))


def _following(network: RoadNetwork) -> dict[int, list[int]]:
    """Lane → the lanes behind it, each once: the paths across junctions, piece by piece, else what those lead to."""
    links = network.connections
    begins = set(links.from_lane.tolist())
    following: dict[int, dict[int, None]] = {}
    for one, via, two in zip(links.from_lane.tolist(), links.via.tolist(), links.to_lane.tolist(), strict=True):
        following.setdefault(one, {})[via if via >= 0 else two] = None
        if via >= 0 and via not in begins:  # a path that goes on as another piece does not leap to the lane behind both
            following.setdefault(via, {})[two] = None
    return {lane: list(behind) for lane, behind in following.items()}


def _chains(network: RoadNetwork, following: dict[int, list[int]], lane: int) -> Iterator[list[int]]:
    """The lanes of each way, driven one after the other."""
    begins = [[lane, behind] for behind in following.get(lane, [])[:MOST_WAYS]]
    for chain in begins or [[lane]]:
        length = sum(_length(network, one) for one in chain[1:])
        while length < REACH_M and len(chain) < _LONGEST_LANES and following.get(chain[-1]):
            chain.append(_straightest(network, chain[-1], following[chain[-1]]))
            length += _length(network, chain[-1])
        yield chain


def _straightest(network: RoadNetwork, lane: int, following: list[int]) -> int:
    return min(following, key=lambda one: _bend_deg(network, lane, one))


def _length(network: RoadNetwork, lane: int) -> float:
    step = np.diff(network.lanes.shape[lane][:, :2], axis=0)
    return float(np.hypot(step[:, 0], step[:, 1]).sum())


def _bend_deg(network: RoadNetwork, lane: int, behind: int) -> float:
    """How far one turns from a lane's end to the other's end."""
    one, two = network.lanes.shape[lane], network.lanes.shape[behind]
    return abs(_between_deg(one[-1, :2] - one[-2, :2], two[-1, :2] - two[-2, :2]))


def _between_deg(one: Floats, two: Floats) -> float:
    """How far the second direction points to the right of the first."""
    return float(np.degrees(np.arctan2(one[1] * two[0] - one[0] * two[1], one @ two)))


def _line(network: RoadNetwork, chain: list[int]) -> tuple[Floats, float]:
    """Points `STEP_M` apart along lanes driven one after the other, straight on behind the last; and the first lane's length."""
    shape = lane_path(network, chain)[0][:, :2]
    step = np.diff(shape, axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(step[:, 0], step[:, 1]))])
    own_m = _length(network, chain[0])
    end = own_m + REACH_M + STEP_M
    if along[-1] < end + STEP_M:
        onward = step[np.hypot(step[:, 0], step[:, 1]) > 0][-1:]
        onward = onward if len(onward) else np.array([[0.0, 1.0]])  # lanes without length point nowhere
        more = end + STEP_M - along[-1]
        shape = np.concatenate([shape, shape[-1:] + more * onward / np.hypot(*onward[0])])
        along = np.append(along, end + STEP_M)
    at = np.arange(0.0, end, STEP_M)
    return np.stack([np.interp(at, along, shape[:, axis]) for axis in (0, 1)], axis=1), own_m


def _limit_mps(limit_mps: Floats, turn_deg: float) -> float:
    """Of a lane and what follows; without one for turns, the model would take who turns to be as fast as who goes on."""
    is_slow = abs(turn_deg) > _TURNS_DEG and bool(np.isnan(limit_mps[1:2]).any())
    return float(np.fmin.reduce([*limit_mps, TURNING_MPS if is_slow else np.nan]))


def _turn_deg(line: Floats, own_m: float) -> float:
    before = int(np.clip(own_m / STEP_M, 1, len(line) - 2))
    behind = min(before + int(_TURNED_M / STEP_M), len(line) - 2)
    return _between_deg(line[before] - line[before - 1], line[behind + 1] - line[behind])
