"""OpenV2X roadsides' RSIs: JSON in raw wire units → what the RSI of YD/T 3709 says as JSON (`chelu.codec.cv2x_json`).

One message has one event (``rsi``) or several (``rsiDatas``). With a bad field it is refused whole: an event that says half of
what it meant warns of the wrong thing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chelu.codec.cv2x import Message
from chelu.codec.cv2x_fields import DEGREE, UNKNOWN_ELEVATION
from chelu.codec.documents import read_object
from chelu.codec.roadside import Decoded, Reading
from chelu.errors import CheluError, MalformedError, NotAllowedError, OutOfRangeError
from chelu.geo import from_gcj02
from chelu.messages import PARTICIPANT, DropReason, Frames, Rejects, empty

SOURCES = ("unknown", "police", "government", "meteorological", "internet", "detection")  # EventSource
MOST_EVENTS, MOST_PATHS, MOST_POINTS = 8, 8, 32  # RTEList, ReferencePathList, PathPointList
LONGEST_TEXT = 512  # Description
Json = dict[str, Any]


def read_rsi(frames: Frames, readings: Sequence[Reading]) -> Decoded:
    """RSIs, a payload each (n,): `chelu.codec.roadside.Reader`."""
    found, refused = list[Message](), list[tuple[int, DropReason, str]]()
    for frame in range(len(frames)):
        try:
            value = rsi_of(read_object(frames.frame(frame)))
            found.append(Message(frame, "rsi", _on_wgs84(value) if readings[frame].is_gcj02 else value))
        except MalformedError as error:
            refused.append((frame, DropReason(error.reason), error.detail))
        except CheluError as error:
            refused.append((frame, DropReason.OUT_OF_RANGE, str(error)))
    index = np.array([frame for frame, _, _ in refused], np.int64)
    rejects = Rejects(index, tuple(reason for _, reason, _ in refused), tuple(detail for _, _, detail in refused))
    rows = empty(PARTICIPANT)
    return Decoded(rows.with_columns(frame=np.empty(0, np.int64)), tuple(found), rejects)


def rsi_of(document: Mapping[str, Any]) -> Json:
    """A document as an RSI, with ``alert_ids`` of its events beside; OutOfRangeError names the first bad field."""
    events: Any = document["rsiDatas"] if "rsiDatas" in document else [document.get("rsi")]
    name = "rsiDatas" if "rsiDatas" in document else "rsi"
    _must_be_list(events, name, 1, MOST_EVENTS)
    read = [_event(event, f"{name}[{place}]" if name == "rsiDatas" else name, place) for place, event in enumerate(events)]
    first = next((event["event_pos"] for event, _ in read if "event_pos" in event), None)
    return {
        "message": "rsi",
        "message_count": 0,
        "rsu_id": _text(document.get("rsiSourceId"), "rsiSourceId", default="")[:8]
        .encode("ascii", "replace")
        .ljust(8, b"\0")
        .hex(),
        "reference_position": {"latitude_deg": None, "longitude_deg": None} if first is None else _absolute(first),
        "rtes": [event for event, _ in read],
        "alert_ids": [alert for _, alert in read],
    }


def _on_wgs84(value: Any) -> Any:
    """The same with every place moved from GCJ-02, to a wire unit."""
    if isinstance(value, list):
        return [_on_wgs84(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("latitude_deg") is None:
        return {name: _on_wgs84(one) for name, one in value.items()}
    latitude, longitude = from_gcj02(value["latitude_deg"], value["longitude_deg"])
    return {**value, "latitude_deg": round(float(latitude[0]), 7), "longitude_deg": round(float(longitude[0]), 7)}


def _event(event: Any, where: str, place: int) -> tuple[Json, str]:
    if not isinstance(event, dict):
        raise NotAllowedError(where, event, "an object")
    found: Json = {
        "rte_id": place,
        "event_type": int(_number(event.get("eventType"), f"{where}.eventType", 0, 65535)),
        "event_source": _source(event.get("eventSource"), f"{where}.eventSource"),
    }
    if event.get("eventPosition"):
        found["event_pos"] = _first_place(event["eventPosition"], f"{where}.eventPosition")
    found |= _optional(event, where)
    return found, _text(event.get("alertID"), f"{where}.alertID")


def _optional(event: Json, where: str) -> Json:
    found: Json = {}
    if event.get("eventRadius") is not None:
        found["event_radius_m"] = _number(event["eventRadius"], f"{where}.eventRadius", 0, 65535) / 10
    if text := _text(event.get("eventDescription"), f"{where}.eventDescription", default=""):
        found["description"] = _description(text, f"{where}.eventDescription")
    if event.get("eventPriority") is not None:
        level = int(_number(event["eventPriority"], f"{where}.eventPriority", 0, 7))
        found["priority"] = f"{level << 5:02x}"  # RSIPriority: the three highest bits
    if event.get("referencePaths"):
        found["reference_paths"] = _paths(event["referencePaths"], f"{where}.referencePaths")
    if event.get("eventConfidence") is not None:
        found["event_confidence"] = _number(event["eventConfidence"], f"{where}.eventConfidence", 0, 200) / 200
    return found


def _description(text: str, where: str) -> Json:
    if text.isascii():
        return {"textString": text}
    octets = text.encode("gb2312", "replace")
    if not 2 <= len(octets) <= LONGEST_TEXT:
        raise NotAllowedError(where, text, f"at most {LONGEST_TEXT} bytes in GB 2312")
    return {"textGB2312": octets.hex()}


def _paths(paths: Any, where: str) -> list[Json]:
    _must_be_list(paths, where, 1, MOST_PATHS)
    found = []
    for place, path in enumerate(paths):
        here = f"{where}[{place}]"
        if not isinstance(path, dict):
            raise NotAllowedError(here, path, "an object")
        points: Any = path.get("active_path", path.get("activePath"))
        _must_be_list(points, f"{here}.active_path", 1, MOST_POINTS)
        radius = _number(path.get("path_radius", path.get("pathRadius")), f"{here}.path_radius", 0, 65535)
        read = [_place(point, f"{here}.active_path[{index}]") for index, point in enumerate(points)]
        found.append({"active_path": read, "path_radius_m": radius / 10})
    return found


def _first_place(places: Any, where: str) -> Json:
    """An RSI's event has one position; of several the first is taken."""
    return _place(places[0] if isinstance(places, list) else places, where)


