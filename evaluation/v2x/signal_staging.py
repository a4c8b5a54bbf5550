"""Cars that come to a signal, each on a road of its own, kilometres apart in one picture; what is true of each is known.

Each road has one lane, one stop line and one signal, which shows up to four states in a row; every second controller announces
all of them, the others only the end of what they show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from chelu.messages import SPAT, Batch, filled
from chelu.motion.footprints import forward
from chelu.roads import sumo
from chelu.roads.network import RoadNetwork
from evaluation.v2x.actors import NEVER_S, Actors, Floats, Ints, still
from evaluation.v2x.encounters import Encounters, spread_out
from evaluation.v2x.radio import EPOCH_US
from services.inference.signals import Light

STATES, LASTS_S, LIMIT_MPS = 4, 16.0, 22.0
YELLOW_S = 3.0
STOPS_FROM_S, STOPS_WITH_MPS2 = (
    1.0,
    3.0,
)  # who stops begins when a second's way and braking so are left (`demand.Kind`), or before
_ACROSS_M, _BEYOND_M, _BEHIND_M = 20.0, 300.0, 60.0
_STEEPEST, _SLOPING = 0.08, 0.3
_TRUCK_M, _TRUCKS = (9.0, 2.5), 1 / 8
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plans:
    """What n signals show: light, start_s, end_s (n, STATES), unused places without length; announces: all states, or one."""

    light: Ints
    start_s: Floats
    end_s: Floats
    announces: Mask

    def shows(self, at_s: Floats) -> Ints:
        """Lights (n,) at instants (n,)."""
        holds = (self.start_s <= at_s[:, None]) & (at_s[:, None] < self.end_s)
        return np.asarray(self.light[np.arange(len(at_s)), np.argmax(holds, axis=1)])

    def spat(self, at_s: float) -> Batch:
        """What all of them say at an instant."""
        is_left = self.end_s > np.maximum(at_s, self.start_s)
        place = np.cumsum(is_left, axis=1) - 1
        row, column = np.nonzero(is_left & (self.announces[:, None] | (place == 0)))
        n, time_us = len(row), EPOCH_US + round(at_s * 1e6)
        return filled(
            SPAT, n, time_us=np.full(n, time_us), intersection_id=(row + 1).astype(np.uint16), phase_id=np.ones(n, np.int16),
            state_index=place[row, column].astype(np.uint8), light=self.light[row, column].astype(np.uint8),
            start_s=np.maximum(self.start_s[row, column] - at_s, 0.0), likely_end_s=self.end_s[row, column] - at_s,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Approaches:
    """n cars on their roads; to_line_m (n,): from the front bumper to the line at t = 0."""

    encounters: Encounters
    network: RoadNetwork
    plans: Plans
    to_line_m: Floats


def violations(n: int, seed: int) -> Approaches:
    """Cars of which some run the red light, others stop, go on green, find it green in time, or are caught by the yellow."""
    random = np.random.default_rng([seed, 11])
    kind = random.choice(5, n, p=[0.45, 0.25, 0.1, 0.1, 0.1])
    speed, arrives = random.uniform(6.0, 20.0, n), random.uniform(6.0, 10.0, n)
    to_line = speed * arrives
    red_from = np.choose(kind, [arrives - random.uniform(1.0, 12.0, n), -20.0, 40.0, -20.0, arrives + 2.0])
    yellow = kind == 4
    red_from = np.where(yellow, arrives - random.uniform(0.3, 0.9, n) * speed / 9.2 + YELLOW_S, red_from)
    free_from = np.where(kind == 3, arrives - random.uniform(0.3, 2.5, n), 60.0)
    way = begins_to_stop_m(speed, random.uniform(STOPS_FROM_S, 2.5, n))
    rate = -(speed**2) / (2.0 * (way - random.uniform(0.5, 3.0, n)))
    cars = replace(still(n), speed_mps=speed, rate_mps2=rate, changes_s=np.where(kind == 1, (to_line - way) / speed, NEVER_S))
    plans = _plans(random, red_from, free_from)
    onset = np.maximum(red_from - np.where(plans.announces, NEVER_S, 0.0), 0.0)
    return _placed("svw", cars, to_line, plans, onset, random)


def begins_to_stop_m(speed_mps: Floats, after_s: float | Floats = STOPS_FROM_S) -> Floats:
    """So far from the line (n,) who stops begins to brake; by default the last to do so."""
    return np.asarray(speed_mps * after_s + speed_mps**2 / (2.0 * STOPS_WITH_MPS2))


def waves(n: int, seed: int) -> Approaches:
    """Cars that come to a signal which is red or green now, and changes while they come."""
    random = np.random.default_rng([seed, 12])
    speed, to_line = random.uniform(7.0, 18.0, n), random.uniform(80.0, 300.0, n)
    is_red = random.random(n) < 0.6
    red_from = np.where(is_red, -20.0, random.uniform(4.0, 30.0, n))
    free_from = np.where(is_red, random.uniform(2.0, 30.0, n), red_from + random.uniform(15.0, 40.0, n))
    cars = replace(still(n), speed_mps=speed)
    return _placed("glosa", cars, to_line, _plans(random, red_from, free_from), np.zeros(n), random)


def _plans(random: np.random.Generator, red_from_s: Floats, free_from_s: Floats) -> Plans:
    """Green, yellow, red and green again."""
    n, before, after = len(red_from_s), np.full(len(red_from_s), -1e3), np.full(len(red_from_s), 1e3)
    edges = np.stack([before, red_from_s - YELLOW_S, red_from_s, free_from_s, after], axis=1)
    lights = [Light.PROTECTED_GREEN, Light.YELLOW, Light.RED, Light.PROTECTED_GREEN]
    light = np.broadcast_to(np.array([int(one) for one in lights]), (n, STATES))
    return Plans(light, edges[:, :-1], edges[:, 1:], random.random(n) < 0.5)


def _placed(
    application: str, cars: Actors, to_line_m: Floats, plans: Plans, onset_s: Floats, random: np.random.Generator
) -> Approaches:
    """Put every car on a road of its own, turned all round, some on slopes, some of them trucks."""
    n = len(cars)
    is_truck = random.random(n) < _TRUCKS
    size = np.where(is_truck[:, None], np.array(_TRUCK_M), cars.size_m)
    slope = np.where(random.random(n) < _SLOPING, random.uniform(-_STEEPEST, _STEEPEST, n), 0.0)
    cars = spread_out(replace(cars, size_m=size, gradient=slope), n, random)
    encounters = Encounters(application, cars, onset_s, np.full(n, NEVER_S), LASTS_S)
    return Approaches(encounters, _roads(cars, to_line_m + size[:, 0] / 2.0, slope), plans, to_line_m)


def _roads(cars: Actors, to_line_m: Floats, slope: Floats) -> RoadNetwork:
    """A lane to the line, a path across and a lane beyond for each; to_line_m: from the cars' centres."""
    ways = np.stack([np.full(len(cars), -_BEHIND_M), to_line_m, to_line_m + _ACROSS_M, to_line_m + _BEYOND_M], axis=1)
    plan = cars.start[:, None, :] + ways[..., None] * forward(cars.heading_deg)[:, None, :]
    points = np.concatenate([plan, (cars.up_m[:, None] + slope[:, None] * ways)[..., None]], axis=2)
    text = "".join(_road(f"e{number:05}", places) for number, places in enumerate(points))
    return sumo.read(f"<net>{text}</net>".encode())


def _road(name: str, points: Floats) -> str:
    lanes = (f"{name}in", f":{name}_0", f"{name}out")
    edges = "".join(_edge(lane, points[begin : begin + 2]) for begin, lane in enumerate(lanes))
    ends = f'to="{name}out" fromLane="0" toLane="0" dir="s"'
    light = f'<tlLogic id="{name}" type="static" programID="0" offset="0"><phase duration="60" state="r"/></tlLogic>'
    held = f'<connection from="{name}in" {ends} via=":{name}_0_0" tl="{name}" linkIndex="0"/>'
    return f'{edges}{light}{held}<connection from=":{name}_0" {ends}/>'


def _edge(name: str, points: Floats) -> str:
    function = ' function="internal"' if name.startswith(":") else ' from="x" to="y"'
    shape = " ".join(",".join(f"{number:.3f}" for number in point) for point in points)
    length = float(np.linalg.norm(points[1] - points[0]))
    lane = f'<lane id="{name}_0" index="0" speed="{LIMIT_MPS}" length="{length:.3f}" shape="{shape}"/>'
    return f'<edge id="{name}"{function}>{lane}</edge>'
