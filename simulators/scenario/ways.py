"""Roads as a scenario drives them: ways of straight lines and arcs, lanes beside one another, places along and aside of them.

A way has one direction of travel. Its reference line is the left edge of its lanes; lane 1 is the rightmost. `along_m` runs on
the reference line, `aside_m` to its right. On an arc of curvature κ (right positive) who drives `aside` of the line covers
1 − κ·aside of its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import forward, rightward

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_STRIDE_M = 1e7  # longer than any way: way · stride + along sorts the pieces of all ways


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one curvature (1/m, right positive) and gradient (rise over run)."""

    length_m: float
    curvature_1pm: float = 0.0
    gradient: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One direction of a road: where its reference line begins, what it is made of, its lanes."""

    name: str
    x_m: float
    y_m: float
    heading_deg: float
    pieces: tuple[Piece, ...]
    lanes: int = 1
    lane_width_m: float = 3.5
    speed_limit_mps: float = np.inf
    elevation_m: float = 0.0

    @property
    def length_m(self) -> float:
        """From the first point to the last."""
        return sum(piece.length_m for piece in self.pieces)

    def lane_aside_m(self, lane: int) -> float:
        """Where the middle of a lane lies, right of the reference line."""
        return (self.lanes - lane + 0.5) * self.lane_width_m


@dataclass(frozen=True, slots=True)
class Places:
    """xy (…, 2), heading_deg (…) of the line, curvature_1pm and gradient (…) there."""

    xy: Floats
    heading_deg: Floats
    curvature_1pm: Floats
    gradient: Floats


@dataclass(frozen=True, slots=True)
class Ways:
    """All ways of a scenario; the pieces of all of them in columns (k,), sorted by way and place."""

    each: tuple[Way, ...]
    key: Floats
    begin_m: Floats
    xy: Floats
    heading_deg: Floats
    curvature_1pm: Floats
    gradient: Floats

    @classmethod
    def of(cls, ways: tuple[Way, ...]) -> Self:
        """Columns of these ways."""
        rows = [(number, *row) for number, way in enumerate(ways) for row in _laid(way)]
        way, begin, x, y, heading, curvature, gradient = np.array(rows, np.float64).T
        return cls(ways, way * _STRIDE_M + begin, begin, np.stack([x, y], axis=-1), heading, curvature, gradient)

    def index(self, name: str) -> int:
        """Row of the way of this name; KeyError when there is none."""
        for row, way in enumerate(self.each):
            if way.name == name:
                return row
        raise KeyError(name)

    def at(self, way: Ints, along_m: Floats, aside_m: Floats) -> Places:
        """Places (…) on these ways; before its beginning and beyond its end a way goes on as its outermost pieces do."""
        piece = np.searchsorted(self.key, way * _STRIDE_M + np.maximum(along_m, 0.0), side="right") - 1
        rest, curvature, heading = along_m - self.begin_m[piece], self.curvature_1pm[piece], self.heading_deg[piece]
        turn = np.degrees(curvature * rest)
        chord = rest * np.sinc(curvature * rest / (2.0 * np.pi))
        there = self.xy[piece] + chord[..., None] * forward(heading + turn / 2.0)
        heading = np.mod(heading + turn, 360.0)
        return Places(there + aside_m[..., None] * rightward(heading), heading, curvature, self.gradient[piece])


def _laid(way: Way) -> list[tuple[float, float, float, float, float, float]]:
    """Begin, x, y, heading, curvature and gradient of every piece, one after the other."""
    begin, xy, heading = 0.0, np.array([way.x_m, way.y_m]), way.heading_deg
    rows = []
    for piece in way.pieces:
        rows.append((begin, float(xy[0]), float(xy[1]), heading, piece.curvature_1pm, piece.gradient))
        angle = piece.curvature_1pm * piece.length_m
        chord = piece.length_m * np.sinc(angle / (2.0 * np.pi))
        xy = xy + chord * forward(np.asarray(heading + np.degrees(angle) / 2.0))
        heading, begin = heading + float(np.degrees(angle)), begin + piece.length_m
    return rows
