"""Where and when two moving footprints meet: on sampled futures of any shape, and exactly for straight motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import Floats

_STANDS_MPS = 1e-250  # divides any distance into a time that is never, and none into 0
_NEVER_S = 1e100


@dataclass(frozen=True, slots=True)
class Futures:
    """Sampled futures of p tracks at s common instants: xy (p, s, 2) centres, heading_deg (p, s), size_m (p, 2) length, width."""

    xy: Floats
    heading_deg: Floats
    size_m: Floats

    def take(self, rows: npt.NDArray[np.intp]) -> Futures:
        """The futures of these tracks."""
        return Futures(self.xy[rows], self.heading_deg[rows], self.size_m[rows])


def ttc_plane_s(offset: Floats, velocity_a: Floats, velocity_b: Floats, headings: Floats, sizes: Floats) -> Floats:
    """Time to collision in the plane of two rectangles that keep velocity and heading: (n,) s, 0 when overlapping, inf if never.

    offset, velocities (n, 2): b minus a, m and m/s; headings (n, 2) degrees of a and b; sizes (n, 2, 2) [a or b, length, width].
    Exact for any headings: on each of the four edge directions the shadows meet during an interval; the rectangles overlap
    while all four intervals do.
    """
    (east, north), (relative_east, relative_north) = offset.T, (velocity_b - velocity_a).T
    (sine_a, sine_b), (cosine_a, cosine_b) = np.sin(angles := np.radians(headings.T)), np.cos(angles)
    cosine, sine = np.abs(cosine_a * cosine_b + sine_a * sine_b), np.abs(sine_b * cosine_a - cosine_b * sine_a)
    (long_a, wide_a), (long_b, wide_b) = (0.5 * sizes[:, side].T for side in (0, 1))
    axes = (
        (sine_a, cosine_a, long_a + long_b * cosine + wide_b * sine),
        (cosine_a, -sine_a, wide_a + long_b * sine + wide_b * cosine),
        (sine_b, cosine_b, long_b + long_a * cosine + wide_a * sine),
        (cosine_b, -sine_b, wide_b + long_a * sine + wide_a * cosine),
    )
    enter, leave = np.full(len(offset), -np.inf), np.full(len(offset), np.inf)
    for axis_east, axis_north, reach in axes:
        distance, speed = east * axis_east + north * axis_north, relative_east * axis_east + relative_north * axis_north
        start, stop = _meeting(distance, speed, reach)
        enter, leave = np.maximum(enter, start), np.minimum(leave, stop)
    return np.where((enter <= leave) & (leave >= 0) & (enter < _NEVER_S), np.maximum(enter, 0.0), np.inf)


def _meeting(distance: Floats, speed: Floats, reach: Floats) -> tuple[Floats, Floats]:
    """When |distance + speed·t| ≤ reach holds; one that stands holds for ages, or begins as late, so that nothing is 0/0."""
    moves = np.abs(speed) > 1e-12
    towards = np.where(moves, distance * np.sign(speed), -np.abs(distance))
    pace = np.where(moves, np.abs(speed), _STANDS_MPS)
    return (-reach - towards) / pace, (reach - towards) / pace


def shadow_interval(distance: Floats, speed: Floats, reach: Floats) -> tuple[Floats, Floats]:
    """When |distance + speed·t| ≤ reach holds: start and stop, (inf, −inf) where it never does."""
    moving = np.abs(speed) > 1e-12
    safe = np.where(moving, speed, 1.0)
    one, two = (-reach - distance) / safe, (reach - distance) / safe
    inside = np.abs(distance) <= reach
    start = np.where(moving, np.minimum(one, two), np.where(inside, -np.inf, np.inf))
    stop = np.where(moving, np.maximum(one, two), np.where(inside, np.inf, -np.inf))
    return start, stop
