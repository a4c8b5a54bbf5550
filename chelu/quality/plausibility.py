"""Values that the wire can carry and a road cannot: a car at 160 m/s, a lorry 40 m long, a position in the Gulf of Guinea."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch

# Column → lowest and highest value that is believed. A column a stream lacks is passed over; NaN is never out of range.
ON_ROAD: Mapping[str, tuple[float, float]] = {
    "elevation_m": (-500.0, 6000.0),  # the Dead Sea's shore to the highest roads
    "speed_mps": (0.0, 70.0),  # 252 km/h
    "acceleration_longitudinal_mps2": (-15.0, 15.0),  # dry tyres give about 10
    "acceleration_lateral_mps2": (-15.0, 15.0),
    "yaw_rate_dps": (-180.0, 180.0),
    "width_m": (0.0, 4.0),
    "length_m": (0.0, 30.0),
    "height_m": (0.0, 5.0),
}


def implausible(batch: Batch, limits: Mapping[str, tuple[float, float]] = ON_ROAD) -> npt.NDArray[np.bool_]:
    """Which rows (n,) hold a value outside its limits, or the position 0° 0° of a receiver without a fix."""
    mask = np.zeros(len(batch), np.bool_)
    for name, (low, high) in limits.items():
        if name in batch.columns:
            mask |= (batch[name] < low) | (batch[name] > high)
    if "latitude_deg" in batch.columns:
        mask |= (batch["latitude_deg"] == 0.0) & (batch["longitude_deg"] == 0.0)
    return mask
