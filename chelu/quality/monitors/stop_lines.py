"""Vehicles and lights at stop lines: who passes on red, and who stands at green."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chelu.lights import Light, is_green
from chelu.parameters import parameter
from chelu.quality.monitors.judged import Floats, Ints, Judged, Mask, Numbers, judged, together
from chelu.quality.monitors.junctions import MANEUVERS, NO_PHASE, Junction, Lane, Way
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.passages import UNCLEAR, Crossing, Passages, of_junctions, passages, subject_of
from chelu.quality.monitors.phases_shown import Shown, shown_of
from chelu.quality.monitors.tracks import Tracks, beside_line, off_heading_deg
from chelu.quality.monitors.window import Window
from chelu.units import US_PER_S

NO_SIGNAL = "no light was known at that moment"
NO_WAY = "by the map nothing goes on to where it went"
UNHELD = "no signal holds its way"
MAY_ON_RED = "it turned right, or may have, which a round red allows"
MIXED = "its lane's ways have different lights, and which it took is not clear"
MAY_YIELD = "it, or who was before it in the lane, may have had to give way at a round green"
RIGHT, STRAIGHT = "maneuverRightAllowed", ("maneuverStraightAllowed",)
RED, YELLOW, GREEN, YIELDING, DARK, MIX = range(6)  # colours of time spent standing
COLOURS = ("red", "yellow", "green", "yielding", "dark", "mixed")


@dataclass(frozen=True, slots=True)
class OnRed(Crossing):
    """Parameters of the passages on red."""

    most_bad: float = parameter(0.02, "share", "some drivers do; more is a signal or a map that is wrong", high=1)
    red_for_s: float = parameter(0.5, "s", "the light has been red: two messages' age and the clocks' own error", high=10)


@dataclass(frozen=True, slots=True)
class AtGreen(Assessed):
    """Parameters of the stops at green."""

    most_bad: float = parameter(0.2, "share", "roads behind a junction fill up; more is a signal or a map that is wrong", high=1)
    most_s: float = parameter(6.0, "s", "the first of a queue moves after about 2 s; three times that", high=300)
    near_m: float = parameter(8.0, "m", "of the front from the line: the first of the queue", low=1, high=100)
    heading_deg: float = parameter(45.0, "°", "off the lane's direction", high=90)


@dataclass(frozen=True, slots=True)
class Stands:
    """s times that vehicles stood before one line. seconds (s, 6): by `COLOURS`, every moment under one of them."""

    until_us: Ints
    who: Numbers
    seconds: Floats


def stop_line_red(window: Window, parameters: OnRed) -> Judged:
    """Passages while the light is red; value: seconds since it became so."""

    def at_junction(junction: Junction, found: Tracks) -> Iterator[Judged]:
        shown = shown_of(window, (junction.region, junction.node))
        for row, lane in enumerate(junction.lanes):
            passed, ways = passages(found, junction, row, parameters), junction.ways_of(row)
            yield _on_red(junction, lane, passed, ways, shown, parameters)

    return together(list(of_junctions(window, at_junction)))


def stop_at_green(window: Window, parameters: AtGreen) -> Judged:
    """Times that the first of a queue stood while its light was green; value: seconds of green."""

    def at_junction(junction: Junction, found: Tracks) -> Iterator[Judged]:
        shown = shown_of(window, (junction.region, junction.node))
        for row, lane in enumerate(junction.lanes):
            stood = stands(found, junction, row, shown, parameters)
            yield _at_green(junction, lane, stood, window, parameters)

    return together(list(of_junctions(window, at_junction)))


def _on_red(junction: Junction, lane: Lane, passed: Passages, ways: Sequence[Way], shown: Shown, parameters: OnRed) -> Judged:
    n = len(passed.time_us)
    light, since = np.zeros(n, np.uint8), np.zeros(n, np.int64)
    reasons = {name: np.zeros(n, np.bool_) for name in (UNHELD, NO_WAY, NO_SIGNAL, MAY_ON_RED, MIXED)}
    for maneuver in np.unique(passed.maneuver).tolist():
        mine = np.flatnonzero(passed.maneuver == maneuver)
        taken = _taken(ways, maneuver)
        phases = sorted({way.phase for way in taken})
        if not phases or NO_PHASE in phases or 0 in phases:
            reasons[UNHELD if phases else NO_WAY][mine] = True
            continue
        lights = [shown.at(phase, passed.time_us[mine]) for phase in phases]
        light[mine], since[mine] = lights[0]
        shows_red = np.stack([one == Light.RED for one, _ in lights])
        reasons[MIXED][mine] = shows_red.any(axis=0) != shows_red.all(axis=0)
        reasons[NO_SIGNAL][mine] = np.any([one <= Light.DARK for one, _ in lights], axis=0)
        since[mine] = np.max([one for _, one in lights], axis=0)
        may = any(RIGHT in way.maneuvers or not way.maneuvers for way in taken)
        reasons[MAY_ON_RED][mine] = may & shows_red.any(axis=0)
    red_s = np.where(light == Light.RED, (passed.time_us - since) / US_PER_S, 0.0)
    is_bad = (light == Light.RED) & (red_s >= parameters.red_for_s)
    return judged(subject_of(junction, lane), passed.time_us, is_bad, red_s, passed=reasons, who=passed.who)


def _taken(ways: Sequence[Way], maneuver: int) -> list[Way]:
    """The ways that a passage may have taken."""
    if maneuver == UNCLEAR:
        return list(ways)
    return [way for way in ways if MANEUVERS[maneuver] in way.maneuvers or not way.maneuvers]


def stands(found: Tracks, junction: Junction, row: int, shown: Shown, parameters: AtGreen) -> Stands:
    """Whoever stood first before a lane's line, and for how long under which colour of the way it then took."""
    lane, ways = junction.lanes[row], junction.ways_of(row)
    near = beside_line(found.stood[row], before_m=parameters.near_m, behind_m=0.0, aside_m=0.5 * lane.width_m)
    stood = near.row[off_heading_deg(found, lane, near.row) <= parameters.heading_deg]
    stays = stood[:-1][(np.diff(stood) == 1) & found.follows[stood[1:]]]  # from this row to the next it stood
    if not len(stays):
        return Stands(np.empty(0, np.int64), np.empty(0, np.uint64), np.empty((0, len(COLOURS))))
    begins = np.concatenate([[True], np.diff(stays) > 1])
    number, count = np.cumsum(begins) - 1, int(begins.sum())
    last = stays[np.append(np.flatnonzero(begins)[1:], len(stays)) - 1] + 1
    until_us, who = found.time_us[last], found.who[last]
    passed = passages(found, junction, row, Crossing(heading_deg=parameters.heading_deg))
    maneuver = _next_maneuver(passed, until_us, who)[number]
    colours = {way: _colours(way, shown, found.time_us[stays]) for way in ways if way.phase != NO_PHASE}
    colour = np.zeros(len(stays), np.int64)
    for one in np.unique(maneuver).tolist():
        mine = np.flatnonzero(maneuver == one)
        colour[mine] = _agreed([colours[way][mine] for way in _taken(ways, one) if way in colours])
    held_up = np.any([one == YIELDING for one in colours.values()], axis=0)  # by who is before it in the lane
    colour[held_up & (colour == GREEN)] = YIELDING
    step_s = (found.time_us[stays + 1] - found.time_us[stays]) / US_PER_S
    seconds = np.bincount(number * len(COLOURS) + colour, step_s, count * len(COLOURS)).astype(np.float64)
    return Stands(until_us, who, seconds.reshape(count, len(COLOURS)))


