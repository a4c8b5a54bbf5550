"""OpenV2X's RSM read a second time, participant by participant, from the table in docs/formats/openv2x.md."""

from __future__ import annotations

import json
from typing import Any

NAMES = {"unknown": 0, "motor": 1, "non-motor": 2, "pedestrian": 3, "rsu": 4}
MINUTE_MS = 60_000


def plain_participants(payload: bytes, reference_ms: int) -> list[dict[str, Any]]:
    """What each participant of a sound message says, in SI; None is unknown."""
    document = json.loads(payload)
    body = document.get("content", document)
    return [_plain(item, reference_ms) for rsm in body["rsms"] for item in rsm["participants"]]


def _plain(item: dict[str, Any], reference_ms: int) -> dict[str, Any]:
    place, size, mark = item["pos"], item.get("size", {}), item.get("secMark", MINUTE_MS)
    kind = item["ptcType"]
    return {
        "participant_type": NAMES.get(kind, kind) if isinstance(kind, str) else kind,
        "participant_id": item["ptcId"],
        "source": item.get("source", 0),
        "sec_mark_ms": mark,
        "time_ms": _nearest(mark, reference_ms),
        "latitude_deg": _scaled(place.get("lat"), 1e7, 900_000_001),
        "longitude_deg": _scaled(place.get("lon"), 1e7, 1_800_000_001),
        "elevation_m": _scaled(place.get("ele"), 10, -4096),
        "speed_mps": _scaled(item.get("speed"), 50, 8191),
        "heading_deg": _scaled(item.get("heading"), 80, 28800),
        "width_m": _scaled(size.get("width"), 100, 0),
        "length_m": _scaled(size.get("length"), 100, 0),
        "height_m": _scaled(size.get("height"), 20, 0),
    }


def _scaled(wire: float | None, divisor: float, unknown: int) -> float | None:
    return None if wire is None or wire == unknown else wire / divisor


def _nearest(mark: int, reference_ms: int) -> int:
    if mark >= MINUTE_MS:
        return reference_ms
    start = reference_ms - reference_ms % MINUTE_MS
    return min((start + step * MINUTE_MS + mark for step in (-1, 0, 1)), key=lambda time: abs(time - reference_ms))
