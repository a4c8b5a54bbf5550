"""Roads as a scenario drives them: ways of straight lines and arcs, lanes beside one another, places along and aside of them.

A way has one direction of travel. Its reference line is the left edge of its lanes; lane 1 is the rightmost. `along_m` runs on
the reference line, `aside_m` to its right. On an arc of curvature κ (right positive) who drives `aside` of the line covers
1 − κ·aside of its length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Self

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import forward, rightward

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_PART = 1 << 14  # values: 128 KiB of each column
_STRIDE_M = 1e7  # longer than any way: way · stride + along sorts the pieces of all ways


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one curvature (1/m, right positive) and gradient (rise over run); turn_deg: at its beginning, on the spot."""

    length_m: float
    curvature_1pm: float = 0.0
    gradient: float = 0.0
    turn_deg: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One direction of a road: where its reference line begins, what it is made of, its lanes.

    lane_widths_m: of each lane from the rightmost, where they differ. left_edge_m: the lanes' left edge, right of the line.
    """

    name: str
    x_m: float
    y_m: float
    heading_deg: float
    pieces: tuple[Piece, ...]
    lanes: int = 1
    lane_width_m: float = 3.5
    lane_widths_m: tuple[float, ...] = ()
    left_edge_m: float = 0.0
    speed_limit_mps: float = np.inf
    elevation_m: float = 0.0

    @property
    def length_m(self) -> float:
        """From the first point to the last."""
        return sum(piece.length_m for piece in self.pieces)

    @property
    def widths_m(self) -> tuple[float, ...]:
        """Of every lane, from the rightmost."""
        return self.lane_widths_m or (self.lane_width_m,) * self.lanes

    @property
    def edges_m(self) -> tuple[float, ...]:
        """Where the lanes' edges lie, right of the reference line, from the leftmost."""
        if not self.lane_widths_m:
            return tuple(self.left_edge_m + number * self.lane_width_m for number in range(self.lanes + 1))
        return tuple(accumulate(reversed(self.lane_widths_m), initial=self.left_edge_m))

    def lane_aside_m(self, lane: int) -> float:
        """Where the middle of a lane lies, right of the reference line."""
        if not self.lane_widths_m:
            return self.left_edge_m + (self.lanes - lane + 0.5) * self.lane_width_m
        return (self.edges_m[self.lanes - lane] + self.edges_m[self.lanes - lane + 1]) / 2.0


@dataclass(frozen=True, slots=True)
class Places:
    """xy (…, 2); elevation_m, and of the line heading_deg, curvature_1pm and gradient: (…)."""

    xy: Floats
    elevation_m: Floats
    heading_deg: Floats
    curvature_1pm: Floats
    gradient: Floats


