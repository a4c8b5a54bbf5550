"""A vehicle's own fixes → its BSMs."""

from __future__ import annotations

from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.messages import BSM, Batch
from edge.nmea import Fix
from edge.settings import Vehicle


class BsmWriter:
    """Counts messages; one per vehicle. What neither receiver nor configuration says is unavailable on the wire."""

    def __init__(self, vehicle_id: int, vehicle: Vehicle) -> None:
        self._vehicle_id, self._vehicle = vehicle_id, vehicle
        self._count = 0

    def write(self, fix: Fix) -> bytes:
        """One MessageFrame; raises OutOfRangeError when a value does not fit its field."""
        values = {
            "time_us": fix.time_us,
            "message_count": self._count,
            "vehicle_id": self._vehicle_id,
            "sec_mark_ms": fix.time_us // 1000 % 60_000,
            "latitude_deg": fix.latitude_deg,
            "longitude_deg": fix.longitude_deg,
            "elevation_m": fix.elevation_m,
            "speed_mps": fix.speed_mps,
            "heading_deg": fix.heading_deg,
            "width_m": self._vehicle.width_m,
            "length_m": self._vehicle.length_m,
            "height_m": np.nan if self._vehicle.height_m is None else self._vehicle.height_m,
            "vehicle_class": self._vehicle.vehicle_class,
            "vehicle_class_valid": True,
        }
        self._count = (self._count + 1) % 128
        return cv2x.encode_bsm(one_row(values)).frame(0)


def one_row(values: dict[str, Any]) -> Batch:
    """A batch of one BSM: floats not given are NaN, masks not given false, integers not given 0."""
    columns = {}
    for name, dtype in BSM.dtypes().items():
        missing = np.nan if dtype.kind == "f" else 0
        columns[name] = np.array([values.get(name, missing)], dtype)
    return Batch(columns)
