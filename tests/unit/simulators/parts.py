"""Scenes made by hand, an encoder that writes rows as JSON, and a session that only remembers: for tests of time and order."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.bus import Posts, Publication, Received
from chelu.clock import VirtualClock
from chelu.messages import Batch, Frames, frames_of
from chelu.ragged import Bytes, Ints
from simulators.scene import ACTOR, SAMPLE, SIGNAL, ActorKind, Origin, Role, Scene, empty, in_memory

ORIGIN = Origin(29.55, 106.57, 250.0)
START_US = 1_795_000_000_123_456


def actors(*roles: Role) -> Batch:
    n = len(roles)
    kind = [ActorKind.CAR if role is Role.OBU else ActorKind.PEDESTRIAN for role in roles]
    names = np.array([f"a{i}" for i in range(n)], "U48")
    sizes = Batch({name: np.full(n, 1.5) for name in ACTOR if name.endswith("_m")})
    return sizes.with_columns(name=names, kind=np.array(kind, np.uint8), role=np.array(roles, np.uint8))


def samples(rows: list[tuple[int, int]]) -> Batch:
    """Samples (time ms, actor), each at its own place."""
    n = len(rows)
    places = Batch({name: np.arange(n).astype(dtype) for name, dtype in SAMPLE.items()})
    times, who = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
    return places.with_columns(time_ms=times, actor=who, speed_mps=np.full(n, 5.0), heading_deg=np.full(n, 90.0))


def signals(rows: list[tuple[int, int, int, float]]) -> Batch:
    """Signal rows (time ms, phase, light, until its end in s) of intersection 1."""
    blank = Batch({name: np.ones(len(rows), dtype) for name, dtype in SIGNAL.items()})
    time, phase, light, end = (np.array(column) for column in zip(*rows, strict=True))
    return blank.with_columns(
        time_ms=time.astype(np.int64),
        phase_id=phase.astype(np.uint8),
        light=light.astype(np.uint8),
        likely_end_s=end.astype(np.float64),
    )


def driving(seconds: float, cars: int = 2, *, begin_ms: int = 5000) -> Scene:
    """Cars that say where they are ten times a second."""
    rows = [(begin_ms + 100 * step, car) for step in range(round(seconds * 10)) for car in range(cars)]
    return in_memory("driving", ORIGIN, actors(*[Role.OBU] * cars), samples(rows), empty(SIGNAL))


class JsonEncoder:
    """Frames that are their rows as JSON (`simulators.outgoing.Encoder`)."""

    def bsm(self, rows: Batch) -> Frames:
        return frames_of([_json(rows, [i]) for i in range(len(rows))], 0)

    def rsm(self, rows: Batch, reference_position: npt.NDArray[np.float64]) -> Frames:
        return self.spat(rows)

    def spat(self, rows: Batch) -> Frames:
        return frames_of([_json(rows, np.flatnonzero(rows["frame"] == f).tolist()) for f in np.unique(rows["frame"])], 0)

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
        columns = zip(start.tolist(), stop.tolist(), device_number.tolist(), reference_us.tolist(), strict=True)
        documents = [
            {"sealed": json.loads(data[begin:end].tobytes()), "reference_us": at, "device": number}
            for begin, end, number, at in columns
        ]
        packed = frames_of([json.dumps(document).encode() for document in documents], 0)
        return packed.data, packed.start, packed.stop


def _json(rows: Batch, which: list[int]) -> bytes:
    names = [name for name in ("time_us", "message_count", "participant_id", "phase_id", "sec_mark_ms") if name in rows]
    return json.dumps([{name: int(rows[name][i]) for name in names} for i in which]).encode()


@dataclass
class Published:
    topic: str
    payload: bytes
    wall_us: int
    publication: Publication

    @property
    def document(self) -> object:
        return json.loads(self.payload)


@dataclass
class MemorySession:
    """Takes everything at once and remembers when (`simulators.replay.Session`)."""

    clock: VirtualClock
    sent: list[Published] = field(default_factory=list)
    inbox: list[Received] = field(default_factory=list)
    acknowledged: list[Received] = field(default_factory=list)
    cost_s: float = 0.0

    def publish_all(self, posts: Posts) -> Publication:
        publication = Publication(threading.Condition())
        publication.is_acknowledged = True
        for index in range(len(posts)):
            self.sent.append(Published(posts.topic_of(index), posts.payload(index), self.clock.wall_us(), publication))
            self.clock.advance(self.cost_s)
        return publication

    def drain(self, limit: int, wait_s: float) -> list[Received]:
        taken, self.inbox = self.inbox, []
        self.clock.advance(0.0 if taken else wait_s)
        return taken

    def acknowledge(self, received: list[Received]) -> None:
        self.acknowledged += received

    def wait_connected(self, timeout_s: float) -> None:
        """Always connected."""
