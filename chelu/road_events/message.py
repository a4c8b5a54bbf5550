"""An event or a sign as the RSI of YD/T 3709 that tells of it, and as the one that withdraws it. Pure.

One frame has one event: units and vehicles know it by the unit's number for it, whatever else a unit tells. An RSI knows minutes:
it begins with the minute it is given, and ends before the one it ends with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.codec.cv2x_time import US_PER_MINUTE, minute_of_year
from chelu.codec.wire_id import wire_id

MOST_POINTS = 32  # PathPointList
MOST_NUMBERS = 256  # of a unit's events, and of its signs
LONGEST_TEXT_BYTES = 512  # Description
WIDEST_M = 6553.5  # Radius


@dataclass(frozen=True, slots=True)
class Point:
    """WGS-84; elevation None where it is not known."""

    latitude_deg: float
    longitude_deg: float
    elevation_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadEvent:
    """What is told: at a place, along a path in driving direction, or at a place to which a path leads.

    radius_m: around the place; path_radius_m: to both sides of the path; priority: 0 … 7; source: an EventSource of YD/T 3709.
    """

    is_sign: bool
    code: int
    text: str
    place: Point | None
    path: tuple[Point, ...]
    radius_m: float
    path_radius_m: float
    priority: int
    source: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One frame of it. number: the unit's for it; start_us: None when it has begun; end_us: rounded up to a minute."""

    unit: str
    number: int
    count: int
    made_us: int
    start_us: int | None
    end_us: int


def frame_of(event: RoadEvent, sending: Sending) -> bytes:
    """The frame that tells of it; OutOfRangeError and NotAllowedError name what it cannot hold."""
    item = _item(event, sending)
    anchor = event.place or event.path[0]
    document: dict[str, Any] = {
        "message": "rsi",
        "message_count": sending.count % 128,
        "minute_of_year": _minute(sending.made_us),
        "rsu_id": wire_id(sending.unit).hex(),
        "reference_position": _absolute(anchor),
        "rtss" if event.is_sign else "rtes": [item],
    }
    return cv2x.from_json(document)


def withdrawal_of(event: RoadEvent, sending: Sending) -> bytes:
    """The frame that ends it: the same, over since the minute before it was made."""
    over_us = sending.made_us - US_PER_MINUTE
    ended = Sending(
        unit=sending.unit,
        number=sending.number,
        count=sending.count,
        made_us=sending.made_us,
        start_us=None,
        end_us=over_us // US_PER_MINUTE * US_PER_MINUTE,
    )
    return frame_of(event, ended)


def whole_minute_us(time_us: int, *, is_up: bool) -> int:
    """A time as a message can say it: the begin of its minute, or of the next unless it is one."""
    return (-(-time_us // US_PER_MINUTE) if is_up else time_us // US_PER_MINUTE) * US_PER_MINUTE


def _item(event: RoadEvent, sending: Sending) -> dict[str, Any]:
    names = ("rts_id", "sign_type", "sign_pos") if event.is_sign else ("rte_id", "event_type", "event_pos")
    item: dict[str, Any] = {names[0]: sending.number, names[1]: event.code, "priority": f"{event.priority << 5:02x}"}
    item["time_details"] = {"end_time": _minute(whole_minute_us(sending.end_us, is_up=True))}
    if sending.start_us is not None:
        item["time_details"]["start_time"] = _minute(sending.start_us)
    if event.place is not None:
        item[names[2]] = _offset(event.place)
    if event.text:
        item["description"] = description(event.text)
    if event.path:
        points = [_offset(point) for point in event.path]
        item["reference_paths"] = [{"active_path": points, "path_radius_m": event.path_radius_m}]
    if not event.is_sign:
        item |= {"event_source": event.source}
        item |= {"event_radius_m": event.radius_m} if event.place is not None else {}
    return item


def description(text: str) -> dict[str, str]:
    """A text as a message has it: ASCII, or GB 2312, where what that does not have is UnicodeEncodeError."""
    return {"textString": text} if text.isascii() else {"textGB2312": text.encode("gb2312").hex()}


def _absolute(point: Point) -> dict[str, Any]:
    place = {"latitude_deg": point.latitude_deg, "longitude_deg": point.longitude_deg}
    return place if point.elevation_m is None else {**place, "elevation_m": point.elevation_m}


def _offset(point: Point) -> dict[str, Any]:
    plane = {"latitude_deg": point.latitude_deg, "longitude_deg": point.longitude_deg}
    found: dict[str, Any] = {"offset_ll": {"position-LatLon": plane}}
    return found if point.elevation_m is None else {**found, "offset_v": {"elevation": point.elevation_m}}


def _minute(time_us: int) -> int:
    return int(minute_of_year(np.array([time_us], np.int64))[0][0])
