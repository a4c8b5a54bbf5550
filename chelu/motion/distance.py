"""How far apart two oriented rectangles are, exactly and for whole arrays of them."""

from __future__ import annotations

import numpy as np

from chelu.motion.footprints import Floats, forward, overlap, rightward

_CORNERS = ((0.5, 0.5), (0.5, -0.5), (-0.5, -0.5), (-0.5, 0.5))


def distance_m(offset: Floats, heading_a: Floats, size_a: Floats, heading_b: Floats, size_b: Floats) -> Floats:
    """Least distance between the rectangles a and b, 0 where they overlap; all leading shapes broadcast together.

    offset: (…, 2) centre of b minus centre of a; headings (…) degrees; sizes (…, 2) length and width in metres. Of two convex
    polygons that are apart, one's corner is always among the nearest points: the corners of each, seen from the other, decide.
    """
    from_a = _nearest_corner(offset, heading_a, size_a, heading_b, size_b)
    from_b = _nearest_corner(-offset, heading_b, size_b, heading_a, size_a)
    return np.where(overlap(offset, heading_a, size_a, heading_b, size_b), 0.0, np.minimum(from_a, from_b))


def _nearest_corner(offset: Floats, heading: Floats, size: Floats, heading_other: Floats, size_other: Floats) -> Floats:
    """Least distance (…) of the other's corners to a rectangle, worked out in the rectangle's own axes."""
    turn = np.radians(heading_other - heading)
    cosine, sine = np.cos(turn), np.sin(turn)
    ahead = np.sum(offset * forward(heading), axis=-1)
    aside = np.sum(offset * rightward(heading), axis=-1)
    least: Floats | None = None
    for along, across in _CORNERS:
        long, wide = along * size_other[..., 0], across * size_other[..., 1]
        beyond = np.abs(ahead + long * cosine - wide * sine) - size[..., 0] / 2.0
        beside = np.abs(aside + long * sine + wide * cosine) - size[..., 1] / 2.0
        found = np.hypot(np.maximum(beyond, 0.0), np.maximum(beside, 0.0))
        least = found if least is None else np.minimum(least, found)
    return np.asarray(least)
