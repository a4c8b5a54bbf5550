"""A run of the engine as a scene that can be replayed: its actors with their units, its signals with their phases."""

from __future__ import annotations

import numpy as np

from chelu.messages import Batch, concatenate
from simulators.scenario.kinds import KINDS
from simulators.scenario.trace import Floats, Ints, Trace
from simulators.scene import SAMPLE, SIGNAL, Origin, Role, Scene, empty, in_memory

PERIOD_MS = 100  # between two samples of an actor, and two messages of a signal
PHASE = 1  # of each signal, which is an intersection of its own: the order of their names numbers them from 1
HEIGHT_M = 1.5


def scene_of(trace: Trace, run: int, origin: Origin, name: str) -> Scene:
    """One run of a trace until its last instant that counts; millisecond 0 is its beginning."""
    end_ms = int(trace.last[run] * trace.step_s * 1000)
    times_ms = np.arange(0, end_ms + 1, PERIOD_MS, dtype=np.int64)
    samples = [_samples(trace, run, actor, times_ms) for actor in range(len(trace.actors))]
    named = sorted(trace.lights.items())
    signals = [_signal(trace, run, number, shown, times_ms) for number, (_, shown) in enumerate(named, 1)]
    return in_memory(name, origin, _actors(trace), concatenate(samples), concatenate(signals) if signals else empty(SIGNAL))


def _actors(trace: Trace) -> Batch:
    kinds = [KINDS[actor.kind] for actor in trace.actors]
    return Batch(
        {
            "name": np.array([actor.name for actor in trace.actors], "U48"),
            "kind": np.array([kind.on_air for kind in kinds], np.uint8),
            "role": np.array([Role.OBU if kind.has_unit else Role.PERCEIVED for kind in kinds], np.uint8),
            "length_m": np.array([actor.length_m for actor in trace.actors]),
            "width_m": np.array([actor.width_m for actor in trace.actors]),
            "height_m": np.full(len(kinds), HEIGHT_M),
        }
    )


def _samples(trace: Trace, run: int, actor: int, times_ms: Ints) -> Batch:
    """An actor's motion at these times, in the columns of `simulators.scene.SAMPLE`; between two instants it is straight."""

    def at(column: Floats) -> Floats:
        return np.interp(times_ms / 1000.0, trace.time_s, column)

    heading = at(np.unwrap(trace.heading_deg[:, run, actor], period=360.0))
    found = {
        "time_ms": times_ms,
        "actor": np.full(len(times_ms), actor),
        "x_m": at(trace.xy[:, run, actor, 0]),
        "y_m": at(trace.xy[:, run, actor, 1]),
        "z_m": at(trace.elevation_m[:, run, actor]),
        "speed_mps": at(trace.speed_mps[:, run, actor]),
        "heading_deg": np.mod(heading, 360.0),
        "acceleration_mps2": at(trace.acceleration_mps2[:, run, actor]),
        "yaw_rate_dps": np.gradient(heading, PERIOD_MS / 1000.0) if len(times_ms) > 1 else np.zeros(1),
    }
    return Batch({name: np.asarray(found[name], dtype) for name, dtype in SAMPLE.items()})


def _signal(trace: Trace, run: int, number: int, shown: Ints, times_ms: Ints) -> Batch:
    """What a signal says of itself, in the columns of `simulators.scene.SIGNAL`; its last light's end is not known."""
    light = shown[:, run]
    changes = np.append(np.flatnonzero(np.diff(light)) + 1, len(light))
    instant = np.minimum(np.ceil(times_ms / 1000.0 / trace.step_s - 1e-9).astype(np.int64), len(light) - 1)
    change = changes[np.searchsorted(changes, instant, side="right").clip(max=len(changes) - 1)]
    end_s = np.where(change < len(light), change * trace.step_s - times_ms / 1000.0, np.nan)
    found = {
        "time_ms": times_ms,
        "intersection_id": np.full(len(times_ms), number),
        "phase_id": np.full(len(times_ms), PHASE),
        "light": light[instant],
        "likely_end_s": end_s,
    }
    return Batch({name: np.asarray(found[name], dtype) for name, dtype in SIGNAL.items()})
