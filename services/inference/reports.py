"""What vehicles and roadside units say, brought to one form: `Reports`, in the site's local frame, ready for the live picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Track(IntEnum):
    """Where a track of the picture comes from."""

    NONE = 0
    SPEAKS = 1  # a vehicle's own BSM
    SEEN = 2  # a participant in a roadside unit's RSM


class Participant(IntEnum):
    """ParticipantType of YD/T 3709."""

    UNKNOWN = 0
    MOTOR = 1
    NON_MOTOR = 2
    PEDESTRIAN = 3
    RSU = 4


class Event(IntFlag):
    """VehicleEventFlags of YD/T 3709, as the columns hold them: the first of 13 bits is the highest."""

    HAZARD_LIGHTS = 1 << 12
    ABS = 1 << 10
    TRACTION_CONTROL = 1 << 9
    STABILITY_CONTROL = 1 << 8
    HARD_BRAKING = 1 << 5
    FLAT_TYRE = 1 << 2
    DISABLED = 1 << 1
    AIRBAG = 1 << 0


class Lamp(IntFlag):
    """ExteriorLights of YD/T 3709, as the columns hold them: the first of 9 bits is the highest."""

    LEFT = 1 << 6
    RIGHT = 1 << 5
    HAZARD = 1 << 4


class Frame(Protocol):
    """The site's local frame (`chelu.geo.LocalFrame`)."""

    def to_local(self, latitude_deg: Floats, longitude_deg: Floats, elevation_m: Floats) -> Floats:
        """(n, 3) east, north, up in metres."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which device each row came from: device_key (n,) int64; is_own (n,): heard on that vehicle's own ``obu/{id}/bsm/up``."""

    device_key: Ints
    is_own: npt.NDArray[np.bool_]
    arrival_us: Ints


