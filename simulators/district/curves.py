"""Lines in space, from which the district is drawn: profiles, offsets, cuts and smooth ramps. Points are (n, 3) metres."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Plan = Callable[[Floats], tuple[Floats, Floats]]

STEP_M = 10.0


def profile(stations: Sequence[float], heights: Sequence[float], *, round_m: float = 60.0) -> Callable[[Floats], Floats]:
    """Height along a road: straight grades between the given points, rounded by a moving mean of `round_m`.

    Rounding never makes a grade steeper than the steepest given.
    """
    dense = np.arange(stations[0] - 2.0 * round_m, stations[-1] + 2.0 * round_m, 1.0)
    slope = np.diff(heights) / np.diff(stations)
    outside = np.minimum(dense - stations[0], 0.0) * slope[0] + np.maximum(dense - stations[-1], 0.0) * slope[-1]
    raw = np.interp(dense, stations, heights) + outside
    kernel = np.full(int(round_m) + 1, 1.0 / (int(round_m) + 1))
    smooth = np.convolve(np.pad(raw, int(round_m) // 2, mode="edge"), kernel, mode="valid")
    return lambda at: np.interp(at, dense, smooth)


def terraced(
    stations: Sequence[float], heights: Sequence[float], level: Sequence[float], *, half_m: float = 26.0
) -> Callable[[Floats], Floats]:
    """A profile that is level around the stations in `level`: netconvert builds every junction as a flat plate."""
    knots = [(at, height, half_m if at in level else 0.0) for at, height in zip(stations, heights, strict=True)]
    wide = [(at + sign * half, height) for at, height, half in knots for sign in ((-1, 1) if half else (0,))]
    return profile([at for at, _ in wide], [height for _, height in wide], round_m=20.0)


def sample(start: float, stop: float, step_m: float = STEP_M) -> Floats:
    """Stations from start to stop (either direction), both ends included, at most `step_m` apart."""
    return np.linspace(start, stop, max(2, int(np.ceil(abs(stop - start) / step_m)) + 1))


def offset(points: Floats, right_m: float) -> Floats:
    """The line `right_m` to the right of this one, at the same heights."""
    tangent = np.gradient(points[:, :2], axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    moved = points.copy()
    moved[:, 0] += right_m * tangent[:, 1]
    moved[:, 1] -= right_m * tangent[:, 0]
    return moved


def ramp(waypoints: Sequence[tuple[float, float, float]], heights: tuple[float, float]) -> Floats:
    """A smooth curve through (x, y, compass heading °), its height eased from the first to the last value."""
    parts = [_hermite(first, second) for first, second in itertools.pairwise(waypoints)]
    plan = np.concatenate([parts[0], *(part[1:] for part in parts[1:])])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(plan, axis=0), axis=1))])
    share = along / along[-1]
    eased = 0.5 * share + 0.5 * share * share * (3.0 - 2.0 * share)  # between straight and smoothstep: 1.25 × the mean grade
    return np.column_stack([plan, heights[0] + (heights[1] - heights[0]) * eased])


def _hermite(first: tuple[float, float, float], second: tuple[float, float, float]) -> Floats:
    start, end = np.array(first[:2]), np.array(second[:2])
    distance = float(np.linalg.norm(end - start))
    out, into = (distance * np.array([np.sin(np.radians(h)), np.cos(np.radians(h))]) for h in (first[2], second[2]))
    t = np.linspace(0.0, 1.0, max(4, int(distance / STEP_M)))[:, None]
    ends = (2 * t**3 - 3 * t**2 + 1) * start + (3 * t**2 - 2 * t**3) * end
    return np.asarray(ends + (t**3 - 2 * t**2 + t) * out + (t**3 - t**2) * into, np.float64)
