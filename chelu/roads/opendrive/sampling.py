"""Where a road must be looked at so that straight pieces between these places follow it closely enough."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from chelu.roads.network import Floats
from chelu.roads.opendrive.model import Road
from chelu.roads.opendrive.polynomials import Polynomials

OFF_M = 0.01  # of a chord from its arc
SHORTEST_M, LONGEST_M, VARYING_M = 0.5, 50.0, 4.0
_LOOKS = 9  # at the curvature of a piece


def sample_places(road: Road, begin_m: float, end_m: float) -> Floats:
    """Places s (k,) from begin to end: the ends of all that changes, and between them steps as the curvature asks for."""
    lanes = [one for section in road.sections for lane in section.lanes.values() for one in (lane.width, lane.border)]
    alike = [road.elevation, road.superelevation, road.lane_offset]
    knots = np.concatenate(
        [
            road.reference.s_m,
            *(one.begin_m for one in alike),
            *(section.begin_m + lane.width.begin_m for section in road.sections for lane in section.lanes.values()),
            [begin_m, end_m],
        ]
    )
    knots = np.unique(knots[(knots >= begin_m) & (knots <= end_m)])
    longest = VARYING_M if any(_bends(one) for one in (*alike, *lanes)) else LONGEST_M
    parts = [np.linspace(a, b, _steps(road, a, b, longest), endpoint=False) for a, b in pairwise(knots.tolist())]
    return np.concatenate([*parts, [end_m]])


def _bends(one: Polynomials) -> bool:
    return bool(one.coefficients[:, 2:].any())


def _steps(road: Road, begin_m: float, end_m: float, longest_m: float) -> int:
    looked = road.reference.at(np.linspace(begin_m, end_m - 1e-9, _LOOKS))
    sharpest = float(np.abs(looked.curvature_1pm).max())
    step = np.sqrt(8.0 * OFF_M / sharpest) if sharpest > 0 else longest_m
    return max(1, int(np.ceil((end_m - begin_m) / np.clip(step, SHORTEST_M, longest_m) - 1e-9)))
