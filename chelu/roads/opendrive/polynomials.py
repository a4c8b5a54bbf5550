"""Cubic polynomials one after the other along a road: elevation, superelevation, lane offsets, widths and borders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from chelu.roads.network import Floats


@dataclass(frozen=True, slots=True)
class Polynomials:
    """From begin_m (k,), ascending, a + b·d + c·d² + d·d³ holds with d = s − begin_m; coefficients (k, 4). None: 0 everywhere."""

    begin_m: Floats
    coefficients: Floats

    @classmethod
    def of(cls, rows: Sequence[tuple[float, float, float, float, float]]) -> Self:
        """Of begin, a, b, c, d; of several that begin at one place the last holds."""
        table = np.array(sorted(rows, key=lambda row: row[0]), np.float64).reshape(-1, 5)
        return cls(table[:, 0], table[:, 1:])

    def at(self, s_m: Floats) -> Floats:
        """Values (…); before the first begins, the first goes on backwards."""
        d, (a, b, c, e) = self._local(s_m)
        return np.asarray(a + d * (b + d * (c + d * e)))

    def slope(self, s_m: Floats) -> Floats:
        """What it changes by in a metre (…)."""
        d, (_, b, c, e) = self._local(s_m)
        return np.asarray(b + d * (2.0 * c + d * 3.0 * e))

    def _local(self, s_m: Floats) -> tuple[Floats, Floats]:
        s = np.asarray(s_m, np.float64)
        if not len(self.begin_m):
            return s, np.zeros((4, *s.shape))
        row = np.maximum(np.searchsorted(self.begin_m, s, side="right") - 1, 0)
        return s - self.begin_m[row], np.moveaxis(self.coefficients[row], -1, 0)


NOTHING = Polynomials(np.empty(0), np.empty((0, 4)))
