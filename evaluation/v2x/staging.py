"""How encounters of each application are staged: seeded, half of them ending in contact if nobody acts, half passing by.

All are drawn in one frame (the host drives north, the place of contact is about the origin) and then turned all round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import forward
from evaluation.v2x.actors import NEVER_S, Actors, Floats, still
from evaluation.v2x.encounters import Encounters, spread_out
from services.inference.reports import Lamp, Participant

SEEN_S = 3.0  # everybody has been heard of for this long before a danger begins
LANE_M = 3.5
CAR, TRUCK = np.array([4.6, 1.8]), np.array([11.0, 2.5])
Random = np.random.Generator


def stage(application: str, n: int, seed: int) -> Encounters:
    """N encounters of an application. The same seed gives the same encounters."""
    random = np.random.default_rng([seed, *application.encode()])
    actors, onset_s, lasts_s = STAGES[application](n, random)
    ends_s = _ends_s(application, actors, n, lasts_s)
    return Encounters(application, spread_out(_on_slopes(actors, n, random), n, random), onset_s, ends_s, lasts_s)


def _ends_s(application: str, actors: Actors, n: int, lasts_s: float) -> Floats:
    """A lane change ends with itself: who drives into the host's rear afterwards is a forward collision."""
    if application != "lcw":
        return np.full(n, lasts_s)
    return np.asarray(actors.shifts_s[:n] + actors.shift_takes_s[:n])


