"""Metrics of one actor on its way: the limit, its lane, stop lines and red lights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chelu.units import KMH_PER_MPS
from simulators.scenario.metrics.driving import speed
from simulators.scenario.metrics.metric import Floats, Metric, Parameter, Question
from simulators.scenario.trace import Trace
from simulators.signals import Light

STANDS_MPS = 0.1  # slower is standing: no speedometer tells less
LANE = Parameter("lane", "its number, 1 the rightmost; if not given, the one in which the actor begins", np.nan)
LINE = Parameter("line_m", "where the line is on the actor's way; if not given, the signal's", np.nan)


def _over_limit(question: Question) -> Floats:
    trace, actor = question.trace, question.parties[0]
    return (speed(question) - _of_way(trace, actor, "speed_limit_mps")) * KMH_PER_MPS


def _of_way(trace: Trace, actor: int, name: str) -> Floats:
    """A property of the actor's way (n,); NaN where it is on none."""
    values = np.array([*(getattr(way, name) for way in trace.ways.each), np.nan], np.float64)
    return values[trace.way[:, actor]]  # −1 is the last: NaN


def _lane_middle(question: Question) -> Floats:
    """Where the lane's middle is (n,), right of the reference line."""
    return _of_lane(question, question.trace.ways.middles_m)


def _of_lane(question: Question, table: Floats) -> Floats:
    """What a table of the ways says of the lane that is asked about (n,); NaN where there is none."""
    trace, actor = question.trace, question.parties[0]
    way, ways = trace.way[:, actor], trace.ways
    off = np.abs(np.where(np.isnan(ways.middles_m), np.inf, ways.middles_m)[way] - trace.aside_m[0, :, actor, None])
    given = question.number("lane")
    lane = np.where(np.isnan(given), np.argmin(off, axis=1) + 1, given)
    is_lane = (way >= 0) & (lane >= 1) & (lane <= ways.lanes[way])
    row = np.where(is_lane, lane, 1).astype(np.int64) - 1
    return np.where(is_lane, table[way, row], np.nan)


def _half_width(trace: Trace, actor: int) -> Floats:
    """Half of what the footprint covers across its way (t, n)."""
    one = trace.actors[actor]
    row = np.maximum(trace.way[:, actor], 0)
    line = trace.ways.at(row, trace.along_m[:, :, actor], trace.aside_m[:, :, actor]).heading_deg
    turned = np.radians(trace.heading_deg[:, :, actor] - line)
    return np.asarray(0.5 * (np.abs(np.cos(turned)) * one.width_m + np.abs(np.sin(turned)) * one.length_m))


def _lane_offset(question: Question) -> Floats:
    return question.trace.aside_m[:, :, question.parties[0]] - _lane_middle(question)


def _lane_departure(question: Question) -> Floats:
    trace, actor = question.trace, question.parties[0]
    return np.abs(_lane_offset(question)) + _half_width(trace, actor) - _of_lane(question, trace.ways.widths_m) / 2.0


def _road_departure(question: Question) -> Floats:
    trace, actor = question.trace, question.parties[0]
    aside, half = trace.aside_m[:, :, actor], _half_width(trace, actor)
    ends = np.array([*((way.edges_m[0], way.edges_m[-1]) for way in trace.ways.each), (np.nan, np.nan)])
    left, right = ends[trace.way[:, actor]].T  # −1 is the last: NaN
    return np.asarray(np.maximum(aside + half - right, left + half - aside))


def _off_road(question: Question) -> Floats:
    """Of one, or of whoever is furthest off."""
    trace = question.trace
    columns = list(question.parties) or list(range(len(trace.actors)))
    ends = np.array([*(way.length_m for way in trace.ways.each), np.nan])[trace.way[:, columns]]  # −1 is the last: NaN
    along = trace.along_m[:, :, columns]
    return np.asarray(np.fmax.reduce(np.maximum(along - ends, -along), axis=2))


def _front(trace: Trace, actor: int) -> Floats:
    """Where the front bumper is on the way (t, n)."""
    return np.asarray(trace.along_m[:, :, actor] + trace.actors[actor].length_m / 2.0)


def _stop_distance(question: Question) -> Floats:
    """At the first standstill after having moved."""
    trace, actor = question.trace, question.parties[0]
    left = _line(question) - _front(trace, actor)
    stands = np.abs(speed(question)) < STANDS_MPS
    has_moved = np.cumsum(~stands & question.during, axis=0) > 0
    is_stop = stands & has_moved & question.during
    at, run = np.argmax(is_stop, axis=0), np.arange(trace.runs)
    never = np.where(left[trace.last, run] >= 0, np.inf, -np.inf)
    found = np.where(is_stop.any(axis=0), left[at, run], never)
    return np.where(np.isnan(_line(question)), np.nan, found)


