"""Who passes which stop line when, and where he goes on to.

A passage is where a vehicle's front gets over the line of a lane, within the lane's width and about in its direction; of lanes
side by side it passes the nearest. Where it
turns to is how far its heading has changed once it is clear of the junction, the short way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.geo import heading_difference
from chelu.parameters import parameter
from chelu.quality.monitors.alignment import CONTRADICTS
from chelu.quality.monitors.judged import Floats, Ints, Judged, Mask, Numbers, Subject, passed_over
from chelu.quality.monitors.junctions import TURNS, Junction, Lane
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.tracks import Tracks, beside_line, off_heading_deg, right_of
from chelu.quality.monitors.window import Window

MANY_DEG = 35.0  # a way that lies further from a manoeuvre's direction is not taken for it
APART_DEG = 20.0  # by how much the nearest manoeuvre must be nearer than the next
NEAR_LINE_M = 25.0  # a second at 90 km/h
UNCLEAR = -1


@dataclass(frozen=True, slots=True)
class Crossing(Assessed):
    """What the monitors of passages have in common."""

    beside_m: float = parameter(0.5, "m", "beyond half a lane's width: positions are off by as much", high=5)
    heading_deg: float = parameter(45.0, "°", "off the lane's direction; beyond, it does not come out of this lane", high=90)
    clear_m: float = parameter(30.0, "m", "behind the line: across a junction of two lanes each way", low=5, high=200)


@dataclass(frozen=True, slots=True)
class Passages:
    """p passages of one lane, in the order of vehicles and times.

    time_us: when the front was on the line; right_m: how far right of the lane's middle; turn_deg: how far the heading changed,
    NaN for a vehicle that was not heard until it was clear of the junction; maneuver: row of `MANEUVERS`, `UNCLEAR`.
    """

    time_us: Ints
    who: Numbers
    right_m: Floats
    turn_deg: Floats
    maneuver: Ints

    @property
    def is_clear(self) -> Mask:
        """Which were heard until they were clear of the junction."""
        return ~np.isnan(self.turn_deg)


def of_junctions(window: Window, judge: Callable[[Junction, Tracks], Iterator[Judged]]) -> Iterator[Judged]:
    """What a monitor of vehicles says at each junction whose map is of use."""
    for junction in window.junctions.values():
        if junction.contradictions:
            subject = Subject(-1, junction.region, junction.node)
            yield passed_over(subject, np.array([window.from_us]), CONTRADICTS)
        else:
            yield from judge(junction, window.tracks((junction.region, junction.node)))


def subject_of(junction: Junction, lane: Lane) -> Subject:
    """A lane as a subject; whoever heard its vehicles."""
    return Subject(-1, junction.region, junction.node, lane.part)


def passages(found: Tracks, junction: Junction, row: int, parameters: Crossing, *, aside_m: float | None = None) -> Passages:
    """The passages of one lane (row of the junction's), or those up to aside_m from its middle."""
    lane = junction.lanes[row]
    aside = 0.5 * lane.width_m + parameters.beside_m if aside_m is None else aside_m
    near = beside_line(found.over[row], before_m=NEAR_LINE_M, behind_m=NEAR_LINE_M, aside_m=aside)
    to_line = near.to_line_m
    place = 1 + np.flatnonzero((to_line[1:] < 0) & (to_line[:-1] >= 0) & (np.diff(near.row) == 1))  # near row: the one before too
    place = place[found.follows[near.row[place]]]
    place = place[off_heading_deg(found, lane, near.row[place]) <= parameters.heading_deg]
    place = place[_is_nearest(found.front[near.row[place]], np.abs(near.right_m[place]), junction, row)]
    over = near.row[place]
    share = to_line[place - 1] / (to_line[place - 1] - to_line[place])
    step_us = found.time_us[over] - found.time_us[over - 1]
    at_us = found.time_us[over - 1] + np.round(share * step_us).astype(np.int64)
    clear = _clear_row(found, over, parameters.clear_m)
    turn = heading_difference(found.heading_deg[clear], lane.heading_deg)
    turn = np.where(clear >= 0, turn, np.nan)
    return Passages(at_us, found.who[over], near.right_m[place], turn, maneuver_of(turn))


def _is_nearest(front: Floats, aside_m: Floats, junction: Junction, row: int) -> Mask:
    """Whether of a link's lanes this one is nearest: who changes lanes on the line passes one of them."""
    nearest = np.ones(len(front), np.bool_)
    for other in range(len(junction.lanes)):
        if other != row and junction.lanes[other].link == junction.lanes[row].link:
            nearest &= aside_m <= np.abs(right_of(front, junction.lanes[other]))
    return nearest


def maneuver_of(turn_deg: npt.ArrayLike) -> Ints:
    """The manoeuvre (row of `MANEUVERS`) that a change of heading is, `UNCLEAR` between two, far from all, or unknown."""
    turn = np.asarray(turn_deg, np.float64)
    off = np.abs(np.stack([heading_difference(turn, direction) for direction in TURNS.values()], axis=-1))
    least, next_ = np.moveaxis(np.sort(off, axis=-1)[..., :2], -1, 0)
    is_clear = (least <= MANY_DEG) & (next_ - least >= APART_DEG)  # NaN is neither
    return np.where(is_clear, np.argmin(off, axis=-1), UNCLEAR)


def _clear_row(found: Tracks, row: Ints, clear_m: float) -> Ints:
    """Of each passage the first row that is so far from the line by the way driven, −1 when the track ends before."""
    if not len(row):
        return row
    at = np.searchsorted(found.way_m, found.way_m[row] + clear_m)
    inside = np.minimum(at, len(found) - 1)
    return np.where((at < len(found)) & (found.run[inside] == found.run[row]), inside, UNCLEAR)
