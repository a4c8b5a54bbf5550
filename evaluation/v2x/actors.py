"""Staged road users as columns: each drives a straight, an arc and a straight again, changes speed once, and may move over.

Everything is a closed form of time, so that thousands are driven at once and truth is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import forward, rightward
from services.inference.reports import Participant

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NEVER_S = 1e6


@dataclass(frozen=True, slots=True)
class Actors:
    """n actors. At t = 0 each is at `start` (n, 2) with `speed_mps` along `heading_deg`.

    From `changes_s` on it has `rate_mps2`, until it stands or has `final_mps` (when that is faster). After `straight_m` it turns
    with `curvature_1pm` (right positive) by `turn_deg`, then goes straight. From `shifts_s` on it moves `shift_m` to the right
    within `shift_takes_s`; its turn signal `lights` is on from `signals_s`. From `tells_s` on its messages have `events`, and
    siren and light bar where `is_responding`. up_m, gradient: height at t = 0 and along the way.
    """

    start: Floats
    heading_deg: Floats
    speed_mps: Floats
    rate_mps2: Floats
    changes_s: Floats
    straight_m: Floats
    curvature_1pm: Floats
    turn_deg: Floats
    shift_m: Floats
    shifts_s: Floats
    shift_takes_s: Floats
    lights: Ints
    signals_s: Floats
    events: Ints
    is_responding: npt.NDArray[np.bool_]
    tells_s: Floats
    up_m: Floats
    gradient: Floats
    size_m: Floats
    kind: Ints
    speaks: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.speed_mps)

    def take(self, rows: npt.NDArray[Any]) -> Self:
        """These actors."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


def still(n: int) -> Actors:
    """N cars that stand at the origin and point north: what staging starts from."""
    zero = np.zeros(n)
    return Actors(
        start=np.zeros((n, 2)),
        heading_deg=zero,
        speed_mps=zero,
        rate_mps2=zero,
        changes_s=np.full(n, NEVER_S),
        straight_m=np.full(n, NEVER_S),
        curvature_1pm=zero,
        turn_deg=zero,
        shift_m=zero,
        shifts_s=np.full(n, NEVER_S),
        shift_takes_s=np.ones(n),
        lights=np.zeros(n, np.int64),
        signals_s=np.full(n, NEVER_S),
        events=np.zeros(n, np.int64),
        is_responding=np.zeros(n, np.bool_),
        tells_s=np.zeros(n),
        up_m=zero,
        gradient=zero,
        size_m=np.broadcast_to(np.array([4.6, 1.8]), (n, 2)).copy(),
        kind=np.full(n, int(Participant.MOTOR), np.int64),
        speaks=np.ones(n, np.bool_),
    )


@dataclass(frozen=True, slots=True)
class Film:
    """n actors at s instants `times_s`: xy (n, s, 2), heading_deg, speed_mps, acceleration_mps2, way_m driven (n, s)."""

    times_s: Floats
    xy: Floats
    heading_deg: Floats
    speed_mps: Floats
    acceleration_mps2: Floats
    yaw_rate_dps: Floats
    way_m: Floats


def film(actors: Actors, times_s: Floats) -> Film:
    """Where everybody is at these instants (s,), or at instants of its own (n, s)."""
    times = np.broadcast_to(times_s, (len(actors), np.shape(times_s)[-1]))
    way, speed, rate = _driven(actors, times)
    xy, heading, curvature = _on_path(actors, way)
    done = np.clip((times - actors.shifts_s[:, None]) / actors.shift_takes_s[:, None], 0.0, 1.0)
    aside = actors.shift_m[:, None] * done * done * (3.0 - 2.0 * done)
    slide = actors.shift_m[:, None] * 6.0 * done * (1.0 - done) / actors.shift_takes_s[:, None]
    bend = actors.shift_m[:, None] * (6.0 - 12.0 * done) / actors.shift_takes_s[:, None] ** 2
    is_sliding = (done > 0) & (done < 1)
    safe = np.maximum(speed, 0.5)
    slant = np.where(is_sliding, np.degrees(np.arctan2(slide, safe)), 0.0)
    yaw = np.degrees(curvature * speed) + np.where(is_sliding, np.degrees(bend / safe), 0.0)
    return Film(
        np.asarray(times_s),
        xy + aside[..., None] * rightward(heading),
        np.mod(heading + slant, 360.0),
        np.hypot(speed, np.where(is_sliding, slide, 0.0)),
        rate,
        yaw,
        way,
    )


def places(actors: Actors, way_m: Floats) -> tuple[Floats, Floats]:
    """Where (n, s, 2) and pointing where (n, s) each is after a way (n, s) along its own path."""
    xy, heading, _ = _on_path(actors, way_m)
    return xy, heading


def heights(actors: Actors, way_m: Floats) -> Floats:
    """Height (n, s) after a way along the road."""
    return np.asarray(actors.up_m[:, None] + actors.gradient[:, None] * way_m)


def _driven(actors: Actors, times: Floats) -> tuple[Floats, Floats, Floats]:
    """Way, speed and acceleration (n, s): even, then changing, then (only when it stood still) no more."""
    speed, rate = actors.speed_mps[:, None], actors.rate_mps2[:, None]
    since = np.maximum(times - actors.changes_s[:, None], 0.0)
    braking = rate < 0
    stop = np.where(braking, speed / np.where(braking, -rate, 1.0), np.inf)
    moving = np.minimum(since, stop)
    way = speed * (times - since) + speed * moving + 0.5 * rate * moving**2
    now = np.maximum(speed + rate * moving, 0.0)
    return way, now, np.where((since > 0) & (since < stop), rate, 0.0)


def _on_path(actors: Actors, way: Floats) -> tuple[Floats, Floats, Floats]:
    """Place, heading and curvature after a way along straight, arc and straight."""
    heading = actors.heading_deg[:, None]
    curvature = actors.curvature_1pm[:, None]
    bends = curvature != 0
    arc_m = np.where(bends, np.radians(np.abs(actors.turn_deg[:, None])) / np.where(bends, np.abs(curvature), 1.0), 0.0)
    first = np.minimum(way, actors.straight_m[:, None])
    on_arc = np.clip(way - actors.straight_m[:, None], 0.0, arc_m)
    last = np.maximum(way - actors.straight_m[:, None] - arc_m, 0.0)
    turn = curvature * on_arc
    chord = on_arc * np.sinc(turn / (2.0 * np.pi))
    now = heading + np.degrees(turn)
    xy = (
        actors.start[:, None, :]
        + first[..., None] * forward(heading)
        + chord[..., None] * forward(heading + np.degrees(turn) / 2.0)
        + last[..., None] * forward(now)
    )
    return xy, np.mod(now, 360.0), np.where((on_arc > 0) & (on_arc < arc_m), curvature, 0.0)


def turned(actors: Actors, by_deg: Floats, centre: Floats) -> Actors:
    """The same, turned clockwise by an angle (n,) around the origin and then moved by `centre` (n, 2)."""
    angle = np.radians(by_deg)
    east, north = actors.start[:, 0], actors.start[:, 1]
    start = np.stack([east * np.cos(angle) + north * np.sin(angle), north * np.cos(angle) - east * np.sin(angle)], axis=1)
    return replace(actors, start=start + centre, heading_deg=np.mod(actors.heading_deg + by_deg, 360.0))
