"""Vectorised geodesy: WGS-84 ⇄ a site's local metres, GCJ-02 ⇄ WGS-84, and headings. Nothing here writes to its arguments.

The local frame is east-north-up at the site's origin, flattened: x and y are those of the point's foot on the surface that runs
parallel to the ellipsoid at the origin's elevation, z is the height above that elevation. So

* x, y do not depend on height: what is stacked stays above each other, and a message without a height still has a place;
* z does not curve away, as a plain tangent frame's does (31 m at 20 km);
* a metre is a metre on the site's own ground, where a map projection's is one at sea level (39 mm per km less at 250 m).

x and y equal those of a tangent plane through ECEF for points at the origin's elevation; distances differ from those on the
curved ground by less than r³/6R²: 4 mm at 10 km, 33 mm at 20 km. North in the frame is the origin's north everywhere: at Δλ of
longitude it differs from true north by Δλ · sin φ (0.01° at 2 km east in Chongqing).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.errors import OutOfRangeError

Floats = npt.NDArray[np.float64]

# WGS-84 (NIMA TR8350.2): semi-major axis and first eccentricity squared
WGS84_A_M = 6378137.0
WGS84_E2 = 6.69437999014e-3

# GCJ-02 is computed on Krasovsky's ellipsoid
GCJ_A_M = 6378245.0
GCJ_E2 = 0.00669342162296594323
GCJ_LONGITUDE = (72.004, 137.8347)
GCJ_LATITUDE = (0.8293, 55.8271)

MOST_LATITUDE_DEG = 89.0  # of a local frame: nearer to a pole east turns within a few steps

_ROUNDS = 12  # the first guess is off by 0.003 of the distance at 20 km, each round takes that factor again
_STEP_M = 1e-7


@dataclass(frozen=True, slots=True)
class LocalFrame:
    """A site's frame; the origin is WGS-84 with ellipsoidal elevation. Raises OutOfRangeError within 1° of a pole or beyond."""

    latitude_deg: float
    longitude_deg: float
    elevation_m: float = 0.0

    def __post_init__(self) -> None:
        for name, value, bound in (
            ("latitude_deg", self.latitude_deg, MOST_LATITUDE_DEG),
            ("longitude_deg", self.longitude_deg, 180.0),
        ):
            if not abs(value) <= bound:
                raise OutOfRangeError(name, value, -bound, bound)
        if not np.isfinite(self.elevation_m):
            raise OutOfRangeError("elevation_m", self.elevation_m, "any", "finite height")

    def to_local(self, latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike, elevation_m: npt.ArrayLike = np.nan) -> Floats:
        """Local metres (n, 3): x east, y north, z above the origin. NaN where the input is NaN; without elevation z is NaN."""
        latitude, longitude, elevation = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(value, np.float64)) for value in (latitude_deg, longitude_deg, elevation_m))
        )
        local = np.empty((*latitude.shape, 3))
        local[..., 0], local[..., 1] = self._plane(np.radians(latitude), np.radians(longitude - self.longitude_deg))
        local[..., 2] = elevation - self.elevation_m
        return local

    def to_geodetic(self, local: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Latitude °, longitude ° (-180 … 180) and elevation m, each (n,), of local metres (n, 3); of (n, 2) elevation is NaN."""
        points = np.atleast_2d(np.asarray(local, np.float64))
        x, y = points[..., 0], points[..., 1]
        latitude, delta = self._unproject(x, y)
        elevation = points[..., 2] + self.elevation_m if points.shape[-1] > 2 else np.full(x.shape, np.nan)
        longitude = np.mod(np.degrees(delta) + self.longitude_deg + 180.0, 360.0) - 180.0
        return np.degrees(latitude), longitude, elevation

    def _plane(self, latitude: Floats, delta: Floats) -> tuple[Floats, Floats]:
        """East and north (radians in, metres out) of the foot at the origin's elevation, by way of ECEF."""
        origin = np.radians(self.latitude_deg)
        sin_o, cos_o = np.sin(origin), np.cos(origin)
        sin, cos = np.sin(latitude), np.cos(latitude)
        normal = WGS84_A_M / np.sqrt(1.0 - WGS84_E2 * sin * sin)
        normal_o = WGS84_A_M / np.sqrt(1.0 - WGS84_E2 * sin_o * sin_o)
        axial = (normal + self.elevation_m) * cos
        polar = (normal * (1.0 - WGS84_E2) + self.elevation_m) * sin - (normal_o * (1.0 - WGS84_E2) + self.elevation_m) * sin_o
        half = np.sin(0.5 * delta)
        radial = axial - (normal_o + self.elevation_m) * cos_o - 2.0 * axial * half * half
        return axial * np.sin(delta), cos_o * polar - sin_o * radial

    def _unproject(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude difference (radians) whose foot is (x, y): Newton's steps with the radii of curvature."""
        latitude, delta = np.full(x.shape, np.radians(self.latitude_deg)), np.zeros(x.shape)
        for _ in range(_ROUNDS):
            east, north = self._plane(latitude, delta)
            east, north = x - east, y - north
            sin = np.sin(latitude)
            flat = 1.0 - WGS84_E2 * sin * sin
            normal = WGS84_A_M / np.sqrt(flat)
            delta = delta + east / ((normal + self.elevation_m) * np.cos(latitude))
            latitude = latitude + north / (normal * (1.0 - WGS84_E2) / flat + self.elevation_m)
            if not np.any(np.hypot(east, north) > _STEP_M):  # NaN counts as arrived
                break
        return latitude, delta


def _gcj_shift(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
    """What GCJ-02 adds to WGS-84, in degrees: the published series of sines, zero outside China's rectangle."""
    x, y = longitude - 105.0, latitude - 35.0
    root = np.sqrt(np.abs(x))
    ripple = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (ripple + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0)) * 2.0 / 3.0
    north += (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (ripple + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0)) * 2.0 / 3.0
    east += (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0)) * 2.0 / 3.0
    phi = np.radians(latitude)
    flat = 1.0 - GCJ_E2 * np.sin(phi) ** 2
    inside = _in_china(latitude, longitude)
    d_latitude = np.degrees(north * flat * np.sqrt(flat) / (GCJ_A_M * (1.0 - GCJ_E2)))
    d_longitude = np.degrees(east * np.sqrt(flat) / (GCJ_A_M * np.cos(phi)))
    return np.where(inside, d_latitude, 0.0), np.where(inside, d_longitude, 0.0)


def _in_china(latitude: Floats, longitude: Floats) -> npt.NDArray[np.bool_]:
    """Inside the rectangle in which GCJ-02 is customarily applied; NaN is outside."""
    in_width = (longitude >= GCJ_LONGITUDE[0]) & (longitude <= GCJ_LONGITUDE[1])
    return in_width & (latitude >= GCJ_LATITUDE[0]) & (latitude <= GCJ_LATITUDE[1])


def to_gcj02(latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike) -> tuple[Floats, Floats]:
    """GCJ-02 latitude and longitude (n,) of WGS-84 ones; outside China unchanged, NaN stays NaN."""
    latitude, longitude = _pair(latitude_deg, longitude_deg)
    d_latitude, d_longitude = _gcj_shift(latitude, longitude)
    return latitude + d_latitude, longitude + d_longitude


def from_gcj02(latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike) -> tuple[Floats, Floats]:
    """WGS-84 latitude and longitude (n,) of GCJ-02 ones, to 1e-9°; outside China unchanged, NaN stays NaN.

    A fixed-point iteration: the shift changes by less than 1 % of the distance moved, so each of the six rounds wins two digits.
    """
    target_latitude, target_longitude = _pair(latitude_deg, longitude_deg)
    inside = _in_china(target_latitude, target_longitude)
    latitude, longitude = target_latitude, target_longitude
    for _ in range(6):
        d_latitude, d_longitude = _gcj_shift(latitude, longitude)
        latitude, longitude = target_latitude - d_latitude, target_longitude - d_longitude
    return np.where(inside, latitude, target_latitude), np.where(inside, longitude, target_longitude)


def _pair(latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.broadcast_arrays(
        np.atleast_1d(np.asarray(latitude, np.float64)), np.atleast_1d(np.asarray(longitude, np.float64))
    )
    return first.copy(), second.copy()


def wrap_heading(heading_deg: npt.ArrayLike) -> Floats:
    """The same direction in [0, 360)."""
    wrapped = np.mod(np.asarray(heading_deg, np.float64), 360.0)
    return np.where(wrapped >= 360.0, 0.0, wrapped)  # the remainder of -1e-20 rounds up to 360


def heading_difference(heading_deg: npt.ArrayLike, reference_deg: npt.ArrayLike) -> Floats:
    """How far `heading` is clockwise of `reference`, in [-180, 180)."""
    return wrap_heading(np.asarray(heading_deg, np.float64) - np.asarray(reference_deg, np.float64) + 180.0) - 180.0


def heading_to_angle(heading_deg: npt.ArrayLike) -> Floats:
    """Mathematical angle (radians, anticlockwise from east, in (-π, π]) of a compass heading."""
    return -np.radians(heading_difference(heading_deg, 90.0))


def angle_to_heading(angle_rad: npt.ArrayLike) -> Floats:
    """Compass heading (°, clockwise from north, in [0, 360)) of a mathematical angle."""
    return wrap_heading(90.0 - np.degrees(np.asarray(angle_rad, np.float64)))


def heading_of(east: npt.ArrayLike, north: npt.ArrayLike) -> Floats:
    """Compass heading of a vector; of a zero vector NaN."""
    x, y = np.asarray(east, np.float64), np.asarray(north, np.float64)
    return np.where((x == 0.0) & (y == 0.0), np.nan, wrap_heading(np.degrees(np.arctan2(x, y))))
