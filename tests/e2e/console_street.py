"""A street of the district whose traffic ends in a staged conflict, time and again, as a roadside unit hears and sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, filled

HOST, STANDING = 0xC001, 0xC002  # the two of the conflict
STANDS_M, BRAKES_FROM_M, BRAKING_MPS2 = 55.0, 22.0, 6.5
LANE_EAST_M, UP_M, RISE = 5.2, 30.0, 8.0 / 256.0  # camellia, lane 1 northbound: through (5.2, 0) at 30 m
START_M, SPEED_MPS = -120.0, 14.0
BESIDE = ((1.8, -100.0, 8.0), (1.8, -60.0, 8.0), (1.8, -20.0, 8.0), (-1.8, 110.0, -9.0), (-5.2, 90.0, -9.0), (-5.2, 40.0, -9.0))
WALKERS = ((11.0, 20.0, 1.2), (11.0, 26.0, 1.2), (-11.0, -20.0, -1.2))
CAR_CLASS, INTEGRATED, PEDESTRIAN, RSU_ID = 10, 7, 3, 0x5253
GREEN, RED = 5, 3
PERIOD_S, DRIVES_S = 30.0, 24.0  # then those who move are silent, until nobody remembers them, and begin anew
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Street:
    """What is on the air at an instant (s since it began)."""

    frame: LocalFrame
    counts: dict[str, int] = field(default_factory=dict)

    def frames(self, at_s: float, now_us: int) -> list[bytes]:
        """BSMs of the cars, one RSM of the pedestrians and the standing car, one SPAT of the crossing."""
        at_s %= PERIOD_S
        cars, walkers = self._cars(at_s, now_us), self._walkers(at_s, now_us)
        cars = cars if at_s < DRIVES_S else cars.take(cars["vehicle_id"] == STANDING)
        here = np.array([[self.frame.latitude_deg, self.frame.longitude_deg, self.frame.elevation_m]])
        encoded = (
            cv2x.encode_bsm(cars),
            cv2x.encode_rsm(walkers, reference_position=here),
            cv2x.encode_spat(_lights(at_s, now_us)),
        )
        return [frames.frame(row) for frames in encoded for row in range(len(frames))]

    def _cars(self, at_s: float, now_us: int) -> Batch:
        north, speed = host_at(at_s)
        rows = [(LANE_EAST_M, north, speed), (LANE_EAST_M, STANDS_M, 0.0)]
        rows += [(east, begin + speed * at_s, speed) for east, begin, speed in BESIDE]
        ids = np.array([HOST, STANDING, *(0xC100 + number for number in range(len(BESIDE)))], np.uint64)
        table = self._table(BSM, np.array(rows), now_us)
        return table.with_columns(vehicle_id=ids, **_known(len(rows), transmission=2, vehicle_class=CAR_CLASS))

    def _walkers(self, at_s: float, now_us: int) -> Batch:
        rows = np.array(
            [*((east, north + speed * at_s, speed) for east, north, speed in WALKERS), (LANE_EAST_M, STANDS_M + 0.3, 0.0)]
        )
        kinds = np.array([*([PEDESTRIAN] * len(WALKERS)), 1], np.uint8)
        table = self._table(PARTICIPANT, rows, now_us)
        size = {"length_m": np.where(kinds == 1, 4.5, 0.6), "width_m": np.where(kinds == 1, 1.8, 0.6)}
        count = len(rows)
        return table.with_columns(
            participant_type=kinds,
            participant_id=np.arange(1, count + 1, dtype=np.uint16),
            rsu_id=np.full(count, RSU_ID, np.uint64),
            source=np.full(count, INTEGRATED, np.uint8),
            frame=np.zeros(count, np.int64),
            **{name: values.astype(np.float32) for name, values in size.items()},
        )

    def _table(self, stream: Any, rows: Floats, now_us: int) -> Batch:
        """rows (n, 3): east, north, speed northwards."""
        east, north, speed = rows.T
        latitude, longitude, elevation = self.frame.to_geodetic(np.column_stack([east, north, UP_M + RISE * north]))
        batch = Batch(filled(stream, len(rows)).columns)
        columns: dict[str, Any] = {
            "time_us": np.full(len(rows), now_us), "sec_mark_ms": np.full(len(rows), now_us // 1000 % 60_000),
            "latitude_deg": latitude, "longitude_deg": longitude, "elevation_m": elevation,
            "speed_mps": np.abs(speed), "heading_deg": np.where(speed < 0, 180.0, 0.0),
            "length_m": np.full(len(rows), 4.5), "width_m": np.full(len(rows), 1.8),
            **{f"acceleration_{axis}_mps2": np.zeros(len(rows)) for axis in ("longitudinal", "lateral", "vertical")},
            "yaw_rate_dps": np.zeros(len(rows)),
        }  # fmt: skip
        return batch.with_columns(**{name: values.astype(batch[name].dtype) for name, values in columns.items() if name in batch})


def host_at(at_s: float) -> tuple[float, float]:
    """Where the host is (m north) and how fast: it brakes late, and stops behind the standing car."""
    begins_m = STANDS_M - BRAKES_FROM_M
    free_s = (begins_m - START_M) / SPEED_MPS
    if at_s <= free_s:
        return START_M + SPEED_MPS * at_s, SPEED_MPS
    braking_s = min(at_s - free_s, SPEED_MPS / BRAKING_MPS2)
    return begins_m + SPEED_MPS * braking_s - BRAKING_MPS2 * braking_s**2 / 2, SPEED_MPS - BRAKING_MPS2 * braking_s


def _known(count: int, **codes: int) -> dict[str, Any]:
    values = {name: np.full(count, value, np.uint8) for name, value in codes.items()}
    return {**values, **{f"{name}_valid": np.ones(count, np.bool_) for name in codes}}


def _lights(at_s: float, now_us: int) -> Batch:
    """Four phases of the first intersection, which change every 10 s."""
    phases = np.arange(1, 5, dtype=np.int16)
    left_s = 10.0 - at_s % 10.0
    is_green = (phases + int(at_s // 10)) % 2 == 0
    batch = Batch(filled(SPAT, len(phases)).columns)
    columns: dict[str, Any] = {
        "time_us": np.full(4, now_us), "intersection_id": np.ones(4), "phase_id": phases, "light": np.where(is_green, GREEN, RED),
        "timing": np.ones(4), "start_s": np.zeros(4), "likely_end_s": np.full(4, left_s), "frame": np.zeros(4, np.int64),
    }  # fmt: skip
    return batch.with_columns(
        **{name: np.asarray(value).astype(batch[name].dtype if name in batch else np.int64) for name, value in columns.items()}
    )
