"""SI rows of telemetry → JT/T 808 location bodies: what simulators send."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.codec.gbt32960_frame import encode_time
from chelu.codec.jt808 import FIXED, IS_FIXED, IS_ON, IS_SOUTH, IS_WEST, MILEAGE, Locations
from chelu.errors import OutOfRangeError
from chelu.messages import Batch

NO_DIRECTION = 0xFFFF


def encode(rows: Batch) -> list[bytes]:
    """A body for each row, with its mileage where it is known. OutOfRangeError for a value that its field cannot hold."""
    n = len(rows)
    fixed = np.zeros(n, FIXED)
    fixed["alarm_flags"] = np.where(rows["alarm_flags_valid"], rows["alarm_flags"], 0)
    latitude, longitude = rows["latitude_deg"], rows["longitude_deg"]
    is_there = ~(np.isnan(latitude) | np.isnan(longitude))
    status = np.where(rows["vehicle_state_valid"] & (rows["vehicle_state"] == 1), IS_ON, 0) | np.where(is_there, IS_FIXED, 0)
    status |= np.where(latitude < 0, IS_SOUTH, 0) | np.where(longitude < 0, IS_WEST, 0)
    fixed["status_flags"] = status
    fixed["latitude"] = _number("latitude_deg", np.abs(latitude), 1e6, 90_000_000)
    fixed["longitude"] = _number("longitude_deg", np.abs(longitude), 1e6, 180_000_000)
    fixed["speed"] = _number("speed_mps", rows["speed_mps"], 36, 0xFFFF)
    heading = rows["heading_deg"]
    fixed["direction_deg"] = np.where(np.isnan(heading), NO_DIRECTION, _number("heading_deg", heading, 1, 360) % 360)
    fixed["time"] = np.array([_decimals(encode_time(int(time))) for time in rows["time_us"]], np.uint8).reshape(n, 6)
    known = np.flatnonzero(~np.isnan(rows["mileage_m"]))
    mileage = _number("mileage_m", rows["mileage_m"][known], 0.01, 0xFFFFFFFF)
    values = [int(tenths).to_bytes(4, "big") for tenths in mileage]
    return Locations(fixed, known, np.full(len(known), MILEAGE, np.uint8), values).bodies()


def _number(name: str, values: npt.NDArray[np.float64], factor: float, most: int) -> npt.NDArray[np.int64]:
    """Numbers on the wire, 0 where there is no value."""
    raw = np.rint(np.nan_to_num(values) * factor).astype(np.int64)
    outside = (raw < 0) | (raw > most)
    if outside.any():
        raise OutOfRangeError(name, values[outside][0].item(), 0, most / factor)
    return raw


def _decimals(time: bytes) -> list[int]:
    """Binary-coded."""
    return [value // 10 << 4 | value % 10 for value in time]
