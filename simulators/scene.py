"""A scene: everything that moves or shines in a recording, as columns over time, whatever the recording was made of.

A scene is read in slices of time, so that a recording larger than memory replays like a small one. Times are integer
milliseconds of the recording's own clock (the air interface knows nothing finer); positions are metres in the site's local
east-north-up frame.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chelu.errors import CheluError
from chelu.messages import Batch, concatenate


class UnreadableError(CheluError):
    """A recording that cannot be read as what it claims to be; `file` and `detail` say which and why."""

    def __init__(self, file: str, detail: str) -> None:
        self.file, self.detail = file, detail
        super().__init__(f"{file} cannot be replayed: {detail}")


class ActorKind(enum.IntEnum):
    """What an actor is; the value is its code in the column `kind`."""

    UNKNOWN = 0
    CAR = 1
    TRUCK = 2
    BUS = 3
    MOTORCYCLE = 4
    BICYCLE = 5
    PEDESTRIAN = 6


class Role(enum.IntEnum):
    """How an actor reaches the platform; the value is its code in the column `role`."""

    OBU = 0  # says itself where it is, in BSMs
    PERCEIVED = 1  # a roadside unit says it, in RSMs


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the local frame of a site lies: WGS-84 degrees, metres above the ellipsoid."""

    latitude_deg: float
    longitude_deg: float
    elevation_m: float = 0.0


ACTOR = {"name": "U48", "kind": "u1", "role": "u1", "length_m": "f8", "width_m": "f8", "height_m": "f8"}
SAMPLE = {
    "time_ms": "i8",
    "actor": "i8",  # row of the scene's actors
    "x_m": "f8",  # east; the actor's centre
    "y_m": "f8",  # north
    "z_m": "f8",  # up; the road's surface under the actor
    "speed_mps": "f8",
    "heading_deg": "f8",  # clockwise from north; NaN where it stands and the recording does not say
    "acceleration_mps2": "f8",  # along the heading
    "yaw_rate_dps": "f8",  # clockwise positive
}
SAID = {"lights": "u2", "events": "u2", "siren": "u1"}  # what vehicles may say besides, as a BSM has it: all of it or nothing
SIGNAL = {
    "time_ms": "i8",
    "intersection_id": "u2",
    "phase_id": "u1",
    "light": "u1",  # LightState of YD/T 3709
    "likely_end_s": "f8",  # from time_ms until the light changes; NaN: not known
}


def empty(columns: dict[str, str]) -> Batch:
    """No rows of `ACTOR`, `SAMPLE` or `SIGNAL`."""
    return Batch({name: np.empty(0, dtype) for name, dtype in columns.items()})


@dataclass(frozen=True, slots=True)
class Slice:
    """What happens in a stretch of time: `samples` has the columns of `SAMPLE`, `signals` of `SIGNAL`, each sorted by time."""

    samples: Batch
    signals: Batch


class Source(Protocol):
    """Reads a recording. Called from one thread, with stretches in any order, each possibly more than once."""

    def read(self, begin_ms: int, end_ms: int) -> Slice:
        """What happens from `begin_ms` until just before `end_ms`; the same stretch always gives the same rows."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A recording ready to replay. It lasts from `begin_ms` until just before `end_ms`."""

    name: str
    origin: Origin
    actors: Batch
    begin_ms: int
    end_ms: int
    source: Source

    def read(self, begin_ms: int, end_ms: int) -> Slice:
        """What happens in a stretch, clipped to the scene's own."""
        return self.source.read(max(begin_ms, self.begin_ms), min(end_ms, self.end_ms))

    def at(self, origin: Origin | None) -> Scene:
        """The same scene at another place; None leaves it where it is."""
        return self if origin is None else replace(self, origin=origin)

    def clipped(self, start_s: float, end_s: float | None) -> Scene:
        """The stretch between two times, in seconds from the scene's beginning; refuses one in which nothing can lie."""
        begin = self.begin_ms + round(start_s * 1000)
        end = self.end_ms if end_s is None else min(self.end_ms, self.begin_ms + round(end_s * 1000))
        if start_s < 0 or begin >= end:
            length = (self.end_ms - self.begin_ms) / 1000
            asked = f"from {start_s:g} s on" if end_s is None else f"{start_s:g} … {end_s:g} s"
            raise UnreadableError(self.name, f"it lasts {length:.1f} s, and “{asked}” is no stretch of that")
        return replace(self, begin_ms=begin, end_ms=end)


@dataclass(frozen=True, slots=True)
class Recording:
    """A source that lies in memory: samples and signals sorted by time."""

    samples: Batch
    signals: Batch

    def read(self, begin_ms: int, end_ms: int) -> Slice:
        return Slice(_between(self.samples, begin_ms, end_ms), _between(self.signals, begin_ms, end_ms))


def in_memory(name: str, origin: Origin, actors: Batch, samples: Batch, signals: Batch) -> Scene:
    """A scene of columns in memory; rows are put in the order of time. Raises UnreadableError when there are none."""
    times = np.concatenate([samples["time_ms"], signals["time_ms"]])
    if not times.size:
        raise UnreadableError(name, "it has neither samples nor signals")
    source = Recording(sort_by_time(samples), sort_by_time(signals))
    return Scene(name, origin, actors, int(times.min()), int(times.max()) + 1, source)


def sort_by_time(rows: Batch) -> Batch:
    """Rows in the order of `time_ms`; equal times stay in their order."""
    return rows.take(np.argsort(rows["time_ms"], kind="stable"))


@dataclass(frozen=True, slots=True)
class _Merged:
    """Two sources as one; `keep` (actors of the first,) says whose samples remain."""

    first: Source
    second: Source
    keep: npt.NDArray[np.bool_]

    def read(self, begin_ms: int, end_ms: int) -> Slice:
        one, two = self.first.read(begin_ms, end_ms), self.second.read(begin_ms, end_ms)
        kept = one.samples.take(self.keep[one.samples["actor"]])
        moved = two.samples.with_columns(actor=two.samples["actor"] + len(self.keep))
        return Slice(sort_by_time(concatenate([kept, moved])), sort_by_time(concatenate([one.signals, two.signals])))


def merged(scene: Scene, extra: Scene, *, without: npt.NDArray[np.int64] | None = None) -> Scene:
    """`scene` plus the actors and signals of `extra` on the same clock, its own actors at rows `without` taken off the road.

    Actors keep their rows; those of `extra` follow behind.
    """
    keep = np.ones(len(scene.actors), np.bool_)
    if without is not None:
        keep[without] = False
    actors = concatenate([scene.actors, extra.actors])
    return replace(scene, actors=actors, source=_Merged(scene.source, extra.source, keep))


def vehicle_ids(site: str, names: npt.NDArray[np.str_]) -> npt.NDArray[np.uint64]:
    """8-byte ids for BSMs (n,): the same for the same site and name in every run, and different for different ones."""
    digests = [hashlib.blake2b(f"{site}/{name}".encode(), digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def _between(rows: Batch, begin_ms: int, end_ms: int) -> Batch:
    low, high = np.searchsorted(rows["time_ms"], [begin_ms, max(begin_ms, end_ms)])
    return rows.take(np.arange(low, high))