@dataclass(frozen=True, slots=True)
class Ways:
    """All ways of a scenario; the pieces of all of them in columns (k,), sorted by way and place.

    Of the w ways: lanes (w,); of their lanes from the rightmost middles_m (right of the line) and widths_m, (w, most lanes).
    """

    each: tuple[Way, ...]
    key: Floats
    begin_m: Floats
    xy: Floats
    elevation_m: Floats
    heading_deg: Floats
    curvature_1pm: Floats
    gradient: Floats
    lanes: Ints
    middles_m: Floats
    widths_m: Floats

    @classmethod
    def of(cls, ways: tuple[Way, ...]) -> Self:
        """Columns of these ways."""
        rows = [(number, *row) for number, way in enumerate(ways) for row in _laid(replace(way, pieces=_joined(way.pieces)))]
        way, begin, x, y, z, heading, curvature, gradient = np.array(rows, np.float64).T
        lanes = np.array([one.lanes for one in ways])
        middles, widths = np.full((2, len(ways), lanes.max()), np.nan)
        for row, one in enumerate(ways):
            middles[row, : one.lanes] = [one.lane_aside_m(lane) for lane in range(1, one.lanes + 1)]
            widths[row, : one.lanes] = one.widths_m
        key = way * _STRIDE_M + begin
        return cls(ways, key, begin, np.stack([x, y], axis=-1), z, heading, curvature, gradient, lanes, middles, widths)

    @property
    def is_of_one_piece(self) -> bool:
        """Whether each of them is."""
        return len(self.key) == len(self.each)

    @property
    def is_straight(self) -> bool:
        """Whether none of them bends."""
        return not self.curvature_1pm.any()

    def index(self, name: str) -> int:
        """Row of the way of this name; KeyError when there is none."""
        for row, way in enumerate(self.each):
            if way.name == name:
                return row
        raise KeyError(name)

    def at(self, way: Ints, along_m: Floats, aside_m: Floats) -> Places:
        """Places (…) on these ways; before its beginning and beyond its end a way goes on as its outermost pieces do.

        way may lack the first axes of the others: it is then the same along them, and looked up once.
        """
        piece = self._piece(way, along_m)
        rest = along_m - self.begin_m[piece]
        curvature, heading, gradient = self.curvature_1pm[piece], self.heading_deg[piece], self.gradient[piece]
        ahead, right = forward(self.heading_deg), rightward(self.heading_deg)
        xy = np.moveaxis(np.empty((2, *rest.shape)), 0, -1)  # all of one axis side by side: loops over all, not over two
        for axis in (0, 1):
            columns = self.xy[piece, axis], ahead[piece, axis], right[piece, axis], aside_m
            begin, along, across, aside = (np.broadcast_to(column, rest.shape) for column in columns)
            for part in _parts(rest.shape):
                xy[*part, ..., axis] = begin[part] + rest[part] * along[part] + aside[part] * across[part]
        turned = heading
        if not self.is_straight:
            _bend(xy, self.xy[piece], curvature, heading, rest, aside_m)
            turned = np.mod(heading + np.degrees(curvature * rest), 360.0)
        elevation = self.elevation_m[piece] + gradient * rest if self.gradient.any() else self.elevation_m[piece]
        return Places(xy, *(np.broadcast_to(column, rest.shape) for column in (elevation, turned, curvature, gradient)))

    def curvature_at_1pm(self, way: Ints, along_m: Floats) -> Floats:
        """Of the reference line (…)."""
        return np.asarray(self.curvature_1pm[self._piece(way, along_m)])

    def gradient_at(self, way: Ints, along_m: Floats) -> Floats:
        """Rise over run (…), uphill positive."""
        return np.asarray(self.gradient[self._piece(way, along_m)])

    def _piece(self, way: Ints, along_m: Floats) -> npt.NDArray[np.intp]:
        if self.is_of_one_piece:
            return way
        return np.searchsorted(self.key, way * _STRIDE_M + np.maximum(along_m, 0.0), side="right") - 1


def _parts(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Columns (…) cut along their first axis, so that what is worked out of a part stays in the processor's cache."""
    if not shape:
        yield ()
        return
    long = max(1, _PART // max(math.prod(shape[1:]), 1))
    yield from ((slice(begin, begin + long),) for begin in range(0, shape[0], long))


def _joined(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Pieces that go on alike as one."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and (last.curvature_1pm, last.gradient, 0.0) == (piece.curvature_1pm, piece.gradient, piece.turn_deg):
            joined[-1] = replace(last, length_m=last.length_m + piece.length_m)
        else:
            joined.append(piece)
    return tuple(joined)


def _bend(xy: Floats, begin: Floats, curvature: Floats, heading: Floats, rest: Floats, aside_m: Floats) -> None:
    """Put those places (…, 2) right that lie on arcs; begin: where their pieces do."""
    curvature, heading = (np.broadcast_to(column, rest.shape) for column in (curvature, heading))
    begin, arc = np.broadcast_to(begin, xy.shape), np.nonzero(curvature)
    turn = curvature[arc] * rest[arc]
    chord = rest[arc] * np.sinc(turn / (2.0 * np.pi))
    middle, end = heading[arc] + np.degrees(turn) / 2.0, heading[arc] + np.degrees(turn)
    xy[arc] = begin[arc] + chord[..., None] * forward(middle) + aside_m[arc][..., None] * rightward(end)


def _laid(way: Way) -> list[tuple[float, ...]]:
    """Begin, x, y, z, heading, curvature and gradient of every piece, one after the other."""
    begin, z, xy, heading = 0.0, way.elevation_m, np.array([way.x_m, way.y_m]), way.heading_deg
    rows: list[tuple[float, ...]] = []
    for piece in way.pieces:
        heading += piece.turn_deg
        rows.append((begin, float(xy[0]), float(xy[1]), z, heading, piece.curvature_1pm, piece.gradient))
        angle = piece.curvature_1pm * piece.length_m
        chord = piece.length_m * np.sinc(angle / (2.0 * np.pi))
        xy = xy + chord * forward(np.asarray(heading + np.degrees(angle) / 2.0))
        heading, z = heading + float(np.degrees(angle)), z + piece.gradient * piece.length_m
        begin += piece.length_m
    return rows