def _on_slopes(actors: Actors, n: int, random: Random) -> Actors:
    """Three encounters in ten lie on a slope of up to 8 %, along which every road runs; all are level at the origin."""
    slope = np.tile(random.uniform(-0.08, 0.08, n) * (random.random(n) < 0.3), len(actors) // n)
    gradient = np.where(np.cos(np.radians(actors.heading_deg)) >= 0, slope, -slope) * (actors.kind == Participant.MOTOR)
    along = np.sum(actors.start * forward(actors.heading_deg), axis=1)
    return replace(actors, gradient=gradient, up_m=gradient * along)


def _cars(n: int, random: Random, *, blocks: int = 2) -> Actors:
    """Blocks of cars, one in eight a truck."""
    is_truck = random.random(n * blocks) < 0.125
    return replace(still(n * blocks), size_m=np.where(is_truck[:, None], TRUCK, CAR))


def _put(actors: Actors, block: int, n: int, **columns: Floats) -> Actors:
    """Set columns of one block."""
    rows = slice(block * n, (block + 1) * n)
    changed = {}
    for name, values in columns.items():
        column = getattr(actors, name).copy()
        column[rows] = values
        changed[name] = column
    return replace(actors, **changed)


def _north(metres: Floats, east_m: Floats | float = 0.0) -> Floats:
    return np.stack([np.broadcast_to(east_m, np.shape(metres)), metres], axis=1)


def _half(n: int, random: Random) -> npt.NDArray[np.bool_]:
    return random.random(n) < 0.5


def _follow(n: int, random: Random) -> tuple[Actors, Floats, float]:
    """The host drives up on one that stands, is slower, brakes, or comes towards it; half of them are on the next lane."""
    actors = _cars(n, random)
    kind = random.integers(0, 4, n)  # 0 stands, 1 slower, 2 brakes, 3 comes head on
    speed = random.uniform(5, 30, n)
    other = np.select(
        [kind == 0, kind == 1, kind == 2], [0.0, speed * random.uniform(0.1, 0.7, n), speed], random.uniform(5, 25, n)
    )
    length = (actors.size_m[:n, 0] + actors.size_m[n:, 0]) / 2.0
    meets_s = random.uniform(SEEN_S + 4.0, SEEN_S + 6.0, n)
    closing = np.where(kind == 3, speed + other, speed - other)
    gap = np.where(kind == 2, speed * random.uniform(0.6, 1.8, n), closing * meets_s)
    aside = np.where(_half(n, random), random.uniform(-0.8, 0.8, n), LANE_M * random.choice([-1, 1], n))
    rate = np.where(kind == 2, -random.uniform(5, 8, n), 0.0)
    changes = np.where(kind == 2, random.uniform(SEEN_S + 1, SEEN_S + 2, n), NEVER_S)
    actors = _put(actors, 0, n, start=_north(-gap - length), speed_mps=speed)
    actors = _put(
        actors, 1, n,
        start=_north(np.zeros(n), aside), speed_mps=other, rate_mps2=rate, changes_s=changes,
        heading_deg=np.where(kind == 3, 180.0, 0.0),
    )  # fmt: skip
    return actors, np.where(kind == 2, changes, SEEN_S), 16.0


def _cross(n: int, random: Random) -> tuple[Actors, Floats, float]:
    """Two straight ways that cross at any angle; half arrive together, half one after the other."""
    actors = _cars(n, random)
    angle = random.uniform(35, 145, n) * random.choice([-1, 1], n)
    meets_s = random.uniform(SEEN_S + 4.0, SEEN_S + 6.0, n)
    speed = random.uniform(2, 30, (2, n))
    late = np.where(_half(n, random), random.uniform(-0.15, 0.15, n), random.uniform(2.5, 5, n) * random.choice([-1, 1], n))
    actors = _put(actors, 0, n, start=_north(-speed[0] * meets_s), speed_mps=speed[0])
    way = speed[1] * (meets_s + late)
    back = np.stack([np.sin(np.radians(angle)), np.cos(np.radians(angle))], axis=1)
    actors = _put(actors, 1, n, start=-way[:, None] * back, heading_deg=np.mod(angle, 360.0), speed_mps=speed[1])
    return actors, np.full(n, SEEN_S), 16.0


def _turn(n: int, random: Random) -> tuple[Actors, Floats, float]:
    """The host turns left across one that comes straight towards it; half of the latter come later."""
    actors = _cars(n, random)
    speed, other = random.uniform(4, 9, n), random.uniform(8, 22, n)
    radius = random.uniform(10, 22, n)
    turns_s = random.uniform(SEEN_S + 1.5, SEEN_S + 2.5, n)
    start = _north(-speed * turns_s)  # the turn begins at the origin
    lane = -np.minimum(random.uniform(4, 14, n), 0.9 * radius)  # the oncoming lane, to the left
    reach = np.arccos(np.clip(1.0 + lane / radius, -1.0, 1.0))  # angle of the arc where it crosses that lane
    crosses_s = turns_s + radius * reach / speed
    north = radius * np.sin(reach)
    late = np.where(_half(n, random), random.uniform(-0.1, 0.1, n), random.uniform(2.5, 5, n))
    actors = _put(
        actors, 0, n,
        start=start, speed_mps=speed, straight_m=speed * turns_s, curvature_1pm=-1.0 / radius, turn_deg=np.full(n, 90.0),
    )  # fmt: skip
    way = other * (crosses_s + late)
    actors = _put(actors, 1, n, start=_north(north + way, lane), heading_deg=np.full(n, 180.0), speed_mps=other)
    return actors, turns_s, 14.0


def _change_lanes(n: int, random: Random) -> tuple[Actors, Floats, float]:
    """The host moves over; half of the time somebody is beside it or comes up; two in three signal before."""
    actors = _cars(n, random)
    speed = random.uniform(8, 30, n)
    side = random.choice([-1.0, 1.0], n)
    takes = random.uniform(3.0, 5.0, n)
    begins = random.uniform(SEEN_S + 1.5, SEEN_S + 3.0, n)
    touches = begins + 0.5 * takes
    other = np.maximum(speed + random.uniform(-3, 8, n), 3.0)
    length = (actors.size_m[:n, 0] + actors.size_m[n:, 0]) / 2.0
    level = random.uniform(-0.6, 0.6, n) * length
    apart = np.where(
        _half(n, random), level, -(length + random.uniform(20, 45, n) + (other - speed) * 0 + 3.0 * np.maximum(other - speed, 0))
    )
    start = apart - (other - speed) * touches
    signals = np.where(random.random(n) < 2 / 3, begins - random.uniform(0.8, 2.0, n), NEVER_S)
    actors = _put(
        actors, 0, n,
        start=_north(np.zeros(n)), speed_mps=speed, shift_m=side * LANE_M, shifts_s=begins, shift_takes_s=takes,
        lights=np.where(side < 0, int(Lamp.LEFT), int(Lamp.RIGHT)), signals_s=signals,
    )  # fmt: skip
    actors = _put(actors, 1, n, start=_north(start, side * LANE_M), speed_mps=other)
    return actors, np.minimum(signals, begins), 14.0


def _overtake(n: int, random: Random) -> tuple[Actors, Floats, float]:
    """The host pulls out behind a slower vehicle; half of the time somebody comes on the other lane."""
    actors = _cars(n, random, blocks=3)
    speed = random.uniform(10, 25, n)
    leader = speed * random.uniform(0.6, 0.9, n)
    oncoming = random.uniform(8, 25, n)
    side = random.choice([-1.0, 1.0], n)
    begins, takes = random.uniform(SEEN_S + 1.5, SEEN_S + 3.0, n), random.uniform(2.5, 4.0, n)
    meets_s = begins + takes + random.uniform(0.3, 3.0, n)
    is_there = _half(n, random)
    behind = 5.0 + speed * random.uniform(0.8, 2.0, n)
    leader = np.maximum(leader, speed - behind / (meets_s - begins))  # the two meet before the host has passed
    ahead = behind + (speed - leader) * begins
    far = (speed + oncoming) * np.where(is_there, meets_s, meets_s + 14.0)
    signals = np.where(random.random(n) < 2 / 3, begins - random.uniform(0.8, 2.0, n), NEVER_S)
    actors = _put(
        actors, 0, n,
        start=_north(np.zeros(n)), speed_mps=speed, shift_m=side * LANE_M, shifts_s=begins, shift_takes_s=takes,
        lights=np.where(side < 0, int(Lamp.LEFT), int(Lamp.RIGHT)), signals_s=signals,
    )  # fmt: skip
    actors = _put(actors, 1, n, start=_north(far, side * LANE_M), heading_deg=np.full(n, 180.0), speed_mps=oncoming)
    actors = _put(actors, 2, n, start=_north(ahead), speed_mps=leader)
    return actors, np.minimum(signals, begins), 14.0


def _hard_brake(n: int, random: Random) -> tuple[Actors, Floats, float]:
    """One ahead brakes hard: directly ahead, or beyond one between that does not show it; half so far that it does not matter."""
    actors = _cars(n, random)
    speed = random.uniform(8, 30, n)
    rate, begins = -random.uniform(5, 8, n), random.uniform(SEEN_S + 1, SEEN_S + 2, n)
    length = (actors.size_m[:n, 0] + actors.size_m[n:, 0]) / 2.0
    near, far = speed * random.uniform(0.9, 3.0, n), speed * 5.0 + speed**2 / 4.0
    is_near = _half(n, random)
    gap = np.where(is_near, near, far)
    actors = _put(
        actors,
        0,
        n,
        start=_north(-gap - length),
        speed_mps=speed,
        rate_mps2=np.full(n, -1.5),
        changes_s=np.where(is_near, NEVER_S, begins + 1.0),
    )
    actors = _put(
        actors, 1, n, start=_north(np.zeros(n), random.uniform(-0.5, 0.5, n)), speed_mps=speed, rate_mps2=rate, changes_s=begins
    )
    return actors, begins, 14.0


def _walk_across(n: int, random: Random) -> tuple[Actors, Floats, float]:
    """Somebody without a radio, on foot or on a cycle, crosses the host's way; half well before or after it."""
    actors = _cars(n, random)
    is_cycle = random.random(n) < 0.4
    speed = random.uniform(4, 20, n)
    walk = np.where(is_cycle, random.uniform(2, 6, n), random.uniform(0.8, 2.2, n))
    angle = random.uniform(50, 130, n) * random.choice([-1, 1], n)
    meets_s = random.uniform(SEEN_S + 3.5, SEEN_S + 5.5, n)
    late = np.where(_half(n, random), random.uniform(-0.1, 0.1, n), random.uniform(3, 6, n) * random.choice([-1, 1], n))
    actors = _put(actors, 0, n, start=_north(-speed * meets_s - 2.3), speed_mps=speed)
    back = np.stack([np.sin(np.radians(angle)), np.cos(np.radians(angle))], axis=1)
    actors = _put(
        actors, 1, n,
        start=-(walk * (meets_s + late))[:, None] * back, heading_deg=np.mod(angle, 360.0), speed_mps=walk,
        size_m=np.where(is_cycle[:, None], [1.8, 0.7], [0.5, 0.5]), speaks=np.zeros(n, np.bool_),
        kind=np.where(is_cycle, int(Participant.NON_MOTOR), int(Participant.PEDESTRIAN)),
    )  # fmt: skip
    return actors, np.full(n, SEEN_S), 15.0


STAGES: Mapping[str, Callable[[int, Random], tuple[Actors, Floats, float]]] = {
    "fcw": _follow,
    "icw": _cross,
    "lta": _turn,
    "lcw": _change_lanes,
    "dnpw": _overtake,
    "ebw": _hard_brake,
    "vrucw": _walk_across,
}
