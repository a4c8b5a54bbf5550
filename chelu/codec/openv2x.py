"""OpenV2X roadsides' RSMs: JSON in raw wire units → the rows of an RSM; docs/formats/openv2x.md.

What the RSM of YD/T 3709 says is said here with other names, and without a message count: gaps cannot be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.cv2x_fields import DEGREE, UNKNOWN_ELEVATION, UNKNOWN_LATITUDE, UNKNOWN_LONGITUDE
from chelu.codec.cv2x_time import UNKNOWN_MS, event_time_us
from chelu.codec.documents import parse_object
from chelu.codec.json_columns import Floats, Number, read_numbers
from chelu.codec.roadside import MOST_PARTICIPANTS, Decoded, Reading
from chelu.codec.roadside_reading import moving
from chelu.codec.wire_id import wire_number
from chelu.errors import MalformedError, NotAllowedError
from chelu.messages import PARTICIPANT, Batch, Column, DropReason, Frames, Rejects, filled

TYPES = {"unknown": 0, "motor": 1, "nonmotor": 2, "pedestrian": 3, "rsu": 4}  # ParticipantType by the names that are sent
MOST_COUNT = 127  # MsgCount

# Bounds: T/ITS 0117 and YD/T 3709, the codes for "unavailable" included.
NUMBERS = (
    Number("participant_id", "ptcId", 0, 65535, is_required=True, is_whole=True),
    Number("latitude_deg", "pos.lat", -900_000_000, UNKNOWN_LATITUDE, DEGREE, UNKNOWN_LATITUDE, is_required=True),
    Number("longitude_deg", "pos.lon", -1_799_999_999, UNKNOWN_LONGITUDE, DEGREE, UNKNOWN_LONGITUDE, is_required=True),
    Number("elevation_m", "pos.ele", UNKNOWN_ELEVATION, 61439, 10, UNKNOWN_ELEVATION),
    Number("source", "source", 0, 7, is_whole=True),
    Number("sec_mark_ms", "secMark", 0, 65535, is_whole=True),
    Number("speed_mps", "speed", 0, 8191, 50, 8191),
    Number("heading_deg", "heading", 0, 28800, 80, 28800),
    Number("width_m", "size.width", 0, 1023, 100, 0),
    Number("length_m", "size.length", 0, 4095, 100, 0),
    Number("height_m", "size.height", 0, 127, 20, 0),
    Number("position_confidence", "accuracy", 0, 15, is_whole=True),
)


@dataclass(slots=True)
class _Found:
    """Participants of all messages, side by side; of each: its name in a sentence, its message, that one's id and count."""

    items: list[Any] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)
    rsu_id: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)

    def add(self, frame: int, document: dict[str, Any]) -> None:
        """The participants of one message; MalformedError when it is none."""
        found = [
            (item, f"rsms[{at}].participants[{place}]")
            for at, rsm in enumerate(_list(document.get("content") or document, "rsms", ""))
            for place, item in enumerate(_list(rsm, "participants", f"rsms[{at}]."))
        ]
        if len(found) > MOST_PARTICIPANTS:
            raise MalformedError(DropReason.OVERLONG, f"{len(found)} participants where {MOST_PARTICIPANTS} are taken")
        self.items += [item for item, _ in found]
        self.names += [name for _, name in found]
        self.frame += [frame] * len(found)
        self.rsu_id += [_identity(document.get("id"))] * len(found)
        self.count += [_count(document.get("msgCnt"))] * len(found)


def read_rsm(frames: Frames, readings: Sequence[Reading]) -> Decoded:
    """RSMs, a payload each (n,), with how to read them (n,): `chelu.codec.roadside.Reader`."""
    found, refused = _Found(), list[tuple[int, DropReason, str]]()
    for frame in range(len(frames)):
        try:
            found.add(frame, parse_object(frames.frame(frame)))
        except MalformedError as error:
            refused.append((frame, DropReason(error.reason), error.detail))
    batch, faults = _batch(found, frames, readings)
    refused += [(found.frame[row], DropReason.OUT_OF_RANGE, faults[row]) for row in sorted(faults)]
    keep = np.ones(len(found.items), np.bool_)
    keep[list(faults)] = False
    index = np.array([frame for frame, _, _ in refused], np.int64)
    rejects = Rejects(index, tuple(reason for _, reason, _ in refused), tuple(detail for _, _, detail in refused))
    return Decoded(batch.take(keep), (), rejects)


def _batch(found: _Found, frames: Frames, readings: Sequence[Reading]) -> tuple[Batch, dict[int, str]]:
    """Rows of all participants, and row → what is wrong with it."""
    kinds, faults = _types(found)
    read = read_numbers(found.items, NUMBERS, names=found.names)
    frame = np.array(found.frame, np.int64)
    columns: dict[str, Column] = dict(read.columns)
    mark = np.nan_to_num(read.columns["sec_mark_ms"], nan=UNKNOWN_MS)
    confidence = read.columns["position_confidence"]
    columns |= moving(read.columns, frame, readings)
    columns |= {
        "sec_mark_ms": _whole(mark, np.uint16),
        "participant_id": _whole(columns["participant_id"], np.uint16),
        "source": _whole(columns["source"], np.uint8),
        "participant_type": _whole(kinds, np.uint8),
        "position_confidence": _whole(confidence, np.uint8),
        "position_confidence_valid": np.asarray(confidence > 0),
        "rsu_id": np.array(found.rsu_id, np.uint64),
        "message_count": np.array(found.count, np.uint8),
        "time_us": event_time_us(_whole(mark, np.uint16), frames.reference_us[frame]),
        "frame": frame,
    }
    return filled(PARTICIPANT, len(frame), **columns), {**read.faults, **faults}


def _types(found: _Found) -> tuple[Floats, dict[int, str]]:
    """ParticipantType, by name or by number."""
    kinds, faults = np.zeros(len(found.items)), {}
    for row, item in enumerate(found.items):
        if not isinstance(item, dict):
            continue
        value = item.get("ptcType")
        kind = TYPES.get(value.lower().replace("-", "").replace("_", "")) if isinstance(value, str) else value
        if isinstance(kind, int) and not isinstance(kind, bool) and 0 <= kind < len(TYPES):
            kinds[row] = kind
        else:
            allowed = f"one of motor, non-motor, pedestrian, rsu, unknown, or 0 … {len(TYPES) - 1}"
            faults[row] = str(NotAllowedError(f"{found.names[row]}.ptcType", value, allowed))
    return kinds, faults


def _whole(column: Floats, dtype: type[np.unsignedinteger[Any]]) -> npt.NDArray[Any]:
    """As integers; what is absent, or bad and about to be refused, is 0."""
    top = np.iinfo(dtype).max
    return np.asarray(np.where((column >= 0) & (column <= top), column, 0).astype(dtype))


def _list(holder: Any, name: str, where: str) -> list[Any]:
    if not isinstance(holder, dict):
        raise MalformedError(DropReason.UNDECODABLE, str(NotAllowedError(where.rstrip(".") or "content", holder, "an object")))
    value = holder.get(name)
    if not isinstance(value, list):
        raise MalformedError(DropReason.UNDECODABLE, str(NotAllowedError(where + name, value, "a list")))
    return value


def _identity(value: Any) -> int:
    """The 8 bytes of the id that a message gives itself, 0 for none."""
    return wire_number(value) if isinstance(value, str) and value else 0


def _count(value: Any) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 3 else value
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST_COUNT else 0
