"""What roadside sensors and radios say of recorded traffic: late, with errors, with gaps, and under numbers of their own. Seeded.

The truth is the district's recording. Sensors stand about its busiest place; each has its reach, its errors by kind, and loses
sight of road users now and then; who comes back after a second has another number. Half of the vehicles speak for themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from evaluation.models.motion.tracks import EPOCH_US, Recording, reports_at
from services.inference.reports import Floats, Ints, Reports, Track

_CELL_M = 60.0
_NEW_NUMBER_S = 1.0
_STEP_S = 0.1
_HIDDEN_SHARE, _HIDDEN_S = 0.04, 1.5  # of the time, and how long at a time
_CODES_M = np.array([0.05, 0.1, 0.25, 0.51, 1.02, 2.55])  # standard deviations that PositionConfidence can say


@dataclass(frozen=True, slots=True)
class Kind:
    """Standard deviations of a sensor's errors. drift: share of the place's variance that changes only within seconds."""

    name: str
    place_m: float
    speed_mps: float
    heading_deg: float
    drift: float = 0.5


CAMERA = Kind("camera", 0.8, 0.8, 5.0)
RADAR = Kind("radar", 0.5, 0.2, 4.0)
LIDAR = Kind("lidar", 0.25, 0.4, 2.0)
RADIO = Kind("radio", 1.0, 0.1, 1.0, drift=0.8)
SENSORS = (
    (CAMERA, (-35.0, -25.0)),
    (RADAR, (35.0, 25.0)),
    (LIDAR, (20.0, -35.0)),
    (CAMERA, (-25.0, 35.0)),
)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of all sources alike."""

    latency_s: float = 0.2
    loss: float = 0.1
    reach_m: float = 100.0
    radios: float = 0.5  # share of the vehicles


@dataclass(frozen=True, slots=True)
class Stage:
    """The recording, where sensors stand (s, 2), and everything that is said, in the order of arrival."""

    recording: Recording
    places: Floats
    reach_m: float
    said: Reports

    def ticks(self, step_us: int) -> Iterator[tuple[int, Reports]]:
        """Instants, and what arrived since the one before."""
        arrival = self.said.arrival_us
        ends = np.arange(int(arrival[0]), int(arrival[-1]) + step_us, step_us)
        edges = [0, *np.searchsorted(arrival, ends, side="right").tolist()]
        for end_us, begin, stop in zip(ends.tolist(), edges[:-1], edges[1:], strict=True):
            yield end_us, self.said.take(np.arange(begin, stop))


def stage(recording: Recording, sensors: int, conditions: Conditions, seed: int) -> Stage:
    """With so many of `SENSORS`."""
    random = np.random.default_rng([seed, sensors])
    middle = _busiest(recording)
    places = np.array([middle + np.array(place) for _, place in SENSORS[:sensors]]).reshape(-1, 2)
    parts = [
        _seen(recording, kind, place, number, conditions, random)
        for number, ((kind, _), place) in enumerate(zip(SENSORS, places, strict=False), 1)
    ]
    said = _joined([*parts, _spoken(recording, middle, conditions, random)])
    return Stage(recording, places, conditions.reach_m, said.take(np.argsort(said.arrival_us, kind="stable")))


def cut(recording: Recording, begin_s: float, end_s: float) -> Recording:
    """Some seconds of a recording."""
    rows = np.flatnonzero((recording.time_s >= begin_s) & (recording.time_s < end_s))
    by_sample = {
        one.name: getattr(recording, one.name)[rows] for one in fields(Recording) if one.name not in {"name", "size_m", "roads"}
    }
    return replace(recording, **by_sample)


def _busiest(recording: Recording) -> Floats:
    """The middle of the cell in which most is going on."""
    cell = np.floor(recording.xyz[:, :2] / _CELL_M).astype(np.int64)
    cells, count = np.unique(cell, axis=0, return_counts=True)
    return np.asarray((cells[np.argmax(count)] + 0.5) * _CELL_M)


