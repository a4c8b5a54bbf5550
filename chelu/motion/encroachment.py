"""Post-encroachment time of two whole journeys: how much earlier or later one would have had to pass for the two to touch.

The least |t₂ − t₁| for which the first's footprint at t₁ overlaps the second's at t₂. On a crossing of two straight ways this is
the time from the first's leaving of the common area to the second's entering, as usually defined; it has a meaning also where
ways merge or are one, at any angle, and is 0 exactly when the two touch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from chelu.motion.conflict import Futures
from chelu.motion.footprints import Floats, forward, rightward

Ints = npt.NDArray[np.int64]
_BLOCK = 8  # legs that one circle stands for, when pairs of legs that are far apart are ruled out
_CELLS_AT_ONCE = 2_000_000
_SHIFTS_AT_ONCE = 4_000
_NONE = 1e-12  # below this a coefficient is 0
_SLACK = 1e-9  # rounding, in metres and in steps


def least_shift_s(a: Futures, b: Futures, step_s: float, last: Ints) -> Floats:
    """Post-encroachment time (n,) s, inf where the two share no place. Instants after `last` (n,) are not looked at.

    Between two samples both go straight on and keep the heading of the leg's middle: exact for straight ways, however fast.
    """
    found = np.full(len(a.xy), np.inf)
    for rows in _portions(len(a.xy), a.xy.shape[1]):
        pair, leg_a, leg_b = _near(a.take(rows), b.take(rows), last[rows])
        found[rows] = _least(a.take(rows), b.take(rows), pair, leg_a, leg_b)
    return found * step_s


def _portions(count: int, instants: int) -> Iterator[npt.NDArray[np.intp]]:
    blocks = -(-instants // _BLOCK)
    size = max(1, _CELLS_AT_ONCE // (blocks * blocks * _BLOCK))
    for begin in range(0, count, size):
        yield np.arange(begin, min(begin + size, count))


def _least(a: Futures, b: Futures, pair: Ints, leg_a: Ints, leg_b: Ints) -> Floats:
    """In steps. Legs k apart cannot give less than k − 1: those nearest in time come first, and settle most pairs."""
    found = np.full(len(a.xy), np.inf)
    apart = np.abs(leg_b - leg_a)
    order = np.argsort(apart, kind="stable")
    bounds = np.searchsorted(apart[order], np.arange(apart.max(initial=0) + 2))
    for steps, (begin, end) in enumerate(pairwise(bounds.tolist())):
        rows = order[begin:end]
        rows = rows[found[pair[rows]] > steps - 1]
        for first in range(0, len(rows), _SHIFTS_AT_ONCE):
            some = rows[first : first + _SHIFTS_AT_ONCE]
            np.minimum.at(found, pair[some], _shifts(a, b, pair[some], leg_a[some], leg_b[some]))
    return found


def _shifts(a: Futures, b: Futures, pair: Ints, leg_a: Ints, leg_b: Ints) -> Floats:
    """Least |t_b − t_a| in steps (m,), inf where these legs' footprints never overlap.

    With the shares s and s + θ of both legs, every condition is linear in s and θ: the shadows on four axes, and both shares
    between 0 and 1. What they leave to θ once s is eliminated (Fourier and Motzkin) is an interval.
    """
    conditions = _conditions(a, b, pair, leg_a, leg_b)
    low, high = _interval(*conditions)
    shift = (leg_b - leg_a).astype(np.float64)
    low, high = shift + low, shift + high
    nearest = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(np.abs(low), np.abs(high)))
    return np.where(low <= high + _SLACK, nearest, np.inf)


def _conditions(a: Futures, b: Futures, pair: Ints, leg_a: Ints, leg_b: Ints) -> tuple[Floats, Floats, Floats]:
    """P, Q and R (12, m) of P·s + Q·θ ≤ R."""
    place_a, place_b = a.xy[pair, leg_a], b.xy[pair, leg_b]
    move_a, move_b = a.xy[pair, leg_a + 1] - place_a, b.xy[pair, leg_b + 1] - place_b
    headings = _heading(a, pair, leg_a), _heading(b, pair, leg_b)
    sizes = a.size_m[pair], b.size_m[pair]
    offset, relative = place_b - place_a, move_b - move_a
    one = np.ones(len(pair))
    rows = [(one, 0 * one, one), (-one, 0 * one, 0 * one), (one, one, one), (-one, -one, 0 * one)]
    for axis in (direction(heading) for heading in headings for direction in (forward, rightward)):
        reach = _reach(axis, headings, sizes)
        p, q, w = (np.sum(each * axis, axis=-1) for each in (relative, move_b, offset))
        rows += [(p, q, reach - w), (-p, -q, reach + w)]
    p, q, r = (np.stack(each) for each in zip(*rows, strict=True))
    return p, q, r


def _interval(p: Floats, q: Floats, r: Floats) -> tuple[Floats, Floats]:
    """The θ (m,) that some s goes with; low above high where there is none."""
    rises, falls = p > _NONE, p < -_NONE
    over = np.where(rises | falls, p, 1.0)
    slope, bound = q / over, r / over
    is_pair = rises[:, None] & falls[None]
    flat = ~(rises | falls)
    factors = np.concatenate(
        [np.where(is_pair, slope[:, None] - slope[None], 0.0).reshape(-1, p.shape[1]), np.where(flat, q, 0.0)]
    )
    limits = np.concatenate(
        [np.where(is_pair, bound[:, None] - bound[None], 0.0).reshape(-1, p.shape[1]), np.where(flat, r, 0.0)]
    )
    above, below = factors > _NONE, factors < -_NONE
    quotient = limits / np.where(above | below, factors, 1.0)
    high = np.where(above, quotient, np.inf).min(axis=0)
    low = np.where(below, quotient, -np.inf).max(axis=0)
    never = (~(above | below) & (limits < -_SLACK)).any(axis=0)
    return np.where(never, np.inf, low), np.where(never, -np.inf, high)


def _reach(axis: Floats, headings: tuple[Floats, Floats], sizes: tuple[Floats, Floats]) -> Floats:
    """Half the summed extent of both rectangles along an axis (m,)."""
    return np.asarray(
        sum(
            0.5 * size[:, extent] * np.abs(np.sum(direction(heading) * axis, axis=-1))
            for heading, size in zip(headings, sizes, strict=True)
            for extent, direction in ((0, forward), (1, rightward))
        )
    )


def _heading(side: Futures, pair: Ints, leg: Ints) -> Floats:
    begin = side.heading_deg[pair, leg]
    turn = side.heading_deg[pair, leg + 1] - begin
    return np.asarray(begin + (turn - 360.0 * np.rint(turn / 360.0)) / 2.0)


def _near(a: Futures, b: Futures, last: Ints) -> tuple[Ints, Ints, Ints]:
    """Pair and legs whose circles meet: first whole blocks of legs, then the legs of the blocks that do."""
    legs = a.xy.shape[1] - 1
    size = 0.5 * (np.hypot(a.size_m[:, 0], a.size_m[:, 1]) + np.hypot(b.size_m[:, 0], b.size_m[:, 1]))
    (centre_a, radius_a), (centre_b, radius_b) = _blocks(a.xy), _blocks(b.xy)
    reach = radius_a[:, :, None] + radius_b[:, None, :] + size[:, None, None]
    pair, block_a, block_b = np.nonzero(_square(centre_a[:, :, None] - centre_b[:, None, :]) <= reach**2)
    within = np.arange(_BLOCK)
    leg_a = np.broadcast_to((block_a[:, None] * _BLOCK + within)[:, :, None], (len(pair), _BLOCK, _BLOCK)).ravel()
    leg_b = np.broadcast_to((block_b[:, None] * _BLOCK + within)[:, None, :], (len(pair), _BLOCK, _BLOCK)).ravel()
    pair = np.repeat(pair, _BLOCK * _BLOCK)
    most = np.minimum(last, legs)[pair]
    kept = (leg_a < most) & (leg_b < most)
    pair, leg_a, leg_b = pair[kept], leg_a[kept], leg_b[kept]
    middle_a, middle_b = (side.xy[:, 1:] + side.xy[:, :-1] for side in (a, b))
    half_a, half_b = (np.sqrt(_square(np.diff(side.xy, axis=1))) / 2.0 for side in (a, b))
    close = half_a[pair, leg_a] + half_b[pair, leg_b] + size[pair]
    is_near = _square((middle_a[pair, leg_a] - middle_b[pair, leg_b]) / 2.0) <= close**2
    return pair[is_near], leg_a[is_near], leg_b[is_near]


def _blocks(xy: Floats) -> tuple[Floats, Floats]:
    """Centre (n, k, 2) and radius (n, k) of circles around every `_BLOCK` legs; the last point fills up the last block."""
    instants = xy.shape[1]
    blocks = -(-(instants - 1) // _BLOCK)
    at = np.minimum(np.arange(blocks)[:, None] * _BLOCK + np.arange(_BLOCK + 1), instants - 1)
    points = xy[:, at]
    low, high = np.fmin.reduce(points, axis=2), np.fmax.reduce(points, axis=2)  # who is not there (NaN) is nowhere near
    return (low + high) / 2.0, np.sqrt(_square(high - low)) / 2.0


def _square(vectors: Floats) -> Floats:
    return np.asarray(np.einsum("...k,...k->...", vectors, vectors))
