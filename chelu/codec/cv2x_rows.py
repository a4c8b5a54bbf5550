"""Wire tables of BSM, RSM and SPAT → the batches of `chelu.messages`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x_fields as fields
from chelu.codec.cv2x_fields import DEGREE, UNKNOWN_ELEVATION, UNKNOWN_LATITUDE, UNKNOWN_LONGITUDE, Quantity
from chelu.codec.cv2x_time import MINUTE_INVALID, UNKNOWN_MS, event_time_us, minute_time_us
from chelu.codec.uper_table import Table
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, Column

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

Types = dict[str, np.dtype[Any]]

BSM_TYPES, PARTICIPANT_TYPES, SPAT_TYPES = BSM.dtypes(), PARTICIPANT.dtypes(), SPAT.dtypes()
MARK_UNKNOWN = 36001  # TimeMark
ABSOLUTE = 6  # index of the position offsets' last alternative
NOT_ON_AIR = ("approach", "movement", "road_user")  # what a phase is for: a MAP tells
HOUR = 36000  # TimeMark units; as a value: more than an hour


def bsm_batch(table: Table, frame: Ints, reference_us: Ints) -> Batch:
    """BSM rows; frame, reference_us: (rows,)."""
    columns = _header(table, frame, "vehicle_id")
    columns["sec_mark_ms"] = table.column("secMark", np.uint16)
    columns["time_us"] = event_time_us(columns["sec_mark_ms"], reference_us)
    columns |= fields.quantities(table, fields.BSM)
    columns |= fields.codes(table, fields.BSM_CODES, BSM_TYPES)
    columns["path_radius_m"][columns["path_radius_m"] == fields.STRAIGHT / 10] = np.inf
    columns["wheel_brakes_valid"] &= columns["wheel_brakes"] & fields.WHEEL_BRAKES_UNKNOWN == 0
    return _ordered(BSM_TYPES, columns)


def path_batch(table: Table, bsm: Batch) -> Batch:
    """Points of path histories, newest first as sent: `row` into the BSM batch, `time_us` of the point, absolute position."""
    path = "safetyExt.pathHistory"
    row, points = table.lists.get(f"{path}.crumbData", (np.empty(0, np.int64), Table(0)))
    columns = _place(points, "llvOffset", row, _anchor(table, f"{path}.initialPosition.pos"))
    offset = fields.quantity(points, Quantity("", "timeOffset", 100, unavailable=65535))
    columns["age_s"] = offset
    columns |= fields.quantities(points, (Quantity("speed_mps", "speed", 50, unavailable=8191),))
    columns |= fields.quantities(points, (Quantity("heading_deg", "heading", 2, 3, unavailable=240),))
    specs = (
        fields.Code("position_confidence", "posAccuracy.pos", 0),
        fields.Code("elevation_confidence", "posAccuracy.elevation", 0),
    )
    columns |= fields.codes(points, specs, BSM_TYPES)
    whole = np.nan_to_num(offset * 1e6).astype(np.int64)
    return Batch({"row": row, "frame": bsm["frame"][row], "time_us": bsm["time_us"][row] - whole, **columns})


def participant_batch(table: Table, frame: Ints, reference_us: Ints) -> Batch:
    """RSM rows, one per participant; frame, reference_us: (messages,)."""
    row, own = table.lists.get("participants", (np.empty(0, np.int64), Table(0)))
    columns = {name: column[row] for name, column in _header(table, frame, "rsu_id").items()}
    columns["participant_type"] = own.column("ptcType", np.uint8)
    columns["participant_id"] = own.column("ptcId", np.uint16)
    columns["source"] = own.column("source", np.uint8)
    columns["vehicle_id"] = own.column("id", np.uint64)
    columns["vehicle_id_valid"] = own.present("id")
    columns["sec_mark_ms"] = own.column("secMark", np.uint16)
    columns["time_us"] = event_time_us(columns["sec_mark_ms"], reference_us[row])
    anchor = (_wire(table, "refPos.lat"), _wire(table, "refPos.long"), _wire(table, "refPos.elevation"))
    columns |= _place(own, "pos", row, anchor)
    columns |= fields.quantities(own, fields.MOTION)
    columns |= fields.codes(own, fields.MOTION_CODES, PARTICIPANT_TYPES)
    return _ordered(PARTICIPANT_TYPES, columns)


def spat_batch(table: Table, frame: Ints, reference_us: Ints) -> Batch:
    """SPAT rows, one per phase state; frame, reference_us: (messages,)."""
    none = (np.empty(0, np.int64), Table(0))
    message, crossings = table.lists.get("intersections", none)
    crossing, phases = crossings.lists.get("phases", none)
    phase, states = phases.lists.get("phaseStates", none)
    at = crossing[phase]
    time_us = _crossing_time(table, crossings, message, reference_us)[at]
    columns: dict[str, Column] = {
        "frame": frame[message][at],
        "time_us": time_us,
        "message_count": table.column("msgCnt", np.uint8)[message][at],
        "region_id": crossings.column("intersectionId.region", np.uint16)[at],
        "region_id_valid": crossings.present("intersectionId.region")[at],
        "intersection_id": crossings.column("intersectionId.id", np.uint16)[at],
        "status": crossings.column("status", np.uint16)[at],
        "phase_id": phases.column("id", np.int16)[phase],
        "state_index": (np.arange(len(phase)) - np.searchsorted(phase, phase)).astype(np.uint8),
        "light": states.column("light", np.uint8),
        "timing": states.column("timing#", np.uint8, -1 % 256) + np.uint8(1),
    }
    nothing, nowhere = np.zeros(len(phase), np.uint8), np.zeros(len(phase), np.bool_)
    for name in NOT_ON_AIR:
        columns[name], columns[f"{name}_valid"] = nothing, nowhere
    return _ordered(SPAT_TYPES, columns | _timing(states, time_us))


def _header(table: Table, frame: Ints, identity: str) -> dict[str, Column]:
    return {"frame": frame, "message_count": table.column("msgCnt", np.uint8), identity: table.column("id", np.uint64)}


def _ordered(types: Types, columns: dict[str, Column]) -> Batch:
    return Batch({name: columns[name] for name in (*types, "frame")})


def _wire(table: Table, path: str) -> Ints:
    fill = {"lat": UNKNOWN_LATITUDE, "long": UNKNOWN_LONGITUDE, "elevation": UNKNOWN_ELEVATION}[path.rpartition(".")[2]]
    return table.column(path, np.int64, fill)


def _anchor(table: Table, own: str) -> tuple[Ints, Ints, Ints]:
    """What a path history's offsets count from: its initial position where given, else the vehicle's position."""
    usual = tuple(_wire(table, f"pos.{name}") for name in ("lat", "long", "elevation"))
    has_own = table.present(f"{own}.lat")
    if has_own.any():
        given = (_wire(table, f"{own}.{name}") for name in ("lat", "long", "elevation"))
        usual = tuple(np.where(has_own, one, other) for one, other in zip(given, usual, strict=True))
    latitude, longitude, elevation = usual
    return latitude, longitude, elevation


def _place(table: Table, path: str, row: Ints, anchor: tuple[Ints, Ints, Ints]) -> dict[str, Column]:
    """Absolute positions of PositionOffsetLLV values; anchor: references in wire units, unavailable codes included, by `row`."""
    is_absolute = table.column(f"{path}.offsetLL#", np.int8) == ABSOLUTE
    latitude = _offset(anchor[0], row, table.column(f"{path}.offsetLL.lat"), is_absolute, UNKNOWN_LATITUDE)
    longitude = _offset(anchor[1], row, table.column(f"{path}.offsetLL.lon"), is_absolute, UNKNOWN_LONGITUDE)
    turn = 360 * DEGREE
    if len(row) and longitude.max() > turn // 2 + 1:
        longitude = np.where(longitude > turn // 2 + 1, longitude - turn, longitude)
    if len(row) and longitude.min() < -turn // 2:
        longitude = np.where(longitude < -turn // 2, longitude + turn, longitude)
    index = table.column(f"{path}.offsetV#", np.int8, -1)
    height = _offset(anchor[2], row, table.column(f"{path}.offsetV"), index == ABSOLUTE, UNKNOWN_ELEVATION)
    if (is_absent := index < 0).any():
        height[is_absent] = UNKNOWN_ELEVATION
    return {
        "latitude_deg": fields.to_si(latitude, Quantity("", "", DEGREE, unavailable=UNKNOWN_LATITUDE)),
        "longitude_deg": fields.to_si(longitude, Quantity("", "", DEGREE, unavailable=UNKNOWN_LONGITUDE)),
        "elevation_m": fields.to_si(height, Quantity("", "", 10, unavailable=UNKNOWN_ELEVATION)),
    }


def _offset(anchor: Ints, row: Ints, offset: Ints, is_absolute: Bools, unknown: int) -> Ints:
    """Anchor and offset together; an absolute value stands for itself, and nothing is known from an unknown anchor."""
    whole = anchor[row]
    is_lost = whole == unknown if (anchor == unknown).any() else None
    whole += offset
    if is_lost is not None:
        whole[is_lost] = unknown
    return np.where(is_absolute, offset, whole) if is_absolute.any() else whole


def _crossing_time(table: Table, crossings: Table, message: Ints, reference_us: Ints) -> Ints:
    """Event time of each intersection: by its own minute and milliseconds, where absent by the message's."""
    minute = crossings.column("moy", fill=-1)
    minute = np.where(minute < 0, table.column("moy", fill=MINUTE_INVALID)[message], minute)
    mark = crossings.column("timeStamp", fill=-1)
    mark = np.where(mark < 0, table.column("timeStamp", fill=UNKNOWN_MS)[message], mark)
    return minute_time_us(minute, mark, reference_us[message])


