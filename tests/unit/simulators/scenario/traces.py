"""Small traces of straight motions, built by hand: what the engine would leave behind, without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.messages import Batch
from chelu.motion.footprints import forward
from simulators.scenario.contacts import first_contacts
from simulators.scenario.trace import Actor, Trace
from simulators.scenario.ways import Piece, Places, Way, Ways

LENGTH_M, WIDTH_M = 4.0, 2.0
ROAD = Ways.of(
    (Way(name="main", x_m=0, y_m=0, heading_deg=0, pieces=(Piece(1000.0),), lanes=2, lane_width_m=3.5, speed_limit_mps=20),)
)


@dataclass(frozen=True, slots=True)
class Motion:
    """Straight from a place with a speed and an acceleration, standing once stopped."""

    xy: tuple[float, float]
    heading_deg: float = 0.0
    speed_mps: float = 0.0
    acceleration_mps2: float = 0.0
    elevation_m: float = 0.0

    def at(self, time_s):
        rate, speed = self.acceleration_mps2, self.speed_mps
        moving = np.minimum(time_s, speed / -rate) if rate < 0 else time_s
        way = speed * moving + 0.5 * rate * moving**2
        now = np.maximum(speed + rate * moving, 0.0) if rate < 0 else speed + rate * moving
        return np.array(self.xy) + way[:, None] * forward(np.array(self.heading_deg)), now, np.where(moving < time_s, 0.0, rate)


def trace(*runs, step_s=0.1, end_s=5.0, on_way=False, names=("ego", "other", "third"), mass_kg=1500.0, ways=ROAD, **others):
    """Each run a tuple of motions, one for each actor. on_way: along the shipped road, which heads north from 0, 0."""
    time_s = np.arange(round(end_s / step_s) + 1) * step_s
    shape = len(time_s), len(runs), len(runs[0])
    xy, speed, rate, heading, height = np.empty((*shape, 2)), *(np.empty(shape) for _ in range(4))
    for run, motions in enumerate(runs):
        for actor, motion in enumerate(motions):
            xy[:, run, actor], speed[:, run, actor], rate[:, run, actor] = motion.at(time_s)
            heading[:, run, actor], height[:, run, actor] = motion.heading_deg, motion.elevation_m
    actors = tuple(Actor(name, "car", LENGTH_M, WIDTH_M, mass_kg, name == "ego") for name in names[: shape[2]])
    nothing = np.zeros(shape)
    contact = first_contacts(actors, Places(xy, height, heading, nothing, nothing), heading, step_s)
    last = np.where(np.isfinite(contact.first_s), np.ceil(contact.first_s / step_s - 1e-9), len(time_s) - 1).astype(np.int64)
    return Trace(
        **{
            "actors": actors, "step_s": step_s, "ways": ways, "way": np.full(shape[1:], 0 if on_way else -1), "xy": xy,
            "elevation_m": height, "heading_deg": heading, "speed_mps": speed, "acceleration_mps2": rate,
            "along_m": np.where(on_way, xy[..., 1], np.nan), "aside_m": np.where(on_way, xy[..., 0], np.nan),
            "aside_mps": nothing, "last": last, "contact_s": contact.first_s, "contact": contact.actors, **others,
        }
    )  # fmt: skip


def behind(gap_m, first_mps, other_mps, first_mps2=0.0, other_mps2=0.0, heading_deg=0.0):
    """One behind another, so far apart."""
    ahead = (gap_m + LENGTH_M) * forward(np.array(heading_deg))
    return (
        Motion((0.0, 0.0), heading_deg, first_mps, first_mps2),
        Motion((float(ahead[0]), float(ahead[1])), heading_deg, other_mps, other_mps2),
    )


def warnings(*rows):
    """Rows of run, time_s, application, host, other."""
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 5
    names = ("run", "time_s", "application", "host", "other")
    kinds = (np.int64, np.float64, np.object_, np.object_, np.object_)
    found: dict[str, Any] = {name: np.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    return Batch({**found, "state": np.full(len(rows), "raised", np.object_)})
