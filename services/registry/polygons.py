"""Areas of sites: what makes a GeoJSON polygon (RFC 7946) one that can be drawn and asked whether a point lies in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ring = Sequence[tuple[float, float]]
LEAST_POSITIONS = 4  # a closed triangle


def check_ring(ring: Ring) -> None:
    """Raise ValueError unless `ring` of (longitude, latitude) is closed, has an area, and neither touches nor crosses itself."""
    points = np.asarray(ring, dtype=np.float64).reshape(-1, 2)
    if len(points) < LEAST_POSITIONS or not np.array_equal(points[0], points[-1]):
        raise ValueError(f"a ring of at least {LEAST_POSITIONS} positions whose last is its first")
    if len(np.unique(points[:-1], axis=0)) < len(points) - 1:
        raise ValueError("a ring that comes to no position twice")
    if _is_crossing(points):
        raise ValueError("a ring that does not cross itself")


def _is_crossing(points: npt.NDArray[np.float64]) -> bool:
    """Whether two sides that are not neighbours meet, or all points lie on one line; points (n + 1, 2)."""
    start, end = points[:-1], points[1:]
    sides = len(start)
    left_start, left_end = _sides_of(start, end, start), _sides_of(start, end, end)
    is_parted = left_start != left_end  # [i, j]: the ends of side j lie on different sides of side i's line
    is_crossing = is_parted & is_parted.T
    number = np.arange(sides)
    apart = (number[:, None] - number[None, :]) % sides
    is_crossing &= (apart > 1) & (apart < sides - 1)
    return bool(is_crossing.any()) or not left_start.any()


def _sides_of(
    start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], points: npt.NDArray[np.float64]
) -> npt.NDArray[np.int8]:
    """For each side (row) and point (column): 1 left of it, -1 right, 0 on its line."""
    along = (end - start)[:, None, :]
    to_point = points[None, :, :] - start[:, None, :]
    return np.sign(along[..., 0] * to_point[..., 1] - along[..., 1] * to_point[..., 0]).astype(np.int8)
