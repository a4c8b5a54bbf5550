"""Where vehicles drive against what the map draws: along the lane, on from it, and beside all lanes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chelu.geo import heading_difference, heading_of
from chelu.parameters import parameter
from chelu.quality.monitors.judged import Floats, Ints, Judged, Numbers, Subject, judged, together
from chelu.quality.monitors.junctions import LANES_OF_A_LINK, MANEUVERS, WHOLE_LINK, Junction, Lane
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.passages import UNCLEAR, Crossing, of_junctions, passages, subject_of
from chelu.quality.monitors.tracks import Tracks, is_on_deck
from chelu.quality.monitors.window import Window

NO_TURN = "where it turned to is not clear"
UNSAID = "its MAP does not say by which manoeuvres the lane goes on"
THIN_US = 500_000  # two rows a second show a direction
SAME_PASSAGE_US = 10_000_000  # over the lines of a link's lanes, which may lie apart


@dataclass(frozen=True, slots=True)
class Direction(Assessed):
    """Parameters of the lane direction of travel."""

    most_deg: float = parameter(30.0, "°", "a lane change at 5 m/s is at most 20° off, a lane's chord in a bend 10°", high=180)
    within_m: float = parameter(100.0, "m", "before the stop line: further off, maps draw lanes by few points", low=10, high=150)
    fewest_rows: float = parameter(4, "rows", "of two a second", low=2, high=100)
    least_m: float = parameter(10.0, "m", "driven along the lane: whoever crosses it does less", high=100)
    least_mps: float = parameter(2.0, "m/s", "slower, satellites' headings wander", high=20)


@dataclass(frozen=True, slots=True)
class _Moving:
    """Rows of those who move, about two a second, in the order of their tracks; as in `Tracks`."""

    who: Numbers
    time_us: Ints
    xyz: Floats
    heading_deg: Floats


@dataclass(frozen=True, slots=True)
class NotInMap(Crossing):
    """Parameters of the ways that the map lacks."""


@dataclass(frozen=True, slots=True)
class Outside(Assessed):
    """Parameters of the passages beside all lanes."""

    beside_m: float = parameter(1.0, "m", "beyond the lane's edge: what positions and maps are off", high=10)
    gate_m: float = parameter(4.0, "m", "beyond the edge of the link's lanes, where a passage still is of this link", high=20)
    heading_deg: float = parameter(30.0, "°", "off the link's direction", high=90)


def lane_direction(window: Window, parameters: Direction) -> Judged:
    """Vehicles on a lane that do not point along it; value: the median of the angle between, 0…180°."""

    def at_junction(junction: Junction, found: Tracks) -> Iterator[Judged]:
        moving = _moving(found, parameters.least_mps)
        for lane in junction.lanes:
            if lane.number != WHOLE_LINK:
                yield _directions(junction, lane, moving, parameters)

    return together(list(of_junctions(window, at_junction)))


def way_not_in_map(window: Window, parameters: NotInMap) -> Judged:
    """Passages to where the lane has no way by its map; value: how far the heading changed, in degrees."""

    def at_junction(junction: Junction, found: Tracks) -> Iterator[Judged]:
        for row, lane in enumerate(junction.lanes):
            passed, ways = passages(found, junction, row, parameters), junction.ways_of(row)
            known = {name for way in ways for name in way.maneuvers}
            is_there = np.isin(passed.maneuver, [MANEUVERS.index(name) for name in known])
            is_unsaid = np.full(len(is_there), not all(way.maneuvers for way in ways))
            reasons = {NO_TURN: passed.maneuver == UNCLEAR, UNSAID: is_unsaid}
            subject = subject_of(junction, lane)
            yield judged(subject, passed.time_us, ~is_there, passed.turn_deg, passed=reasons, who=passed.who)

    return together(list(of_junctions(window, at_junction)))


def outside_lanes(window: Window, parameters: Outside) -> Judged:
    """Passages into a junction beside all lanes of the link; value: metres beyond the nearest lane's edge."""

    def at_junction(junction: Junction, found: Tracks) -> Iterator[Judged]:
        for link in sorted({lane.link for lane in junction.lanes}):
            yield _beside(junction, [row for row, lane in enumerate(junction.lanes) if lane.link == link], found, parameters)

    return together(list(of_junctions(window, at_junction)))


def _moving(found: Tracks, least_mps: float) -> _Moving:
    stretch = found.time_us // THIN_US
    first = np.ones(len(found), np.bool_)
    first[1:] = ~found.follows[1:] | (np.diff(stretch) != 0)
    row = np.flatnonzero(first & (found.speed_mps >= least_mps))
    return _Moving(found.who[row], found.time_us[row], found.xyz[row], found.heading_deg[row])


