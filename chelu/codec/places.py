"""Places that RSI and MAP messages give as offsets from a reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Json = Mapping[str, Any]
_ABSOLUTE = "position-LatLon"


def geodetic(position: Json, reference: Json) -> tuple[float, float, float]:
    """Latitude, longitude and elevation of an offset from a reference, NaN where either is unknown."""
    ((kind, plane),) = position["offset_ll"].items()
    anchor = (
        (0.0, 0.0) if kind == _ABSOLUTE else (_number(reference.get("latitude_deg")), _number(reference.get("longitude_deg")))
    )
    height = np.nan
    for name, value in position.get("offset_v", {}).items():
        height = _number(value) + (0.0 if name == "elevation" else _number(reference.get("elevation_m")))
    return anchor[0] + _number(plane["latitude_deg"]), anchor[1] + _number(plane["longitude_deg"]), height


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
