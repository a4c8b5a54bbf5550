"""Where a road must be looked at so that straight pieces between these places follow it closely enough."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from chelu.roads.network import Floats
from chelu.roads.opendrive.model import Road
from chelu.roads.opendrive.polynomials import Polynomials

OFF_M = 0.01  # of a chord from its arc
SHORTEST_M, LONGEST_M, VARYING_M = 0.5, 50.0, 4.0
_LOOKS = 9  # at the curvature of a piece


def sample_places(road: Road, begin_m: float, end_m: float) -> Floats:
    """As `Sampling.places`, of a road that is asked once."""
    return Sampling.of(road).places(begin_m, end_m)


@dataclass(frozen=True, slots=True)
class Sampling:
    """A road, where on it something changes (k,), ascending, and how long the steps between may be."""

    road: Road
    knots_m: Floats
    longest_m: float

    @classmethod
    def of(cls, road: Road) -> Self:
        """Of all that the road's line, heights and lanes say."""
        lanes = [one for section in road.sections for lane in section.lanes.values() for one in (lane.width, lane.border)]
        alike = [road.elevation, road.superelevation, road.lane_offset]
        widths = (section.begin_m + lane.width.begin_m for section in road.sections for lane in section.lanes.values())
        knots = np.unique(np.concatenate([road.reference.s_m, *(one.begin_m for one in alike), *widths]))
        return cls(road, knots, VARYING_M if any(_bends(one) for one in (*alike, *lanes)) else LONGEST_M)

    def places(self, begin_m: float, end_m: float) -> Floats:
        """Places s (k,) from begin to end: the ends of all that changes, and between them steps as the curvature asks for."""
        low, high = np.searchsorted(self.knots_m, begin_m, side="left"), np.searchsorted(self.knots_m, end_m, side="right")
        knots = np.unique(np.concatenate([self.knots_m[low:high], [begin_m, end_m]]))
        parts = [np.linspace(a, b, _steps(self.road, a, b, self.longest_m), endpoint=False) for a, b in pairwise(knots.tolist())]
        return np.concatenate([*parts, [end_m]])


def _bends(one: Polynomials) -> bool:
    return bool(one.coefficients[:, 2:].any())


def _steps(road: Road, begin_m: float, end_m: float, longest_m: float) -> int:
    looked = road.reference.at(np.linspace(begin_m, end_m - 1e-9, _LOOKS))
    sharpest = float(np.abs(looked.curvature_1pm).max())
    step = np.sqrt(8.0 * OFF_M / sharpest) if sharpest > 0 else longest_m
    return max(1, int(np.ceil((end_m - begin_m) / np.clip(step, SHORTEST_M, longest_m) - 1e-9)))
