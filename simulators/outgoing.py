"""A slice of a scene as the messages devices would send: all frames of a kind encoded in one call.

Pure but for the message counts, which run on from slice to slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, Column, Frames, Stream, filled
from chelu.ragged import Bytes, Ints
from simulators.rows import motion, participants, phases
from simulators.scene import SAID, Role, Slice

Floats = npt.NDArray[np.float64]

PARTICIPANTS_PER_FRAME = 16  # ParticipantList SIZE(1..16)
PHASES_PER_FRAME = 16  # PhaseList SIZE(1..16)
TIME_CONFIDENCE, ACCURACY_M = 15, 0.5  # 1 ms; half axes of the accuracy ellipse


class Encoder(Protocol):
    """The codec's encoders, handed in so that this module is testable without them."""

    def bsm(self, rows: Batch) -> Frames:
        """One frame per row."""

    def rsm(self, rows: Batch, reference_position: Floats) -> Frames:
        """One frame per value of the column `frame`; reference_position: (frames, 3) latitude, longitude, elevation."""

    def spat(self, rows: Batch) -> Frames:
        """One frame per value of the column `frame`."""

    def sealed(
        self,
        data: Bytes,
        start: Ints,
        stop: Ints,
        *,
        device_number: npt.NDArray[np.uint64],
        reference_us: Ints,
        is_bsm: npt.NDArray[np.bool_],
    ) -> tuple[Bytes, Ints, Ints]:
        """Frames ``data[start:stop]`` (n,), each in an envelope with its device's 8-byte number and a time stamp."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Messages of one stream in the order of their times: when each is due, whose it is, its frame and how many rows it carries.

    time_ms, device, rows: (m,); device is the actor's row for BSMs, -1 for the roadside unit; message_count: (m,).
    """

    stream: Stream
    time_ms: Ints
    device: Ints
    rows: Ints
    message_count: Ints
    frames: Frames

    def __len__(self) -> int:
        return len(self.time_ms)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who sends: the scene's actors with their ids on the air, and the roadside unit that perceives and signals.

    vehicle_ids: (actors,) uint64; rsu_position: latitude, longitude, elevation.
    """

    actors: Batch
    vehicle_ids: npt.NDArray[np.uint64]
    rsu_id: int
    rsu_position: tuple[float, float, float]


class Composer:
    """Turns slices into parcels. Owned by one thread; remembers each sender's message count."""

    def __init__(self, cast: Cast, frame: LocalFrame, encoder: Encoder, *, first_count: Ints) -> None:
        """first_count: (actors + 2,) the message count each actor starts from, then those of the RSU's RSM and SPAT."""
        self._cast, self._frame, self._encoder = cast, frame, encoder
        self._counts = first_count.copy()

    def parcels(self, piece: Slice, event_us: Ints, signal_us: Ints) -> list[Parcel]:
        """The parcels of a slice; event_us: (samples,) and signal_us: (signals,) are the event times its rows get."""
        role = self._cast.actors["role"][piece.samples["actor"]]
        own, seen = np.flatnonzero(role == Role.OBU), np.flatnonzero(role == Role.PERCEIVED)
        made = []
        if own.size:
            made.append(self._bsm(piece.samples.take(own), event_us[own]))
        if seen.size:
            made.append(self._rsm(piece.samples.take(seen), event_us[seen]))
        if len(piece.signals):
            made.append(self._spat(piece.signals, signal_us))
        return made

    def _bsm(self, samples: Batch, event_us: Ints) -> Parcel:
        actor = samples["actor"]
        count = (self._counts[actor] + rank_within(actor)) % 128
        np.add.at(self._counts, actor, 1)
        rows = filled(
            BSM,
            len(samples),
            **motion(self._cast.actors, self._frame, samples, event_us),
            message_count=count.astype(np.uint8),
            vehicle_id=self._cast.vehicle_ids[actor],
            **_certainty(len(samples)),
            **_said(samples),
        )
        frames = self._encoder.bsm(rows)
        return Parcel(BSM, samples["time_ms"], actor, np.ones(len(samples), np.int64), count, frames)

    def _rsm(self, samples: Batch, event_us: Ints) -> Parcel:
        frame = frame_of(samples["time_ms"], PARTICIPANTS_PER_FRAME)
        first, rows = np.unique(frame, return_index=True, return_counts=True)[1:]
        count = self._next(-2, len(first))
        batch = participants(
            self._cast.actors,
            self._frame,
            samples,
            event_us,
            message_count=count[frame].astype(np.uint8),
            rsu_id=np.full(len(samples), self._cast.rsu_id, np.uint64),
            frame=frame,
        )
        frames = self._encoder.rsm(batch, np.tile(self._cast.rsu_position, (len(first), 1)))
        return Parcel(PARTICIPANT, samples["time_ms"][first], np.full(len(first), -1), rows, count, frames)

    def _spat(self, signals: Batch, event_us: Ints) -> Parcel:
        frame = frame_of(signals["time_ms"], PHASES_PER_FRAME, signals["intersection_id"].astype(np.int64))
        first, rows = np.unique(frame, return_index=True, return_counts=True)[1:]
        count = self._next(-1, len(first))
        batch = phases(signals, event_us, message_count=count[frame].astype(np.uint8), frame=frame)
        return Parcel(SPAT, signals["time_ms"][first], np.full(len(first), -1), rows, count, self._encoder.spat(batch))

    def _next(self, sender: int, n: int) -> Ints:
        count = (int(self._counts[sender]) + np.arange(n, dtype=np.int64)) % 128
        self._counts[sender] += n
        return count


def _certainty(n: int) -> dict[str, Column]:
    """How sure an OBU is of time and place.

    Real units say it, and it keeps a bare frame (first byte 07) from looking like a T/ITS 0117 envelope of one frame (first
    byte 01): with posConfidence alone some frames in every 100,000 read both ways, and "auto" refuses such.
    """
    half = np.full(n, ACCURACY_M)
    return {
        "time_confidence": np.full(n, TIME_CONFIDENCE, np.uint8),
        "time_confidence_valid": np.ones(n, np.bool_),
        "semi_major_m": half,
        "semi_minor_m": half,
        "semi_major_orientation_deg": np.zeros(n),
    }


def _said(samples: Batch) -> dict[str, Column]:
    """What vehicles say of lamps, systems and sirens, where the scene knows."""
    known = [name for name in SAID if name in samples]
    masks = {f"{name}_valid": np.ones(len(samples), np.bool_) for name in known}
    return {**{name: samples[name] for name in known}, **masks}


def rank_within(group: Ints) -> Ints:
    """How many rows with the same value stand before each row; (n,) → (n,)."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(group) else np.empty(0, np.int64)
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(starts, np.diff(np.append(starts, len(group))))
    return rank


def frame_of(time_ms: Ints, capacity: int, group: Ints | None = None) -> Ints:
    """The frame each row goes into: a new one for each time and group, and when one is full. Rows sorted by time and group."""
    group = np.zeros(len(time_ms), np.int64) if group is None else group
    is_new = np.ones(len(time_ms), np.bool_)
    is_new[1:] = (np.diff(time_ms) != 0) | (np.diff(group) != 0)
    block = np.cumsum(is_new) - 1
    is_new |= rank_within(block) % capacity == 0
    return np.asarray(np.cumsum(is_new) - 1, np.int64)
