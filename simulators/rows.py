"""Samples of a scene as the rows that messages are made of: who moves, who is seen, what shines. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.geo import LocalFrame
from chelu.messages import PARTICIPANT, SPAT, Batch, Column, filled
from chelu.ragged import Ints
from simulators.scene import ActorKind

Floats = npt.NDArray[np.float64]

YAW_LIMIT_DPS, ACCELERATION_LIMIT_MPS2 = 327.67, 20.0  # the wire's; a pedestrian's course on the spot turns faster
VEHICLE_CLASS = {ActorKind.CAR: 10, ActorKind.TRUCK: 25, ActorKind.BUS: 50, ActorKind.MOTORCYCLE: 40}  # BasicVehicleClass
PARTICIPANT_TYPE = {ActorKind.UNKNOWN: 0, ActorKind.BICYCLE: 2, ActorKind.PEDESTRIAN: 3}  # ParticipantType; others: 1 motor
SOURCE_INTEGRATED = 7  # SourceType: what a roadside unit fuses from its sensors
POSITION_CONFIDENCE, ELEVATION_CONFIDENCE = 10, 9  # 50 cm and 1 m: what a recording is good for
TIMING_COUNTING_DOWN = 1


def participants(actors: Batch, place: LocalFrame, samples: Batch, event_us: Ints, **more: Column) -> Batch:
    """PARTICIPANT rows of samples (n,), as who perceives them says them."""
    kind = actors["kind"][samples["actor"]]
    return filled(
        PARTICIPANT,
        len(samples),
        **motion(actors, place, samples, event_us),
        participant_type=np.array([PARTICIPANT_TYPE.get(ActorKind(k), 1) for k in range(len(ActorKind))], np.uint8)[kind],
        participant_id=(samples["actor"] % 65536).astype(np.uint16),
        source=np.full(len(samples), SOURCE_INTEGRATED, np.uint8),
        **more,
    )


def phases(signals: Batch, event_us: Ints, **more: Column) -> Batch:
    """SPAT rows of signals (n,): what each phase shows, and until when."""
    n, end = len(signals), signals["likely_end_s"]
    return filled(
        SPAT,
        n,
        time_us=event_us,
        intersection_id=signals["intersection_id"],
        phase_id=signals["phase_id"].astype(np.int16),
        light=signals["light"],
        timing=np.full(n, TIMING_COUNTING_DOWN, np.uint8),
        start_s=np.zeros(n),
        min_end_s=end,
        max_end_s=end,
        likely_end_s=end,
        **more,
    )


def motion(actors: Batch, place: LocalFrame, samples: Batch, event_us: Ints) -> dict[str, Column]:
    """What BSM and RSM say alike of one who moves."""
    actor, n = samples["actor"], len(samples)
    latitude, longitude, elevation = place.to_geodetic(np.stack([samples["x_m"], samples["y_m"], samples["z_m"]], axis=1))
    kind = actors["kind"][actor]
    classes = np.array([VEHICLE_CLASS.get(ActorKind(k), 0) for k in range(len(ActorKind))], np.uint8)[kind]
    return {
        "time_us": event_us,
        "sec_mark_ms": (event_us // 1000 % 60_000).astype(np.uint16),
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        "elevation_m": elevation,
        "position_confidence": np.full(n, POSITION_CONFIDENCE, np.uint8),
        "position_confidence_valid": np.ones(n, np.bool_),
        "elevation_confidence": np.full(n, ELEVATION_CONFIDENCE, np.uint8),
        "elevation_confidence_valid": np.ones(n, np.bool_),
        "speed_mps": samples["speed_mps"],
        "heading_deg": samples["heading_deg"],
        "acceleration_longitudinal_mps2": _limited(samples["acceleration_mps2"], ACCELERATION_LIMIT_MPS2),
        "acceleration_lateral_mps2": np.zeros(n),
        "acceleration_vertical_mps2": np.zeros(n),
        "yaw_rate_dps": _limited(samples["yaw_rate_dps"], YAW_LIMIT_DPS),
        "length_m": actors["length_m"][actor],
        "width_m": actors["width_m"][actor],
        "height_m": actors["height_m"][actor],
        "vehicle_class": classes,
        "vehicle_class_valid": classes > 0,
    }


def _limited(values: Floats, limit: float) -> Floats:
    return np.clip(values, -limit, limit)
