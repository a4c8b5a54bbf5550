"""Participants and lamps of T/ITS 0180.1 read one after another, as the standard's tables have them: what columns must equal."""

from __future__ import annotations

from typing import Any

CLASSES = {0: 0, 1: 10, 2: 25, 3: 40, 4: 50, 5: 60, 6: 80}
SOURCES = {0: 0, 1: 7, 2: 2, 3: 3, 4: 6, 5: 4, 6: 4, 7: 5, 8: 0}
SIDES = ("east", "south-east", "south", "south-west", "west", "north-west", "north", "north-east")
SIDE_CODES = {"north": 0, "north-east": 1, "east": 2, "south-east": 3, "south": 4, "south-west": 5, "west": 6, "north-west": 7}
# Table B.3 as it is printed: side → straight, left, right, turn back, reserved, straight to wait, left to wait.
TABLE_B3 = {
    "east": (1, 2, 3, 4, 5, 101, 102),
    "south-east": (6, 7, 8, 9, 10, 106, 107),
    "south": (11, 12, 13, 14, 15, 111, 112),
    "south-west": (16, 17, 18, 19, 20, 116, 117),
    "west": (21, 22, 23, 24, 25, 121, 122),
    "north-west": (26, 27, 28, 29, 30, 126, 127),
    "north": (31, 32, 33, 34, 35, 131, 132),
    "north-east": (36, 37, 38, 39, 40, 136, 137),
}
TABLE_B4 = {  # non-motor vehicles
    "east": (201, 202, 203, 204, 205),
    "south-east": (206, 207, 208, 209, 210),
    "south": (211, 212, 213, 214, 215),
    "south-west": (216, 217, 218, 219, 220),
    "west": (221, 222, 223, 224, 225),
    "north-west": (226, 227, 228, 229, 230),
    "north": (231, 232, 233, 234, 235),
    "north-east": (236, 237, 238, 239, 240),
}
TABLE_B5 = {  # pedestrians: first and last
    "east": (241, 245),
    "south-east": (246, 250),
    "south": (251, 255),
    "south-west": (256, 260),
    "west": (261, 265),
    "north-west": (266, 270),
    "north": (271, 275),
    "north-east": (276, 280),
}


def participant(item: dict[str, Any]) -> dict[str, Any]:
    """One object of table 16 as a row, None for what it does not say."""
    acceleration = item.get("acceleration")
    axes: dict[str, Any] = acceleration if isinstance(acceleration, dict) else {"long": acceleration}
    kind, vehicle, heading = item["ptcType"], item.get("vehicleClass"), item.get("heading")
    return {
        "time_us": item["timestamp"] * 1000,
        "sec_mark_ms": item["timestamp"] % 60000,
        "participant_type": kind if kind < 4 else 0,
        "participant_id": item["ptcId"],
        "source": SOURCES[item.get("sourceType") or 0],
        "vehicle_class": CLASSES.get(vehicle, vehicle) if vehicle is not None else None,
        "latitude_deg": item["latitude"],
        "longitude_deg": item["longitude"],
        "elevation_m": item.get("elevation"),
        "position_confidence": item.get("positionConfidence"),
        "speed_mps": item.get("speed"),
        "speed_confidence": item.get("speedConfidence"),
        "heading_deg": None if heading is None else 0.0 if heading == 360 else heading,
        "heading_confidence": item.get("headingConfidence"),
        "acceleration_longitudinal_mps2": axes.get("long"),
        "acceleration_lateral_mps2": axes.get("lat"),
        "acceleration_vertical_mps2": axes.get("vert"),
        "yaw_rate_dps": axes.get("yaw"),
        "length_m": item.get("length"),
        "width_m": item.get("width"),
        "height_m": item.get("height"),
    }


def states(lamp: dict[str, Any]) -> list[tuple[int, int, float, float | None]]:
    """(index, light, begins after, ends after) of one object of table B.2."""
    found, begins = [], 0.0
    names = [("lightStatus", "countDown"), ("lightStatusNext", "nextCountDown"), ("lightStatusNextNext", "nextNextCountDown")]
    for index, (light, lasts) in enumerate(names):
        if lamp.get(light) is None:
            break
        ends = begins + lamp[lasts]
        found.append((index, lamp[light], begins, ends))
        begins = ends
    return found
