"""BSM rows as tracks around a junction: by vehicle and time, in the junction's metres, with where the front bumper is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chelu.geo import heading_difference
from chelu.messages import Batch, Column
from chelu.quality.monitors.judged import Floats, Ints, Mask, Numbers
from chelu.quality.monitors.junctions import Junction, Lane
from chelu.quality.monitors.vehicles import by_sender
from chelu.units import US_PER_S

NEAR_LINE_M = 30.0  # to the east and to the north
REACH_M = 200.0  # of the junction's reference position: the last 150 m of a lane, and 50 m of junction
USUAL_LENGTH_M = 4.5
DECK_M = 3.0  # two heights further apart are two decks: roads are stacked at least 4.5 m apart
LONGEST_STEP_S = 1.0  # between two rows of a track that still tell where it was in between
STANDS_MPS = 0.5
COLUMNS = {"vehicle_id": "u8", "time_us": "i8", "speed_mps": "f8", "heading_deg": "f8", "length_m": "f8"}
_DEGREE_M = 111_320.0


@dataclass(frozen=True, slots=True)
class Beside:
    """Rows (k,) beside one lane: metres before its stop line (negative behind it) of the front, and to the right of its line."""

    row: Ints
    to_line_m: Floats
    right_m: Floats


@dataclass(frozen=True, slots=True)
class Tracks:
    """n rows, sorted by vehicle, then time; each vehicle says an instant once, whoever heard it.

    xyz (n, 3) middle, front (n, 2); follows (n,): the row before is the same vehicle's, at most `LONGEST_STEP_S` earlier;
    run (n,) numbers what follows on; way_m (n,): metres driven until here. Of each lane, over: the rows near its stop line from
    which and to which a front gets over it; stood: those near it that stand before it, within the lane.
    """

    who: Numbers
    time_us: Ints
    xyz: Floats
    front: Floats
    speed_mps: Floats
    heading_deg: Floats
    follows: Mask
    way_m: Floats
    run: Ints
    over: tuple[Beside, ...]
    stood: tuple[Beside, ...]

    def __len__(self) -> int:
        return len(self.who)


def tracks(bsm: Batch, junction: Junction, number: Ints) -> Tracks:
    """The rows, sorted by time, near a junction whose map is of use; number: of their vehicles.

    Those without place or heading are left out.
    """
    frame = junction.frame
    if frame is None or junction.contradictions or not len(bsm):
        return _of_rows(np.empty((0, 3)), {name: np.empty(0, kind) for name, kind in COLUMNS.items()}, junction)
    north = np.abs(bsm["latitude_deg"] - frame.latitude_deg) * _DEGREE_M
    east = np.abs(bsm["longitude_deg"] - frame.longitude_deg) * _DEGREE_M * np.cos(np.radians(frame.latitude_deg))
    rows = np.flatnonzero((north < REACH_M) & (east < REACH_M) & ~np.isnan(bsm["heading_deg"]))
    order, follows = by_sender(number[rows])
    rows = rows[order]
    again = np.zeros(len(rows), np.bool_)
    again[1:] = follows & (np.diff(bsm["time_us"][rows]) == 0)
    rows = rows[~again]
    xyz = frame.to_local(bsm["latitude_deg"][rows], bsm["longitude_deg"][rows], bsm["elevation_m"][rows])
    return _of_rows(xyz, {name: bsm[name][rows] for name in COLUMNS}, junction)


def _of_rows(xyz: Floats, columns: Mapping[str, Column], junction: Junction) -> Tracks:
    who, time_us, heading = columns["vehicle_id"], columns["time_us"], columns["heading_deg"]
    half = 0.5 * np.where(np.isnan(columns["length_m"]), USUAL_LENGTH_M, columns["length_m"])
    angle = np.radians(heading)
    front = np.empty((len(xyz), 2))
    front[:, 0] = xyz[:, 0] + half * np.sin(angle)
    front[:, 1] = xyz[:, 1] + half * np.cos(angle)
    follows = np.zeros(len(who), np.bool_)
    follows[1:] = (who[1:] == who[:-1]) & (np.diff(time_us) <= round(LONGEST_STEP_S * US_PER_S))
    step = np.hypot(np.diff(xyz[:, 0], prepend=xyz[:1, 0]), np.diff(xyz[:, 1], prepend=xyz[:1, 1]))
    near = _near_any(xyz, front, columns["speed_mps"], junction.lanes)
    return Tracks(
        who=who,
        time_us=time_us,
        xyz=xyz,
        front=front,
        speed_mps=columns["speed_mps"],
        heading_deg=heading,
        follows=follows,
        way_m=np.cumsum(step),
        run=np.cumsum(~follows),
        over=tuple(_over(near, lane) for lane in junction.lanes),
        stood=tuple(_stood(near, lane) for lane in junction.lanes),
    )


@dataclass(frozen=True, slots=True)
class _Near:
    """Rows (k,) near any stop line, with their fronts' places; stands: which (s,) of the k stand."""

    row: Ints
    east: Floats
    north: Floats
    up: Floats
    stands: Ints


