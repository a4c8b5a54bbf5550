"""A recorded trace of simulated traffic: vehicles, pedestrians and signals over time as columns, in one small .npz file.

Positions are the middle of the footprint (what a BSM sends), in the site's local metres; SUMO's own reference, the front bumper,
is converted when the trace is recorded. Time counts from the trace's start. In the file, each actor's samples lie together as
second differences of whole centimetres (and 0.01 m/s, 0.01°, 0.01 m/s², 0.001 gradient), split by byte so that they compress.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.errors import MalformedError
from chelu.geo import LocalFrame

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SCALES: Mapping[str, float] = {
    "x_m": 0.01,
    "y_m": 0.01,
    "z_m": 0.01,
    "speed_mps": 0.01,
    "heading_deg": 0.01,
    "acceleration_mps2": 0.01,
    "gradient": 0.001,
    "lane": 1.0,
}
TURN = 36000  # headings in the file count hundredths of a degree
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Actors:
    """Who takes part: id (n,), kind (n,) (car suv van truck bus, or pedestrian), size in metres."""

    id: npt.NDArray[np.str_]
    kind: npt.NDArray[np.str_]
    length_m: Floats
    width_m: Floats
    height_m: Floats


@dataclass(frozen=True, slots=True)
class Samples:
    """Where they are, sorted by time, then actor (all (k,)).

    time_s from the trace's start; actor = row in `Actors`; x_m, y_m, z_m middle of the footprint on the road, local frame;
    heading_deg clockwise from north; gradient = rise over run of the road in the direction of travel; lane = index in the road
    network (-1 none) where the front is.
    """

    time_s: Floats
    actor: npt.NDArray[np.int32]
    x_m: Floats
    y_m: Floats
    z_m: Floats
    speed_mps: Floats
    heading_deg: Floats
    acceleration_mps2: Floats
    gradient: Floats
    lane: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class SignalStates:
    """What the signals show, sorted by time, each row from time_s until next_change_s.

    node = junction id, group = signal group there (0-based, as in `chelu.roads`), light = LightState of YD/T 3709 (3 red,
    5 permissive green, 6 protected green, 7 yellow).
    """

    node: npt.NDArray[np.str_]
    group: npt.NDArray[np.int32]
    time_s: Floats
    light: npt.NDArray[np.uint8]
    next_change_s: Floats


@dataclass(frozen=True, slots=True)
class Trace:
    """A recording. `network` is the file name of its road network beside it; `step_s` the sampling interval."""

    vehicles: Actors
    vehicle_samples: Samples
    pedestrians: Actors
    pedestrian_samples: Samples
    signals: SignalStates
    origin: LocalFrame
    network: str
    step_s: float
    duration_s: float
    seed: int


def read(path: Path) -> Trace:
    """Read a trace; raises OSError when there is no such file, MalformedError when it is not a trace."""
    data = path.read_bytes()
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
        about = json.loads(bytes(columns["about"]))
        if about["format"] != FORMAT:
            raise MalformedError("wrong_version", f"{path.name} has trace format {about['format']}, not {FORMAT}")
        return _trace(columns, about)
    except (ValueError, LookupError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise MalformedError("undecodable", f"{path.name} is not a trace: {type(error).__name__} {error}") from None


def write(path: Path, trace: Trace) -> None:
    """Write a trace; equal traces give equal bytes."""
    about = {
        "format": FORMAT,
        "origin": [trace.origin.latitude_deg, trace.origin.longitude_deg, trace.origin.elevation_m],
        "network": trace.network,
        "step_s": trace.step_s,
        "duration_s": trace.duration_s,
        "seed": trace.seed,
    }
    columns: dict[str, npt.NDArray[Any]] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
    for name, actors, samples in (
        ("vehicle", trace.vehicles, trace.vehicle_samples),
        ("pedestrian", trace.pedestrians, trace.pedestrian_samples),
    ):
        columns |= {f"{name}.{key}": getattr(actors, key) for key in ("id", "kind")}
        columns |= {f"{name}.{key}": getattr(actors, key).astype(np.float32) for key in ("length_m", "width_m", "height_m")}
        columns |= {f"{name}.{key}": column for key, column in _pack_samples(samples, len(actors.id), trace.step_s).items()}
    columns |= {f"signal.{key}": getattr(trace.signals, key) for key in SignalStates.__slots__}
    np.savez_compressed(path, allow_pickle=False, **columns)


def _trace(columns: Mapping[str, npt.NDArray[Any]], about: Mapping[str, Any]) -> Trace:
    vehicles, pedestrians = (_actors(columns, name) for name in ("vehicle", "pedestrian"))
    return Trace(
        vehicles=vehicles,
        vehicle_samples=_unpack_samples(columns, "vehicle", float(about["step_s"])),
        pedestrians=pedestrians,
        pedestrian_samples=_unpack_samples(columns, "pedestrian", float(about["step_s"])),
        signals=SignalStates(**{key: columns[f"signal.{key}"] for key in SignalStates.__slots__}),
        origin=LocalFrame(*about["origin"]),
        network=str(about["network"]),
        step_s=float(about["step_s"]),
        duration_s=float(about["duration_s"]),
        seed=int(about["seed"]),
    )


def _actors(columns: Mapping[str, npt.NDArray[Any]], name: str) -> Actors:
    length, width, height = (_metres(columns[f"{name}.{key}"]) for key in ("length_m", "width_m", "height_m"))
    return Actors(columns[f"{name}.id"], columns[f"{name}.kind"], length, width, height)


def _metres(stored: npt.NDArray[Any]) -> Floats:
    return np.asarray(np.round(stored.astype(np.float64), 3), np.float64)


def _pack_samples(samples: Samples, actors: int, step_s: float) -> dict[str, npt.NDArray[Any]]:
    """Each actor's samples together; an actor is present without gaps, so its first step and their number say when."""
    step = np.rint(samples.time_s / step_s).astype(np.int64)
    order = np.lexsort((step, samples.actor))
    count = np.bincount(samples.actor, minlength=actors)
    first = np.append(step[order], 0)[np.cumsum(count) - count]  # whoever has no samples begins anywhere
    if not np.array_equal(step[order], _steps(first, count)[0]):
        raise ValueError("an actor's samples have gaps")
    packed = {"first": first.astype(np.int32), "count": count.astype(np.int32)}
    for name, scale in SCALES.items():
        whole, turn = np.rint(np.asarray(getattr(samples, name), np.float64)[order] / scale).astype(np.int64), 0
        if name == "heading_deg":
            whole, turn = np.mod(whole, TURN), TURN  # 359.996° is north
        packed[name] = _squeeze(_differences(whole, count, twice=name != "lane", turn=turn))
    return packed


