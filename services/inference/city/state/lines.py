"""Lanes as lines: the foot of a place on a lane of which it is known where about on it the place is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.geo import heading_of
from chelu.roads.network import RoadNetwork
from services.inference.reports import Floats, Ints

_STRIDE = 1e7  # longer than any lane: lane · stride + offset sorts points of all lanes


@dataclass(frozen=True, slots=True)
class Foot:
    """Of n places: metres along the lane and to the right of it, the lane's height and direction there, metres over its ends."""

    offset_m: Floats
    aside_m: Floats
    up_m: Floats
    heading_deg: Floats
    over_m: Floats


class LaneLines:
    """The lanes of a network."""

    def __init__(self, network: RoadNetwork) -> None:
        shape = network.lanes.shape
        lane = np.repeat(np.arange(len(shape)), np.diff(shape.start))
        self._points, self._offset = shape.points, shape.offsets()
        self._key = lane * _STRIDE + self._offset
        self._first, self._last = shape.start[:-1], shape.start[1:] - 1

    def foot(self, lane: Ints, about_m: Floats, xyz: Floats) -> Foot:
        """Feet on lanes (n,); a place is on the piece at `about_m`, or on one beside it."""
        begin = self._piece(lane, about_m)
        along = self._along(begin, xyz)
        begin = self._piece(lane, np.where(np.abs(along - about_m) < 50.0, along, about_m))
        a, step = self._points[begin], self._points[begin + 1] - self._points[begin]
        along = self._along(begin, xyz)
        flat = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
        away = xyz - a
        aside = (away[:, 0] * step[:, 1] - away[:, 1] * step[:, 0]) / flat
        up = (
            a[:, 2]
            + np.clip((along - self._offset[begin]) / np.maximum(np.linalg.norm(step, axis=1), 1e-9), 0.0, 1.0) * step[:, 2]
        )
        end = self._offset[self._last[lane]]
        over = np.maximum(np.maximum(along - end, -along), 0.0)
        return Foot(np.clip(along, 0.0, end), aside, up, np.asarray(heading_of(step[:, 0], step[:, 1])), over)

    def heights(self, lane: Ints, offset_m: Floats) -> Floats:
        """The road's height at places along lanes."""
        begin = self._piece(lane, offset_m)
        step = self._points[begin + 1] - self._points[begin]
        share = (offset_m - self._offset[begin]) / np.maximum(np.linalg.norm(step, axis=1), 1e-9)
        return np.asarray(self._points[begin, 2] + np.clip(share, 0.0, 1.0) * step[:, 2])

    def _piece(self, lane: Ints, offset_m: Floats) -> Ints:
        """The point at which the piece at a place begins."""
        found = np.searchsorted(self._key, lane * _STRIDE + np.maximum(offset_m, 0.0), side="right") - 1
        return np.clip(found, self._first[lane], np.maximum(self._last[lane] - 1, self._first[lane]))

    def _along(self, begin: Ints, xyz: Floats) -> Floats:
        a, step = self._points[begin], self._points[begin + 1] - self._points[begin]
        square = np.maximum(step[:, 0] ** 2 + step[:, 1] ** 2, 1e-12)
        share = ((xyz[:, 0] - a[:, 0]) * step[:, 0] + (xyz[:, 1] - a[:, 1]) * step[:, 1]) / square
        return np.asarray(self._offset[begin] + share * np.linalg.norm(step, axis=1))