def _next_maneuver(passed: Passages, until_us: Ints, who: Numbers) -> Ints:
    """By which manoeuvre each (s,) passed the line after it had stood, `UNCLEAR` where it was not seen to."""
    if not len(passed.who):
        return np.full(len(who), UNCLEAR)
    order = np.lexsort((passed.time_us, passed.who))
    names, times, maneuvers = passed.who[order], passed.time_us[order], passed.maneuver[order]
    first = np.searchsorted(names, who)
    behind = np.searchsorted(names, who, side="right")
    found = np.full(len(who), UNCLEAR)
    for row in range(len(who)):  # a handful of vehicles
        later = first[row] + int(np.searchsorted(times[first[row] : behind[row]], until_us[row]))
        if later < behind[row]:
            found[row] = maneuvers[later]
    return found


def _agreed(colours: Sequence[Ints]) -> Ints | int:
    """The one colour (n,) under which a moment is counted: the ways' own when they agree."""
    if not colours:
        return DARK
    return np.where(np.all([one == colours[0] for one in colours], axis=0), colours[0], MIX)


def _colours(way: Way, shown: Shown, at_us: Ints) -> Ints:
    """Under which colour of its own way each moment (n,) was."""
    light = np.arange(256)
    colour = np.full(len(light), DARK)
    colour[light == Light.RED] = RED
    colour[light == Light.YELLOW] = YELLOW
    colour[is_green(light)] = GREEN if way.maneuvers == STRAIGHT else YIELDING
    colour[light == Light.PROTECTED_GREEN] = GREEN
    return colour[shown.at(way.phase, at_us)[0]]


def _at_green(junction: Junction, lane: Lane, stood: Stands, window: Window, parameters: AtGreen) -> Judged:
    green_s = stood.seconds[:, GREEN]
    reasons: Mapping[str, Mask] = {MAY_YIELD: stood.seconds[:, YIELDING] > 0, MIXED: stood.seconds[:, MIX] > 0}
    found = judged(
        subject_of(junction, lane),
        stood.until_us,
        green_s > parameters.most_s,
        green_s,
        passed=reasons,
        who=stood.who,
    )
    is_over = stood.until_us < window.heard_to_us - US_PER_S  # else the next window sees all of it
    return found.take(is_over & (stood.seconds[:, [GREEN, YIELDING, MIX]].sum(axis=1) > 0))
