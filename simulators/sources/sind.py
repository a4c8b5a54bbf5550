"""A SinD crossing: pedestrians filmed by a drone at 10 Hz, and the log of its signals.

A folder with `pedestrian_tracks.csv`, `traffic_lights.csv`, or both on one clock. Coordinates are metres east and north of the
map's zero point. `map_lanelet2.osm` puts that at latitude 0, longitude 0: where on Earth the crossing lies is not in the data.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch
from simulators.kinematics import course, rates
from simulators.scene import ACTOR, SAMPLE, SIGNAL, ActorKind, Origin, Role, Scene, UnreadableError, empty, in_memory
from simulators.signals import Light, instants, states_at

Floats = npt.NDArray[np.float64]

ORIGIN = Origin(29.5630, 106.5516, 260.0)  # Chongqing; a nominal place, since the recording names none
TRACKS, LIGHTS = "pedestrian_tracks.csv", "traffic_lights.csv"
KINDS = {"pedestrian": ActorKind.PEDESTRIAN, "bicycle": ActorKind.BICYCLE}
BODY_M = {
    ActorKind.PEDESTRIAN: (0.5, 0.5, 1.7),
    ActorKind.BICYCLE: (1.8, 0.6, 1.7),
}  # length, width, height: the tracks give none
INTERSECTION_ID = 1
# The log's codes. Opposite approaches are green together, so a vehicle's green is permissive; pedestrians walk alone.
VEHICLE_LIGHTS = {0: Light.RED, 1: Light.PERMISSIVE_GREEN, 3: Light.YELLOW}
PEDESTRIAN_LIGHTS = {0: Light.RED, 1: Light.PROTECTED_GREEN}


def open_scene(folder: Path) -> Scene:
    """The crossing recorded in a folder; raises UnreadableError when it holds neither of the two files, or one cannot be read."""
    tracks, lights = folder / TRACKS, folder / LIGHTS
    if not tracks.exists() and not lights.exists():
        raise UnreadableError(str(folder), f"it holds neither {TRACKS} nor {LIGHTS}")
    actors, samples = _tracks(tracks) if tracks.exists() else (empty(ACTOR), empty(SAMPLE))
    signals = _signals(lights) if lights.exists() else empty(SIGNAL)
    return in_memory(folder.resolve().name, ORIGIN, actors, samples, signals)


def _tracks(path: Path) -> tuple[Batch, Batch]:
    header, rows = _read(path)
    names, first, actor = np.unique(_texts(path, header, rows, "track_id"), return_index=True, return_inverse=True)
    kind_names = _texts(path, header, rows, "agent_type")[first]
    kinds = np.array([KINDS.get(name, ActorKind.UNKNOWN) for name in kind_names], np.uint8)
    body = np.array([BODY_M.get(ActorKind(kind), (np.nan,) * 3) for kind in kinds]).reshape(-1, 3)
    role = np.full(len(names), Role.PERCEIVED, np.uint8)
    columns = {"length_m": body[:, 0], "width_m": body[:, 1], "height_m": body[:, 2]}
    actors = Batch({"name": names.astype("U48"), "kind": kinds, "role": role, **columns})
    time_ms, x, y, vx, vy = (_numbers(path, header, rows, name) for name in ("timestamp_ms", "x", "y", "vx", "vy"))
    return actors, _samples(actor.astype(np.int64), time_ms, np.stack([x, y], axis=1), course(vx, vy))


def _samples(actor: npt.NDArray[np.int64], time_ms: Floats, xy: Floats, motion: tuple[Floats, Floats]) -> Batch:
    speed, heading = motion
    acceleration, yaw = rates(actor, time_ms, speed, heading)
    return Batch(
        {
            "time_ms": np.rint(time_ms).astype(np.int64),
            "actor": actor,
            "x_m": xy[:, 0],
            "y_m": xy[:, 1],
            "z_m": np.zeros(len(xy)),
            "speed_mps": speed,
            "heading_deg": heading,
            "acceleration_mps2": acceleration,
            "yaw_rate_dps": yaw,
        }
    )


def _signals(path: Path) -> Batch:
    """Heads in the file's order: vehicle heads are phases 1…, pedestrian heads follow on."""
    header, rows = _read(path)
    heads = [name for name in header if re.search(r"traffic light \d+$", name, re.IGNORECASE)]
    if not heads:
        raise UnreadableError(str(path), "it has no column named “… Traffic light n”")
    changes = _numbers(path, header, rows, "timestamp(ms)")
    order = np.argsort(changes, kind="stable")
    lights = np.stack([_lights(path, name, _numbers(path, header, rows, name)) for name in heads], axis=1)
    phases = np.arange(1, len(heads) + 1, dtype=np.uint8)
    times = instants(float(changes.min()), float(changes.max()))
    return states_at(times, changes[order], lights[order], intersection_id=INTERSECTION_ID, phase_ids=phases)


def _lights(path: Path, head: str, codes: Floats) -> npt.NDArray[np.uint8]:
    known = PEDESTRIAN_LIGHTS if head.lower().startswith("pedestrian") else VEHICLE_LIGHTS
    values, index = np.unique(codes, return_inverse=True)
    for code in values:
        if code not in known:
            raise UnreadableError(str(path), f"{head} = {code:g} is none of {sorted(known)}")
    return np.array([known[int(code)] for code in values], np.uint8)[index]


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(str(path), f"it is not a table of text ({error})") from None
    rows = [row for row in rows if row]
    short = next((number for number, row in enumerate(rows, 2) if len(row) != len(header)), None)
    if short or not rows:
        raise UnreadableError(
            str(path), f"line {short} has another number of columns than the first" if short else "it has no rows"
        )
    return [name.strip() for name in header], rows


def _texts(path: Path, header: list[str], rows: list[list[str]], name: str) -> npt.NDArray[np.str_]:
    if name not in header:
        raise UnreadableError(str(path), f"it has no column named {name}")
    column = header.index(name)
    return np.array([row[column] for row in rows])


def _numbers(path: Path, header: list[str], rows: list[list[str]], name: str) -> Floats:
    try:
        values = _texts(path, header, rows, name).astype(np.float64)
    except ValueError as error:
        raise UnreadableError(str(path), f"column {name} holds something else than numbers ({error})") from None
    if not np.isfinite(values).all():
        raise UnreadableError(str(path), f"column {name} holds a value that is not finite")
    return values