@dataclass(frozen=True, slots=True)
class Reports:
    """n rows. key is unique with kind; own_key: the OBU's device key where the vehicle itself spoke, else 0."""

    kind: Ints
    key: npt.NDArray[np.uint64]
    time_us: Ints
    arrival_us: Ints
    xyz: Floats
    height_sigma_m: Floats
    speed_mps: Floats
    heading_deg: Floats
    acceleration_mps2: Floats
    yaw_rate_dps: Floats
    length_m: Floats
    width_m: Floats
    participant_type: Ints
    device_key: Ints
    own_key: Ints
    message_count: Ints
    sec_mark_ms: Ints
    own_id: npt.NDArray[np.uint64]  # the vehicle's id as far as known: BSM id, or the participant's own id; 0 unknown
    place_sigma_m: Floats  # one standard deviation of the position, NaN when not said
    events: Ints  # set of `Event`, 0 when not said
    lights: Ints  # set of `Lamp`, 0 when not said
    vehicle_class: Ints  # BasicVehicleClass, 0 when not said
    is_responding: Ints  # 1 for an emergency vehicle with siren or light bar on

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Self:
        """These rows."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


TOLD = ("events", "lights", "vehicle_class", "is_responding")  # what a vehicle says of itself beside its motion


def joined(parts: Sequence[Reports]) -> Reports:
    """All rows of several reports, in order."""
    if len(parts) < 2:
        return parts[0] if parts else nothing()
    return Reports(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Reports)))


# PositionConfidence and ElevationConfidence of YD/T 3709: half-widths of 95 % intervals; index is the code, 0 is unavailable.
_CONFIDENCE_95_M = np.array([np.nan, 500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01])
_IN_USE = 2  # SirenInUse and LightbarInUse of YD/T 3709: 0 unavailable, 1 not in use, 2 and above in use
_DEFAULT_SIZE = {Participant.MOTOR: (4.6, 1.8), Participant.NON_MOTOR: (1.8, 0.7), Participant.PEDESTRIAN: (0.5, 0.5)}


def of_bsm(batch: Batch, origin: Origin, frame: Frame) -> Reports:
    """BSM rows."""
    motor = np.full(len(batch), int(Participant.MOTOR), np.int64)
    own = np.where(origin.is_own, origin.device_key, 0)
    key = batch["vehicle_id"].astype(np.uint64)
    return _reports(batch, origin, frame, kind=Track.SPEAKS, key=key, participant=motor, own=own, own_id=key)


def of_participants(batch: Batch, origin: Origin, frame: Frame) -> Reports:
    """RSM participant rows; those that are roadside units themselves are left out."""
    rows = np.asarray(batch["participant_type"] != Participant.RSU)
    batch = batch.take(rows)
    origin = Origin(origin.device_key[rows], origin.is_own[rows], origin.arrival_us[rows])
    key = origin.device_key.astype(np.uint64) * np.uint64(65536) + batch["participant_id"].astype(np.uint64)
    kind = batch["participant_type"].astype(np.int64)
    own_id = np.where(batch["vehicle_id_valid"], batch["vehicle_id"], 0).astype(np.uint64)
    none = np.zeros(len(batch), np.int64)
    return _reports(batch, origin, frame, kind=Track.SEEN, key=key, participant=kind, own=none, own_id=own_id)


def _reports(
    batch: Batch, origin: Origin, frame: Frame, *, kind: Track, key: npt.NDArray[np.uint64], participant: Ints, own: Ints,
    own_id: npt.NDArray[np.uint64],
) -> Reports:  # fmt: skip
    length, width = _sizes(batch, participant)
    return Reports(
        kind=np.full(len(batch), int(kind), np.int64),
        key=key,
        time_us=batch["time_us"].astype(np.int64),
        arrival_us=origin.arrival_us,
        xyz=frame.to_local(batch["latitude_deg"], batch["longitude_deg"], batch["elevation_m"]),
        height_sigma_m=_sigma(batch, "elevation_confidence"),
        speed_mps=batch["speed_mps"].astype(np.float64),
        heading_deg=batch["heading_deg"].astype(np.float64),
        acceleration_mps2=batch["acceleration_longitudinal_mps2"].astype(np.float64),
        yaw_rate_dps=batch["yaw_rate_dps"].astype(np.float64),
        length_m=length,
        width_m=width,
        participant_type=participant,
        device_key=origin.device_key,
        own_key=own,
        message_count=batch["message_count"].astype(np.int64),
        sec_mark_ms=batch["sec_mark_ms"].astype(np.int64),
        own_id=own_id,
        place_sigma_m=_sigma(batch, "position_confidence"),
        events=_code(batch, "events"),
        lights=_code(batch, "lights"),
        vehicle_class=_code(batch, "vehicle_class"),
        is_responding=((_code(batch, "siren") == _IN_USE) | (_code(batch, "lightbar") >= _IN_USE)).astype(np.int64),
    )


def _sizes(batch: Batch, participant: Ints) -> tuple[Floats, Floats]:
    """Length and width, ordinary ones of the kind where nothing (or zero) was sent."""
    table = np.array([_DEFAULT_SIZE.get(one, _DEFAULT_SIZE[Participant.MOTOR]) for one in Participant])
    usual = table[np.clip(participant, 0, len(table) - 1)]
    length, width = batch["length_m"], batch["width_m"]
    return np.where(length > 0, length, usual[:, 0]), np.where(width > 0, width, usual[:, 1])


def _sigma(batch: Batch, name: str) -> Floats:
    """One standard deviation from a confidence code, NaN when not said."""
    code = np.where(batch[name + "_valid"], batch[name], 0)
    return np.asarray(_CONFIDENCE_95_M[np.minimum(code, len(_CONFIDENCE_95_M) - 1)] / 1.96)


def _code(batch: Batch, name: str) -> Ints:
    """A code as sent, 0 when it was not, or when this kind of message has no such field."""
    if name not in batch.columns:
        return np.zeros(len(batch), np.int64)
    return np.where(batch[name + "_valid"], batch[name], 0).astype(np.int64)


def nothing() -> Reports:
    """No rows: for a turn in which nothing came."""
    floats, ints, ids = np.empty(0), np.empty(0, np.int64), np.empty(0, np.uint64)
    kinds = {"key": ids, "own_id": ids, "xyz": np.empty((0, 3))}
    integers = {
        "kind",
        "time_us",
        "arrival_us",
        "participant_type",
        "device_key",
        "own_key",
        "message_count",
        "sec_mark_ms",
        *TOLD,
    }
    columns: dict[str, Any] = {one.name: kinds.get(one.name, ints if one.name in integers else floats) for one in fields(Reports)}
    return Reports(**columns)
