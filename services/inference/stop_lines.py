"""Which stop lines come ahead of a lane, how far, and which movements each lets go: worked out once for a road network.

Who is on a lane follows it; where one can choose, the straightest way counts as likeliest. Ways that turn off are told by the
movements of the lane that ends at the line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.roads.network import VEHICLES, RoadNetwork
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

MOST_LINES = 4
MOST_MOVEMENTS = 6
NONE = -1
_LONGEST_M = 1500.0
_MOST_HOPS = 60  # lanes and paths across junctions within `_LONGEST_M`
_STRAIGHTEST = {"s": 0, "L": 1, "R": 1, "l": 2, "r": 2, "t": 3}
LEFTWARD, RIGHTWARD = ("l", "L", "t"), ("r", "R")


@dataclass(frozen=True, slots=True)
class StopLines:
    """For n lanes, and for the network's connections (c,).

    ahead (n, MOST_LINES): the lanes that end at the next lines, `NONE` behind the last; way_m: from the lane's beginning to each;
    limit_mps: the lowest speed limit until there, NaN where none is known. is_certain (n,): nobody can turn off before the first.

    movements (n, MOST_MOVEMENTS): of a lane that ends at a line, its connections, the straightest first. end (n, 3): where lanes
    end. lane_id: for people. signal, group, to_lane, is_left, is_right: of the network's connections (c,).
    """

    ahead: Ints
    way_m: Floats
    limit_mps: Floats
    is_certain: Mask
    movements: Ints
    end: Floats
    lane_id: npt.NDArray[np.str_]
    signal: Ints
    group: Ints
    from_lane: Ints
    to_lane: Ints
    is_left: Mask
    is_right: Mask


def stop_lines(network: RoadNetwork) -> StopLines | None:
    """The lines at the ends of lanes from which a connection leads on under a signal; None where there are no signals."""
    links, lanes = network.connections, network.lanes
    drives = (lanes.users & int(VEHICLES)) != 0
    rows = np.flatnonzero(drives[links.from_lane] & drives[links.to_lane])
    rows = rows[np.argsort(_rank(links.direction[rows]), kind="stable")]
    following, choices = _following(network, rows)
    is_line = np.zeros(len(lanes.id), np.bool_)
    is_line[links.from_lane[rows[links.signal[rows] >= 0]]] = True
    if not is_line.any():
        return None
    ahead, way, limit, is_certain = _walk(network, following, choices, is_line)
    last = np.maximum(lanes.shape.start[1:] - 1, 0)
    return StopLines(
        ahead=ahead,
        way_m=way,
        limit_mps=limit,
        is_certain=is_certain,
        movements=_movements(len(lanes.id), links.from_lane[rows].astype(np.int64), rows, is_line),
        end=lanes.shape.points[last] if len(lanes.shape.points) else np.empty((0, 3)),
        lane_id=lanes.id,
        signal=links.signal.astype(np.int64),
        group=links.group.astype(np.int64),
        from_lane=links.from_lane.astype(np.int64),
        to_lane=links.to_lane.astype(np.int64),
        is_left=np.isin(links.direction, LEFTWARD),
        is_right=np.isin(links.direction, RIGHTWARD),
    )


def _rank(direction: npt.NDArray[np.str_]) -> Ints:
    rank = np.full(len(direction), 4, np.int64)
    for name, place in _STRAIGHTEST.items():
        rank[direction == name] = place
    return rank


def _following(network: RoadNetwork, rows: Ints) -> tuple[Ints, Ints]:
    """For each lane the one that follows it on the straightest way, and how many ways on there are."""
    links, count = network.connections, len(network.lanes.id)
    begins, goes, via = (column[rows].astype(np.int64) for column in (links.from_lane, links.to_lane, links.via))
    following, choices = np.full(count, NONE, np.int64), np.bincount(begins, minlength=count)
    onward = via >= 0
    following[via[onward]] = goes[onward]  # a path across a junction that has no connection of its own
    choices[via[onward]] = 1
    following[begins[::-1]] = np.where(onward, via, goes)[::-1]  # the straightest is written last
    return following, choices


def _walk(network: RoadNetwork, following: Ints, choices: Ints, is_line: Mask) -> tuple[Ints, Floats, Floats, Mask]:
    """Follow every lane's way at once and note the lines that it comes to."""
    lanes, count = network.lanes, len(network.lanes.id)
    length, here = _lengths(network), np.arange(count)
    ahead = np.full((count, MOST_LINES), NONE, np.int64)
    way, limit = np.full((count, MOST_LINES), np.inf), np.full((count, MOST_LINES), np.nan)
    along, lowest, found = np.zeros(count), np.full(count, np.nan), np.zeros(count, np.int64)
    is_certain, is_on = np.ones(count, np.bool_), np.ones(count, np.bool_)
    for _ in range(_MOST_HOPS):
        along = along + np.where(is_on, length[here], 0.0)
        lowest = np.fmin(lowest, np.where(is_on, lanes.speed_limit_mps[here], np.nan))
        rows = np.flatnonzero(is_on & is_line[here])
        ahead[rows, found[rows]], way[rows, found[rows]], limit[rows, found[rows]] = here[rows], along[rows], lowest[rows]
        found[rows] += 1
        is_certain &= (found > 0) | (choices[here] <= 1)
        is_on &= (following[here] >= 0) & (found < MOST_LINES) & (along < _LONGEST_M)
        here = np.where(is_on, following[here], here)
        if not is_on.any():
            break
    return ahead, way, limit, is_certain


def _lengths(network: RoadNetwork) -> Floats:
    """Lengths (n,) of lanes' shapes in space, as offsets run."""
    shape = network.lanes.shape
    return shape.offsets()[np.maximum(shape.start[1:] - 1, 0)] if len(shape.points) else np.zeros(len(shape))


def _movements(count: int, lane: Ints, connection: Ints, is_line: Mask) -> Ints:
    """Each line's connections side by side; of more than there is room for, the straightest."""
    order = np.argsort(lane, kind="stable")
    lane, connection = lane[order], connection[order]
    begin = np.searchsorted(lane, np.arange(count))
    place = np.arange(len(lane)) - begin[lane]
    kept = is_line[lane] & (place < MOST_MOVEMENTS)
    table = np.full((count, MOST_MOVEMENTS), NONE, np.int64)
    table[lane[kept], place[kept]] = connection[kept]
    return table
