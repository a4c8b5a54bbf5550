"""What streams are made of: fields, the groups of them that several streams share, and the header of every stored row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Field:
    """One column: `dtype` is a numpy type string, `optional` integers carry a ``<name>_valid`` mask (floats use NaN)."""

    name: str
    dtype: str
    unit: str
    about: str
    optional: bool = False

    @property
    def has_mask(self) -> bool:
        """Whether a ``<name>_valid`` column stands beside this one."""
        return self.optional and not self.dtype.startswith("f")


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream's definition: what one row is, and its columns in order."""

    name: str
    row: str
    fields: tuple[Field, ...]
    late_after_s: float = 5.0

    def dtypes(self) -> dict[str, np.dtype[Any]]:
        """Column name → numpy type, masks included, in order."""
        types: dict[str, np.dtype[Any]] = {}
        for spec in self.fields:
            types[spec.name] = np.dtype(spec.dtype)
            if spec.has_mask:
                types[spec.name + "_valid"] = np.dtype(np.bool_)
        return types


def floats(*specs: tuple[str, str, str], dtype: str = "f8") -> tuple[Field, ...]:
    """Numbers, NaN where unavailable: name, unit, what it is."""
    return tuple(Field(name, dtype, unit, about, optional=True) for name, unit, about in specs)


def codes(*specs: tuple[str, str, str]) -> tuple[Field, ...]:
    """Integers with a mask beside them: name, numpy type, what it is."""
    return tuple(Field(name, dtype, "", about, optional=True) for name, dtype, about in specs)


POSITION = (
    Field("latitude_deg", "f8", "°", "WGS-84", optional=True),
    Field("longitude_deg", "f8", "°", "WGS-84", optional=True),
    Field("elevation_m", "f8", "m", "above the WGS-84 ellipsoid", optional=True),
)
MOTION = floats(
    ("speed_mps", "m/s", "along the heading"),
    ("heading_deg", "°", "clockwise from north"),
    ("steering_angle_deg", "°", "steering wheel, right positive"),
    ("acceleration_longitudinal_mps2", "m/s²", "forward positive"),
    ("acceleration_lateral_mps2", "m/s²", "right positive"),
    ("acceleration_vertical_mps2", "m/s²", "down is negative"),
    ("yaw_rate_dps", "°/s", "clockwise positive"),
)
SIZE = floats(("width_m", "m", ""), ("length_m", "m", ""), ("height_m", "m", ""))
CLASS = codes(("vehicle_class", "u1", "BasicVehicleClass"), ("fuel_type", "u1", "FuelType"))
MOTION_CONFIDENCE = codes(
    ("speed_confidence", "u1", "SpeedConfidence"),
    ("heading_confidence", "u1", "HeadingConfidence"),
    ("steering_confidence", "u1", "SteeringWheelAngleConfidence"),
)
POSITION_CONFIDENCE = codes(
    ("position_confidence", "u1", "PositionConfidence"),
    ("elevation_confidence", "u1", "ElevationConfidence"),
)

# What every stored row starts with; filled in by ingest, except time_us, which the codec works out.
HEADER = (
    Field("time_us", "i8", "µs", "event time, UTC"),
    Field("arrival_us", "i8", "µs", "when ingest received it, UTC"),
    Field("device_key", "i4", "", "register.device"),
    Field("batch_id", "i8", "", "stream.batch, whose committed_us says when the row was durable"),
    Field("flags", "i2", "", "set of Flag"),
)
