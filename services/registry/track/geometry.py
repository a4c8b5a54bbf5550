"""A site's areas as shapes in its local metres: which of them many points lie in, which meet, and which lie in which. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from chelu.geo import LocalFrame

LEAST_M2 = 0.01  # what two areas must share to overlap: neighbours that were drawn along one line do not
SLACK_M2 = 0.01  # what of an area may lie outside another that it is said to lie in
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Areas by number. polygons: (a,) of shapely's; floor_m, ceiling_m: (a,) above the frame's origin, infinite where open."""

    ids: tuple[str, ...]
    polygons: npt.NDArray[Any]
    floor_m: Floats
    ceiling_m: Floats
    tree: shapely.STRtree

    def inside(self, points: Floats) -> Mask:
        """Which points (n, 3) lie in which area (n, a); of unknown height: on every deck, of unknown place: nowhere."""
        found = np.zeros((len(points), len(self.ids)), np.bool_)
        known = np.flatnonzero(np.isfinite(points[:, :2]).all(axis=1))
        row, area = self.tree.query(shapely.points(points[known, :2]), predicate="intersects")
        found[known[row], area] = True
        height = points[:, 2, None]
        is_elsewhere = (height < self.floor_m) | (height >= self.ceiling_m)  # NaN is neither
        return found & ~is_elsewhere

    def overlapping(self) -> Mask:
        """Which areas have ground and a deck in common (a, a); each with itself."""
        found = self._pairs(lambda left, right: shapely.area(shapely.intersection(left, right)) > LEAST_M2)
        meets = (self.floor_m[:, None] < self.ceiling_m) & (self.floor_m < self.ceiling_m[:, None])
        return found & meets

    def covering(self) -> Mask:
        """[i, j]: area j lies in area i (a, a); each in itself."""
        found = self._pairs(lambda left, right: shapely.area(shapely.difference(right, left)) <= SLACK_M2)
        return found & (self.floor_m[:, None] <= self.floor_m) & (self.ceiling_m[:, None] >= self.ceiling_m)

    def _pairs(self, test: Any) -> Mask:
        found = np.zeros((len(self.ids), len(self.ids)), np.bool_)
        left, right = self.tree.query(self.polygons, predicate="intersects")
        found[left, right] = test(self.polygons[left], self.polygons[right])
        return found


def shapes_of(frame: LocalFrame, areas: Sequence[Mapping[str, Any]]) -> Shapes:
    """The shapes of areas as the API has them: ``area_id``, ``polygon``, ``floor_m``, ``ceiling_m``."""
    polygons = np.array([polygon_of(frame, area["polygon"]["coordinates"]) for area in areas], dtype=object)
    return Shapes(
        tuple(area["area_id"] for area in areas),
        polygons,
        _bound(areas, "floor_m", -np.inf) - frame.elevation_m,
        _bound(areas, "ceiling_m", np.inf) - frame.elevation_m,
        shapely.STRtree(polygons),
    )


def polygon_of(frame: LocalFrame, rings: Sequence[Sequence[Sequence[float]]]) -> shapely.Polygon:
    """The polygon of rings of (longitude, latitude); the first is the border, the others are holes."""
    local = [frame.to_local(*np.asarray(ring, np.float64).T[::-1])[:, :2] for ring in rings]
    return shapely.Polygon(local[0], local[1:])


def _bound(areas: Sequence[Mapping[str, Any]], name: str, otherwise: float) -> Floats:
    return np.array([otherwise if area[name] is None else area[name] for area in areas], np.float64)
