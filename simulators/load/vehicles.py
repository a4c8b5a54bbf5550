"""The vehicles of a load as rows for the encoder: who they are, what each of them tells, and the way behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.messages import BSM, Batch, Column, filled
from simulators.load.lanes import WIRE, Lanes, lanes
from simulators.load.settings import SHAPES, LoadSettings
from simulators.scene import vehicle_ids

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ACCURACY = ("time_confidence", "semi_major_m", "semi_minor_m", "semi_major_orientation_deg")
CONFIDENCE = ("position_confidence", "elevation_confidence", "speed_confidence", "heading_confidence", "steering_confidence")
DRIVING = ("steering_angle_deg", "events", "lights")
EMERGENCY = ("response_type", "siren", "lightbar", "fuel_type")
PROFILES = (ACCURACY, (*ACCURACY, *CONFIDENCE), (*CONFIDENCE, *DRIVING), (*DRIVING, *EMERGENCY))
FULL = (*ACCURACY, *CONFIDENCE, *DRIVING, *EMERGENCY)  # beside a path history
MOST_POINTS = 23  # PathHistoryPointList SIZE(1..23)
POINT_EVERY_S = 1.0
VALUES: dict[str, float] = {
    "time_confidence": 15,
    "semi_major_m": 0.5,
    "semi_minor_m": 0.5,
    "semi_major_orientation_deg": 0,
    "position_confidence": 10,
    "elevation_confidence": 9,
    "speed_confidence": 5,
    "heading_confidence": 5,
    "steering_confidence": 1,
    "steering_angle_deg": 1.5,
    "events": 1,
    "lights": 1,
    "response_type": 1,
    "siren": 1,
    "lightbar": 1,
    "fuel_type": 1,
}


@dataclass(frozen=True, slots=True)
class Crowd:
    """What is fixed for each of the vehicles.

    shape: (vehicles,) index in `SHAPES`; profile: (vehicles,) index in `PROFILES`, of use where the shape is ``optional``;
    points: (vehicles,) of the path history, 0 where there is none; first_count: (vehicles,) where message counts begin.
    """

    lanes: Lanes
    vehicle_id: npt.NDArray[np.uint64]
    shape: Ints
    profile: Ints
    points: Ints
    first_count: Ints


def crowd(settings: LoadSettings) -> Crowd:
    """The same crowd for the same settings."""
    random = np.random.default_rng([settings.seed, 1])
    count = settings.vehicles
    weights = np.array([settings.mix.get(name, 0.0) for name in SHAPES])
    shape = random.choice(len(SHAPES), count, p=weights / weights.sum())
    points = np.where(shape == SHAPES.index("path"), random.integers(1, MOST_POINTS + 1, count), 0)
    names = np.array([f"load-{number}" for number in range(count)])
    return Crowd(
        lanes(count, settings.origin, random),
        vehicle_ids(settings.site, names),
        shape,
        random.integers(0, len(PROFILES), count),
        points,
        random.integers(0, 128, count),
    )


def rows(crowd: Crowd, vehicle: Ints, *, latitude: Ints, longitude: Ints, is_back: Bools, time_us: Ints, count: Ints) -> Batch:
    """What these vehicles (n,) say at these instants from these places (wire units), as rows of `chelu.messages.BSM`."""
    n, way = len(vehicle), crowd.lanes
    flat = dict.fromkeys(("longitudinal", "lateral", "vertical"), np.zeros(n))
    return filled(
        BSM,
        n,
        time_us=time_us,
        sec_mark_ms=(time_us // 1000 % 60_000).astype(np.uint16),
        message_count=count.astype(np.uint8),
        vehicle_id=crowd.vehicle_id[vehicle],
        latitude_deg=latitude / WIRE,
        longitude_deg=longitude / WIRE,
        elevation_m=np.full(n, way.elevation_m),
        speed_mps=way.speed_mps[vehicle],
        heading_deg=(way.heading_deg[vehicle] + 180.0 * is_back) % 360,
        **{f"acceleration_{axis}_mps2": column for axis, column in flat.items()},
        yaw_rate_dps=np.zeros(n),
        transmission=np.full(n, 2, np.uint8),  # forward gears
        transmission_valid=np.ones(n, np.bool_),
        length_m=np.full(n, 4.6),
        width_m=np.full(n, 1.8),
        height_m=np.full(n, 1.5),
        vehicle_class=np.full(n, 10, np.uint8),
        vehicle_class_valid=np.ones(n, np.bool_),
        **_extras(crowd, vehicle),
    )


def path(crowd: Crowd, vehicle: Ints, latitude: Ints, longitude: Ints, is_back: Bools) -> Batch:
    """The path histories of these vehicles at these places: a point a second, straight behind."""
    points = crowd.points[vehicle]
    row = np.repeat(np.arange(len(vehicle)), points)
    age = (np.arange(len(row)) - np.repeat(np.cumsum(points) - points, points) + 1) * POINT_EVERY_S
    way, who = crowd.lanes, vehicle[row]
    metres = way.speed_mps[who] * age * np.where(is_back[row], -1.0, 1.0)
    behind = np.rint(metres[:, None] * way.step[who]).astype(np.int64)  # mirrored exactly on the way back
    nothing, unknown = np.zeros(len(row), np.uint8), np.zeros(len(row), np.bool_)
    return Batch(
        {
            "row": row,
            "latitude_deg": (latitude[row] - behind[:, 0]) / WIRE,
            "longitude_deg": (longitude[row] - behind[:, 1]) / WIRE,
            "elevation_m": np.full(len(row), way.elevation_m),
            "age_s": age,
            "speed_mps": way.speed_mps[who],
            "heading_deg": (way.heading_deg[who] + 180.0 * is_back[row]) % 360,
            "position_confidence": nothing,
            "position_confidence_valid": unknown,
            "elevation_confidence": nothing,
            "elevation_confidence_valid": unknown,
        }
    )


def _extras(crowd: Crowd, vehicle: Ints) -> dict[str, Column]:
    """The optional columns, present where a vehicle's shape and profile have them."""
    shape, profile = crowd.shape[vehicle], crowd.profile[vehicle]
    dtypes, found = BSM.dtypes(), {}
    for name in FULL:
        has_it = np.isin(profile, [number for number, names in enumerate(PROFILES) if name in names])
        has_it = (has_it & (shape == SHAPES.index("optional"))) | (shape == SHAPES.index("path"))
        if dtypes[name].kind == "f":
            found[name] = np.where(has_it, VALUES[name], np.nan)
        else:
            found[name] = np.full(len(vehicle), VALUES[name], dtypes[name])
            found[name + "_valid"] = has_it
    return found
