"""Who is on the road, said to the platform once a second: vehicles that speak in BSMs, others as roadside units see them.

A roadside unit stands at every signal. It hears the vehicles nearest to it, and sees people and silent vehicles around it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from chelu import topics
from chelu.codec import cv2x, envelope
from chelu.codec.wire_id import wire_id, wire_number
from chelu.geo import LocalFrame
from chelu.messages import BSM, filled
from chelu.topics import Kind
from evaluation.district.town import Seen
from simulators.outgoing import frame_of
from simulators.rows import motion, participants
from simulators.scene import vehicle_ids

SEES_M = 150.0
BSMS_AN_ENVELOPE, PARTICIPANTS_A_FRAME = 255, 16
HEARD, SEES = topics.row("rsu/{id}/bsm/up"), topics.row("rsu/{id}/rsm/up")
Publish = Callable[[str, bytes], object]


@dataclass(slots=True)
class Voices:
    """rsus: device ids; at: their places (r, 2); share: of the vehicles that speak. published: rows by stream. One thread's."""

    rsus: Sequence[str]
    at: np.ndarray
    frame: LocalFrame
    share: float
    publish: Publish
    published: dict[str, int] = field(default_factory=lambda: {"bsm": 0, "participant": 0})
    _ids: dict[str, int] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _count: int = 0
    _places: np.ndarray = field(init=False)
    _wire_numbers: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        here = np.column_stack([self.at, np.zeros(len(self.at))])
        self._places = np.stack(self.frame.to_geodetic(here), axis=1)
        self._wire_numbers = np.array([wire_number(name) for name in self.rsus], np.uint64)

    def warm_up(self, seen: Seen, time_us: int) -> None:
        """Encode for nothing: the codec's first call of a kind takes longer than a second may."""
        rows = np.arange(min(1, len(seen)))
        at = np.zeros(len(seen), np.int64)
        publish, self.publish = self.publish, lambda _topic, _payload: None
        self._bsms(seen, rows, at, time_us)
        self._rsms(seen, rows, at, time_us)
        self.publish, self.published = publish, dict.fromkeys(self.published, 0)

    def say(self, seen: Seen, time_us: int) -> None:
        """One second of everybody."""
        self._count = (self._count + 1) % 128
        away = np.linalg.norm(seen.samples_xy[:, None, :] - self.at[None, :, :], axis=2) if len(seen) else np.empty((0, 1))
        nearest, away_m = away.argmin(axis=1) if len(seen) else np.empty(0, np.int64), away.min(axis=1, initial=np.inf)
        speaks = np.array([self._speaks(name) for name in seen.names], np.bool_) & ~seen.is_on_foot
        self._bsms(seen, np.flatnonzero(speaks), nearest, time_us)
        self._rsms(seen, np.flatnonzero(~speaks & (away_m <= SEES_M)), nearest, time_us)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _speaks(self, name: str) -> bool:
        return (zlib.crc32(name.encode()) % 10_000) < self.share * 10_000

    def _bsms(self, seen: Seen, rows: np.ndarray, nearest: np.ndarray, time_us: int) -> None:
        if not len(rows):
            return
        times = np.full(len(rows), time_us, np.int64)
        batch = filled(
            BSM,
            len(rows),
            **motion(seen.actors, self.frame, seen.samples.take(rows), times),
            message_count=np.full(len(rows), self._count, np.uint8),
            vehicle_id=np.array([self._id(seen.names[row]) for row in rows.tolist()], np.uint64),
        )
        frames = cv2x.encode_bsm(batch)
        for unit in np.unique(nearest[rows]).tolist():
            mine = np.flatnonzero(nearest[rows] == unit).tolist()
            for begin in range(0, len(mine), BSMS_AN_ENVELOPE):
                part = [frames.frame(row) for row in mine[begin : begin + BSMS_AN_ENVELOPE]]
                self._send(HEARD, unit, part, time_us, is_bsm=True)
        self.published["bsm"] += len(rows)

    def _rsms(self, seen: Seen, rows: np.ndarray, nearest: np.ndarray, time_us: int) -> None:
        """All units' in one call of the codec."""
        if not len(rows):
            return
        rows = rows[np.argsort(nearest[rows], kind="stable")]
        unit = nearest[rows]
        frame = frame_of(np.zeros(len(rows), np.int64), PARTICIPANTS_A_FRAME, unit)
        of_frame = unit[np.unique(frame, return_index=True)[1]]
        batch = participants(
            seen.actors,
            self.frame,
            seen.samples.take(rows),
            np.full(len(rows), time_us, np.int64),
            message_count=np.full(len(rows), self._count, np.uint8),
            rsu_id=self._wire_numbers[unit],
            frame=frame,
        ).with_columns(participant_id=np.array([self._number(seen.names[row]) for row in rows.tolist()], np.uint16))
        frames = cv2x.encode_rsm(batch, reference_position=self._places[of_frame])
        for number, one in enumerate(of_frame.tolist()):
            self._send(SEES, one, [frames.frame(number)], time_us, is_bsm=False)
        self.published["participant"] += len(rows)

    def _send(self, row: topics.Topic, unit: int, frames: Sequence[bytes], time_us: int, *, is_bsm: bool) -> None:
        name = self.rsus[unit]
        payload = envelope.pack(envelope.Envelope.DEPLOYED, frames, device_id=wire_id(name), reference_us=time_us, is_bsm=is_bsm)
        self.publish(row.topic(Kind.RSU, name), payload)

    def _id(self, name: str) -> int:
        if name not in self._ids:
            self._ids[name] = int(vehicle_ids("town", np.array([name]))[0])
        return self._ids[name]

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers) % 65_536)
