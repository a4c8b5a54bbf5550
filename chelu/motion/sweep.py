"""Whether, when and how likely two moving footprints meet: continuous in time, so that no passage is too fast to be seen.

Between two samples of a future the centre moves straight and the heading turns evenly. On such a leg the separating-axis test
has a closed form: along each of the four edge directions the shadows of both rectangles meet during an interval, and the
footprints overlap while all four intervals do. Headings are taken at the middle of the leg, and the reach grows by what a corner
swings meanwhile, so that a turning footprint is never smaller than it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from chelu import native
from chelu.motion import sweep_native
from chelu.motion.conflict import Futures, shadow_interval
from chelu.motion.footprints import Floats
from chelu.motion.normal import normal_cdf

Ints = npt.NDArray[np.int64]
_FAR_SIGMA = 1.0  # circles further apart than this beyond touching: a meeting less likely than one in six, taken as none
_SWING_M = 0.3  # what both footprints together may swing in one leg, at most, before the circle test must know of it
_LEAST_SIGMA_M = 0.01
_ALIKE = 1e-9  # chances that differ by less are one: of two that go side by side, the first instant counts
Axis = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Spread:
    """One standard deviation along and across the heading: tracks (m, s) in metres, and which of them row p of the futures is."""

    along_m: Floats
    across_m: Floats
    row: Ints

    def variances(self, pair: Ints, step: Ints) -> tuple[Floats, Floats]:
        """Along and across of these pairs at these instants."""
        row = self.row[pair]
        return self.along_m[row, step] ** 2, self.across_m[row, step] ** 2

    def last_m2(self) -> Floats:
        """Both variances together at the last instant: (p,)."""
        return np.asarray((self.along_m[:, -1] ** 2 + self.across_m[:, -1] ** 2)[self.row])


@dataclass(frozen=True, slots=True)
class Meeting:
    """Of p pairs: first_s: seconds until the footprints touch if both futures come true, inf when they never do.

    probability: that they overlap at the instant at which that is likeliest, given the spread of both futures (an upper bound:
    the least of the probabilities on the four edge directions); likeliest_s: that instant, inf where the two stay far apart.
    """

    first_s: Floats
    probability: Floats
    likeliest_s: Floats


@dataclass(frozen=True, slots=True)
class _Legs:
    """c legs of pairs that come near: offsets b − a at the start and their change, east and north, and the four edge directions.

    reach: half the extent of both footprints along each direction; cosine, sine: of the angle between both headings, unsigned.
    """

    start: Axis
    move: Axis
    axes: tuple[Axis, Axis, Axis, Axis]
    reach: tuple[Floats, Floats, Floats, Floats]
    cosine: Floats
    sine: Floats


def meet(a: Futures, b: Futures, step_s: float, spread_a: Spread, spread_b: Spread) -> Meeting:
    """All pairs at once; futures of a and b at s common instants, `step_s` apart."""
    east, north = (b.xy[..., axis] - a.xy[..., axis] for axis in (0, 1))
    margin = _FAR_SIGMA * np.sqrt(spread_a.last_m2() + spread_b.last_m2())
    pair, leg = _near(east, north, a.size_m, b.size_m, margin)
    legs = _legs(a, b, (east, north), pair, leg)
    enter, leave = _intervals(legs)
    hit = enter <= leave
    share = _closest(legs)
    share[hit] = (enter[hit] + leave[hit]) / 2.0
    chance = _chance(legs, share, spread_a.variances(pair, leg + 1), spread_b.variances(pair, leg + 1))
    probability, likeliest = _largest(pair, chance, (leg + share) * step_s, len(east))
    return Meeting(_first_s(pair, leg, enter, hit, step_s, len(east)), probability, likeliest)


def first_touch_s(a: Futures, b: Futures, step_s: float) -> Floats:
    """As `Meeting.first_s` (p,), of futures that are what will be."""
    east, north = (b.xy[..., axis] - a.xy[..., axis] for axis in (0, 1))
    pair, leg = _near(east, north, a.size_m, b.size_m, np.zeros(len(east)))
    enter, leave = _intervals(_legs(a, b, (east, north), pair, leg))
    return _first_s(pair, leg, enter, enter <= leave, step_s, len(east))


def meet_among(tracks: Futures, spread: Spread, a: Ints, b: Ints, step_s: float) -> Meeting:
    """As `meet`, of rows a and b (p,) of the same tracks; spread: a row for each track.

    With native code where there is any: in a city a track is in a dozen pairs, and copying it for each costs more than the test.
    """
    code = native.library()
    if code is None or tracks.xy.shape[1] > sweep_native.MOST_STEPS:
        return meet(tracks.take(a), tracks.take(b), step_s, replace(spread, row=a), replace(spread, row=b))
    shapes, unsure = (tracks.xy, tracks.heading_deg, tracks.size_m), (spread.along_m, spread.across_m)
    return Meeting(*sweep_native.meet(code, shapes, unsure, a, b, step_s))


def _near(east: Floats, north: Floats, size_a: Floats, size_b: Floats, margin_m: Floats) -> tuple[Ints, Ints]:
    """Pair and leg where the circles around both footprints come within `margin_m` (p,) of each other."""
    reach = 0.5 * (np.hypot(size_a[:, 0], size_a[:, 1]) + np.hypot(size_b[:, 0], size_b[:, 1])) + margin_m + _SWING_M
    to_east, to_north = np.diff(east), np.diff(north)
    east, north = east[:, :-1], north[:, :-1]
    square = to_east * to_east + to_north * to_north
    share = np.clip(-(east * to_east + north * to_north) / np.maximum(square, 1e-12), 0.0, 1.0)
    east, north = east + share * to_east, north + share * to_north
    pair, leg = np.nonzero(east * east + north * north <= (reach * reach)[:, None])
    return pair, leg


def _legs(a: Futures, b: Futures, offset: Axis, pair: Ints, leg: Ints) -> _Legs:
    middle, swing = [], np.zeros(len(pair))
    for side in (a, b):
        begin = side.heading_deg[pair, leg]
        turn = _wrapped(side.heading_deg[pair, leg + 1] - begin)
        middle.append(np.radians(begin + turn / 2.0))
        swing += (np.hypot(side.size_m[:, 0], side.size_m[:, 1]) / 2.0)[pair] * np.radians(np.abs(turn) / 2.0)
    start = offset[0][pair, leg], offset[1][pair, leg]
    move = offset[0][pair, leg + 1] - start[0], offset[1][pair, leg + 1] - start[1]
    (sine_a, cosine_a), (sine_b, cosine_b) = ((np.sin(one), np.cos(one)) for one in middle)
    cosine, sine = np.abs(cosine_a * cosine_b + sine_a * sine_b), np.abs(sine_b * cosine_a - cosine_b * sine_a)
    (long_a, wide_a), (long_b, wide_b) = ((side.size_m / 2.0)[pair].T for side in (a, b))
    axes = (sine_a, cosine_a), (cosine_a, -sine_a), (sine_b, cosine_b), (cosine_b, -sine_b)
    reach = (
        long_a + long_b * cosine + wide_b * sine + swing,
        wide_a + long_b * sine + wide_b * cosine + swing,
        long_b + long_a * cosine + wide_a * sine + swing,
        wide_b + long_a * sine + wide_a * cosine + swing,
    )
    return _Legs(start, move, axes, reach, cosine, sine)


def _intervals(legs: _Legs) -> tuple[Floats, Floats]:
    """The part of each leg (0 … 1) during which the footprints overlap, empty where enter > leave."""
    enter, leave = np.zeros(len(legs.cosine)), np.ones(len(legs.cosine))
    for axis, reach in zip(legs.axes, legs.reach, strict=True):
        start, stop = shadow_interval(_dot(legs.start, axis), _dot(legs.move, axis), reach)
        enter, leave = np.maximum(enter, start), np.minimum(leave, stop)
    return enter, leave


def _first_s(pair: Ints, leg: Ints, enter: Floats, hit: npt.NDArray[np.bool_], step_s: float, count: int) -> Floats:
    """Of each pair the first leg's that is hit. They come in order: written backwards, the first stays."""
    first = np.full(count, np.inf)
    first[pair[hit][::-1]] = ((leg[hit] + enter[hit]) * step_s)[::-1]
    return first


