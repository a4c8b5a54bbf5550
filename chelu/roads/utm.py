"""Universal Transverse Mercator on WGS-84, back to degrees: in what grid SUMO's networks of real places are drawn.

Krüger's series to the fourth order in the third flattening, which is exact to a millimetre within a zone (C. F. F. Karney,
"Transverse Mercator with an accuracy of a few nanometers", J. Geodesy 85, 2011).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.geo import WGS84_A_M, WGS84_E2

Floats = npt.NDArray[np.float64]
SCALE, FALSE_EAST_M, FALSE_NORTH_M = 0.9996, 500_000.0, 10_000_000.0  # the last one of the southern hemisphere
LAST_ZONE = 60
_FLATTENING = 1.0 - np.sqrt(1.0 - WGS84_E2)
_N = _FLATTENING / (2.0 - _FLATTENING)
_RADIUS_M = WGS84_A_M / (1.0 + _N) * (1.0 + _N**2 / 4.0 + _N**4 / 64.0)
_TO_SPHERE = (
    _N / 2.0 - 2.0 * _N**2 / 3.0 + 37.0 * _N**3 / 96.0 - _N**4 / 360.0,
    _N**2 / 48.0 + _N**3 / 15.0 - 437.0 * _N**4 / 1440.0,
    17.0 * _N**3 / 480.0 - 37.0 * _N**4 / 840.0,
    4397.0 * _N**4 / 161280.0,
)
_TO_LATITUDE = (
    2.0 * _N - 2.0 * _N**2 / 3.0 - 2.0 * _N**3 + 116.0 * _N**4 / 45.0,
    7.0 * _N**2 / 3.0 - 8.0 * _N**3 / 5.0 - 227.0 * _N**4 / 45.0,
    56.0 * _N**3 / 15.0 - 136.0 * _N**4 / 35.0,
    4279.0 * _N**4 / 630.0,
)


def geodetic(east_m: Floats, north_m: Floats, zone: int, *, is_south: bool = False) -> tuple[Floats, Floats]:
    """Latitude and longitude in degrees (n,) of a zone's eastings and northings (n,)."""
    up = (north_m - (FALSE_NORTH_M if is_south else 0.0)) / (SCALE * _RADIUS_M)
    across = (east_m - FALSE_EAST_M) / (SCALE * _RADIUS_M)
    xi, eta = up.copy(), across.copy()
    for order, factor in enumerate(_TO_SPHERE, 1):
        xi -= factor * np.sin(2 * order * up) * np.cosh(2 * order * across)
        eta -= factor * np.cos(2 * order * up) * np.sinh(2 * order * across)
    conformal = np.arcsin(np.sin(xi) / np.cosh(eta))
    latitude = conformal.copy()
    for order, factor in enumerate(_TO_LATITUDE, 1):
        latitude += factor * np.sin(2 * order * conformal)
    longitude = 6.0 * zone - 183.0 + np.degrees(np.arctan2(np.sinh(eta), np.cos(xi)))
    return np.degrees(latitude), longitude
