"""The published grids of concrete cases, as columns."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import numpy.typing as npt

from chelu.units import KMH_PER_MPS

Floats = npt.NDArray[np.float64]


class Grid(enum.StrEnum):
    """What happens in front of the vehicle under test."""

    CUT_IN_LOW = "cut-in-low"
    CUT_IN_HIGH = "cut-in-high"
    CUT_OUT = "cut-out"
    DECELERATION = "deceleration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Concrete cases, one of each column (n,); a column that a grid does not vary is 0.

    ego_kmh, other_kmh: speeds at the beginning; distance_m: from bumper to bumper when the lane change begins (cut-in), or from
    the vehicle that cuts out to the one that stands before it; lateral_mps: of the lane change; deceleration_g: of the leader.
    """

    ego_kmh: Floats
    other_kmh: Floats
    distance_m: Floats
    lateral_mps: Floats
    deceleration_g: Floats

    def __len__(self) -> int:
        return len(self.ego_kmh)

    @property
    def ego_mps(self) -> Floats:
        return self.ego_kmh / KMH_PER_MPS

    @property
    def other_mps(self) -> Floats:
        return self.other_kmh / KMH_PER_MPS

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Cases:
        """Some of the cases."""
        return Cases(**{name: column[rows] for name, column in self.columns().items()})

    def columns(self) -> Mapping[str, Floats]:
        """All columns by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@cache
def cases_of(grid: Grid) -> Cases:
    """All cases of a grid, in the order in which the study has them."""
    return _MADE[grid]()


def _cut_ins(egos_kmh: range, step_kmh: int, distances_m: Floats) -> Cases:
    """A slower vehicle changes into the lane; its own speed is never the ego's."""
    pairs = [(ego, other) for ego in egos_kmh for other in range(10, ego, step_kmh)]
    speeds, distances, laterals = _crossed(np.arange(len(pairs)), distances_m, np.arange(0.0, 1.8, 0.1))
    ego, other = np.array(pairs, np.float64)[speeds.astype(np.intp)].T
    return _cases(ego_kmh=ego, other_kmh=other, distance_m=distances, lateral_mps=laterals)


def _cut_outs() -> Cases:
    """The leader, as fast as the ego, leaves the lane before a vehicle that stands."""
    speeds, distances, laterals = _crossed(np.arange(10, 132, 10), np.arange(2, 152, 5), np.arange(0.1, 3.1, 0.2))
    return _cases(ego_kmh=speeds, other_kmh=speeds, distance_m=distances, lateral_mps=laterals)


def _decelerations() -> Cases:
    """The leader, as fast as the ego and as far ahead as its driver keeps, brakes to rest."""
    decelerations, speeds = _crossed(np.arange(0.05, 1, 0.05), np.arange(12, 130, 2))
    return _cases(ego_kmh=speeds, other_kmh=speeds, deceleration_g=decelerations)


def _crossed(*axes: npt.NDArray[np.generic]) -> list[Floats]:
    return [column.ravel() for column in np.meshgrid(*(axis.astype(np.float64) for axis in axes), indexing="ij")]


def _cases(**columns: Floats) -> Cases:
    nothing = np.zeros(len(columns["ego_kmh"]))
    return Cases(**{field.name: columns.get(field.name, nothing) for field in fields(Cases)})


_MADE = {
    Grid.CUT_IN_LOW: lambda: _cut_ins(range(10, 61, 10), 10, np.arange(1.0, 60.0)),
    Grid.CUT_IN_HIGH: lambda: _cut_ins(range(70, 131, 20), 30, np.arange(1.0, 120.0, 2.0)),
    Grid.CUT_OUT: _cut_outs,
    Grid.DECELERATION: _decelerations,
}
