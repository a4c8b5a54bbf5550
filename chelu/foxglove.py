"""Foxglove's published schemas of what recordings hold, and rows as their messages (docs.foxglove.dev, "message schemas").

Only the fields that are filled are listed as required; names, nesting and units are theirs. Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]
NUMBER: Document = {"type": "number"}
TEXT: Document = {"type": "string"}
TIME: Document = {
    "type": "object",
    "title": "time",
    "properties": {"sec": {"type": "integer", "minimum": 0}, "nsec": {"type": "integer", "minimum": 0, "maximum": 999_999_999}},
}
DURATION: Document = {
    "type": "object",
    "title": "duration",
    "properties": {"sec": {"type": "integer"}, "nsec": {"type": "integer"}},
}


def _object(title: str, **properties: Document) -> Document:
    return {"title": title, "type": "object", "properties": properties}


def _list(items: Document) -> Document:
    return {"type": "array", "items": items}


VECTOR = _object("foxglove.Vector3", x=NUMBER, y=NUMBER, z=NUMBER)
QUATERNION = _object("foxglove.Quaternion", x=NUMBER, y=NUMBER, z=NUMBER, w=NUMBER)
POSE = _object("foxglove.Pose", position=VECTOR, orientation=QUATERNION)
COLOR = _object("foxglove.Color", r=NUMBER, g=NUMBER, b=NUMBER, a=NUMBER)
CUBE = _object("foxglove.CubePrimitive", pose=POSE, size=VECTOR, color=COLOR)
PAIR = _object("foxglove.KeyValuePair", key=TEXT, value=TEXT)
ENTITY = _object(
    "foxglove.SceneEntity",
    timestamp=TIME,
    frame_id=TEXT,
    id=TEXT,
    lifetime=DURATION,
    frame_locked={"type": "boolean"},
    metadata=_list(PAIR),
    arrows=_list({"type": "object"}),
    cubes=_list(CUBE),
    spheres=_list({"type": "object"}),
    cylinders=_list({"type": "object"}),
    lines=_list({"type": "object"}),
    triangles=_list({"type": "object"}),
    texts=_list({"type": "object"}),
    models=_list({"type": "object"}),
)
LOCATION = "foxglove.LocationFix"
SCENE = "foxglove.SceneUpdate"
LOG = "foxglove.Log"
SCHEMAS: Mapping[str, Document] = {
    LOCATION: _object(
        LOCATION,
        timestamp=TIME,
        frame_id=TEXT,
        latitude=NUMBER,
        longitude=NUMBER,
        altitude=NUMBER,
        position_covariance={"type": "array", "items": NUMBER, "minItems": 9, "maxItems": 9},
        position_covariance_type={"type": "integer", "description": "0 unknown, 1 approximated, 2 diagonal known, 3 known"},
    ),
    SCENE: _object(SCENE, deletions=_list({"type": "object"}), entities=_list(ENTITY)),
    LOG: _object(
        LOG,
        timestamp=TIME,
        level={"type": "integer", "description": "0 unknown, 1 debug, 2 info, 3 warning, 4 error, 5 fatal"},
        message=TEXT,
        name=TEXT,
        file=TEXT,
        line={"type": "integer", "minimum": 0},
    ),
}
FRAME = "site"
WARNING = 3
TYPES = {1: (0.2, 0.5, 1.0), 2: (1.0, 0.7, 0.1), 3: (0.9, 0.2, 0.4)}  # motor, non-motor, pedestrian
OWN_COLOR, OTHER_COLOR = (0.1, 0.9, 0.2), (0.6, 0.6, 0.6)
USUAL_SIZE_M = (4.5, 1.8, 1.5)


def location(time_us: int, latitude: float, longitude: float, altitude: float, sigma_m: float) -> Document:
    """One position; an accuracy that is not known says so."""
    is_known = math.isfinite(sigma_m)
    spread = sigma_m**2 if is_known else 0.0
    return {
        "timestamp": instant(time_us),
        "frame_id": FRAME,
        "latitude": latitude,
        "longitude": longitude,
        "altitude": altitude if math.isfinite(altitude) else 0.0,
        "position_covariance": [spread, 0.0, 0.0, 0.0, spread, 0.0, 0.0, 0.0, 0.0],
        "position_covariance_type": 1 if is_known else 0,
    }


def entity(
    time_us: int,
    name: str,
    xyz: tuple[float, float, float],
    heading_deg: float,
    size_m: tuple[float, float, float],
    color: tuple[float, float, float],
) -> Document:
    """A road user as a box in the site's east-north-up frame, shown for half a second."""
    length, width, height = (
        own if math.isfinite(own) and own > 0 else usual for own, usual in zip(size_m, USUAL_SIZE_M, strict=True)
    )
    yaw = math.radians(90.0 - heading_deg) if math.isfinite(heading_deg) else 0.0
    x, y, z = xyz
    pose = {
        "position": {"x": x, "y": y, "z": (z if math.isfinite(z) else 0.0) + height / 2},
        "orientation": {"x": 0.0, "y": 0.0, "z": math.sin(yaw / 2), "w": math.cos(yaw / 2)},
    }
    cube = {"pose": pose, "size": {"x": length, "y": width, "z": height}, "color": dict(zip("rgba", (*color, 0.8), strict=True))}
    nothing: dict[str, list[Any]] = {
        kind: [] for kind in ("metadata", "arrows", "spheres", "cylinders", "lines", "triangles", "texts", "models")
    }
    lifetime = {"sec": 0, "nsec": 500_000_000}
    return {
        "timestamp": instant(time_us),
        "frame_id": FRAME,
        "id": name,
        "lifetime": lifetime,
        "frame_locked": False,
        "cubes": [cube],
        **nothing,
    }


def scene(entities: list[Document]) -> Document:
    """What is to be seen from now on."""
    return {"deletions": [], "entities": entities}


def log(time_us: int, message: str, name: str) -> Document:
    """A line in the log panel."""
    return {"timestamp": instant(time_us), "level": WARNING, "message": message, "name": name, "file": "", "line": 0}


def instant(time_us: int) -> Document:
    """A time as Foxglove has it."""
    return {"sec": time_us // 1_000_000, "nsec": time_us % 1_000_000 * 1000}


def schema_bytes(name: str) -> bytes:
    """A schema as an MCAP file holds it."""
    return json.dumps(SCHEMAS[name]).encode()
