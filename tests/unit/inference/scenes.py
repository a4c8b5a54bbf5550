"""Scripted road users for the inference tests: where they are at a time, as `Reports`, driven through a `Site` at 10 Hz."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import numpy as np

from chelu.applications.common import LifeParameters
from chelu.motion.footprints import forward
from services.inference.fusion import Twins
from services.inference.life import Life, Notice
from services.inference.picture import Picture
from services.inference.reports import Participant, Reports, Track
from services.inference.site import Site, SiteParameters
from services.inference.v2x.assessment import Assessment

STEP_S, LASTS_S = 0.01, 30.0
EPOCH_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class Car:
    """Starts at (east, north, up) with a speed along a heading; `rate(t)` is its acceleration. It stops and does not reverse."""

    name: int
    start: tuple[float, float, float]
    heading: float
    speed: float
    rate: Callable[[float], float] = lambda t: 0.0
    yaw: float = 0.0
    is_seen: bool = False
    delay_s: float = 0.0
    height_known: bool = True
    sigma: float = 0.5
    phase_s: float = 0.0
    kind: Participant = Participant.MOTOR
    size: tuple[float, float] = (4.6, 1.8)
    lights: int = 0
    events: int = 0
    responds: bool = False
    rises: float = 0.0  # gradient of its road
    from_s: float = -1.0  # first heard of then
    every_s: float = 0.1

    def at(self, t: float) -> tuple[np.ndarray, float, float, float]:
        """Position, speed, acceleration, heading at t, by small steps."""
        xy, speed, heading = _trajectory(self)
        i = round(t / STEP_S)
        return xy[i], speed[i], self.rate(t) if speed[i] > 0 else 0.0, heading[i] % 360


@lru_cache(maxsize=1000)
def _trajectory(car: Car) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    steps = round(LASTS_S / STEP_S)
    speed = np.empty(steps)
    v = car.speed
    for i in range(steps):
        speed[i] = v
        v = max(v + car.rate(i * STEP_S) * STEP_S, 0.0)
    heading = car.heading + car.yaw * STEP_S * np.arange(steps, dtype=np.float64)
    moves = forward(heading) * speed[:, None] * STEP_S
    return np.array(car.start[:2]) + np.cumsum(moves, axis=0) - moves[:1], speed, heading


def report(cars: Sequence[Car], t: float) -> Reports:
    """What all cars say at time t (each with its own phase within the 100 ms)."""
    n = len(cars)
    states = [car.at(max(t - car.phase_s, 0)) for car in cars]
    time_us = np.array([EPOCH_US + round((t - car.phase_s) * 1e6) for car in cars], np.int64)
    seen = np.array([car.is_seen for car in cars])
    names = np.array([car.name for car in cars], np.uint64)
    way = [float(np.hypot(*(state[0] - car.start[:2]))) for car, state in zip(cars, states, strict=True)]
    up = [car.start[2] + car.rises * one if car.height_known else np.nan for car, one in zip(cars, way, strict=True)]
    return Reports(
        kind=np.where(seen, int(Track.SEEN), int(Track.SPEAKS)),
        key=names,
        time_us=time_us,
        arrival_us=time_us + np.array([round(car.delay_s * 1e6) for car in cars], np.int64),
        xyz=np.array([[*state[0], z] for state, z in zip(states, up, strict=True)]).reshape(n, 3),
        height_sigma_m=np.array([car.sigma for car in cars]),
        speed_mps=np.array([state[1] for state in states]),
        heading_deg=np.array([state[3] for state in states]),
        acceleration_mps2=np.array([state[2] for state in states]),
        yaw_rate_dps=np.array([car.yaw for car in cars]),
        length_m=np.array([car.size[0] for car in cars]),
        width_m=np.array([car.size[1] for car in cars]),
        participant_type=np.array([int(car.kind) for car in cars]),
        device_key=np.where(seen, 900, 100 + names.astype(np.int64)),
        own_key=np.where(seen, 0, 100 + names.astype(np.int64)),
        message_count=np.full(n, round(t * 10) % 128),
        sec_mark_ms=np.full(n, round(t * 1000) % 60000),
        own_id=np.where(seen, 0, names).astype(np.uint64),
        place_sigma_m=np.full(n, np.nan),
        events=np.array([car.events for car in cars], np.int64),
        lights=np.array([car.lights for car in cars], np.int64),
        vehicle_class=np.zeros(n, np.int64),
        is_responding=np.array([car.responds for car in cars], np.int64),
    )


def site(**changes) -> Site:
    """A site without roads and model."""
    ids = itertools.count(1)
    options = {"roads": None, "model": None, "new_id": lambda: str(UUID(int=next(ids))), **changes}
    return Site(options.pop("parameters", SiteParameters()), **options)


class Living:
    """A picture, who is who in it, and the life of what a test finds there."""

    def __init__(self, cars: Sequence[Car], parameters: LifeParameters | None = None) -> None:
        ids = itertools.count(1)
        self.picture, self.twins = Picture(), Twins()
        self.life = Life(parameters or LifeParameters(), lambda: str(UUID(int=next(ids))))
        self.hear(report(cars, 0.0))

    def hear(self, rows: Reports) -> None:
        self.twins.update(self.picture, self.picture.update(rows).slots)

    def forget(self, before_us: int) -> None:
        self.twins.forget(self.picture.expire(before_us))

    def step(self, found: Sequence[Assessment], now_us: int) -> list[Notice]:
        return self.life.step(found, self.picture, self.twins.seats, now_us)

    def levels(self) -> dict[int, int]:
        return self.life.levels(self.twins.seats)

    def lead(self, car: Car) -> int:
        """Slot by which the road user is known."""
        kind = Track.SEEN if car.is_seen else Track.SPEAKS
        return int(self.twins.seats.lead(self.picture.find(kind, np.array([car.name], np.uint64)))[0])


def _speaks(car: Car, t: float) -> bool:
    """Whether the car has a message in this tenth of a second."""
    return t >= car.from_s and round(t * 10) % max(1, round(car.every_s * 10)) == 0


Tell = Callable[[Site, float, int], None]  # what the roadside tells a site at a time, and that time in µs


def drive(
    cars: Sequence[Car], seconds: float, where: Site | None = None, *, start: float = 0.0, tell: Tell | None = None
) -> list[tuple[float, Notice]]:
    """Run the cars through a site at 10 Hz; every change of a warning with the time it came at."""
    place = where or site()
    changes = []
    for tick in range(round(seconds * 10)):
        t = start + tick * 0.1
        rows = report([car for car in cars if _speaks(car, t)], t)
        now = EPOCH_US + round((t + max(car.delay_s for car in cars)) * 1e6)
        if tell is not None:
            tell(place, t, now)
        changes += [(t, notice) for notice in place.step(rows, now)]
    return changes


def parties(notice: Notice) -> tuple[int, int]:
    """Ids of host and other, 0 for the other where it has none or the notice is about a thing."""
    return notice.host.vehicle_id, notice.other.vehicle_id if notice.other else 0


def raised(changes: Sequence[tuple[float, Notice]], application: str | None = None) -> list[tuple[float, Notice]]:
    """Only those that raise."""
    return [(t, one) for t, one in changes if one.state == "raised" and application in {None, one.application}]
