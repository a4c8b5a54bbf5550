"""From what SUMO gave to what a trace holds: middles instead of bumpers, smooth paths, tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.geo import heading_of
from simulators import trace
from simulators.district.demand import KINDS, PEDESTRIAN

STEP_S = 0.1
Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Log:
    """One actor's samples as SUMO gave them: step, x, y, z, speed, heading, acceleration, lane; z of the front bumper."""

    kind: str
    rows: list[tuple[float, ...]] = field(default_factory=list)


def actors_and_samples(logs: Mapping[str, Log], begin: int) -> tuple[trace.Actors, trace.Samples]:
    """Actors present from step `begin` on, and their samples."""
    kept = {name: log for name, log in logs.items() if log.rows[-1][0] >= begin}
    kinds = [KINDS.get(log.kind, PEDESTRIAN) for log in kept.values()]
    names = ["pedestrian" if log.kind == "walker" else log.kind for log in kept.values()]
    sizes = [np.array([getattr(kind, key) for kind in kinds]) for key in ("length_m", "width_m", "height_m")]
    actors = trace.Actors(np.array(list(kept), np.str_), np.array(names, np.str_), *sizes)
    parts = [
        _stroll(np.array(log.rows), begin) if log.kind == "walker" else _settle(np.array(log.rows), kind.length_m, begin)
        for log, kind in zip(kept.values(), kinds, strict=True)
    ]
    rows = np.concatenate(parts)
    who = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    order = np.lexsort((who, rows[:, 0]))
    step, x, y, z, speed, heading, acceleration, gradient, lane = rows[order].T
    return actors, trace.Samples(
        time_s=np.round((step - begin) * STEP_S, 6),
        actor=who[order].astype(np.int32),
        x_m=x,
        y_m=y,
        z_m=z,
        speed_mps=speed,
        heading_deg=heading,
        acceleration_mps2=acceleration,
        gradient=gradient,
        lane=lane.astype(np.int32),
    )


def _settle(rows: Floats, length_m: float, begin: int) -> Floats:
    """One vehicle's rows from step `begin` on, front bumper → middle: step, x, y, z, speed, heading, acceleration, grade, lane.

    The rear is where the front was one length ago, heading and gradient are those from rear to front; before the first sample
    the vehicle is taken to have come straight. Half a second's smoothing takes out the steps of some cm at SUMO's lane joints.
    """
    path = smooth(rows[:, 1:4], 2)
    travelled = length_m + np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path[:, :2], axis=0), axis=1))])
    first = np.radians(rows[0, 5])
    behind = path[0] - length_m * np.array([np.sin(first), np.cos(first), 0.0])
    distance, trail = np.concatenate([[0.0], travelled]), np.concatenate([behind[None], path])
    middle, rear = (
        np.column_stack([np.interp(travelled - back, distance, trail[:, axis]) for axis in range(3)])
        for back in (0.5 * length_m, length_m)
    )
    span = path - rear
    run = np.maximum(np.hypot(span[:, 0], span[:, 1]), 0.5 * length_m)
    columns = (rows[:, 0], *middle.T, rows[:, 4], heading_of(span[:, 0], span[:, 1]), rows[:, 6], span[:, 2] / run, rows[:, 7])
    return np.column_stack(columns)[rows[:, 0] >= begin]


def _stroll(rows: Floats, begin: int) -> Floats:
    """One pedestrian's rows from step `begin` on, columns as in `_settle`.

    SUMO moves people sideways in steps where pavements meet crossings: two seconds' smoothing makes them walk there; speed and
    heading are those of the smoothed walk (below 0.2 m/s the heading stays).
    """
    path = smooth(rows[:, 1:4], 10)
    velocity = np.gradient(path, STEP_S, axis=0) if len(path) > 1 else np.zeros_like(path)
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    last = np.maximum.accumulate(np.where(speed > 0.2, np.arange(len(path)), 0))
    heading = np.where(speed[last] > 0.2, heading_of(velocity[last, 0], velocity[last, 1]), rows[:, 5])
    acceleration = np.gradient(speed, STEP_S) if len(path) > 1 else np.zeros(len(path))
    gradient = np.where(speed > 0.2, velocity[:, 2] / np.maximum(speed, 0.2), 0.0)
    return np.column_stack([rows[:, 0], path, speed, heading, acceleration, gradient, rows[:, 7]])[rows[:, 0] >= begin]


def smooth(points: Floats, half: int) -> Floats:
    """Points (n, k) averaged over `half` neighbours on either side (fewer, evenly, near the ends, so nothing lags)."""
    sums = np.concatenate([np.zeros((1, points.shape[1])), np.cumsum(points, axis=0)])
    index = np.arange(len(points))
    reach = np.minimum(np.minimum(index, index[::-1]), half)
    return np.asarray((sums[index + reach + 1] - sums[index - reach]) / (2 * reach + 1)[:, None], np.float64)