def _directions(junction: Junction, lane: Lane, found: _Moving, parameters: Direction) -> Judged:
    row, along_m, off_deg = _on_lane(lane, found, parameters.within_m)
    if not len(row):
        return together([])
    begins = np.ones(len(row), np.bool_)
    begins[1:] = (found.who[row[1:]] != found.who[row[:-1]]) | (np.diff(found.time_us[row]) > 4 * THIN_US)
    first = np.flatnonzero(begins)
    behind = np.append(first[1:], len(row))
    counts = behind - first
    group = np.repeat(np.arange(len(first)), counts)
    ordered = off_deg[np.lexsort((off_deg, group))]
    middle = 0.5 * (ordered[first + (counts - 1) // 2] + ordered[first + counts // 2])
    driven = np.maximum.reduceat(along_m, first) - np.minimum.reduceat(along_m, first)
    enough = (counts >= parameters.fewest_rows) & (driven >= parameters.least_m)
    last = behind - 1
    return judged(
        subject_of(junction, lane), found.time_us[row[last]], middle > parameters.most_deg, middle, who=found.who[row[last]]
    ).take(enough)


def _on_lane(lane: Lane, found: _Moving, within_m: float) -> tuple[Ints, Floats, Floats]:
    """The rows (k,) on a lane, ascending, with metres along it and the angle to it (0…180°)."""
    a, b = lane.points[:-1], lane.points[1:]
    length = np.hypot(*(b - a)[:, :2].T)
    offset = np.concatenate([[0.0], np.cumsum(length)])
    kept = np.flatnonzero(offset[1:] > offset[-1] - within_m)
    a, b, length, offset = a[kept], b[kept], length[kept], offset[kept]
    margin = lane.width_m
    low, high = np.minimum(a, b)[:, :2].min(axis=0) - margin, np.maximum(a, b)[:, :2].max(axis=0) + margin
    east, north = found.xyz[:, 0], found.xyz[:, 1]
    row = np.flatnonzero((east >= low[0]) & (east <= high[0]) & (north >= low[1]) & (north <= high[1]))
    place = found.xyz[row]
    step = (b - a)[:, :2] / length[:, None]
    away = place[:, None, :2] - a[None, :, :2]
    along = np.einsum("nsk,sk->ns", away, step)
    across = np.abs(away[..., 0] * step[:, 1] - away[..., 1] * step[:, 0])
    between = (along >= 0) & (along <= length)
    nearest = np.argmin(np.where(between, across, np.inf), axis=1)
    pick = np.arange(len(row)), nearest
    road = a[nearest, 2] + along[pick] / length[nearest] * (b - a)[nearest, 2]
    is_on = between[pick] & is_on_deck(place[:, 2], road) & (across[pick] <= 0.5 * lane.width_m)
    row, nearest, along_m = row[is_on], nearest[is_on], (offset[nearest] + along[pick])[is_on]
    heading = heading_of(step[:, 0], step[:, 1])[nearest]
    return row, along_m, np.abs(heading_difference(found.heading_deg[row], heading))


def _beside(junction: Junction, rows: list[int], found: Tracks, parameters: Outside) -> Judged:
    lanes = [junction.lanes[row] for row in rows]
    widest = max(lane.width_m for lane in lanes)
    gate = Crossing(heading_deg=parameters.heading_deg)
    each = [passages(found, junction, row, gate, aside_m=0.5 * widest + parameters.gate_m) for row in rows]
    edge = [np.abs(one.right_m) - 0.5 * lane.width_m for one, lane in zip(each, lanes, strict=True)]
    who, time_us = np.concatenate([one.who for one in each]), np.concatenate([one.time_us for one in each])
    order = np.lexsort((time_us, who))
    who, time_us, beyond = who[order], time_us[order], np.concatenate(edge)[order]
    if not len(who):
        return together([])
    begins = np.ones(len(who), np.bool_)
    begins[1:] = (who[1:] != who[:-1]) | (np.diff(time_us) > SAME_PASSAGE_US)
    first = np.flatnonzero(begins)
    nearest = np.minimum.reduceat(beyond, first)
    subject = Subject(-1, junction.region, junction.node, lanes[0].link * LANES_OF_A_LINK)
    return judged(subject, time_us[first], nearest > parameters.beside_m, nearest, who=who[first])
