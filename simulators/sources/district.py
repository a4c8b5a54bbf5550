"""Chelu's own traces of simulated traffic (`simulators.trace`): vehicles with OBUs, pedestrians a roadside unit sees, signals."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chelu.errors import MalformedError
from chelu.messages import Batch, concatenate
from simulators import trace as traces
from simulators.kinematics import rates
from simulators.scene import SIGNAL, ActorKind, Origin, Role, Scene, UnreadableError, empty, in_memory, sort_by_time
from simulators.signals import instants

KINDS = {
    "car": ActorKind.CAR,
    "suv": ActorKind.CAR,
    "van": ActorKind.CAR,
    "truck": ActorKind.TRUCK,
    "bus": ActorKind.BUS,
    "pedestrian": ActorKind.PEDESTRIAN,
}


def open_scene(path: Path) -> Scene:
    """The scene of a trace file; raises UnreadableError when it is none."""
    try:
        return scene_of(traces.read(path), name=path.stem)
    except MalformedError as error:
        raise UnreadableError(str(path), error.detail) from None


def scene_of(trace: traces.Trace, *, name: str = "district") -> Scene:
    """The scene of a trace: vehicles first, pedestrians behind them, each in the trace's order."""
    actors = concatenate([_actors(trace.vehicles, Role.OBU), _actors(trace.pedestrians, Role.PERCEIVED)])
    count = len(trace.vehicles.id)
    samples = concatenate([_samples(trace.vehicle_samples, 0), _samples(trace.pedestrian_samples, count)])
    origin = Origin(trace.origin.latitude_deg, trace.origin.longitude_deg, trace.origin.elevation_m)
    return in_memory(name, origin, actors, samples, _signals(trace))


def intersections(trace: traces.Trace) -> dict[str, int]:
    """The intersection id on the air of each signalised junction; a group's phase id is its number there + 1."""
    return {str(node): index for index, node in enumerate(np.unique(trace.signals.node), start=1)}


def _actors(actors: traces.Actors, role: Role) -> Batch:
    return Batch(
        {
            "name": actors.id.astype("U48"),
            "kind": np.array([KINDS.get(str(kind), ActorKind.UNKNOWN) for kind in actors.kind], np.uint8),
            "role": np.full(len(actors.id), role, np.uint8),
            "length_m": actors.length_m,
            "width_m": actors.width_m,
            "height_m": actors.height_m,
        }
    )


def _samples(samples: traces.Samples, first_actor: int) -> Batch:
    actor = samples.actor.astype(np.int64) + first_actor
    time_ms = np.rint(samples.time_s * 1000).astype(np.int64)
    _, yaw = rates(actor, time_ms.astype(np.float64), samples.speed_mps, samples.heading_deg)
    return Batch(
        {
            "time_ms": time_ms,
            "actor": actor,
            "x_m": samples.x_m,
            "y_m": samples.y_m,
            "z_m": samples.z_m,
            "speed_mps": samples.speed_mps,
            "heading_deg": samples.heading_deg,
            "acceleration_mps2": samples.acceleration_mps2,
            "yaw_rate_dps": yaw,
        }
    )


def _signals(trace: traces.Trace) -> Batch:
    """Each light, said ten times a second as long as it lasts."""
    signals, ids = trace.signals, intersections(trace)
    if not len(signals.node):
        return empty(SIGNAL)
    end = np.where(np.isfinite(signals.next_change_s), signals.next_change_s, trace.duration_s)
    first = np.rint(signals.time_s * 1000).astype(np.int64)
    last = np.rint(np.minimum(end, trace.duration_s) * 1000).astype(np.int64)
    grid = instants(0, trace.duration_s * 1000 - 1)
    begin, stop = np.searchsorted(grid, first), np.searchsorted(grid, last)
    stop[last >= round(trace.duration_s * 1000)] = len(grid)
    count = np.maximum(stop - begin, 0)
    row = np.repeat(np.arange(len(count)), count)
    time_ms = grid[begin[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)]
    intersection = np.array([ids[str(node)] for node in signals.node], np.uint16)
    rows = Batch(
        {
            "time_ms": time_ms,
            "intersection_id": intersection[row],
            "phase_id": (signals.group[row] + 1).astype(np.uint8),
            "light": signals.light[row],
            "likely_end_s": signals.next_change_s[row] - time_ms / 1000,
        }
    )
    order = np.lexsort((rows["phase_id"], rows["intersection_id"], rows["time_ms"]))
    return sort_by_time(rows.take(order))
