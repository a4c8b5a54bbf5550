"""Where an event is, without a map: straight pieces of its paths, each with the way that is left to it, or a disc.

A path leads in driving direction. With a place beside it the event is at the place and the path says who comes to it; without one
the whole path is the event. A sign holds along its path, wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from services.inference.events.told import Path, Told
from services.inference.reports import Floats
from services.inference.types import Mask

_LEAST_PATH_M = 1.0  # shorter ones point nowhere
_GOES_ON_M = 100.0  # a path that ends before the place, so near, leads on to it


@dataclass(frozen=True, slots=True)
class Shape:
    """r rows. a, b (r, 3): ends of a straight piece in driving direction, or twice a disc's centre; radius_m: to both sides.

    to_go_m: from a along the path to where the event begins, negative once it has begun; lasts_m: how long the event is along
    the path; is_disc; is_first: of its path, so that who drives towards it comes to it.
    """

    a: Floats
    b: Floats
    radius_m: Floats
    to_go_m: Floats
    lasts_m: Floats
    is_disc: Mask
    is_first: Mask

    def __len__(self) -> int:
        return len(self.radius_m)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> Self:
        """These rows."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


def joined(shapes: Sequence[Shape]) -> Shape:
    """All rows in order."""
    if not shapes:
        shapes = [_rows(np.empty((0, 3)), np.empty((0, 3)), 0.0, np.empty(0), 0.0, is_disc=False)]
    return Shape(*(np.concatenate([getattr(one, field.name) for one in shapes]) for field in fields(Shape)))


def shape_of(told: Told) -> Shape | None:
    """The shape of an event or sign; None for a sign without a path, which says nothing of the direction it is for."""
    leading = [path for path in told.paths if is_leading(path)]
    if leading:
        return joined([_along(path, told) for path in leading])
    if told.is_sign:
        return None
    discs = [(path.points[0], path.radius_m) for path in told.paths]
    if told.place is not None:
        discs = [(told.place, told.radius_m)]
    centre = np.array([one for one, _ in discs])
    return _rows(centre, centre, np.array([radius for _, radius in discs]), np.zeros(len(discs)), 0.0, is_disc=True)


def is_leading(path: Path) -> bool:
    """Whether a path points anywhere: two places or more, not all in one spot."""
    step = np.diff(path.points[:, :2], axis=0)
    return bool(np.hypot(step[:, 0], step[:, 1]).sum() >= _LEAST_PATH_M)


def _along(path: Path, told: Told) -> Shape:
    points = path.points
    if told.place is not None and not told.is_sign:
        points = _led_on(points, told.place)
    keep = np.concatenate([[True], np.hypot(*np.diff(points[:, :2], axis=0).T) > 0])
    points = points[keep]
    step = np.hypot(*np.diff(points[:, :2], axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(step)])
    begins, lasts = 0.0, float(along[-1])
    if told.place is not None and not told.is_sign:
        at = _foot_m(points, along, told.place)
        begins, lasts = at - told.radius_m, 2.0 * told.radius_m
    return _rows(points[:-1], points[1:], path.radius_m, begins - along[:-1], lasts, is_disc=False)


def _led_on(points: Floats, place: Floats) -> Floats:
    """The path, led on to the event when it ends shortly before it."""
    last, forth = place[:2] - points[-1, :2], points[-1, :2] - points[-2, :2]
    gap = float(np.hypot(*last))
    is_ahead = float(last @ forth) > 0.5 * gap * float(np.hypot(*forth))
    return np.concatenate([points, place[None]]) if 0.0 < gap <= _GOES_ON_M and is_ahead else points


def _foot_m(points: Floats, along: Floats, place: Floats) -> float:
    """How far along a path the spot nearest to a place is."""
    a, step = points[:-1, :2], np.diff(points[:, :2], axis=0)
    square = np.einsum("ik,ik->i", step, step)
    share = np.clip(np.einsum("ik,ik->i", place[:2] - a, step) / square, 0.0, 1.0)
    away = a + share[:, None] * step - place[:2]
    nearest = int(np.argmin(np.einsum("ik,ik->i", away, away)))
    return float(along[nearest] + share[nearest] * np.sqrt(square[nearest]))


def _rows(a: Floats, b: Floats, radius_m: Floats | float, to_go_m: Floats, lasts_m: float, *, is_disc: bool) -> Shape:
    n = len(a)
    first = np.zeros(n, np.bool_)
    first[:1] = not is_disc
    return Shape(a, b, np.full(n, radius_m), to_go_m, np.full(n, lasts_m), np.full(n, is_disc), first)
