"""Streams as column tables: one definition per stream, from which decoding, checking, SQL and documents are derived.

A `Batch` is what travels inside Chelu: named numpy columns of equal length. Values are SI, unavailable is NaN in floats and a
false ``<name>_valid`` mask beside integers; wire units live only in `chelu.codec`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.drop_reason import DropReason
from chelu.fields import (
    CLASS,
    HEADER,
    MOTION,
    MOTION_CONFIDENCE,
    POSITION,
    POSITION_CONFIDENCE,
    SIZE,
    Field,
    Stream,
    codes,
    floats,
)
from chelu.report_streams import EVENT, OBSERVATION, TELEMETRY, TRAFFIC

__all__ = [
    "BSM",
    "EVENT",
    "HEADER",
    "OBSERVATION",
    "PARTICIPANT",
    "SPAT",
    "STREAMS",
    "TELEMETRY",
    "TRAFFIC",
    "Batch",
    "Column",
    "DropReason",
    "Field",
    "Flag",
    "Frames",
    "Rejects",
    "Stream",
    "concatenate",
    "empty",
    "filled",
    "frames_of",
]

Column = npt.NDArray[Any]


class Flag(enum.IntFlag):
    """Why a stored row is doubtful; the `flags` column of every stream is a set of these."""

    LATE = 1  # older than the stream's limit when it arrived: never warns anyone
    CLOCK = 2  # the sender's clock disagrees with ours by more than the stream's limit
    GAP = 4  # message counts are missing between this row and the sender's previous one
    JUMP = 8  # the position is further from the previous one than the speed allows
    RANGE = 16  # a value is possible on the wire but not on a road


@dataclass(frozen=True, slots=True)
class Batch:
    """Named columns of equal length ``n``; columns are never written to once a batch holds them."""

    columns: Mapping[str, Column]

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Batch:
        """The rows at these indices, or where this mask is true."""
        return Batch({name: column[rows] for name, column in self.columns.items()})

    def with_columns(self, **columns: Column) -> Batch:
        """The same rows with these columns added or replaced."""
        return Batch({**self.columns, **columns})


def concatenate(batches: Sequence[Batch]) -> Batch:
    """One batch of all rows in order; every batch must have the columns of the first (else KeyError)."""
    if len(batches) == 1:
        return batches[0]
    names = batches[0].columns if batches else {}
    return Batch({name: np.concatenate([batch[name] for batch in batches]) for name in names})


def empty(stream: Stream) -> Batch:
    """A batch of `stream` with no rows."""
    return Batch({name: np.empty(0, dtype) for name, dtype in stream.dtypes().items()})


def filled(stream: Stream, n: int, **columns: Column) -> Batch:
    """A batch of `stream` with n rows: these columns, and the rest unavailable (NaN, masked, or zero)."""
    blank = {name: np.full(n, np.nan) if dtype.kind == "f" else np.zeros(n, dtype) for name, dtype in stream.dtypes().items()}
    return Batch({**blank, **columns})


@dataclass(frozen=True, slots=True)
class Frames:
    """Encoded messages lying in one buffer: frame ``i`` is ``data[start[i]:stop[i]]``.

    data: (bytes,) uint8; start, stop: (n,) int64; reference_us: (n,) int64, the instant at which the first Chelu component
    heard the frame (design: "event time"); source: (n,) int32, index of the MQTT message (or datagram) it came in.
    """

    data: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]
    reference_us: npt.NDArray[np.int64]
    source: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)

    def frame(self, index: int) -> bytes:
        """The bytes of one frame."""
        return self.data[self.start[index] : self.stop[index]].tobytes()

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Frames:
        """The frames at these indices, or where this mask is true; the buffer is shared."""
        return Frames(self.data, self.start[rows], self.stop[rows], self.reference_us[rows], self.source[rows])


def frames_of(payloads: Sequence[bytes], reference_us: Sequence[int] | npt.NDArray[np.int64] | int) -> Frames:
    """Frames of separate byte strings, each its own source; `reference_us` is one instant for all, or one each."""
    stop = np.cumsum([len(payload) for payload in payloads], dtype=np.int64)
    start = np.concatenate([np.zeros(min(1, len(stop)), np.int64), stop[:-1]])
    reference = np.broadcast_to(np.asarray(reference_us, np.int64), (len(payloads),))
    return Frames(np.frombuffer(b"".join(payloads), np.uint8), start, stop, reference, np.arange(len(payloads), dtype=np.int32))


@dataclass(frozen=True, slots=True)
class Rejects:
    """Messages or frames that were refused: their index, why (`DropReason` values) and a sentence for the dead letter."""

    index: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    reason: tuple[DropReason, ...] = ()
    detail: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.reason)


BSM = Stream(
    "bsm",
    "one Basic Safety Message: a vehicle says where it is and what it does (YD/T 3709-2020)",
    (
        Field("time_us", "i8", "µs", "event time, UTC"),
        Field("message_count", "u1", "", "0..127, wraps"),
        Field("vehicle_id", "u8", "", "the message's 8-byte id, big-endian"),
        Field("sec_mark_ms", "u2", "ms", "as sent; 60000 and above: unknown"),
        *POSITION,
        *codes(("time_confidence", "u1", "TimeConfidence")),
        *floats(
            ("semi_major_m", "m", "accuracy ellipse"),
            ("semi_minor_m", "m", "accuracy ellipse"),
            ("semi_major_orientation_deg", "°", "clockwise from north"),
        ),
        *POSITION_CONFIDENCE,
        *codes(("transmission", "u1", "TransmissionState")),
        *MOTION,
        *MOTION_CONFIDENCE,
        *codes(
            ("brake_pedal", "u1", "BrakePedalStatus"),
            ("wheel_brakes", "u1", "BrakeAppliedStatus, first bit is the highest of 5"),
            ("traction_control", "u1", "TractionControlStatus"),
            ("abs", "u1", "AntiLockBrakeStatus"),
            ("stability_control", "u1", "StabilityControlStatus"),
            ("brake_boost", "u1", "BrakeBoostApplied"),
            ("aux_brakes", "u1", "AuxiliaryBrakeStatus"),
        ),
        *SIZE,
        *CLASS,
        *codes(
            ("events", "u2", "VehicleEventFlags, first bit is the highest of 13"),
            ("lights", "u2", "ExteriorLights, first bit is the highest of 9"),
        ),
        *floats(("path_radius_m", "m", "predicted; infinite when straight"), ("path_confidence", "1", "0..1")),
        *codes(
            ("response_type", "u1", "ResponseType"),
            ("siren", "u1", "SirenInUse"),
            ("lightbar", "u1", "LightbarInUse"),
        ),
    ),
)

PARTICIPANT = Stream(
    "participant",
    "one participant of a Roadside Safety Message: what a roadside unit perceives (YD/T 3709-2020)",
    (
        Field("time_us", "i8", "µs", "event time of the participant, UTC"),
        Field("message_count", "u1", "", "0..127, wraps"),
        Field("rsu_id", "u8", "", "the message's 8-byte id, big-endian"),
        Field("participant_type", "u1", "", "ParticipantType: 0 unknown 1 motor 2 non-motor 3 pedestrian 4 rsu"),
        Field("participant_id", "u2", "", "0..65535, unique within the RSU"),
        Field("source", "u1", "", "SourceType"),
        *codes(("vehicle_id", "u8", "the participant's own 8-byte id, big-endian")),
        Field("sec_mark_ms", "u2", "ms", "as sent; 60000 and above: unknown"),
        *POSITION,
        *POSITION_CONFIDENCE,
        *codes(("transmission", "u1", "TransmissionState")),
        *MOTION,
        *MOTION_CONFIDENCE,
        *SIZE,
        *CLASS,
    ),
)

SPAT = Stream(
    "spat",
    "one phase state of a Signal Phase and Timing message (YD/T 3709-2020)",
    (
        Field("time_us", "i8", "µs", "event time of the intersection's state, UTC"),
        Field("message_count", "u1", "", "0..127, wraps"),
        *codes(("region_id", "u2", "RoadRegulatorID")),
        Field("intersection_id", "u2", "", "NodeID"),
        Field("status", "u2", "", "IntersectionStatusObject, first bit is the highest of 16"),
        Field("phase_id", "i2", "", "0 unknown, 255 permanent green; above: pedestrians of T/ITS 0180.1 annex B"),
        Field("state_index", "u1", "", "place in the phase's list of states, from 0"),
        Field("light", "u1", "", "LightState"),
        Field("timing", "u1", "", "how it was sent: 0 none, 1 counting down, 2 UTC"),
        *floats(
            ("start_s", "s", "from time_us until this state starts; 0 = now"),
            ("min_end_s", "s", "from time_us"),
            ("max_end_s", "s", "from time_us"),
            ("likely_end_s", "s", "from time_us"),
            ("confidence", "1", "0..1"),
            ("next_start_s", "s", "from time_us"),
            ("next_duration_s", "s", ""),
        ),
        *codes(
            ("approach", "u1", "side it is for, where the phase's number says so: 0 north 1 north-east … 7 north-west"),
            ("movement", "u1", "1 straight 2 left 3 right 4 turn back 6 straight to wait 7 left to wait"),
            ("road_user", "u1", "ParticipantType: 1 motor 2 non-motor 3 pedestrian"),
        ),
    ),
)

STREAMS: Mapping[str, Stream] = {
    stream.name: stream for stream in (BSM, PARTICIPANT, SPAT, TELEMETRY, EVENT, TRAFFIC, OBSERVATION)
}