def _timing(states: Table, time_us: Ints) -> dict[str, Column]:
    in_hour = time_us % 3_600_000_000 / 1e6
    columns: dict[str, Column] = {}
    for name, counting, clock in (
        ("start_s", "startTime", "startUTCTime"),
        ("min_end_s", "minEndTime", "minEndUTCTime"),
        ("max_end_s", "maxEndTime", "maxEndUTCTime"),
        ("likely_end_s", "likelyEndTime", "likelyEndUTCTime"),
        ("next_start_s", "nextStartTime", "nextStartUTCTime"),
    ):
        left = fields.quantity(states, Quantity("", f"timing.{counting}", 10, unavailable=MARK_UNKNOWN))
        columns[name] = np.where(np.isnan(left), _until(states, f"timing.{clock}", in_hour), left)
    columns["confidence"] = fields.quantity(states, Quantity("", "timing.timeConfidence", 200))
    duration = fields.quantity(states, Quantity("", "timing.nextDuration", 10, unavailable=MARK_UNKNOWN))
    next_end = _until(states, "timing.nextEndUTCTime", in_hour)
    until_end = np.where(columns["next_start_s"] < 3600, (next_end - columns["next_start_s"]) % 3600, np.nan)
    columns["next_duration_s"] = np.where(np.isnan(duration), until_end, duration)
    return columns


def _until(states: Table, path: str, in_hour: Floats) -> Floats:
    """Seconds from now to a mark in the hour, the nearest such instant; more than an hour (36000): 3600."""
    mark = fields.quantity(states, Quantity("", path, 10, unavailable=MARK_UNKNOWN))
    left = (mark - in_hour + 1800) % 3600 - 1800
    return np.where(mark == HOUR / 10, 3600.0, left)
