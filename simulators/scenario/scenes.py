"""A run of the engine as a scene that can be replayed: its actors with their units, its signals with their phases."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chelu.messages import Batch, concatenate
from simulators.scenario.air import FIRST_OF_TRAFFIC, Radio
from simulators.scenario.joining import without_traffic
from simulators.scenario.kinds import KINDS
from simulators.scenario.saying import nothing_said
from simulators.scenario.trace import Floats, Ints, Trace
from simulators.scenario.traffic.passing import actor_of, alone, near
from simulators.scene import SAID, SAMPLE, SIGNAL, Origin, Role, Scene, empty, in_memory

PERIOD_MS = 100  # between two samples of an actor, and two messages of a signal
PHASE = 1  # of each signal, which is an intersection of its own: the order of their names numbers them from 1
HEIGHT_M = 1.5


def scene_of(trace: Trace, run: int, origin: Origin, name: str, radio: Radio | None = None) -> Scene:
    """One run of a trace until its last instant that counts, with what the radio makes of it; millisecond 0 is its beginning.

    Behind the scenario's own actors come the vehicles of the traffic that the radio has.
    """
    whole, trace = trace, without_traffic(trace)
    end_ms = int(trace.last[run] * trace.step_s * 1000)
    period_ms = PERIOD_MS if radio is None else round(1000 / radio.rate_hz)
    spoken_ms = np.arange(0, end_ms + 1, period_ms, dtype=np.int64)
    samples = [_samples(trace, run, actor, spoken_ms, radio) for actor in range(len(trace.actors))]
    if radio is not None:
        rows = {one: row for row, one in enumerate(radio.passing, trace.cast)}
        samples += [_passing(whole, one, rows[one], spoken_ms, radio) for one in near(whole) if one in rows]
    times_ms = np.arange(0, end_ms + 1, PERIOD_MS, dtype=np.int64)
    named = sorted(trace.lights.items())
    signals = [_signal(trace, run, number, shown, times_ms) for number, (_, shown) in enumerate(named, 1)]
    return in_memory(
        name, origin, _actors(whole, radio), concatenate(samples), concatenate(signals) if signals else empty(SIGNAL)
    )


def _actors(trace: Trace, radio: Radio | None) -> Batch:
    actors = list(trace.actors[: trace.cast])
    speaks = [KINDS[one.kind].has_unit for one in actors] if radio is None else radio.equipped.tolist()
    if radio is not None and trace.passing is not None:
        actors += [actor_of(trace.passing, number) for number in radio.passing]
        speaks += list(radio.passing.values())
    kinds = [KINDS[actor.kind] for actor in actors]
    return Batch(
        {
            "name": np.array([actor.name for actor in actors], "U48"),
            "kind": np.array([kind.on_air for kind in kinds], np.uint8),
            "role": np.array([Role.OBU if one else Role.PERCEIVED for one in speaks], np.uint8),
            "length_m": np.array([actor.length_m for actor in actors]),
            "width_m": np.array([actor.width_m for actor in actors]),
            "height_m": np.full(len(kinds), HEIGHT_M),
        }
    )


def _samples(trace: Trace, run: int, actor: int, times_ms: Ints, radio: Radio | None) -> Batch:
    """An actor's motion at these times, in the columns of `simulators.scene.SAMPLE`; between two instants it is straight."""
    off = np.zeros((len(times_ms), 2)) if radio is None else radio.off_m(actor, len(times_ms))
    batch = _motion(trace, run, actor, times_ms, off)
    if radio is None or radio.said is None:
        return batch
    return _saying(batch, radio.said(actor, times_ms / 1000.0))


def _passing(trace: Trace, number: int, row: int, times_ms: Ints, radio: Radio) -> Batch:
    """The same of a vehicle of the traffic, while it is near; row: of the scene's actors."""
    off = radio.off_m(FIRST_OF_TRAFFIC + number, len(times_ms))
    batch = _motion(alone(trace, number), 0, 0, times_ms, off)
    batch = batch.with_columns(actor=np.full(len(batch), row)).take(np.isfinite(batch["x_m"]))
    return batch if radio.said is None else _saying(batch, nothing_said(len(batch)))


def _saying(batch: Batch, said: Mapping[str, Ints]) -> Batch:
    return batch.with_columns(**{name: np.asarray(said[name], dtype) for name, dtype in SAID.items()})


def _motion(trace: Trace, run: int, actor: int, times_ms: Ints, off: Floats) -> Batch:
    """Off by so much, (k, 2) east and north, as it says itself."""
    apart_s = 0.001 * (times_ms[1] - times_ms[0]) if len(times_ms) > 1 else 1.0

    def at(column: Floats) -> Floats:
        return np.interp(times_ms / 1000.0, trace.time_s, column)

    heading = at(np.unwrap(trace.heading_deg[:, run, actor], period=360.0))
    found = {
        "time_ms": times_ms,
        "actor": np.full(len(times_ms), actor),
        "x_m": at(trace.xy[:, run, actor, 0]) + off[:, 0],
        "y_m": at(trace.xy[:, run, actor, 1]) + off[:, 1],
        "z_m": at(trace.elevation_m[:, run, actor]),
        "speed_mps": at(trace.speed_mps[:, run, actor]),
        "heading_deg": np.mod(heading, 360.0),
        "acceleration_mps2": at(trace.acceleration_mps2[:, run, actor]),
        "yaw_rate_dps": np.gradient(heading, apart_s) if len(times_ms) > 1 else np.zeros(1),
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