def _seen(
    recording: Recording, kind: Kind, place: Floats, number: int, conditions: Conditions, random: np.random.Generator
) -> Reports:
    """What one sensor says."""
    away = np.hypot(*(recording.xyz[:, :2] - place).T)
    rows = np.flatnonzero((away <= conditions.reach_m) & ~_hidden(recording, random))
    rows = rows[random.random(len(rows)) >= conditions.loss]
    told = _with_errors(recording, rows, kind, conditions, random)
    zero, track = np.zeros(len(rows), np.int64), _numbers(recording, rows)
    return replace(
        told, kind=zero + int(Track.SEEN), key=(number * 65_536 + track).astype(np.uint64), own_id=zero.astype(np.uint64),
        device_key=zero + number, own_key=zero,
    )  # fmt: skip


def _spoken(recording: Recording, middle: Floats, conditions: Conditions, random: np.random.Generator) -> Reports:
    """What vehicles say of themselves."""
    speaks = random.random(len(recording.size_m)) < conditions.radios
    near = np.hypot(*(recording.xyz[:, :2] - middle).T) <= 2.0 * conditions.reach_m
    rows = np.flatnonzero(speaks[recording.vehicle] & near & (random.random(len(recording.time_s)) >= conditions.loss))
    told = _with_errors(recording, rows, RADIO, conditions, random)
    return replace(told, device_key=told.device_key + 1000, own_key=told.own_key + 1000)


def _with_errors(recording: Recording, rows: Ints, kind: Kind, conditions: Conditions, random: np.random.Generator) -> Reports:
    told = reports_at(recording, rows)
    error = _drifting(recording, kind, random)[rows] + random.normal(0, kind.place_m * np.sqrt(1.0 - kind.drift), (len(rows), 2))
    late_s = conditions.latency_s * random.uniform(0.8, 1.2, len(rows))
    code_m = _CODES_M[np.argmin(np.abs(_CODES_M - kind.place_m))]
    return replace(
        told,
        xyz=told.xyz + np.column_stack([error, random.normal(0, 0.5, len(rows))]),
        speed_mps=np.maximum(told.speed_mps + random.normal(0, kind.speed_mps, len(rows)), 0.0),
        heading_deg=np.mod(told.heading_deg + random.normal(0, kind.heading_deg, len(rows)), 360.0),
        arrival_us=told.time_us + np.round(late_s * 1e6).astype(np.int64),
        place_sigma_m=np.full(len(rows), code_m),
    )


def _drifting(recording: Recording, kind: Kind, random: np.random.Generator) -> Floats:
    """Errors (n, 2) of every sample that change slowly, each vehicle's its own: sums of slow waves."""
    many = len(recording.size_m)
    rate = random.uniform(0.05, 0.3, (many, 2, 3))
    phase = random.uniform(0.0, 2.0 * np.pi, (many, 2, 3))
    of = recording.vehicle
    waves = np.sin(2.0 * np.pi * rate[of] * recording.time_s[:, None, None] + phase[of])
    return np.asarray(waves.sum(axis=2) * np.sqrt(2.0 / 3.0) * kind.place_m * np.sqrt(kind.drift))


def _hidden(recording: Recording, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Samples at which a vehicle cannot be seen, some time at a time."""
    every = _HIDDEN_S / _HIDDEN_SHARE
    begin = random.uniform(0.0, every, len(recording.size_m))
    return np.asarray(np.mod(recording.time_s + begin[recording.vehicle], every) < _HIDDEN_S)


def _numbers(recording: Recording, rows: Ints) -> Ints:
    """A number for every stay in sight: another one for who was lost for a second."""
    order = np.lexsort((recording.time_s[rows], recording.vehicle[rows]))
    vehicle, time_s = recording.vehicle[rows][order], recording.time_s[rows][order]
    is_new = np.concatenate([[True], (np.diff(vehicle) != 0) | (np.diff(time_s) > _NEW_NUMBER_S)])[: len(rows)]
    number = np.empty(len(rows), np.int64)
    number[order] = np.cumsum(is_new)
    return number


def _joined(parts: list[Reports]) -> Reports:
    return Reports(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Reports)))


def instants_us(recording: Recording, begin_s: float) -> Ints:
    """Those of the recording, from `begin_s` after its start on."""
    times = np.unique(np.round(recording.time_s, 3))
    return np.asarray(EPOCH_US + np.round(times[times >= times[0] + begin_s] * 1e6).astype(np.int64))
