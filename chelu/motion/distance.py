"""How far apart two oriented rectangles are, exactly and for whole arrays of them."""

from __future__ import annotations

import numpy as np

from chelu.motion.footprints import Floats, overlap

_CORNERS = ((0.5, 0.5), (0.5, -0.5), (-0.5, -0.5), (-0.5, 0.5))


def distance_m(offset: Floats, heading_a: Floats, size_a: Floats, heading_b: Floats, size_b: Floats) -> Floats:
    """Least distance between the rectangles a and b, 0 where they overlap; all leading shapes broadcast together.

    offset: (…, 2) centre of b minus centre of a; headings (…) degrees; sizes (…, 2) length and width in metres. Of two convex
    polygons that are apart, one's corner is always among the nearest points: the corners of each, seen from the other, decide.
    """
    from_a = _nearest_corner(offset, heading_a, size_a, heading_b, size_b)
    from_b = _nearest_corner(-offset, heading_b, size_b, heading_a, size_a)
    apart = np.sqrt(np.minimum(from_a, from_b))
    return np.where(overlap(offset, heading_a, size_a, heading_b, size_b), 0.0, apart)


def _nearest_corner(offset: Floats, heading: Floats, size: Floats, heading_other: Floats, size_other: Floats) -> Floats:
    """Square of the least distance (…) of the other's corners to a rectangle, worked out in the rectangle's own axes."""
    turn = np.radians(heading_other - heading)
    cosine, sine = np.cos(turn), np.sin(turn)
    (east, north), own = (offset[..., 0], offset[..., 1]), np.radians(heading)
    along_east, along_north = np.sin(own), np.cos(own)
    ahead, aside = east * along_east + north * along_north, east * along_north - north * along_east
    least: Floats | None = None
    for along, across in _CORNERS:
        long, wide = along * size_other[..., 0], across * size_other[..., 1]
        beyond = np.maximum(np.abs(ahead + long * cosine - wide * sine) - size[..., 0] / 2.0, 0.0)
        beside = np.maximum(np.abs(aside + long * sine + wide * cosine) - size[..., 1] / 2.0, 0.0)
        found = beyond * beyond + beside * beside
        least = found if least is None else np.minimum(least, found)
    return np.asarray(least)
