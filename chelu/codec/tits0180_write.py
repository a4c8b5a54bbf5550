"""Rows → documents of T/ITS 0180.1-2021: what a roadside computer of ours says, and what simulators say in one's place.

Places are written to 1e-8° (1 mm) and all else to 1e-4 of its unit. A field that is unavailable is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np

from chelu.codec.roadside import AS_WRITTEN, Reading
from chelu.codec.tits0180_lamps import STATES
from chelu.codec.tits0180_participants import ACCELERATIONS, CLASS_OF, MOTIONS, SOURCE_BACK
from chelu.geo import to_gcj02
from chelu.messages import Batch, Column

DEGREE_DIGITS, DIGITS = 8, 4
CLASS_BACK = {int(code): short for short, code in enumerate(CLASS_OF)}  # BasicVehicleClass → vehicleClass
PARTICIPANT_NUMBERS = (  # JSON → column
    ("elevation", "elevation_m"),
    ("length", "length_m"),
    ("width", "width_m"),
    ("height", "height_m"),
)
CONFIDENCES = (
    ("positionConfidence", "position_confidence"),
    ("speedConfidence", "speed_confidence"),
    ("headingConfidence", "heading_confidence"),
)
EVENT_CODES = (
    ("eventId", "event_id"),
    ("speedConfidence", "speed_confidence"),
    ("headingConfidence", "heading_confidence"),
    ("linkId", "link_id"),
    ("laneId", "lane_id"),
)
TRAFFIC_NUMBERS = (
    ("elevation", "elevation_m"),
    ("queueLength", "queue_m"),
    ("trafficFlow", "flow_pcu"),
    ("wasteTime", "wasted_s"),
)
TRAFFIC_CODES = (
    ("flowType", "flow_type"),
    ("queueCount", "queue_vehicles"),
    ("trafficNumber", "vehicles"),
    ("congestionLevel", "congestion"),
)
LAMP_NAMES = (("lightStatus", "countDown"), ("lightStatusNext", "nextCountDown"), ("lightStatusNextNext", "nextNextCountDown"))
Details = Sequence[Mapping[str, Any] | None] | None


def encoded(document: Mapping[str, Any]) -> bytes:
    """UTF-8 without blanks."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def write_participants(
    rows: Batch, *, serial: str, details: Details = None, reading: Reading = AS_WRITTEN, has_ack: bool = False
) -> list[bytes]:
    """``participant/up`` documents of rows with PARTICIPANT's columns: one for each value of ``frame``, which ascends.

    details: (n,) further fields as they stand in JSON. A document's time is its newest participant's.
    """
    time_ms = rows["time_us"] / 1000
    columns: dict[str, list[Any]] = {
        "timestamp": _whole_ms(rows["time_us"]),
        "ptcType": np.where(rows["participant_type"] > 3, 0, rows["participant_type"]).tolist(),
        "ptcId": rows["participant_id"].tolist(),
        "vehicleClass": [None if code is None else CLASS_BACK.get(code, code) for code in _codes(rows, "vehicle_class")],
        "sourceType": [SOURCE_BACK.get(code, 0) for code in rows["source"].tolist()],
        **_place(rows, reading),
        **_motion(rows, reading),
        "acceleration": _accelerations(rows),
        **{name: _numbers(rows[column], DIGITS) for name, column in PARTICIPANT_NUMBERS},
        **{name: _codes(rows, column) for name, column in CONFIDENCES},
    }
    return [
        encoded({"timeStamp": int(time_ms[part].max()), "rscuSn": serial, "ptcList": items, **_ack(has_ack=has_ack)})
        for part, items in _by_frame(rows, columns, details)
    ]


