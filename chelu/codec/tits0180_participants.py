"""Participants of T/ITS 0180.1-2021 (tables 15 and 16): JSON → the rows of an RSM, and what these do not hold as remarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chelu.codec.json_columns import Floats, Number, Read, read_numbers
from chelu.codec.roadside import Decoded, Reading, Remark
from chelu.codec.roadside_reading import moving
from chelu.codec.tits0180_documents import (
    EARLIEST_MS,
    LATEST_MS,
    NEEDED_PLACE,
    Faults,
    Opened,
    leftovers,
    list_of,
    masked,
    micros,
    number_of,
    parsed,
    renamed,
    serial_of,
    unstorable,
    whole,
)
from chelu.errors import MalformedError, NotAllowedError
from chelu.messages import PARTICIPANT, Batch, Column, DropReason, Frames, filled

TYPE_OF = np.array([0, 1, 2, 3, 0, 0], np.uint8)  # ptcType → ParticipantType, which has no obstacle and no other
SOURCE_OF = np.array([0, 7, 2, 3, 6, 4, 4, 5, 0], np.uint8)  # sourceType → SourceType; an RSCU's own is the integrated one
CLASS_OF = np.array([0, 10, 25, 40, 50, 60, 80], np.uint8)  # vehicleClass → BasicVehicleClass; above 6 it is one already
SOURCE_BACK = {0: 0, 7: 1, 2: 2, 3: 3, 6: 4, 4: 5, 5: 7}  # SourceType → the usual sourceType
ACCELERATIONS = ("long", "lat", "vert", "yaw")

NUMBERS = (
    Number("time_ms", "timestamp", EARLIEST_MS, LATEST_MS, is_required=True),
    Number("type", "ptcType", 0, 5, is_required=True, is_whole=True),
    Number("id", "ptcId", 0, 65535, is_required=True, is_whole=True),
    Number("class", "vehicleClass", 0, 255, is_whole=True),
    Number("source", "sourceType", 0, 8, is_whole=True),
    *NEEDED_PLACE,
    Number("position_confidence", "positionConfidence", 0, 15, is_whole=True),
    Number("speed_mps", "speed", 0, 300),
    Number("speed_confidence", "speedConfidence", 0, 7, is_whole=True),
    Number("heading_deg", "heading", 0, 360),
    Number("heading_confidence", "headingConfidence", 0, 7, is_whole=True),
    Number("length_m", "length", 0, 100),
    Number("width_m", "width", 0, 100),
    Number("height_m", "height", 0, 100),
)
CHECKED = (  # fields that remarks hold as they were sent
    Number("status", "status", 0, 255, is_whole=True),
    Number("vehicle_status", "vehicleStatus", 0, 255, is_whole=True),
    Number("cross_type", "crossType", 0, 255, is_whole=True),
    Number("link_id", "linkId", 0, 2**32 - 1, is_whole=True),
    Number("lane_id", "laneId", 0, 255, is_whole=True),
    Number("tracking", "tracking", 0, 65535),
    Number("acceleration_confidence", "accelerationConfidence", 0, 7, is_whole=True),
)
MOTIONS = (
    Number("acceleration_longitudinal_mps2", "long", -100, 100),
    Number("acceleration_lateral_mps2", "lat", -100, 100),
    Number("acceleration_vertical_mps2", "vert", -100, 100),
    Number("yaw_rate_dps", "yaw", -720, 720),
)
ALONE = (replace(MOTIONS[0], path="acceleration"),)
HELD = frozenset({spec.path for spec in NUMBERS} | {"acceleration"})


def read_participants(frames: Frames, readings: Sequence[Reading]) -> Decoded:
    """``participant/up`` documents, a payload each: `chelu.codec.roadside.Reader`."""
    opened, serials = Opened(), list[int]()
    for frame in range(len(frames)):
        try:
            document, _ = parsed(frames, frame)
            serial = number_of(serial_of(document))
            opened.add(frame, document, items_of(document, "ptcList"))
            serials.append(serial)
        except MalformedError as error:
            opened.refuse(frame, error)
    found = read_numbers(opened.items, NUMBERS, names=opened.names)
    batch, faults = _batch(opened, found, np.array(serials, np.uint64), readings)
    remarks = _remarks(opened, found.columns, batch, faults)
    keep = np.ones(len(opened.items), np.bool_)
    keep[list(faults)] = False
    rejects = opened.rejects((row, *faults[row]) for row in sorted(faults))
    kept = tuple(one for row, one in remarks if row not in faults)
    return Decoded(batch.take(keep), (), rejects, remarks=kept, asked=opened.asked())


def items_of(document: dict[str, Any], name: str) -> list[tuple[Any, str]]:
    """The participants of a document, their time stamp under one name."""
    items = list_of(document, name)
    for item in items:
        if isinstance(item, dict):
            renamed(item, "timeStamp", "timestamp")
    return [(item, f"{name}[{place}]") for place, item in enumerate(items)]


def _batch(opened: Opened, found: Read, serials: Column, readings: Sequence[Reading]) -> tuple[Batch, Faults]:
    """Rows of all participants, and row → what is wrong with it."""
    motions, motion_faults = _accelerations(opened)
    faults = {row: (DropReason.OUT_OF_RANGE, said) for row, said in ({**motion_faults, **found.faults}).items()}
    one, frame, of = found.columns, opened.item_frame, np.array(opened.of, np.int64)
    time_us = micros(one["time_ms"])
    columns: dict[str, Column] = {
        **motions,
        **moving(one, frame, readings),
        **{name: one[name] for name in ("elevation_m", "length_m", "width_m", "height_m")},
        **masked("position_confidence", one["position_confidence"], "u1"),
        **masked("speed_confidence", one["speed_confidence"], "u1"),
        **masked("heading_confidence", one["heading_confidence"], "u1"),
        **_vehicle_class(one["class"]),
        "time_us": time_us,
        "sec_mark_ms": (time_us // 1000 % 60_000).astype(np.uint16),
        "rsu_id": serials[of] if len(of) else np.empty(0, np.uint64),
        "participant_type": TYPE_OF[np.minimum(whole(one["type"], "u1"), len(TYPE_OF) - 1)],
        "participant_id": whole(one["id"], "u2"),
        "source": SOURCE_OF[np.minimum(whole(one["source"], "u1"), len(SOURCE_OF) - 1)],
        "frame": frame,
    }
    return filled(PARTICIPANT, len(frame), **columns), faults


def _vehicle_class(sent: Floats) -> dict[str, Column]:
    columns = masked("vehicle_class", sent, "u1")
    is_short = columns["vehicle_class"] < len(CLASS_OF)
    own = CLASS_OF[np.minimum(columns["vehicle_class"], len(CLASS_OF) - 1)]
    columns["vehicle_class"] = np.where(is_short, own, columns["vehicle_class"])
    return columns


def _accelerations(opened: Opened) -> tuple[dict[str, Floats], dict[int, str]]:
    """A number is taken for the longitudinal one; four numbers, or an object, are those of AccelerationSet4Way, in SI."""
    given = [item.get("acceleration") if isinstance(item, dict) else None for item in opened.items]
    if not any(value is not None for value in given):
        return {}, {}
    if not any(isinstance(value, list | dict) for value in given):
        found = read_numbers(opened.items, ALONE, names=opened.names)
        return dict(found.columns), dict(found.faults)
    names = [f"{name}.acceleration" for name in opened.names]
    found = read_numbers([_as_object(value) for value in given], MOTIONS, names=names)
    return dict(found.columns), dict(found.faults)


def _as_object(value: Any) -> Any:
    if value is None:
        return {}
    if isinstance(value, list) and len(value) == len(ACCELERATIONS):
        return dict(zip(ACCELERATIONS, value, strict=True))
    return value if isinstance(value, dict | list) else {"long": value}


def _remarks(opened: Opened, kinds: Mapping[str, Floats], batch: Batch, faults: Faults) -> list[tuple[int, Remark]]:
    """What the columns do not hold, by row; adds faults of these fields."""
    bodies = _bodies(opened.items, kinds)
    rows = list(bodies)
    found = read_numbers([opened.items[row] for row in rows], CHECKED, names=[opened.names[row] for row in rows])
    remarks = []
    for place, (row, body) in enumerate(bodies.items()):
        said = found.faults.get(place) or _bad_list(body, opened.names[row]) or unstorable(body, opened.names[row])
        if said:
            reason = DropReason.OUT_OF_RANGE if place in found.faults else DropReason.UNDECODABLE
            faults.setdefault(row, (reason, said))
        subject, time_us = int(batch["participant_id"][row]), int(batch["time_us"][row])
        remarks.append((row, Remark(int(batch["frame"][row]), "participant", subject, time_us, body)))
    return remarks


def _bodies(items: Sequence[Any], kinds: Mapping[str, Floats]) -> dict[int, dict[str, Any]]:
    """Row → what its columns do not hold: other fields, and the codes that their columns have no words for."""
    whole_items = [item for item in items if isinstance(item, dict)]
    bodies: dict[int, dict[str, Any]] = {}
    if set().union(*whole_items) - HELD:
        bodies = {row: body for row, item in enumerate(items) if (body := leftovers(item, HELD))}
    for name, path, codes in (("type", "ptcType", (4, 5)), ("source", "sourceType", (6, 8))):
        for row in np.flatnonzero(np.isin(kinds[name], codes)).tolist():
            bodies.setdefault(row, {})[path] = int(kinds[name][row])
    return dict(sorted(bodies.items()))


def _bad_list(body: dict[str, Any], name: str) -> str:
    for key in ("polygonPoint", "pathHistory", "pathPlanning"):
        if key in body and not isinstance(body[key], list):
            return str(NotAllowedError(f"{name}.{key}", body[key], "a list"))
    return ""