def _closest(legs: _Legs) -> Floats:
    """Where on each leg the centres are nearest."""
    square = np.maximum(_dot(legs.move, legs.move), 1e-12)
    return np.clip(-_dot(legs.start, legs.move) / square, 0.0, 1.0)


def _chance(legs: _Legs, share: Floats, spread_a: tuple[Floats, Floats], spread_b: tuple[Floats, Floats]) -> Floats:
    """Probability (c,) of an overlap at `share` of each leg, from variances along and across of a and b."""
    place = legs.start[0] + share * legs.move[0], legs.start[1] + share * legs.move[1]
    (ahead_a, aside_a), (ahead_b, aside_b) = spread_a, spread_b
    along, across = legs.cosine**2, legs.sine**2
    variances = (
        ahead_a + ahead_b * along + aside_b * across,
        aside_a + ahead_b * across + aside_b * along,
        ahead_b + ahead_a * along + aside_a * across,
        aside_b + ahead_a * across + aside_a * along,
    )
    chance = np.ones(len(share))
    for axis, reach, variance in zip(legs.axes, legs.reach, variances, strict=True):
        sigma = np.maximum(np.sqrt(variance), _LEAST_SIGMA_M)
        away = np.abs(_dot(place, axis))
        chance = np.minimum(chance, normal_cdf((reach - away) / sigma) - normal_cdf((-reach - away) / sigma))
    return chance


def _largest(pair: Ints, chance: Floats, time_s: Floats, count: int) -> tuple[Floats, Floats]:
    """Each pair's largest chance and its first instant; 0 and inf for pairs without any leg. pair is ascending."""
    probability, likeliest = np.zeros(count), np.full(count, np.inf)
    if len(pair):
        begin = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]]))
        probability[pair[begin]] = np.maximum.reduceat(chance, begin)
        is_best = chance >= probability[pair] - _ALIKE
        likeliest[pair[is_best][::-1]] = time_s[is_best][::-1]
    return probability, likeliest


def _dot(one: Axis, two: Axis) -> Floats:
    return one[0] * two[0] + one[1] * two[1]


def _wrapped(turn_deg: Floats) -> Floats:
    """Differences of headings the short way round: 359° → 1° turns by 2°."""
    return np.asarray(turn_deg - 360.0 * np.rint(turn_deg / 360.0))
