"""Greens at the same time for ways that cross.

A MAP draws what leads to a junction only, so ways are taken as chords of a circle: whoever comes on a road enters it to the right
of the road's middle, seen from him, and who leaves by a road does so on that road's other side (traffic keeps right). Two ways
cross when their chords do. A road that leaves is where the link from that node comes in, or lies where the manoeuvre leads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from chelu.geo import heading_difference, wrap_heading
from chelu.lights import Light, is_green
from chelu.parameters import parameter
from chelu.quality.monitors.alignment import unusable
from chelu.quality.monitors.judged import Judged, Mask, judged, passed_over, together
from chelu.quality.monitors.junctions import PERMANENT_GREEN, TURNS, Junction, Way
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.signal_streams import SignalStream
from chelu.quality.monitors.window import Window

NO_PAIRS = "by its MAP no two of its phases hold ways that cross"
ASIDE_DEG = 4.0  # of entries and exits from their road's middle: less than half of what roads must be apart
APART_DEG = 15.0  # roads nearer than this to each other in direction are not told apart
OPPOSITE_DEG = 135.0
TURNS_LEFT = "maneuverLeftAllowed"


@dataclass(frozen=True, slots=True)
class Conflict(Assessed):
    """Parameters of the conflicting greens."""

    fewest: float = parameter(1, "items", "one is one too many", low=1, high=1e6)
    most_bad: float = parameter(0.0, "share", "as above", high=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two phases whose ways cross. yields: the phase (0 neither) of which a permissive green may be shown beside the other's."""

    one: int
    two: int
    yields: int


def green_conflict(window: Window, parameters: Conflict) -> Judged:
    """Messages in which phases that exclude one another are green; value: the pair, first phase × 1000 + second."""
    del parameters
    parts = []
    for stream in window.signals:
        junction = window.junctions.get(stream.junction)
        reason = unusable(junction)
        found = pairs(junction) if junction is not None and not reason else ()
        if reason or not found:
            parts.append(passed_over(stream.subject, stream.time_us, reason or NO_PAIRS))
        else:
            parts.append(_messages(stream, found))
    return together(parts)


def pairs(junction: Junction) -> tuple[Pair, ...]:
    """The phases of a junction that exclude one another."""
    ways = [(way, chord) for way in junction.ways if 0 < way.phase < PERMANENT_GREEN and (chord := _chord(junction, way))]
    found: dict[tuple[int, int], set[int]] = {}
    for (way, chord), (other, other_chord) in combinations(ways, 2):
        if way.phase != other.phase and _cross(chord, other_chord):
            key = min(way.phase, other.phase), max(way.phase, other.phase)
            found.setdefault(key, set()).add(_who_yields(junction, way, other))
    return tuple(Pair(one, two, next(iter(who)) if len(who) == 1 else 0) for (one, two), who in sorted(found.items()))


def _messages(stream: SignalStream, found: tuple[Pair, ...]) -> Judged:
    column = {phase: row for row, phase in enumerate(stream.phase.tolist())}
    value = np.full(len(stream.time_us), np.nan)
    for pair in found:
        if pair.one in column and pair.two in column:
            clash = _clashes(stream, column[pair.one], column[pair.two], pair)
            value = np.where(clash & np.isnan(value), pair.one * 1000 + pair.two, value)
    return judged(stream.subject, stream.time_us, np.isfinite(value), value)


def _clashes(stream: SignalStream, one: int, two: int, pair: Pair) -> Mask:
    """Messages (m,) in which both are green and neither gives way."""
    first, second = stream.light[:, one], stream.light[:, two]
    both = is_green(first) & is_green(second)
    if pair.yields == pair.one:
        both &= first != Light.PERMISSIVE_GREEN
    elif pair.yields == pair.two:
        both &= second != Light.PERMISSIVE_GREEN
    return both


def _who_yields(junction: Junction, way: Way, other: Way) -> int:
    """The phase whose left turn gives way to who comes towards it; 0 where the two come from the side."""
    towards = abs(float(heading_difference(junction.lanes[way.lane].heading_deg, junction.lanes[other.lane].heading_deg)))
    if towards < OPPOSITE_DEG:
        return 0
    turning = [one for one in (way, other) if TURNS_LEFT in one.maneuvers]
    return turning[0].phase if len(turning) == 1 else 0


def _chord(junction: Junction, way: Way) -> tuple[float, float] | None:
    """Bearings from the junction's middle at which a way enters and leaves; None where that is not known."""
    lane = junction.lanes[way.lane]
    came_from = _bearing(lane.heading_deg)
    leaves = next(_exits(junction, way), None)
    if leaves is None or abs(float(heading_difference(leaves, came_from))) < APART_DEG:
        return None  # it turns back: that crosses nobody's way
    return float(wrap_heading(came_from - ASIDE_DEG)), float(wrap_heading(leaves + ASIDE_DEG))


def _exits(junction: Junction, way: Way) -> Iterator[float]:
    lane = junction.lanes[way.lane]
    yield from (_bearing(one.heading_deg) for one in junction.lanes if one.upstream == way.to and one.link != lane.link)
    if len(way.maneuvers) == 1:
        yield float(wrap_heading(lane.heading_deg + TURNS[way.maneuvers[0]]))


def _bearing(heading_deg: float) -> float:
    """Where who comes with this heading comes from."""
    return float(wrap_heading(heading_deg + 180.0))


def _cross(one: tuple[float, float], two: tuple[float, float]) -> bool:
    """Whether two chords have their ends in turn around the circle, well apart from one another."""
    start, end = one
    reach = (end - start) % 360.0
    places = [(bearing - start) % 360.0 for bearing in two]
    near = [min(place, 360.0 - place, abs(place - reach)) for place in places]
    return (places[0] < reach) != (places[1] < reach) and min(near) > APART_DEG - 2 * ASIDE_DEG
