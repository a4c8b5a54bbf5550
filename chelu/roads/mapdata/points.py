"""Lines of a MAP message: as few points as follow them, each an offset from the node in the narrowest form that holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chelu.codec.places import geodetic
from chelu.geo import LocalFrame
from chelu.roads.network import Floats

Json = dict[str, Any]
MOST_POINTS, FEWEST_POINTS = 31, 2  # PointList of YD/T 3709
OFF_M = 0.05  # of a point that is left out from the line that is drawn
_PER_DEG, _PER_M = 10_000_000, 10  # PositionOffsetLL and Elevation
_PLANE = (
    (12, "position-LL1"),
    (14, "position-LL2"),
    (16, "position-LL3"),
    (18, "position-LL4"),
    (22, "position-LL5"),
    (24, "position-LL6"),
)
_UP = ((7, "offset1"), (8, "offset2"), (9, "offset3"), (10, "offset4"), (11, "offset5"), (12, "offset6"))


def thinned(line: Floats, most: int = MOST_POINTS) -> Floats:
    """A line (k, 3) with at most so many points; those left out lie within `OFF_M` of it, or as near as so many points allow."""
    off_m = OFF_M
    while len(kept := _kept(line, off_m)) > most:
        off_m *= 2.0
    return np.asarray(line[kept])


def _kept(line: Floats, off_m: float) -> list[int]:
    """Rows that a line drawn through them needs (Douglas and Peucker)."""
    kept, waiting = {0, len(line) - 1}, [(0, len(line) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        off = _distances(line[first + 1 : last], line[first], line[last])
        worst = int(np.argmax(off))
        if off[worst] > off_m:
            middle = first + 1 + worst
            kept.add(middle)
            waiting += [(first, middle), (middle, last)]
    return sorted(kept)


def _distances(points: Floats, a: Floats, b: Floats) -> Floats:
    """How far points (k, 3) lie from the piece from a to b."""
    along = b - a
    share = np.clip((points - a) @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
    return np.asarray(np.linalg.norm(points - a - share[:, None] * along, axis=1))


def reference(place: Floats, frame: LocalFrame) -> Json:
    """A node's place (3,) as Position3D."""
    latitude, longitude, elevation = (float(one[0]) for one in frame.to_geodetic(place[None, :]))
    return {"latitude_deg": round(latitude, 7), "longitude_deg": round(longitude, 7), "elevation_m": round(elevation, 1)}


def drawn(line: Floats, frame: LocalFrame, anchor: Mapping[str, float]) -> list[Json]:
    """A line (k, 3) as a PointList from a node's reference position."""
    latitude, longitude, elevation = frame.to_geodetic(line)
    north = _steps(latitude, anchor["latitude_deg"], _PER_DEG)
    east = _steps(longitude, anchor["longitude_deg"], _PER_DEG)
    up = _steps(elevation, anchor["elevation_m"], _PER_M)
    places = zip(
        north.tolist(), east.tolist(), up.tolist(), latitude.tolist(), longitude.tolist(), elevation.tolist(), strict=True
    )
    return [{"pos_offset": _offset(*place)} for place in places]


def _steps(value: Floats, anchor: float, per_unit: int) -> np.ndarray:
    """Offsets in the wire's units: the difference of two values that are each rounded to them, so that nothing drifts."""
    return np.asarray(np.rint(value * per_unit) - np.rint(anchor * per_unit), np.int64)


def _offset(north: int, east: int, up: int, latitude: float, longitude: float, elevation: float) -> Json:
    plane = next((name for bits, name in _PLANE if _fits(bits, north) and _fits(bits, east)), None)
    rise = next((name for bits, name in _UP if _fits(bits, up)), None)
    return {
        "offset_ll": {plane: {"longitude_deg": east / _PER_DEG, "latitude_deg": north / _PER_DEG}}
        if plane
        else {"position-LatLon": {"longitude_deg": round(longitude, 7), "latitude_deg": round(latitude, 7)}},
        "offset_v": {rise: up / _PER_M} if rise else {"elevation": round(elevation, 1)},
    }


def _fits(bits: int, value: int) -> bool:
    return -(1 << (bits - 1)) <= value < 1 << (bits - 1)


def local(points: Sequence[Mapping[str, Any]], anchor: Mapping[str, Any], frame: LocalFrame) -> Floats:
    """A PointList as a line (k, 3); z is NaN where no height is said."""
    places = np.array([geodetic(point["pos_offset"], anchor) for point in points], np.float64).reshape(-1, 3)
    return frame.to_local(places[:, 0], places[:, 1], places[:, 2])
