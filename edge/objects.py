"""Object lists of cameras, radars and lidars: JSON lines → RSM frames. Pure; the format is described in docs/edge.md.

A bad object costs itself, a bad line costs itself; both are counted by reason.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chelu.codec import cv2x
from chelu.codec.tits0180_documents import MOST_ITEMS
from chelu.codec.tits0180_write import write_participants
from chelu.codec.wire_id import wire_number
from chelu.errors import MalformedError, plainly
from chelu.messages import PARTICIPANT, Batch, Frames, filled
from edge.settings import Position

TYPES = {"unknown": 0, "motor": 1, "non_motor": 2, "pedestrian": 3}
SENSORS = {"unknown": 0, "video": 3, "radar": 4, "loop": 5, "lidar": 6, "fusion": 7}  # SourceType
PER_FRAME = 16  # participants in an RSM
MAX_OBJECTS = 4096
MAX_SKEW_US = 30_000_000  # an RSM says the time within the minute: half a minute is as far as it can be told from
FLOATS = ("latitude_deg", "longitude_deg", "elevation_m", "speed_mps", "heading_deg", "width_m", "length_m", "height_m")


class ObjectModel(BaseModel):
    """One object: SI units, heading clockwise from north; what is absent is unavailable."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: int = Field(ge=0, le=65_535, description="the same while it is the same object")
    type: Literal["unknown", "motor", "non_motor", "pedestrian"]
    latitude_deg: float = Field(ge=-90, le=90, description="WGS-84")
    longitude_deg: float = Field(ge=-180, le=180, description="WGS-84")
    elevation_m: float | None = Field(default=None, ge=-409.5, le=6143.9, description="above the WGS-84 ellipsoid")
    speed_mps: float | None = Field(default=None, ge=0, le=163.8)
    heading_deg: float | None = Field(default=None, ge=0, lt=360)
    width_m: float | None = Field(default=None, ge=0, le=10.23)
    length_m: float | None = Field(default=None, ge=0, le=40.95)
    height_m: float | None = Field(default=None, ge=0, le=6.35)
    vehicle_class: int | None = Field(default=None, ge=0, le=255, description="BasicVehicleClass")


class ListModel(BaseModel):
    """One line: what a sensor saw at one instant. Objects are checked one by one."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    time_us: int | None = Field(default=None, ge=0, le=1 << 62, description="µs UTC; absent: when the line arrived")
    objects: list[Any] = Field(max_length=MAX_OBJECTS)


@dataclass(slots=True)
class Perceived:
    """A line that was read: its instant, its good objects, and why the others were refused."""

    time_us: int
    objects: list[ObjectModel] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def schema() -> dict[str, Any]:
    """The JSON schema of a line."""
    described = ListModel.model_json_schema()
    described["properties"]["objects"]["items"] = ObjectModel.model_json_schema()
    return described


def read_line(line: bytes, heard_us: int) -> Perceived:
    """Check one line; raises MalformedError when nothing of it can be used."""
    try:
        document = ListModel.model_validate(json.loads(line))
    except ValidationError as error:
        raise MalformedError("undecodable", _fault(error)) from None
    except (ValueError, RecursionError) as error:
        raise MalformedError("undecodable", f"it is not JSON ({error})") from None
    time_us = heard_us if document.time_us is None else document.time_us
    if abs(time_us - heard_us) > MAX_SKEW_US:
        raise MalformedError("clock", f"time_us is {(time_us - heard_us) / 1e6:.1f} s off")
    perceived = Perceived(time_us)
    for item in document.objects:
        try:
            perceived.objects.append(ObjectModel.model_validate(item))
        except ValidationError as error:
            perceived.refused.append((_reason(error), _fault(error)))
    return perceived


class RsmWriter:
    """Counts messages; one per sensor."""

    def __init__(self, device_id: bytes, sensor: str, reference: Position) -> None:
        self._rsu_id, self._source, self._reference = int.from_bytes(device_id, "big"), SENSORS[sensor], reference
        self._count = 0

    def write(self, objects: Sequence[ObjectModel], time_us: int) -> Frames:
        """Frames of up to 16 participants, in the order of the objects."""
        frame = np.arange(len(objects)) // PER_FRAME
        frames = int(frame[-1]) + 1
        batch = _rows(objects, time_us, self._rsu_id, self._source).with_columns(
            message_count=((self._count + frame) % 128).astype(np.uint8), frame=frame.astype(np.int64)
        )
        self._count = (self._count + frames) % 128
        return self._encode(batch, frames)

    def _encode(self, batch: Batch, frames: int) -> Frames:
        place = self._reference
        elevation = np.nan if place.elevation_m is None else place.elevation_m
        position = np.tile([place.latitude_deg, place.longitude_deg, elevation], (frames, 1))
        return cv2x.encode_rsm(batch, reference_position=position)


class DocumentWriter:
    """The same objects as a roadside computer says them: one document of T/ITS 0180.1, however many there are."""

    def __init__(self, device: str, sensor: str) -> None:
        self._device, self._source = device, SENSORS[sensor]

    def write(self, objects: Sequence[ObjectModel], time_us: int) -> list[bytes]:
        """Documents of at most `MOST_ITEMS` participants."""
        rows = _rows(objects, time_us, wire_number(self._device), self._source)
        return write_participants(rows.with_columns(frame=np.arange(len(objects)) // MOST_ITEMS), serial=self._device)


def _rows(objects: Sequence[ObjectModel], time_us: int, rsu_id: int, source: int) -> Batch:
    """PARTICIPANT rows of objects seen at one instant."""
    rows = len(objects)
    return filled(
        PARTICIPANT,
        rows,
        **{name: np.array([getattr(item, name) for item in objects], np.float64) for name in FLOATS},
        time_us=np.full(rows, time_us),
        rsu_id=np.full(rows, rsu_id, np.uint64),
        participant_type=np.array([TYPES[item.type] for item in objects], np.uint8),
        participant_id=np.array([item.id for item in objects], np.uint16),
        source=np.full(rows, source, np.uint8),
        sec_mark_ms=np.full(rows, time_us // 1000 % 60_000, np.uint16),
        vehicle_class=np.array([item.vehicle_class or 0 for item in objects], np.uint8),
        vehicle_class_valid=np.array([item.vehicle_class is not None for item in objects], np.bool_),
    )


def _reason(error: ValidationError) -> str:
    bounds = {"greater_than_equal", "less_than_equal", "less_than", "finite_number"}
    return "out_of_range" if error.errors(include_url=False)[0]["type"] in bounds else "undecodable"


def _fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in fault["loc"]) or "(document)"
    return f"{key} = {str(fault['input'])[:60]}: {plainly(fault['msg'])}"
