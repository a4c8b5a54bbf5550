"""How wire integers become SI columns and back: one row per column, with its factor and the code for "unavailable".

Units and codes: YD/T 3709-2020 as listed in docs/formats/cv2x.md. Sizes and classes use 0 for unavailable, as in SAE J2735.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.uper_table import Table
from chelu.messages import Column

STANDARD_GRAVITY = 9.80665
UNKNOWN_LATITUDE, UNKNOWN_LONGITUDE, UNKNOWN_ELEVATION = 900_000_001, 1_800_000_001, -4096
DEGREE = 10_000_000  # wire units of latitude and longitude


@dataclass(frozen=True, slots=True)
class Quantity:
    """SI value = wire × factor / divisor; `unavailable` is shown as NaN."""

    column: str
    path: str
    divisor: float = 1
    factor: float = 1
    unavailable: int | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """An enum item, a class or a set of bits, kept as its number; `unavailable` clears the mask."""

    column: str
    path: str
    unavailable: int | None = None


MOTION = (
    Quantity("speed_mps", "speed", 50, unavailable=8191),
    Quantity("heading_deg", "heading", 80, unavailable=28800),
    Quantity("steering_angle_deg", "angle", 2, 3, unavailable=127),
    Quantity("acceleration_longitudinal_mps2", "accelSet.long", 100, unavailable=2001),
    Quantity("acceleration_lateral_mps2", "accelSet.lat", 100, unavailable=2001),
    Quantity("acceleration_vertical_mps2", "accelSet.vert", 50, STANDARD_GRAVITY, unavailable=-127),
    Quantity("yaw_rate_dps", "accelSet.yaw", 100),
    Quantity("width_m", "size.width", 100, unavailable=0),
    Quantity("length_m", "size.length", 100, unavailable=0),
    Quantity("height_m", "size.height", 20, unavailable=0),
)
MOTION_CODES = (
    Code("position_confidence", "posConfidence.pos", 0),
    Code("elevation_confidence", "posConfidence.elevation", 0),
    Code("transmission", "transmission", 7),
    Code("speed_confidence", "motionCfd.speedCfd", 0),
    Code("heading_confidence", "motionCfd.headingCfd", 0),
    Code("steering_confidence", "motionCfd.steerCfd", 0),
    Code("vehicle_class", "vehicleClass.classification", 0),
    Code("fuel_type", "vehicleClass.fuelType", 0),
)
PLACE = (
    Quantity("latitude_deg", "pos.lat", DEGREE, unavailable=UNKNOWN_LATITUDE),
    Quantity("longitude_deg", "pos.long", DEGREE, unavailable=UNKNOWN_LONGITUDE),
    Quantity("elevation_m", "pos.elevation", 10, unavailable=UNKNOWN_ELEVATION),
)
BSM = (
    *PLACE,
    Quantity("semi_major_m", "posAccuracy.semiMajor", 20, unavailable=255),
    Quantity("semi_minor_m", "posAccuracy.semiMinor", 20, unavailable=255),
    Quantity("semi_major_orientation_deg", "posAccuracy.orientation", 65535, 360, unavailable=65535),
    *MOTION,
    Quantity("path_radius_m", "safetyExt.pathPrediction.radiusOfCurve", 10),
    Quantity("path_confidence", "safetyExt.pathPrediction.confidence", 200),
)
BSM_CODES = (
    *MOTION_CODES,
    Code("time_confidence", "timeConfidence", 0),
    Code("brake_pedal", "brakes.brakePadel", 0),
    Code("wheel_brakes", "brakes.wheelBrakes"),
    Code("traction_control", "brakes.traction", 0),
    Code("abs", "brakes.abs", 0),
    Code("stability_control", "brakes.scs", 0),
    Code("brake_boost", "brakes.brakeBoost", 0),
    Code("aux_brakes", "brakes.auxBrakes", 0),
    Code("events", "safetyExt.events"),
    Code("lights", "safetyExt.lights"),
    Code("response_type", "emergencyExt.responseType"),
    Code("siren", "emergencyExt.sirenUse", 0),
    Code("lightbar", "emergencyExt.lightsUse", 0),
)
BOUNDS = {  # lowest and highest known wire value
    "pos.lat": (-900_000_000, 900_000_000),
    "pos.long": (-1_799_999_999, 1_800_000_000),
    "pos.elevation": (-4095, 61439),
    "posAccuracy.semiMajor": (0, 254),
    "posAccuracy.semiMinor": (0, 254),
    "posAccuracy.orientation": (0, 65534),
    "speed": (0, 8190),
    "heading": (0, 28799),
    "angle": (-126, 126),
    "accelSet.long": (-2000, 2000),
    "accelSet.lat": (-2000, 2000),
    "accelSet.vert": (-126, 127),
    "accelSet.yaw": (-32767, 32767),
    "size.width": (0, 1023),
    "size.length": (0, 4095),
    "size.height": (0, 127),
}
STRAIGHT = 32767  # RadiusOfCurvature
WHEEL_BRAKES_UNKNOWN = 0b10000


def quantity(table: Table, spec: Quantity) -> npt.NDArray[np.float64]:
    """One SI column (rows,), NaN where absent or unavailable."""
    pieces = table.chunks.get(spec.path, ())
    if len(pieces) == 1 and pieces[0][0] is None:
        return to_si(pieces[0][1], spec)
    whole = np.full(table.rows, np.nan)
    for rows, values in pieces:
        whole[slice(None) if rows is None else rows] = to_si(values, spec)
    return whole


def to_si(values: npt.NDArray[np.int64], spec: Quantity) -> npt.NDArray[np.float64]:
    """SI values of wire integers: the nearest doubles to the decimal values."""
    scaled = values / spec.divisor if spec.factor == 1 else values * spec.factor / spec.divisor
    if spec.unavailable is not None:
        scaled[values == spec.unavailable] = np.nan
    return np.asarray(scaled, np.float64)


def quantities(table: Table, specs: Iterable[Quantity]) -> dict[str, Column]:
    """SI columns by name."""
    return {spec.column: quantity(table, spec) for spec in specs}


def codes(table: Table, specs: Iterable[Code], dtypes: Mapping[str, np.dtype[Any]]) -> dict[str, Column]:
    """Code columns and their ``_valid`` masks by name."""
    columns: dict[str, Column] = {}
    for spec in specs:
        columns[spec.column] = values = table.column(spec.path, dtypes[spec.column])
        columns[spec.column + "_valid"] = is_valid = table.present(spec.path)
        if spec.unavailable is not None and spec.path in table.chunks:
            is_valid &= values != spec.unavailable
    return columns