def write_events(rows: Batch, *, serial: str, details: Details = None, reading: Reading = AS_WRITTEN) -> list[bytes]:
    """``event/up`` documents of rows with EVENT's columns, one for each value of ``frame``."""
    columns = {
        "eventType": _codes(rows, "event_type"),
        **{name: _codes(rows, column) for name, column in EVENT_CODES},
        "startTime": _instants(rows, "started_us"),
        "endTime": _instants(rows, "ended_us"),
        **_place(rows, reading),
        "elevation": _numbers(rows["elevation_m"], DIGITS),
        **_motion(rows, reading),
    }
    return [
        encoded({"timeStamp": int(rows["time_us"][part][0]) // 1000, "rscuSn": serial, "eventList": items})
        for part, items in _by_frame(rows, columns, details)
    ]


def write_traffic(
    rows: Batch, *, serial: str, cross: str | None = None, details: Details = None, reading: Reading = AS_WRITTEN
) -> list[bytes]:
    """``traffic/up`` documents of rows with TRAFFIC's columns, one for each value of ``frame``; cross: ``crossId``."""
    columns = {
        **_place(rows, reading),
        **{name: _numbers(rows[column], DIGITS) for name, column in TRAFFIC_NUMBERS},
        **{name: _codes(rows, column) for name, column in TRAFFIC_CODES},
    }
    found = []
    for part, items in _by_frame(rows, columns, details):
        first, is_lane = rows.take(part).take(np.array([0])), rows["is_lane"][part].tolist()
        head = {
            "timeStamp": int(first["time_us"][0]) // 1000,
            "rscuSn": serial,
            "crossId": cross,
            "linkId": _codes(first, "link_id")[0],
            "periodTime": int(first["period"][0]),
            "startTime": _instants(first, "started_us")[0],
            "endTime": _instants(first, "ended_us")[0],
            "directionFlowData": [item for item, lane in zip(items, is_lane, strict=True) if not lane],
            "laneFlowData": [item for item, lane in zip(items, is_lane, strict=True) if lane],
        }
        found.append(encoded({name: value for name, value in head.items() if value is not None}))
    return found


def write_lamps(rows: Batch, *, serial: str, city: str, region: str) -> list[bytes]:
    """``lamp/up`` documents in annex B's form of rows with SPAT's columns, one for each value of ``frame``: one crossing each.

    The rows of a phase stand together in the order of their states, of which three are written.
    """
    found = []
    for part in _frames(rows):
        mine = rows.take(part)
        head: dict[str, Any] = {
            "signalControllerStamp": int(mine["time_us"][0]) // 1000,
            "rscuSn": serial,
            "cityCode": city,
            "regionId": region,
            "crossId": _cross(mine),
            "confidence": _numbers(mine["confidence"][:1], DIGITS)[0],
            "lampRealInfos": list(_lamps(mine)),
        }
        found.append(encoded({name: value for name, value in head.items() if value is not None}))
    return found


# -- inside ----------------------------------------------------------------------------------------------------------------------


def _cross(rows: Batch) -> str:
    node = str(int(rows["intersection_id"][0]))
    return f"{int(rows['region_id'][0])}-{node}" if rows["region_id_valid"][0] else node


def _lamps(rows: Batch) -> Iterator[dict[str, Any]]:
    lasts = np.where(np.isnan(rows["start_s"]), rows["likely_end_s"], rows["likely_end_s"] - rows["start_s"])
    phase = rows["phase_id"]
    starts = np.flatnonzero(np.concatenate([[True], phase[1:] != phase[:-1]]))
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(phase)], strict=True):
        lamp: dict[str, Any] = {"phaseId": str(int(phase[start]))}
        for state in range(min(STATES, stop - start)):
            light, left = LAMP_NAMES[state]
            lamp[light] = int(rows["light"][start + state])
            if not np.isnan(lasts[start + state]):
                lamp[left] = max(0, round(float(lasts[start + state])))
        yield lamp | {"countDown": lamp.get("countDown", 0)}


def _frames(rows: Batch) -> list[Column]:
    frame = rows["frame"]
    return np.split(np.arange(len(frame)), np.flatnonzero(frame[1:] != frame[:-1]) + 1) if len(frame) else []


def _by_frame(rows: Batch, columns: Mapping[str, list[Any]], details: Details) -> Iterator[tuple[Column, list[dict[str, Any]]]]:
    """For each document the places of its rows, and these as objects."""
    names = list(columns)
    items = [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*columns.values(), strict=True)
    ]
    for row, more in enumerate(details or ()):
        items[row] |= more or {}
    for part in _frames(rows):
        yield part, items[part[0] : part[-1] + 1]


def _ack(*, has_ack: bool) -> dict[str, Any]:
    return {"ack": True} if has_ack else {}


def _whole_ms(time_us: Column) -> list[Any]:
    whole: list[Any] = (time_us // 1000).tolist()
    return whole


def _instants(rows: Batch, name: str) -> list[Any]:
    return [None if time_us is None else time_us / 1000 for time_us in _codes(rows, name)]


def _numbers(column: Column, digits: int) -> list[Any]:
    values: list[Any] = np.round(column, digits).tolist()
    return [None if isnan(value) else value for value in values] if np.isnan(column).any() else values


def _codes(rows: Batch, name: str) -> list[Any]:
    values, is_there = rows[name], rows[f"{name}_valid"]
    plain: list[Any] = values.tolist()
    return plain if is_there.all() else [value if there else None for value, there in zip(plain, is_there.tolist(), strict=True)]


def _place(rows: Batch, reading: Reading) -> dict[str, list[Any]]:
    latitude, longitude = rows["latitude_deg"], rows["longitude_deg"]
    if reading.is_gcj02:
        latitude, longitude = to_gcj02(latitude, longitude)
    return {"longitude": _numbers(longitude, DEGREE_DIGITS), "latitude": _numbers(latitude, DEGREE_DIGITS)}


def _motion(rows: Batch, reading: Reading) -> dict[str, list[Any]]:
    heading = -rows["heading_deg"] % 360 if reading.is_heading_mirrored else rows["heading_deg"]
    return {"speed": _numbers(rows["speed_mps"] / reading.speed_factor, DIGITS), "heading": _numbers(heading, DIGITS)}


def _accelerations(rows: Batch) -> list[Any]:
    """The four axes as an object, the longitudinal one alone as a number."""
    sent = [_numbers(rows[spec.column], DIGITS) for spec in MOTIONS]
    found: list[Any] = []
    for values in zip(*sent, strict=True):
        said = {name: value for name, value in zip(ACCELERATIONS, values, strict=True) if value is not None}
        found.append(said["long"] if list(said) == ["long"] else said or None)
    return found
