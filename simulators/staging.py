"""Scripted vehicles: who drives along which line, how fast at which time. Pure geometry and kinematics, for staged conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch, concatenate
from simulators.scene import SAMPLE, SIGNAL, ActorKind, Origin, Role, Scene, Slice, empty, in_memory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEP_MS = 100
CAR_M = (4.6, 1.8, 1.5)  # length, width, height
TURN_M = 3.0  # a polyline's heading jumps at its corners: yaw is taken over twice this
SAME_DECK_M = 3.0  # less height than this between two vehicles: the same road


@dataclass(frozen=True, slots=True)
class Line:
    """A way to drive: points (n, 3) in local metres, and how far along it each lies, (n,)."""

    points: Floats
    along_m: Floats

    @property
    def length_m(self) -> float:
        """From one end to the other, in plan."""
        return float(self.along_m[-1])

    def place(self, along_m: Floats) -> tuple[Floats, Floats]:
        """Points (k, 3) at these distances, and the compass heading (k,) there; beyond an end the line goes on straight."""
        inside = np.clip(along_m, 0.0, self.length_m)
        xyz = np.stack([np.interp(inside, self.along_m, self.points[:, axis]) for axis in range(3)], axis=1)
        segment = np.clip(np.searchsorted(self.along_m, inside, side="right") - 1, 0, len(self.along_m) - 2)
        step = self.points[segment + 1] - self.points[segment]
        step = step / np.linalg.norm(step[:, :2], axis=1, keepdims=True)
        return xyz + (along_m - inside)[:, None] * step, np.degrees(np.arctan2(step[:, 0], step[:, 1])) % 360

    def nearest(self, xy: Floats) -> float:
        """How far along the line its closest point to a plan position (2,) lies."""
        start, step = self.points[:-1, :2], np.diff(self.points[:, :2], axis=0)
        share = np.clip(np.sum((xy - start) * step, axis=1) / np.sum(step**2, axis=1), 0.0, 1.0)
        best = int(np.argmin(np.linalg.norm(start + share[:, None] * step - xy, axis=1)))
        return float(self.along_m[best] + share[best] * (self.along_m[best + 1] - self.along_m[best]))


def line_of(points: Floats) -> Line:
    """A line through points (n, 3), doubles left out."""
    step = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1)
    kept = points[np.concatenate([[True], step > 1e-6])]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(kept[:, :2], axis=0), axis=1))])
    return Line(kept, along)


def crossing(one: Line, two: Line) -> tuple[float, float]:
    """How far along each of two lines they first cross in plan; ValueError when they do not."""
    p, r = one.points[:-1, None, :2], np.diff(one.points[:, None, :2], axis=0)
    q, s = two.points[None, :-1, :2], np.diff(two.points[None, :, :2], axis=1)
    turn = _wedge(r, s)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = _wedge(q - p, s) / turn, _wedge(q - p, r) / turn
    hits = np.argwhere((a >= 0) & (a <= 1) & (b >= 0) & (b <= 1))
    if not len(hits):
        raise ValueError("the lines do not cross")
    i, j = hits[0]
    along_one = one.along_m[i] + a[i, j] * (one.along_m[i + 1] - one.along_m[i])
    return float(along_one), float(two.along_m[j] + b[i, j] * (two.along_m[j + 1] - two.along_m[j]))


def _wedge(one: Floats, two: Floats) -> Floats:
    return np.asarray(one[..., 0] * two[..., 1] - one[..., 1] * two[..., 0])


@dataclass(frozen=True, slots=True)
class Script:
    """One staged car: on `line`, at `along_m` with `speed_mps` at time `at_ms`, there from `from_ms` to `to_ms`.

    changes: (time ms, acceleration m/s²) from each time on; before the first it drives evenly. It stops, and does not reverse.
    """

    name: str
    line: Line
    at_ms: int
    along_m: float
    speed_mps: float
    from_ms: int
    to_ms: int
    changes: Sequence[tuple[int, float]] = ()

    def motion(self, times_ms: Ints) -> tuple[Floats, Floats, Floats]:
        """Distance along the line, speed and acceleration, each (t,), at times (t,); changes lie at or after `at_ms`."""
        starts = np.array([-np.inf, *(time for time, _ in self.changes)])
        position, speed = self.along_m, self.speed_mps
        along, fast, rate = (np.empty(len(times_ms)) for _ in range(3))
        for index, start in enumerate(starts):
            begin = self.at_ms if index == 0 else start
            end = starts[index + 1] if index + 1 < len(starts) else np.inf
            acceleration = self.changes[index - 1][1] if index else 0.0
            here = (times_ms >= start) & (times_ms < end)
            along[here], fast[here], rate[here] = _steady(position, speed, acceleration, (times_ms[here] - begin) / 1000)
            if np.isfinite(end):
                after = _steady(position, speed, acceleration, np.array([(end - begin) / 1000]))
                position, speed = float(after[0][0]), float(after[1][0])
        return along, fast, rate

    def samples(self, actor: int) -> Batch:
        """What it does, ten times a second on whole tenths, as the samples of one actor."""
        times = np.arange(-(-self.from_ms // STEP_MS), self.to_ms // STEP_MS + 1, dtype=np.int64) * STEP_MS
        along, speed, acceleration = self.motion(times)
        xyz, heading = self.line.place(along)
        turn = self.line.place(along + TURN_M)[1] - self.line.place(along - TURN_M)[1]
        return Batch(
            {
                "time_ms": times,
                "actor": np.full(len(times), actor, np.int64),
                "x_m": xyz[:, 0],
                "y_m": xyz[:, 1],
                "z_m": xyz[:, 2],
                "speed_mps": speed,
                "heading_deg": heading,
                "acceleration_mps2": acceleration,
                "yaw_rate_dps": ((turn + 180) % 360 - 180) * speed / (2 * TURN_M),
            }
        )


def _steady(position: float, speed: float, acceleration: float, seconds: Floats) -> tuple[Floats, Floats, Floats]:
    """Even acceleration from a position and speed, ending in a standstill."""
    stops_after = speed / -acceleration if acceleration < 0 else np.inf
    moving = np.minimum(seconds, stops_after)
    along = position + speed * moving + 0.5 * acceleration * moving**2
    is_still = seconds >= stops_after
    return along, np.where(is_still, 0.0, speed + acceleration * moving), np.where(is_still, 0.0, acceleration)


def scene_of(scripts: Sequence[Script], origin: Origin, *, name: str = "staged") -> Scene:
    """A scene of these cars alone, each with an OBU."""
    length, width, height = CAR_M
    n = len(scripts)
    actors = Batch(
        {
            "name": np.array([script.name for script in scripts], "U48"),
            "kind": np.full(n, ActorKind.CAR, np.uint8),
            "role": np.full(n, Role.OBU, np.uint8),
            "length_m": np.full(n, length),
            "width_m": np.full(n, width),
            "height_m": np.full(n, height),
        }
    )
    rows = [script.samples(index) for index, script in enumerate(scripts)]
    return in_memory(name, origin, actors, concatenate(rows) if rows else empty(SAMPLE), empty(SIGNAL))


def near(traffic: Slice, staged: Batch, margin_m: float) -> Slice:
    """The traffic of the same stretch of time in a box around the staged cars: all that can be in their way."""
    samples = traffic.samples
    times = staged["time_ms"]
    low, high = np.searchsorted(samples["time_ms"], [times.min() - STEP_MS, times.max() + STEP_MS])
    part = samples.take(np.arange(low, high))
    inside = np.ones(len(part), np.bool_)
    for name in ("x_m", "y_m"):
        inside &= (part[name] > staged[name].min() - margin_m) & (part[name] < staged[name].max() + margin_m)
    return Slice(part.take(inside), traffic.signals)


def in_the_way(traffic: Slice, staged: Batch, *, clearance_m: float) -> Ints:
    """Rows of the actors that come within `clearance_m` in plan, on the same deck, of a staged car at the same instant. (k,)."""
    others = traffic.samples
    met = []
    for time in np.unique(staged["time_ms"]):
        low, high = np.searchsorted(others["time_ms"], [time - STEP_MS // 2, time + STEP_MS // 2 + 1])
        here, mine = others.take(np.arange(low, high)), staged.take(staged["time_ms"] == time)
        away = np.hypot(here["x_m"][:, None] - mine["x_m"], here["y_m"][:, None] - mine["y_m"])
        level = np.abs(here["z_m"][:, None] - mine["z_m"]) < SAME_DECK_M
        met.append(here["actor"][((away < clearance_m) & level).any(axis=1)])
    return np.unique(np.concatenate(met)) if met else np.empty(0, np.int64)
