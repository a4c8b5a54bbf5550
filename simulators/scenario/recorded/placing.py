"""Where recorded actors are on a scenario's ways, and which way they look, where a recording does not say. Pure."""

from __future__ import annotations

import numpy as np

from chelu.messages import Batch
from chelu.motion.footprints import forward, rightward
from simulators.scenario.plan import Plan
from simulators.scenario.trace import Floats, Ints
from simulators.scenario.ways import Places, Ways

STRIDE_M = 2.0  # between the points of a way from which the nearest is looked for
ROUNDS = 4  # from there on it converges as Newton's method does
FARTHEST_M = 50.0  # from its way's reference line: whoever is farther is on none
MOVES_M = 0.05  # a shorter way between two samples has no sure direction


def heading_of(samples: Batch) -> Floats:
    """Headings (n,) as recorded; where there is none, the direction of the way from sample to sample, NaN of one that stands."""
    given = np.asarray(samples["heading_deg"], np.float64)
    if len(given) < 2 or np.isfinite(given).all():
        return given
    east, north = (np.gradient(np.asarray(samples[name], np.float64)) for name in ("x_m", "y_m"))
    course = np.where(np.hypot(east, north) >= MOVES_M, np.degrees(np.arctan2(east, north)) % 360.0, np.nan)
    return np.where(np.isfinite(given), given, course)


def on_ways(made: Plan, xy: Floats, along_m: Floats, aside_m: Floats) -> tuple[Ints, Floats, Floats, Places]:
    """Way (n, a), along and aside (t, n, a), and the line there, of places xy (t, n, a, 2) on the ways on which actors begin.

    Places on the way that a recording has are kept. Way −1 and NaN: somebody who leaves the neighbourhood of the way.
    """
    way = np.broadcast_to(made.way, along_m.shape)
    found_along, found_aside = project(made.ways, way, xy)
    is_given = np.isfinite(along_m) & np.isfinite(aside_m)
    along, aside = np.where(is_given, along_m, found_along), np.where(is_given, aside_m, found_aside)
    line = made.ways.at(way, along, np.zeros_like(aside))
    is_off = (np.abs(aside) > FARTHEST_M).any(axis=0)
    return (
        np.where(is_off, -1, made.way),
        np.where(is_off, np.nan, along),
        np.where(is_off, np.nan, aside),
        line,
    )


def project(ways: Ways, way: Ints, xy: Floats) -> tuple[Floats, Floats]:
    """Along and aside (…) of places xy (…, 2) on their ways."""
    along, flat = np.zeros(way.shape), np.zeros(way.shape)
    for row in np.unique(way).tolist():
        own = way == row
        along[own] = _nearest(ways, row, xy[own])
    for _ in range(ROUNDS):
        line = ways.at(way, along, flat)
        offset, ahead, right = xy - line.xy, forward(line.heading_deg), rightward(line.heading_deg)
        aside = np.sum(offset * right, axis=-1)
        along = along + np.sum(offset * ahead, axis=-1) / np.maximum(1.0 - line.curvature_1pm * aside, 0.1)
    line = ways.at(way, along, flat)
    return along, np.asarray(np.sum((xy - line.xy) * rightward(line.heading_deg), axis=-1))


def _nearest(ways: Ways, row: int, xy: Floats) -> Floats:
    """The nearest of points that lie `STRIDE_M` apart on a way (k,), for places (k, 2)."""
    from scipy.spatial import cKDTree

    points = np.arange(0.0, ways.each[row].length_m + STRIDE_M, STRIDE_M)
    line = ways.at(np.full(len(points), row, np.int64), points, np.zeros(len(points)))
    return np.asarray(points[cKDTree(line.xy).query(xy)[1]])
