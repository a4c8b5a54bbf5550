"""Warnings as they leave: to whom, as which JSON, and as which database row. No I/O.

A warning goes to the vehicle's own unit only if that unit spoke for it on ``obu/{id}/bsm/up``; otherwise to the roadside unit
that heard it, with the BSM id inside.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from chelu import topics
from chelu.geo import LocalFrame
from chelu.messages import Batch
from chelu.store import TableColumn
from services.inference.life import Notice, Party
from services.inference.register import Device, Register

PATTERN = "{kind}/{id}/warning/down"
Place = tuple[float, float, float]  # latitude °, longitude °, elevation m; or east, north, up in m
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))  # made once: `json.dumps` would make one for each warning


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to publish."""

    topic: str
    payload: bytes
    qos: int
    device: Device


def addressee(party: Party, register: Register) -> Device | None:
    """The host's own unit, else the unit that heard it; None when neither is registered any more."""
    return register.by_key.get(party.own_key) or register.by_key.get(party.device_key)


def letter(notice: Notice, told: Mapping[str, Any], register: Register) -> Letter | None:
    """The warning, told as in `documents`, for its host; None when there is nobody to send it to."""
    device = addressee(notice.host, register)
    if device is None:
        return None
    row = topics.row(PATTERN)
    payload = _ENCODER.encode(told).encode()
    return Letter(row.topic(device.kind, device.device_id), payload, row.qos, device)


def documents(notices: Sequence[Notice], register: Register, frame: LocalFrame) -> list[dict[str, Any]]:
    """The warnings as JSON (docs/inference.md, "The warning"); all their places are worked out at once."""
    places = np.array([place for notice in notices for place in _places(notice)])
    geodetic = [column.tolist() for column in frame.to_geodetic(places.reshape(-1, 3))]
    where = list(zip(*geodetic, strict=True))
    return [
        _document(notice, host, about, register) for notice, host, about in zip(notices, where[::2], where[1::2], strict=True)
    ]


def _places(notice: Notice) -> tuple[Place, Place]:
    """Of the host, and of whom or what the notice is about; local metres."""
    about = _place(notice.other) if notice.other else notice.subject.place if notice.subject else (math.nan,) * 3
    return _place(notice.host), about


def _place(party: Party) -> Place:
    return party.east_m, party.north_m, party.up_m


def _document(notice: Notice, host: Place, about: Place, register: Register) -> dict[str, Any]:
    cause, subject = notice.cause, notice.subject
    return {
        "warning_id": notice.warning_id,
        "application": notice.application,
        "state": str(notice.state),
        "level": notice.level,
        "time_us": notice.decided_us,
        "event_time_us": notice.event_us,
        "valid_until_us": notice.valid_until_us or None,
        "host": _party(notice.host, host, register),
        "other": _party(notice.other, about, register) if notice.other else None,
        "subject": {"kind": subject.kind, "id": subject.id, **_position(about), **subject.facts} if subject else None,
        "advice": subject.advice if subject else None,
        "ttc_s": _number(notice.ttc_s),
        "required_deceleration_mps2": _number(notice.required_mps2),
        "distance_m": _number(notice.distance_m),
        "cause": {
            "device_id": _device_id(cause.device_key, register),
            "vehicle_id": _hex(cause.vehicle_id),
            "message_count": cause.message_count,
            "sec_mark_ms": cause.sec_mark_ms,
            "event_time_us": cause.time_us,
            "arrival_us": cause.arrival_us,
        },
    }


def _party(party: Party, place: Place, register: Register) -> dict[str, Any]:
    return {
        "vehicle_id": _hex(party.vehicle_id),
        "participant_id": party.participant_id,
        "device_id": _device_id(party.own_key or party.device_key, register),
        **_position(place),
        "speed_mps": _number(party.speed_mps),
        "heading_deg": _number(party.heading_deg),
    }


def _position(place: Place) -> dict[str, float | None]:
    latitude_deg, longitude_deg, elevation_m = place
    return {
        "latitude_deg": _number(latitude_deg, 7),
        "longitude_deg": _number(longitude_deg, 7),
        "elevation_m": _number(elevation_m),
    }


def _device_id(key: int, register: Register) -> str | None:
    device = register.by_key.get(key)
    return device.device_id if device else None


def _hex(vehicle_id: int) -> str | None:
    return f"{vehicle_id:016x}" if vehicle_id else None


def _number(value: float, digits: int = 3) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


