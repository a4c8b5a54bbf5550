"""Places, speeds and headings as a roadside's device is to be read (`chelu.codec.roadside.Reading`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from chelu.codec.json_columns import Floats
from chelu.codec.roadside import Reading
from chelu.geo import from_gcj02


def on_wgs84(latitude: Floats, longitude: Floats, is_gcj02: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Places (n,) as WGS-84, where they are not."""
    if not is_gcj02.any():
        return latitude, longitude
    latitude, longitude = latitude.copy(), longitude.copy()
    latitude[is_gcj02], longitude[is_gcj02] = from_gcj02(latitude[is_gcj02], longitude[is_gcj02])
    return latitude, longitude


def moving(one: Mapping[str, Floats], frame: npt.NDArray[np.int64], readings: Sequence[Reading]) -> dict[str, Floats]:
    """Place, speed and heading of objects (n,) of these frames, as their senders' devices are to be read."""
    shifted = np.array([reading.is_gcj02 for reading in readings], np.bool_)[frame]
    latitude, longitude = on_wgs84(one["latitude_deg"], one["longitude_deg"], shifted)
    mirrored = np.array([reading.is_heading_mirrored for reading in readings], np.bool_)[frame]
    factor = np.array([reading.speed_factor for reading in readings], np.float64)[frame]
    heading = np.where(np.isfinite(one["heading_deg"]), one["heading_deg"], np.nan) % 360
    return {
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        "speed_mps": one["speed_mps"] * factor,
        "heading_deg": np.where(mirrored, -heading % 360, heading),
    }