def _unpack_samples(columns: Mapping[str, npt.NDArray[Any]], prefix: str, step_s: float) -> Samples:
    count = columns[f"{prefix}.count"].astype(np.int64)
    step, actor = _steps(columns[f"{prefix}.first"].astype(np.int64), count)
    order = np.lexsort((actor, step))
    values: dict[str, npt.NDArray[Any]] = {}
    for name, scale in SCALES.items():
        whole = _sums(_swell(columns[f"{prefix}.{name}"]), count, twice=name != "lane")[order]
        values[name] = np.round(whole * scale, 3)
    values["heading_deg"] = np.round(np.mod(np.rint(values["heading_deg"] * 100.0), TURN) * 0.01, 2)
    values["lane"] = np.rint(values["lane"]).astype(np.int32)
    return Samples(time_s=np.round(step[order] * step_s, 6), actor=actor[order].astype(np.int32), **values)


def _steps(first: Integers, count: Integers) -> tuple[Integers, Integers]:
    """Step and actor of each sample when actor ``i`` has ``count[i]`` samples from step ``first[i]`` on."""
    actor = np.repeat(np.arange(len(count)), count)
    begin = np.cumsum(count) - count
    return np.arange(len(actor)) - begin[actor] + first[actor], actor


def _differences(values: Integers, count: Integers, *, twice: bool, turn: int = 0) -> Integers:
    """First (or second) differences within each actor; the first value stays. With `turn`, differences go the short way round."""
    begin = (np.cumsum(count) - count)[count > 0]
    once = np.diff(values, prepend=0)
    if turn:
        once = (once + turn // 2) % turn - turn // 2
    once[begin] = values[begin]
    if not twice:
        return once
    second = np.diff(once, prepend=0)
    second[begin] = once[begin]
    follow = begin[count[count > 0] > 1] + 1
    second[follow] = once[follow]
    return second


def _sums(values: Integers, count: Integers, *, twice: bool) -> Integers:
    """Inverse of `_differences`."""
    begin = (np.cumsum(count) - count)[count > 0]
    if twice:
        head = values[begin]
        rates = values.copy()
        rates[begin] = 0
        values = _running(rates, begin)
        values[begin] = head
    return _running(values, begin)


def _running(values: Integers, begin: Integers) -> Integers:
    """Running sums that start anew at each index in `begin`."""
    total = np.cumsum(values)
    before = np.concatenate([[0], total])[begin]
    lengths = np.diff(np.concatenate([begin, [len(values)]]))
    return np.asarray(total - np.repeat(before, lengths), np.int64)


def _squeeze(values: Integers) -> npt.NDArray[np.uint8]:
    """Small signed numbers as bytes by place value (4, k): the upper planes are nearly all zero."""
    folded = ((values << 1) ^ (values >> 63)).astype("<u4")
    return np.ascontiguousarray(folded.view(np.uint8).reshape(-1, 4).T)


def _swell(planes: npt.NDArray[np.uint8]) -> Integers:
    """Inverse of `_squeeze`."""
    folded = np.ascontiguousarray(planes.T).view("<u4").reshape(-1).astype(np.int64)
    return (folded >> 1) ^ -(folded & 1)
