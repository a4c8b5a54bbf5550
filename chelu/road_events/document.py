"""An event as a roadside computer is told of it: the document of T/ITS 0180.1-2021 (tables 17 and 18). Pure.

The standard has neither signs, paths nor radii: an event along a path is told of at the path's begin, where those who come to it
meet it first.
"""

from __future__ import annotations

from typing import Any

from chelu.road_events.message import RoadEvent
from chelu.units import US_PER_MS


def document_of(event: RoadEvent, event_id: int, *, serial: str, made_us: int, start_us: int, end_us: int) -> dict[str, Any]:
    """It holds from `start_us` to `end_us`; an end that is not after `made_us` withdraws it. serial: the computer's."""
    place = event.place or event.path[0]
    item: dict[str, Any] = {
        "eventId": event_id,
        "eventType": event.code,
        "startTime": min(start_us, end_us) // US_PER_MS,
        "endTime": end_us // US_PER_MS,
        "longitude": place.longitude_deg,
        "latitude": place.latitude_deg,
        "priority": str(event.priority),
    }
    if place.elevation_m is not None:
        item["elevation"] = place.elevation_m
    return {"timeStamp": made_us // US_PER_MS, "rscuSn": serial, "eventList": [item]}
