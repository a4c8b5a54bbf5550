"""A recording as a roadside unit and vehicles would have sent it: encoded, decoded, and heard without delay.

Messages go through the codec, so that what the monitors see has the wire's own rounding. Where a recording comes with its road
network, each signalised junction's MAP is heard once a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.codec.cv2x_time import minute_of_year
from chelu.messages import Batch, concatenate, frames_of
from chelu.quality.monitors.window import MAP, Heard
from chelu.roads import sumo
from chelu.units import US_PER_MS, US_PER_S
from simulators import trace as traces
from simulators.encoding import Uper
from simulators.fleet import fleet_of, site_of
from simulators.map_message import map_frames
from simulators.outgoing import Parcel
from simulators.replay import composer
from simulators.scene import Scene
from simulators.sources import district
from simulators.sources.forms import open_scene

BEGIN_US = 1_790_000_000 * US_PER_S  # the recording's first instant: a whole stretch of every monitor's clock
STEP_MS = 10_000
RSU_KEY, FIRST_OBU_KEY = 1, 2
STREAMS = ("bsm", "participant", "spat")
MAP_US = US_PER_S  # between two MAPs of one junction


def open_recording(path: Path) -> Heard:
    """What is heard of the recording at `path`; UnreadableError when it is none (`simulators.sources.forms`)."""
    scene = open_scene(path)
    return heard_of(scene, maps_of(path))


def maps_of(path: Path) -> list[bytes]:
    """The MAP frames of a Chelu trace whose network lies beside it; of others none."""
    if path.is_dir() or path.suffix != ".npz":
        return []
    trace = traces.read(path)
    network_file = path.parent / trace.network
    if not network_file.exists():
        return []
    return map_frames(sumo.read(network_file.read_bytes()), trace.origin, district.intersections(trace))


def heard_of(scene: Scene, maps: Sequence[bytes] = ()) -> Heard:
    """A scene's messages, and MAP frames once a second."""
    fleet = fleet_of(scene, site_of(scene))
    origin = scene.origin
    made = composer(replace(scene, origin=origin), fleet, Uper(), seed=0)
    found: dict[str, list[Batch]] = {name: [] for name in STREAMS}
    for begin in range(scene.begin_ms, scene.end_ms, STEP_MS):
        piece = scene.read(begin, begin + STEP_MS)
        event_us, signal_us = (_event_us(scene, one["time_ms"]) for one in (piece.samples, piece.signals))
        for parcel in made.parcels(piece, event_us, signal_us):
            _hear(parcel, scene, found)
    streams: dict[str, Any] = {name: _sorted(parts) for name, parts in found.items() if parts}
    to_us = int(_event_us(scene, np.array([scene.end_ms]))[0])
    columns, contents = heard_maps(maps, BEGIN_US, to_us)
    return Heard(**streams, map=columns, contents=contents)


def heard_maps(maps: Sequence[bytes], from_us: int, to_us: int) -> tuple[Batch, tuple[Mapping[str, Any], ...]]:
    """MAP frames heard once a second each, counted and dated as a unit does that repeats them."""
    contents = tuple(
        {name: value for name, value in message.value.items() if name not in {"message_count", "minute_of_year"}}
        for message in cv2x.decode(frames_of(list(maps), from_us)).messages
    )
    time_us = np.repeat(np.arange(from_us, to_us, MAP_US), len(contents))
    turn = np.arange(len(time_us)) // max(len(contents), 1)
    columns = {
        "time_us": time_us,
        "arrival_us": time_us,
        "device_key": np.full(len(time_us), RSU_KEY),
        "message_count": turn % 128,
        "minute": minute_of_year(time_us)[0],
        "content": np.tile(np.arange(len(contents)), len(time_us) // max(len(contents), 1)),
    }
    return Batch({name: column.astype(MAP[name]) for name, column in columns.items()}), contents


def _event_us(scene: Scene, time_ms: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return BEGIN_US + (time_ms - scene.begin_ms) * US_PER_MS


def _hear(parcel: Parcel, scene: Scene, found: dict[str, list[Batch]]) -> None:
    frames = replace(parcel.frames, reference_us=_event_us(scene, parcel.time_ms))
    decoded = cv2x.decode(frames)
    rows: Batch = getattr(decoded, parcel.stream.name)
    device = np.where(parcel.device < 0, RSU_KEY, parcel.device + FIRST_OBU_KEY)[rows["frame"]]
    header = {"device_key": device.astype(np.int32), "arrival_us": rows["time_us"]}
    found[parcel.stream.name].append(rows.with_columns(**header))


def _sorted(parts: Sequence[Batch]) -> Batch:
    rows = concatenate(parts)
    return rows.take(np.argsort(rows["time_us"], kind="stable"))