def _line(question: Question) -> Floats:
    """Where the line is (n,): as given, or the signal's where that stands on the actor's way; NaN where there is none."""
    given, signal = question.number("line_m"), question.texts["signal"]
    if signal not in question.trace.stop_lines:
        return given
    way, place = question.trace.stop_lines[signal]
    own = np.where(question.trace.way[:, question.parties[0]] == way, place, np.nan)
    return np.where(np.isnan(given), own, given)


def _red_passages(question: Question) -> Floats:
    """Of one signal, or of all on the actor's way, up to each instant (t, n); NaN where there is none."""
    trace, wanted = question.trace, question.texts["signal"]
    signals = [wanted] if wanted else list(trace.stop_lines)
    counts = [_passages(replace(question, texts={"signal": signal}), signal) for signal in signals if signal in trace.lights]
    if not counts:
        return np.full((trace.instants, trace.runs), np.nan)
    is_none = np.isnan(counts).all(axis=0)
    return np.where(is_none, np.nan, np.nansum(counts, axis=0))


def _passages(question: Question, signal: str) -> Floats:
    """Crossings of the line by the front, from before to beyond; the light is the one shown at the last instant before."""
    trace, actor = question.trace, question.parties[0]
    line, front = _line(question), _front(trace, actor)
    passes = (front[:-1] <= line) & (front[1:] > line) & question.during[1:]
    count = np.cumsum(passes & (trace.lights[signal] == Light.RED)[:-1], axis=0, dtype=np.float64)
    return np.where(np.isnan(line), np.nan, np.concatenate([np.zeros((1, trace.runs)), count]))


METRICS = (
    Metric(
        name="speed_over_limit_kmh",
        unit="km/h",
        parties=(1,),
        formula="3.6 (v − v_limit)",
        about="How much faster than the limit of the actor's way; below 0: slower.",
        edges="−∞ where there is no limit; not measured off all ways.",
        measure=_over_limit,
    ),
    Metric(
        name="lane_offset_m",
        unit="m",
        parties=(1,),
        formula="place across the way − the lane's middle, right positive",
        about="How far the actor's centre is from the middle of a lane.",
        edges="Not measured off all ways.",
        measure=_lane_offset,
        parameters=(LANE,),
    ),
    Metric(
        name="lane_departure_m",
        unit="m",
        parties=(1,),
        formula="|lane_offset_m| + half the footprint's width across the way − half the lane's",
        about="How far the footprint is beyond its lane's edge, on either side; below 0: room left.",
        edges="Not measured off all ways. A footprint that stands askew is wider.",
        measure=_lane_departure,
        parameters=(LANE,),
    ),
    Metric(
        name="road_departure_m",
        unit="m",
        parties=(1,),
        formula="the same, for all lanes of the way together",
        about="How far the footprint is beyond the outer edge of its way's lanes; below 0: room left.",
        edges="Not measured off all ways.",
        measure=_road_departure,
    ),
    Metric(
        name="off_road_m",
        unit="m",
        parties=(0, 1),
        formula="max(along − length of the way, −along), of the centre",
        about="How far beyond the ends of its way somebody is, or whoever is furthest; below 0: on it.",
        edges="Not measured off all ways. Every run that is driven must keep it at 0 or below: beyond its ends there is no road.",
        measure=_off_road,
    ),
    Metric(
        name="stop_distance_m",
        unit="m",
        parties=(1,),
        formula="line_m − place of the front bumper, at the first standstill (below 0.1 m/s) after having moved",
        about="How far before a line the actor stops; below 0: beyond it.",
        edges="Without a standstill ∞ before the line and −∞ beyond it: ask for both at_least and at_most.",
        measure=_stop_distance,
        parameters=(LINE, Parameter("signal", "the signal whose line it is", "", is_text=True)),
    ),
    Metric(
        name="red_light_passage",
        unit="",
        parties=(1,),
        formula="how often, up to t, the front bumper has passed the line forwards while the signal shows red",
        about="Light state 3 of YD/T 3709; the light at the last instant before the passage counts.",
        edges="0 when the actor begins beyond the line; not measured where no signal stands on its way.",
        measure=_red_passages,
        parameters=(Parameter("signal", "its name; if not given, all on the actor's way", "", is_text=True), LINE),
    ),
)
