"""A road's reference line: its pieces as columns, evaluated at many places at once."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from chelu.roads.network import Floats
from chelu.roads.opendrive.curves import (
    arc_lengths,
    clothoid,
    cubic,
    cubic_bend,
    cubic_rate,
    parameter_at,
    reach,
)


class Curve(enum.IntEnum):
    """How a piece runs."""

    LINE = 0
    ARC = 1
    SPIRAL = 2
    POLY3 = 3
    PARAM_POLY3 = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """One piece as the file has it: curvature left positive; u, v: a parametric cubic, walked by arc length unless it says so.

    is_by_length: the parameter is the way along the piece (pRange "arcLength"); else it runs from 0 to 1.
    """

    s_m: float
    x_m: float
    y_m: float
    heading_rad: float
    length_m: float
    kind: Curve = Curve.LINE
    curvature_1pm: float = 0.0
    end_curvature_1pm: float = 0.0
    u: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 0.0)
    v: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    is_by_length: bool = False


@dataclass(frozen=True, slots=True)
class LinePlaces:
    """Of a reference line (…): x_m, y_m, heading_rad (counter-clockwise from east), curvature_1pm (left positive)."""

    x_m: Floats
    y_m: Floats
    heading_rad: Floats
    curvature_1pm: Floats


@dataclass(frozen=True, slots=True)
class ReferenceLine:
    """Pieces (k,) in order of s_m; u, v (k, 4), end (k,) and table (k, …): of those that are cubics."""

    s_m: Floats
    x_m: Floats
    y_m: Floats
    heading_rad: Floats
    length_m: Floats
    kind: npt.NDArray[np.int8]
    curvature_1pm: Floats
    rate_1pm2: Floats
    u: Floats
    v: Floats
    end: Floats
    table: Floats
    is_by_length: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, pieces: Sequence[Geometry]) -> Self:
        """Columns of these pieces, at least one, in any order."""
        ordered = sorted(pieces, key=lambda one: one.s_m)
        names = ("s_m", "x_m", "y_m", "heading_rad", "length_m", "curvature_1pm", "end_curvature_1pm")
        s, x, y, heading, length, curvature, end_curvature = np.array(
            [[getattr(one, name) for name in names] for one in ordered]
        ).T
        kind = np.array([one.kind for one in ordered], np.int8)
        u, v = np.array([one.u for one in ordered]), np.array([one.v for one in ordered])
        by_length = np.array([one.is_by_length for one in ordered])
        end = np.where(by_length, length, 1.0)
        is_poly = kind == Curve.POLY3
        end[is_poly] = reach(u[is_poly], v[is_poly], length[is_poly])
        rate = np.where(kind == Curve.SPIRAL, (end_curvature - curvature) / length, 0.0)
        return cls(s, x, y, heading, length, kind, curvature, rate, u, v, end, arc_lengths(u, v, end), by_length)

    @property
    def end_m(self) -> float:
        """Where the last piece ends, as s."""
        return float(self.s_m[-1] + self.length_m[-1])

    def at(self, s_m: npt.ArrayLike) -> LinePlaces:
        """Places (…); before the first piece its beginning, beyond the last one its end."""
        s = np.clip(np.asarray(s_m, np.float64), self.s_m[0], self.end_m)
        piece = np.maximum(np.searchsorted(self.s_m, s.ravel(), side="right") - 1, 0)
        return self._on(piece, s.ravel() - self.s_m[piece], s.shape)

    def ends(self) -> LinePlaces:
        """Where each piece ends (k,): the next one should begin there."""
        return self._on(np.arange(len(self.s_m)), self.length_m, self.s_m.shape)

    def _on(self, piece: npt.NDArray[np.intp], along: Floats, shape: tuple[int, ...]) -> LinePlaces:
        u, v, turned, curvature = along.copy(), np.zeros_like(along), np.zeros_like(along), np.zeros_like(along)
        kind = self.kind[piece]
        bends = np.flatnonzero((kind == Curve.ARC) | (kind == Curve.SPIRAL))
        if len(bends):
            k, rate, way = self.curvature_1pm[piece[bends]], self.rate_1pm2[piece[bends]], along[bends]
            u[bends], v[bends] = clothoid(k, rate, way)
            turned[bends], curvature[bends] = way * (k + rate / 2.0 * way), k + rate * way
        cubics = np.flatnonzero(kind >= Curve.POLY3)
        if len(cubics):
            u[cubics], v[cubics], turned[cubics], curvature[cubics] = self._cubics(piece[cubics], along[cubics])
        heading = self.heading_rad[piece]
        east, north = np.cos(heading), np.sin(heading)
        x, y = self.x_m[piece] + u * east - v * north, self.y_m[piece] + u * north + v * east
        return LinePlaces(*(column.reshape(shape) for column in (x, y, heading + turned, curvature)))

    def _cubics(self, piece: npt.NDArray[np.intp], along: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        u, v, table = self.u[piece], self.v[piece], self.table[piece]
        # a piece that says another length than its curve has is walked in proportion, so that it ends where its curve does
        walked = along / self.length_m[piece] * table[:, -1]
        p = np.where(self.is_by_length[piece], along, parameter_at(u, v, self.end[piece], table, walked))
        du, dv, ddu, ddv = cubic_rate(u, p), cubic_rate(v, p), cubic_bend(u, p), cubic_bend(v, p)
        speed = np.hypot(du, dv)
        moves = speed > 1e-12
        turned = np.where(moves, np.arctan2(dv, du), 0.0)
        bend = np.divide(du * ddv - dv * ddu, speed**3, out=np.zeros_like(speed), where=moves)
        return cubic(u, p), cubic(v, p), turned, bend