WARNING_COLUMNS = (
    TableColumn("time", "timestamptz", "event_time_us"),
    TableColumn("arrival", "timestamptz", "arrival_us"),
    TableColumn("decided", "timestamptz", "decided_us"),
    TableColumn("published", "timestamptz", "published_us", is_nullable=True, mask="published_us_valid"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("warning_id", "uuid", "warning_id"),
    TableColumn("application", "text", "application"),
    TableColumn("state", "text", "state"),
    TableColumn("level", "smallint", "level"),
    TableColumn("device_key", "integer", "device_key", is_nullable=True, mask="device_key_valid"),
    TableColumn("host_vehicle_id", "bigint", "host_vehicle_id"),
    TableColumn("other_vehicle_id", "bigint", "other_vehicle_id", is_nullable=True, mask="other_vehicle_id_valid"),
    TableColumn("host_device_key", "integer", "host_device_key"),
    TableColumn("other_device_key", "integer", "other_device_key", is_nullable=True, mask="other_device_key_valid"),
    TableColumn("subject_kind", "text", "subject_kind", is_nullable=True, mask="subject_valid"),
    TableColumn("subject_id", "text", "subject_id", is_nullable=True, mask="subject_valid"),
    TableColumn("ttc_s", "double precision", "ttc_s", is_nullable=True),
    TableColumn("required_mps2", "double precision", "required_mps2", is_nullable=True),
    TableColumn("detail", "jsonb", "detail"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A warning's change and what became of it: letter None: nobody to tell, published_us 0: not sent."""

    notice: Notice
    document: dict[str, Any]
    letter: Letter | None
    published_us: int


def warning_rows(sent: Sequence[Sent], site_id: str) -> Batch:
    """Rows of city.warning."""
    notices = [one.notice for one in sent]
    published = np.array([one.published_us for one in sent], np.int64)
    others = [one.other for one in notices]
    other_id = np.array([one.vehicle_id if one else 0 for one in others], np.uint64)
    subjects = [one.subject for one in notices]
    finite = np.array([[one.ttc_s, one.required_mps2] for one in notices]).reshape(-1, 2)
    finite = np.where(np.isfinite(finite), finite, np.nan)
    return Batch(
        {
            "event_time_us": np.array([one.event_us for one in notices], np.int64),
            "arrival_us": np.array([one.cause.arrival_us for one in notices], np.int64),
            "decided_us": np.array([one.decided_us for one in notices], np.int64),
            "published_us": published,
            "published_us_valid": published > 0,
            "site_id": np.full(len(sent), site_id, object),
            "warning_id": np.array([UUID(one.warning_id) for one in notices], object),
            "application": np.array([one.application for one in notices], object),
            "state": np.array([str(one.state) for one in notices], object),
            "level": np.array([one.level for one in notices], np.int16),
            "device_key": np.array([one.letter.device.key if one.letter else 0 for one in sent], np.int32),
            "device_key_valid": np.array([one.letter is not None for one in sent], np.bool_),
            "host_vehicle_id": np.array([one.host.vehicle_id for one in notices], np.uint64),
            "other_vehicle_id": other_id,
            "other_vehicle_id_valid": other_id > 0,
            "host_device_key": np.array([one.host.device_key for one in notices], np.int32),
            "other_device_key": np.array([one.device_key if one else 0 for one in others], np.int32),
            "other_device_key_valid": np.array([one is not None for one in others], np.bool_),
            "subject_kind": np.array([one.kind if one else "" for one in subjects], object),
            "subject_id": np.array([one.id if one else "" for one in subjects], object),
            "subject_valid": np.array([one is not None for one in subjects], np.bool_),
            "ttc_s": finite[:, 0],
            "required_mps2": finite[:, 1],
            "detail": np.array([one.document for one in sent], object),
        }
    )


SEGMENT_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("link_id", "text", "link_id"),
    TableColumn("interval_s", "double precision", "interval_s"),
    TableColumn("flow_vph", "double precision", "flow_vph"),
    TableColumn("entered", "integer", "entered"),
    TableColumn("mean_speed_mps", "double precision", "mean_speed_mps", is_nullable=True),
    TableColumn("density_vpkm", "double precision", "density_vpkm"),
    TableColumn("congestion_index", "double precision", "congestion_index", is_nullable=True),
    TableColumn("vehicles", "double precision", "vehicles"),
)


def segment_rows(result: Batch, site_id: str, link_ids: Sequence[str]) -> Batch:
    """Rows of city.segment_state."""
    names = np.array([link_ids[link] for link in result["link"].tolist()], object)
    return result.with_columns(site_id=np.full(len(result), site_id, object), link_id=names)
