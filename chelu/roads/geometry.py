"""Questions to a network: the path along lanes, where lanes cross in plan, what the signals do over a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chelu.messages import Batch
from chelu.roads.network import Floats, Integers, Kind, RoadNetwork
from chelu.roads.pieces import meetings

JOIN_M = 0.05


def lane_path(network: RoadNetwork, lanes: Sequence[str | int]) -> tuple[Floats, Floats]:
    """Centre line of lanes driven one after the other: points (k, 3) and distance (k,) along them in space.

    Lanes are ids or indices, internal ones included; where two meet, the shared point is kept once. Raises UnknownLaneError.
    """
    rows = [int(network.lane_indices([lane])[0]) if isinstance(lane, str) else lane for lane in lanes]
    points = np.concatenate([network.lanes.shape[row] for row in rows]) if rows else np.empty((0, 3))
    step = np.linalg.norm(np.diff(points, axis=0), axis=1)
    keep = np.concatenate([np.ones(min(1, len(points)), bool), step > JOIN_M])
    points = points[keep]
    along = np.concatenate([np.zeros(min(1, len(points))), np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return points, along


def at(points: Floats, along: Floats, offsets: Floats) -> Floats:
    """Places (n, 3) at these distances along a path; beyond its ends, the ends."""
    return np.column_stack([np.interp(offsets, along, points[:, axis]) for axis in range(3)])


def beside(line: Floats, right_m: float) -> Floats:
    """A line (k, 3) that runs so far to the right of another; at each point along the mean of the pieces that meet there."""
    if len(line) < 2:
        return line
    step = np.diff(line[:, :2], axis=0)
    unit = step / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    ahead = np.concatenate([unit[:1], unit[:-1] + unit[1:], unit[-1:]])
    ahead /= np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    return np.column_stack([line[:, 0] + right_m * ahead[:, 1], line[:, 1] - right_m * ahead[:, 0], line[:, 2]])


def plan_crossings(network: RoadNetwork) -> Batch:
    """Where centre lines of two lanes cross in plan: lane_a < lane_b, offset_a, offset_b, x, y, z_a, z_b; sorted by lanes.

    At grade z_a and z_b agree; on different decks they do not. Lanes that only begin or end at a shared point do not cross;
    walking areas (outlines) are left out.
    """
    meet = meetings(network.pieces, within_m=0.01)
    kind = network.lane_kind()
    is_path = (kind[meet.lane_a] != Kind.WALKING_AREA) & (kind[meet.lane_b] != Kind.WALKING_AREA)
    length = _shape_length(network)
    inside = [
        (offset > JOIN_M) & (offset < length[lane] - JOIN_M)
        for lane, offset in ((meet.lane_a, meet.offset_a), (meet.lane_b, meet.offset_b))
    ]
    keep = np.flatnonzero(is_path & (meet.distance_m < 1e-6) & inside[0] & inside[1])
    order = keep[np.lexsort((meet.offset_a[keep], meet.lane_b[keep], meet.lane_a[keep]))]
    return _without_twins(
        Batch({
            "lane_a": meet.lane_a[order],
            "lane_b": meet.lane_b[order],
            "offset_a": meet.offset_a[order],
            "offset_b": meet.offset_b[order],
            "x": meet.point_a[order, 0],
            "y": meet.point_a[order, 1],
            "z_a": meet.point_a[order, 2],
            "z_b": meet.point_b[order, 2],
        })
    )  # fmt: skip


def _without_twins(table: Batch) -> Batch:
    """A crossing that falls on a joint between two pieces is found in both: keep the first."""
    same = (np.diff(table["lane_a"]) == 0) & (np.diff(table["lane_b"]) == 0) & (np.diff(table["offset_a"]) < JOIN_M)
    return table.take(np.concatenate([np.ones(min(1, len(table)), bool), ~same]))


def _shape_length(network: RoadNetwork) -> Floats:
    shape = network.lanes.shape
    last = np.maximum(shape.start[1:] - 1, 0)
    return shape.offsets()[last] if len(shape.points) else np.zeros(len(shape))


@dataclass(frozen=True, slots=True)
class Programme:
    """What each signal group shows over a cycle: rows (k,) sorted by signal, group, start.

    signal = row in `network.signals`, group as in `network.connections`, start_s within the cycle (0 ≤ start_s < cycle_s; a state
    that runs over the cycle's end is one row), duration_s, state = SUMO's character (G g y r u o O s), cycle_s. At time t the
    place in the cycle is (t − signals.offset_s) mod cycle_s.
    """

    signal: Integers
    group: Integers
    start_s: Floats
    duration_s: Floats
    state: np.ndarray[tuple[int], np.dtype[np.str_]]
    cycle_s: Floats


def signal_programme(network: RoadNetwork) -> Programme:
    """The fixed programme of every signal group that the network holds."""
    rows = [row for signal in range(len(network.signals.id)) for row in _signal_rows(network, signal)]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    return Programme(
        signal=np.array(columns[0], np.int32),
        group=np.array(columns[1], np.int32),
        start_s=np.array(columns[2], np.float64),
        duration_s=np.array(columns[3], np.float64),
        state=np.array(columns[4], np.str_).reshape(-1),
        cycle_s=np.array(columns[5], np.float64),
    )


def _signal_rows(network: RoadNetwork, signal: int) -> list[tuple[int, int, float, float, str, float]]:
    phases = network.signals.phase_signal == signal
    duration = network.signals.phase_duration_s[phases]
    states = network.signals.phase_state[phases].tolist()
    cycle = float(duration.sum())
    start = np.cumsum(duration) - duration
    rows = []
    for group, shown in enumerate(zip(*states, strict=True)):
        begins = [phase for phase in range(len(shown)) if shown[phase] != shown[phase - 1]] or [0]
        for begin, following in zip(begins, [*begins[1:], begins[0]], strict=True):
            lasts = float(np.mod(start[following] - start[begin], cycle)) or cycle
            rows.append((signal, group, float(start[begin]), lasts, shown[begin], cycle))
    return rows


def group_lanes(network: RoadNetwork, signal: int, group: int) -> Integers:
    """Lanes (k,) whose traffic a signal group holds or lets go, without repeats."""
    rows = (network.connections.signal == signal) & (network.connections.group == group)
    return np.unique(network.connections.from_lane[rows])
