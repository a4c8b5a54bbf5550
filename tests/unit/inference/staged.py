"""One scene for each application, which must be told of, and how a scene looks turned, moved, mirrored or later.

Conflicts are between cars and need nothing else; rules concern a car and what roads and roadside say, which is moved along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from services.inference.events.told import Heard
from services.inference.network import NetworkRoads
from services.inference.reports import Event, Lamp, Participant
from services.inference.signals import Light
from services.inference.site import Site
from tests.unit.inference import rsis
from tests.unit.inference.scenes import Car, Tell, site
from tests.unit.inference.signal_roads import SOUTH, STOP_C, Floats, Move, Shown, at, spat, town

HOST, OTHER, THIRD = 1, 2, 3


def _from(start_s: float, rate: float):
    return lambda t: rate if t >= start_s else 0.0


def scenes() -> dict[str, list[Car]]:
    """Application → cars; the one named `HOST` is the one to be warned, of `OTHER`."""
    return {
        "fcw": [Car(HOST, (0, 0, 0), 0, 20), Car(OTHER, (0.3, 110, 0), 0, 0)],
        "icw": [Car(HOST, (0, -70, 0), 0, 14), Car(OTHER, (-60, 0, 0), 90, 12)],
        "lta": [Car(HOST, (0, -2, 0), 0, 7, yaw=-33), Car(OTHER, (-9, 50, 0), 180, 15)],
        "lcw": [Car(HOST, (0, 0, 0), 0, 20, lights=int(Lamp.LEFT)), Car(OTHER, (-3.4, -4, 0), 0, 20)],
        "dnpw": [
            Car(HOST, (0, 0, 0), 0, 20, lights=int(Lamp.LEFT)),
            Car(OTHER, (-3.5, 130, 0), 180, 18),
            Car(THIRD, (0, 25, 0), 0, 15),
        ],
        "ebw": [Car(HOST, (0, 0, 0), 0, 18), Car(OTHER, (0, 40, 0), 0, 18, rate=_from(1.5, -7.0))],
        "avw": [Car(HOST, (0, 0, 0), 0, 16), Car(OTHER, (3.4, 85, 0), 30, 0, events=int(Event.DISABLED))],
        "clw": [Car(HOST, (0, 0, 0), 0, 18), Car(OTHER, (-3.5, 60, 0), 20, 14, events=int(Event.STABILITY_CONTROL))],
        "evw": [Car(HOST, (0, 0, 0), 0, 12), Car(OTHER, (-3.0, -45, 0), 0, 22, responds=True)],
        "vrucw": [
            Car(HOST, (0, -60, 0), 0, 14),
            Car(OTHER, (-7.0, 0, 0), 90, 1.7, is_seen=True, kind=Participant.PEDESTRIAN, size=(0.5, 0.5)),
        ],
    }


@dataclass(frozen=True)
class Rule:
    """A scene in which a rule concerns the car named `HOST`.

    where: a site whose roads' points are moved, with further options of `scenes.site`; tell: what its roadside says, moved alike.
    """

    cars: list[Car]
    where: Callable[..., Site]
    tell: Callable[[Move], Tell]


def rules() -> dict[str, Rule]:
    """Application → scene."""
    red = Rule([Car(HOST, (0, STOP_C - 50, 0), 0, 14)], in_town, lambda move: says({SOUTH: [(Light.RED, 0, 60)]}))
    wave = Rule([Car(HOST, (0, STOP_C - 250, 0), 0, 14)], in_town, lambda move: says({SOUTH: [(Light.RED, 0, 22)]}))
    return {"svw": red, "glosa": wave, **events()}


def events() -> dict[str, Rule]:
    """Application → scene in which an event or a sign of the roadside concerns the host."""
    ahead = ((0.0, 60.0, 0.0), (0.0, 300.0, 0.0))
    told = {
        "hlw": lambda move: {"rtes": [rsis.event(401, event_pos=_spot(move, (0, 150, 0)), event_radius_m=8.0)]},
        "slw": lambda move: {"rtss": [rsis.sign(85, text="40", reference_paths=[_path(move, *ahead)])]},
        "ivs": lambda move: {"rtss": [rsis.sign(38, reference_paths=[_path(move, *ahead)])]},
        "tjw": lambda move: {"rtes": [rsis.event(707, reference_paths=[_path(move, *ahead)])]},
    }
    return {
        name: Rule([Car(HOST, (0, 0, 0), 0, 18)], lambda move, **options: site(**options), partial(_by_rsi, message))
        for name, message in told.items()
    }


def _by_rsi(message: Callable[[Move], dict[str, Any]], move: Move) -> Tell:
    """A unit that tells this once a second."""
    value = {"message": "rsi", "message_count": 0, "rsu_id": "00" * 8, "reference_position": {}, **message(move)}

    def tell(place: Site, t: float, now_us: int) -> None:
        if round(t * 10) % 10 == 0:
            place.hear(rsis.told(Heard(value, 900, now_us)), ())

    return tell


def _spot(move: Move, point: tuple[float, float, float]) -> dict[str, Any]:
    east, north, up = move(np.array([point]))[0].tolist()
    return rsis.spot(east, north, up)


def _path(move: Move, *points: tuple[float, float, float]) -> dict[str, Any]:
    return {"active_path": [_spot(move, point) for point in points], "path_radius_m": 5.0}


def in_town(move: Move, **options) -> Site:
    """A site with the roads of `signal_roads`."""
    return site(roads=NetworkRoads(town(move)), **options)


def says(shown: Shown) -> Tell:
    """Signals that show this from t = 0 on, said ten times a second."""

    def tell(place: Site, t: float, now_us: int) -> None:
        if now := at(shown, t):
            place.signals.update(spat(now, now_us))

    return tell


def mover(*, by_deg: float = 0.0, to: tuple[float, float, float] = (0, 0, 0), is_mirrored: bool = False) -> Move:
    """What `mirrored`, `turned` and `moved`, in this order, do to cars, for points (k, 3)."""
    angle = np.radians(by_deg)

    def move(points: Floats) -> Floats:
        east, north, up = np.asarray(points, np.float64).T
        east = -east if is_mirrored else east
        turned_ = (east * np.cos(angle) + north * np.sin(angle), north * np.cos(angle) - east * np.sin(angle), up)
        return np.asarray(np.stack(turned_, axis=1) + np.array(to))

    return move


def turned(cars: list[Car], by_deg: float) -> list[Car]:
    """All turned clockwise around the origin."""
    angle = np.radians(by_deg)
    cosine, sine = np.cos(angle), np.sin(angle)
    return [
        replace(
            one,
            start=(one.start[0] * cosine + one.start[1] * sine, one.start[1] * cosine - one.start[0] * sine, one.start[2]),
            heading=(one.heading + by_deg) % 360,
        )
        for one in cars
    ]


def moved(cars: list[Car], east: float, north: float, up: float) -> list[Car]:
    """All somewhere else."""
    return [replace(one, start=(one.start[0] + east, one.start[1] + north, one.start[2] + up)) for one in cars]


def mirrored(cars: list[Car]) -> list[Car]:
    """As in a country that drives on the other side."""
    swapped = {int(Lamp.LEFT): int(Lamp.RIGHT), int(Lamp.RIGHT): int(Lamp.LEFT)}
    return [
        replace(
            one,
            start=(-one.start[0], *one.start[1:]),
            heading=-one.heading % 360,
            yaw=-one.yaw,
            lights=swapped.get(one.lights, one.lights),
        )
        for one in cars
    ]