def _place(place: Any, where: str) -> Json:
    if not isinstance(place, dict):
        raise NotAllowedError(where, place, "an object with lat and lon")
    latitude = _number(place.get("lat"), f"{where}.lat", -900_000_000, 900_000_000) / DEGREE
    longitude = _number(place.get("lon"), f"{where}.lon", -1_799_999_999, 1_800_000_000) / DEGREE
    found: Json = {"offset_ll": {"position-LatLon": {"longitude_deg": longitude, "latitude_deg": latitude}}}
    if place.get("ele") is not None:
        elevation = _number(place["ele"], f"{where}.ele", UNKNOWN_ELEVATION, 61439)
        found["offset_v"] = {"elevation": None if elevation == UNKNOWN_ELEVATION else elevation / 10}
    return found


def _absolute(place: Json) -> Json:
    point = place["offset_ll"]["position-LatLon"]
    height = place.get("offset_v", {}).get("elevation")
    return {"latitude_deg": point["latitude_deg"], "longitude_deg": point["longitude_deg"]} | (
        {} if height is None else {"elevation_m": height}
    )


def _source(value: Any, where: str) -> str:
    if isinstance(value, str) and value.lower() in SOURCES:
        return value.lower()
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(SOURCES):
        return SOURCES[value]
    raise NotAllowedError(where, value, f"one of {', '.join(SOURCES)}, or 0 … {len(SOURCES) - 1}")


def _number(value: Any, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise NotAllowedError(where, value, f"a whole number of {low} … {high}")
    if not low <= value <= high:
        raise OutOfRangeError(where, value if abs(value) < 10**20 else math.inf, low, high)
    return value


def _text(value: Any, where: str, *, default: str | None = None) -> str:
    if value is None and default is not None:
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or (default is None and not value):
        raise NotAllowedError(where, value, f"a text of {0 if default is not None else 1} … {LONGEST_TEXT} characters")
    return value


def _must_be_list(value: Any, where: str, least: int, most: int) -> None:
    if not isinstance(value, list) or not least <= len(value) <= most:
        found = len(value) if isinstance(value, list) else value
        raise NotAllowedError(where, found, f"a list of {least} … {most}")
