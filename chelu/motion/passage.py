"""The area that two futures both sweep: when and after what way each enters and leaves it, and how hard one must brake for it.

Each leg of a future sweeps a rectangle as long as the footprint and the way driven in it, so the swept areas have no gaps however
fast a track is. Times and ways are on the safe side by up to one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu import native
from chelu.motion import passage_native
from chelu.motion.conflict import Futures
from chelu.motion.exposure import pet_of_passages_s
from chelu.motion.footprints import Floats, overlap

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Passages:
    """Of p pairs, for a and for b: way_m still to the shared area, enter_s and leave_s; NaN where there is no such area."""

    way_a_m: Floats
    enter_a_s: Floats
    leave_a_s: Floats
    way_b_m: Floats
    enter_b_s: Floats
    leave_b_s: Floats

    @property
    def pet_s(self) -> Floats:
        """Post-encroachment time (p,): from the first's leaving to the second's entering, negative when both are inside."""
        return pet_of_passages_s(self.enter_a_s, self.leave_a_s, self.enter_b_s, self.leave_b_s)


def passages(a: Futures, b: Futures, step_s: float, until_s: Floats) -> Passages:
    """The shared area of both futures, of each only what it sweeps until `until_s` (p,)."""
    count, legs = len(a.xy), a.xy.shape[1] - 1
    last = np.minimum(np.ceil(until_s / step_s), legs).astype(np.int64)
    code = native.library() if legs < passage_native.MOST_STEPS else None
    found = passage_native.legs(code, a, b, last) if code is not None else _legs(a, b, last)
    columns = []
    for side, enter, leave in ((a, found[0], found[1]), (b, found[2], found[3])):
        is_there = enter < legs
        way = np.concatenate([np.zeros((count, 1)), np.cumsum(_ways(side), axis=1)], axis=1)
        at = np.minimum(enter, legs)
        columns += [
            np.where(is_there, way[np.arange(count), at], np.nan),
            np.where(is_there, at * step_s, np.nan),
            np.where(is_there, (leave + 1) * step_s, np.nan),
        ]
    return Passages(*columns)


def yielding_deceleration_mps2(speed_mps: Floats, way_m: Floats, clear_s: Floats, reaction_s: Floats) -> Floats:
    """The least constant deceleration, after the reaction, with which one does not enter before `clear_s`: all (n,).

    Either one arrives when the other has left, still moving, or one stops before the area; 0 where one comes late enough anyway,
    inf where the way is used up during the reaction.
    """
    left_m, left_s = way_m - speed_mps * reaction_s, clear_s - reaction_s
    has_way, has_time = left_m > 0, left_s > 0
    way, time = np.where(has_way, left_m, 1.0), np.where(has_time, left_s, 1.0)
    moving = 2.0 * (speed_mps - way / time) / time
    stopping = speed_mps**2 / (2.0 * way)
    need = np.where(2.0 * way / time >= speed_mps, moving, stopping)
    is_late = speed_mps * clear_s <= way_m
    return np.where(is_late, 0.0, np.where(has_way, np.where(has_time, np.maximum(need, 0.0), 0.0), np.inf))


def _legs(a: Futures, b: Futures, last: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """First and last leg of a, then of b, that sweep ground of the other's, of legs up to `last` (p,); their number for none."""
    pair, leg_a, leg_b = _cells(a, b)
    soon = (leg_a <= last[pair]) & (leg_b <= last[pair])
    pair, leg_a, leg_b = pair[soon], leg_a[soon], leg_b[soon]
    count, legs = len(a.xy), a.xy.shape[1] - 1
    first = [_least(pair, leg, count, legs) for leg in (leg_a, leg_b)]
    final = [-_least(pair, -leg, count, 1) for leg in (leg_a, leg_b)]
    return first[0], final[0], first[1], final[1]


def _cells(a: Futures, b: Futures) -> tuple[Ints, Ints, Ints]:
    """Pair, leg of a and leg of b whose swept rectangles overlap; circles rule out most (p, s, s) cells."""
    middle_a, middle_b = _middles(a.xy), _middles(b.xy)
    size_a, size_b = _swept_sizes(a), _swept_sizes(b)
    reach_a, reach_b = (np.hypot(size[..., 0], size[..., 1]) / 2.0 for size in (size_a, size_b))
    east, north = (middle_b[:, None, :, axis] - middle_a[:, :, None, axis] for axis in (0, 1))
    reach = reach_a[:, :, None] + reach_b[:, None, :]
    pair, leg_a, leg_b = np.nonzero(east * east + north * north <= reach * reach)
    hit = overlap(
        middle_b[pair, leg_b] - middle_a[pair, leg_a],
        _middle_headings(a.heading_deg)[pair, leg_a],
        size_a[pair, leg_a],
        _middle_headings(b.heading_deg)[pair, leg_b],
        size_b[pair, leg_b],
    )
    return pair[hit], leg_a[hit], leg_b[hit]


def _middles(xy: Floats) -> Floats:
    return (xy[:, 1:] + xy[:, :-1]) / 2.0


def _middle_headings(heading_deg: Floats) -> Floats:
    turn = heading_deg[:, 1:] - heading_deg[:, :-1]
    return np.asarray(heading_deg[:, :-1] + (turn - 360.0 * np.rint(turn / 360.0)) / 2.0)


def _swept_sizes(side: Futures) -> Floats:
    """Length and width (p, s − 1, 2) of what each leg sweeps."""
    long = side.size_m[:, :1] + _ways(side)
    return np.stack([long, np.broadcast_to(side.size_m[:, 1:], long.shape)], axis=-1)


def _ways(side: Futures) -> Floats:
    step = side.xy[:, 1:] - side.xy[:, :-1]
    return np.hypot(step[..., 0], step[..., 1])


def _least(pair: Ints, leg: Ints, count: int, none: int) -> Ints:
    """The least leg of each of `count` pairs; `none` for those without any."""
    least = np.full(count, none, np.int64)
    np.minimum.at(least, pair, leg)
    return least
