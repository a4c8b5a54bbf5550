"""Names and units of the message fields in JSON; those that `chelu.messages` also has carry its names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from chelu.codec.uper_types import Leaf, Member, Record
from chelu.errors import OutOfRangeError

# Type → suffix of the unit, SI value of one wire unit, code for "unavailable". Verticals are in units of 0.02 g.
_UNITS: Mapping[str, tuple[str, Fraction, int | None]] = {
    "DSecond": ("_ms", Fraction(1), None),
    "MinuteOfTheYear": ("", Fraction(1), 527040),
    "TimeMark": ("_s", Fraction(1, 10), 36001),
    "TimeOffset": ("_s", Fraction(1, 100), 65535),
    "Latitude": ("_deg", Fraction(1, 10**7), 900_000_001),
    "Longitude": ("_deg", Fraction(1, 10**7), 1_800_000_001),
    "Elevation": ("_m", Fraction(1, 10), -4096),
    "SemiMajorAxisAccuracy": ("_m", Fraction(1, 20), 255),
    "SemiMinorAxisAccuracy": ("_m", Fraction(1, 20), 255),
    "SemiMajorAxisOrientation": ("_deg", Fraction(360, 65535), 65535),
    "Speed": ("_mps", Fraction(1, 50), 8191),
    "Heading": ("_deg", Fraction(1, 80), 28800),
    "CoarseHeading": ("_deg", Fraction(3, 2), 240),
    "SteeringWheelAngle": ("_deg", Fraction(3, 2), 127),
    "Acceleration": ("_mps2", Fraction(1, 100), 2001),
    "VerticalAcceleration": ("_mps2", Fraction(980665, 5_000_000), -127),
    "YawRate": ("_dps", Fraction(1, 100), None),
    "VehicleWidth": ("_m", Fraction(1, 100), 0),
    "VehicleLength": ("_m", Fraction(1, 100), 0),
    "VehicleHeight": ("_m", Fraction(1, 20), 0),
    "RadiusOfCurvature": ("_m", Fraction(1, 10), None),
    "Radius": ("_m", Fraction(1, 10), None),
    "Confidence": ("", Fraction(1, 200), None),
    "LaneWidth": ("_m", Fraction(1, 100), None),
    **{f"OffsetLL-B{bits}": ("_deg", Fraction(1, 10**7), None) for bits in (12, 14, 16, 18, 22, 24)},
    **{f"VertOffset-B{bits:02}": ("_m", Fraction(1, 10), None) for bits in range(7, 13)},
}
_LABELS = {  # type of the record, member → name; "" stands for every record
    ("", "msgCnt"): "message_count",
    ("", "secMark"): "sec_mark_ms",
    ("", "lat"): "latitude_deg",
    ("", "long"): "longitude_deg",
    ("", "lon"): "longitude_deg",
    ("", "angle"): "steering_angle_deg",
    ("", "ptcType"): "participant_type",
    ("", "ptcId"): "participant_id",
    ("", "posAccuracy"): "position_accuracy",
    ("", "pos"): "position",
    ("", "refPos"): "reference_position",
    ("", "posConfidence"): "position_confidence",
    ("", "motionCfd"): "motion_confidence",
    ("", "accelSet"): "acceleration",
    ("", "safetyExt"): "safety",
    ("", "emergencyExt"): "emergency",
    ("", "moy"): "minute_of_year",
    ("", "timeStamp"): "sec_mark_ms",
    ("", "speedCfd"): "speed_confidence",
    ("", "headingCfd"): "heading_confidence",
    ("", "steerCfd"): "steering_confidence",
    ("", "orientation"): "semi_major_orientation_deg",
    ("", "timeConfidence"): "time_confidence",
    ("BasicSafetyMessage", "id"): "vehicle_id",
    ("RoadsideSafetyMessage", "id"): "rsu_id",
    ("RoadSideInformation", "id"): "rsu_id",
    ("ParticipantData", "id"): "vehicle_id",
    ("MapData", "timeStamp"): "minute_of_year",
    ("Phase", "id"): "phase_id",
    ("AccelerationSet4Way", "long"): "acceleration_longitudinal_mps2",
    ("AccelerationSet4Way", "lat"): "acceleration_lateral_mps2",
    ("AccelerationSet4Way", "vert"): "acceleration_vertical_mps2",
    ("AccelerationSet4Way", "yaw"): "yaw_rate_dps",
    ("PositionConfidenceSet", "pos"): "position_confidence",
    ("PositionConfidenceSet", "elevation"): "elevation_confidence",
    ("BrakeSystemStatus", "brakePadel"): "brake_pedal",
    ("BrakeSystemStatus", "traction"): "traction_control",
    ("BrakeSystemStatus", "scs"): "stability_control",
    ("VehicleClassification", "classification"): "vehicle_class",
    ("VehicleEmergencyExtensions", "sirenUse"): "siren",
    ("VehicleEmergencyExtensions", "lightsUse"): "lightbar",
    ("PathPrediction", "radiusOfCurve"): "path_radius_m",
    ("PathPrediction", "confidence"): "path_confidence",
    ("TimeCountingDown", "timeConfidence"): "confidence",
    ("UTCTiming", "timeConfidence"): "confidence",
    ("PathHistoryPoint", "posAccuracy"): "position_confidence",
    ("FullPositionVector", "posConficence"): "position_confidence",
}


@dataclass(frozen=True, slots=True)
class Unit:
    """How one integer field is shown: value = wire × step, `unavailable` as null; low, high: wire bounds."""

    step: Fraction
    low: int
    high: int
    unavailable: int | None

    @property
    def low_si(self) -> float:
        """The lowest value that says something."""
        return self._si(self.low + (self.low == self.unavailable))

    @property
    def high_si(self) -> float:
        return self._si(self.high - (self.high == self.unavailable))

    def show(self, value: int) -> float | int | None:
        """The SI value, the nearest double."""
        return None if value == self.unavailable else self._si(value)

    def read(self, value: Any, path: str) -> int:
        """The wire integer nearest to an SI value; OutOfRangeError when there is none."""
        if value is None and self.unavailable is not None:
            return self.unavailable
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15
        wire = round(Fraction(value) / self.step) if is_number else None
        if wire is None or not self.low <= wire <= self.high or wire == self.unavailable:
            raise OutOfRangeError(path, value, self.low_si, self.high_si)
        return wire

    def _si(self, value: int) -> float | int:
        return value if self.step == 1 else float(value * self.step)


def label(parent: Record, member: Member) -> str:
    """The JSON name of a record's member."""
    name = _LABELS.get((parent.type_name, member.name)) or _LABELS.get(("", member.name))
    if name is not None:
        return name
    plain = "".join("_" + letter.lower() if letter.isupper() else letter for letter in member.name.replace("-", "_"))
    for joined, parted in (("i_d", "id"), ("u_t_c", "utc"), ("g_n_s_s", "gnss"), ("_l_l_v", "_llv"), ("_l_l", "_ll")):
        plain = plain.replace(joined, parted)
    suffix = _UNITS.get(member.node.type_name, ("",))[0]
    return plain if plain.endswith(suffix) else plain + suffix


def unit(member: Member) -> Unit | None:
    """The unit of an integer field, None for anything shown as it is."""
    node = member.node
    if not isinstance(node, Leaf) or node.kind != "integer" or node.type_name not in _UNITS:
        return None
    _, step, unavailable = _UNITS[node.type_name]
    return Unit(step, node.low, node.low + node.limit, unavailable)