def _near_any(xyz: Floats, front: Floats, speed_mps: Floats, lanes: Sequence[Lane]) -> _Near:
    ends = np.stack([lane.points[-1, :2] for lane in lanes]) if lanes else np.full((1, 2), np.nan)
    low, high = ends.min(axis=0) - NEAR_LINE_M, ends.max(axis=0) + NEAR_LINE_M
    row = np.flatnonzero((front[:, 0] >= low[0]) & (front[:, 0] <= high[0]))
    row = row[(front[row, 1] >= low[1]) & (front[row, 1] <= high[1])]
    return _Near(row, front[row, 0], front[row, 1], xyz[row, 2], np.flatnonzero(speed_mps[row] < STANDS_MPS))


def _over(near: _Near, lane: Lane) -> Beside:
    """A lane's line is passed by few of those near it: they are looked for first, and all else is asked of them alone."""
    to_line = _to_line_m(near.east, near.north, lane)
    is_behind = to_line < 0
    change = np.flatnonzero(is_behind[1:] & ~is_behind[:-1] & (np.diff(near.row) == 1))
    return _beside(near, np.union1d(change, change + 1), lane)


def _stood(near: _Near, lane: Lane) -> Beside:
    to_line = _to_line_m(near.east[near.stands], near.north[near.stands], lane)
    before = _beside(near, near.stands[to_line >= 0], lane)
    return beside_line(before, before_m=np.inf, behind_m=0.0, aside_m=0.5 * lane.width_m)


def _to_line_m(east: Floats, north: Floats, lane: Lane) -> Floats:
    end, angle = lane.points[-1], np.radians(lane.heading_deg)
    return np.asarray(-(np.sin(angle) * (east - end[0]) + np.cos(angle) * (north - end[1])))


def _beside(near: _Near, chosen: Ints, lane: Lane) -> Beside:
    """Those of the chosen in the square around a lane's stop line, on its deck, whatever their heading."""
    end = lane.points[-1]
    east, north, up = near.east[chosen], near.north[chosen], near.up[chosen]
    is_here = (np.abs(east - end[0]) <= NEAR_LINE_M) & (np.abs(north - end[1]) <= NEAR_LINE_M) & is_on_deck(up, end[2])
    east, north = east[is_here], north[is_here]
    return Beside(near.row[chosen[is_here]], _to_line_m(east, north, lane), right_of(np.column_stack([east, north]), lane))


def right_of(places: Floats, lane: Lane) -> Floats:
    """Metres (n,) to the right of a lane's line, as it runs at its end, of places (n, 2)."""
    angle, end = np.radians(lane.heading_deg), lane.points[-1]
    return np.asarray(np.cos(angle) * (places[:, 0] - end[0]) - np.sin(angle) * (places[:, 1] - end[1]))


def beside_line(near: Beside, *, before_m: float, behind_m: float, aside_m: float) -> Beside:
    """Of the rows near a stop line those whose front is so near to it."""
    chosen = (near.to_line_m <= before_m) & (near.to_line_m >= -behind_m) & (np.abs(near.right_m) <= aside_m)
    return Beside(near.row[chosen], near.to_line_m[chosen], near.right_m[chosen])


def is_on_deck(height_m: Floats, road_m: float | Floats) -> Mask:
    """Whether heights (n,) are those of the road; unknown ones may be."""
    return ~(np.abs(height_m - road_m) > DECK_M)


def off_heading_deg(found: Tracks, lane: Lane, row: Ints) -> Floats:
    """How far rows point away from a lane's direction at its line, 0…180."""
    return np.abs(heading_difference(found.heading_deg[row], lane.heading_deg))
