"""A stage for cooperation: vehicles that drive along paths in a real `Site`, and a desk that they talk to, in steps of 0.1 s."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np

from chelu.codec.envelope import Envelope
from chelu.coop.catalogue import Direction, check
from chelu.geo import LocalFrame
from chelu.roads.network import RoadNetwork
from chelu.topics import Kind
from services.inference.coop.catalogue import desk_of
from services.inference.coop.desk import Heard
from services.inference.coop.live import Live
from services.inference.coop.turn import Note
from services.inference.network import NetworkRoads
from services.inference.picture import resized
from services.inference.register import Device, Register, SiteEntry
from services.inference.reports import Participant, Reports
from services.inference.site import Site, SiteParameters
from tests.unit.inference.scenes import Car, report

FRAME = LocalFrame(29.55, 106.57, 250.0)
BEGIN_US = 1_777_622_400_000_000
SIZE = {"length_m": 4.6, "width_m": 1.8}


@dataclass(slots=True)
class Actor:
    """Somebody at `s_m` along a path; drives at its speed. key: of its own unit (device), 0 when it is only seen."""

    name: str
    key: int
    path: np.ndarray
    s_m: float
    speed: float
    kind: Participant = Participant.MOTOR
    responds: bool = False
    is_heard: bool = True
    up: float = 0.0

    def at(self) -> tuple[np.ndarray, float]:
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.path[:, :2], axis=0).T))])
        s = float(np.clip(self.s_m, 0, along[-1] - 0.01))
        xy = np.array([np.interp(s, along, self.path[:, axis]) for axis in (0, 1)])
        leg = int(np.searchsorted(along, s, side="right")) - 1
        step = self.path[leg + 1, :2] - self.path[leg, :2]
        return xy, float(np.degrees(np.arctan2(step[0], step[1])) % 360)


def lane(upstream: int, downstream: int, number: int = 1) -> dict[str, Any]:
    """A lane as a message names it."""
    return {"upstream": {"region": 0, "id": upstream}, "downstream": {"region": 0, "id": downstream}, "lane": number}


@dataclass(slots=True)
class Stage:
    """now_s runs; posts: what was said so far, as (device id, stream, document); notes: what was to be stored.

    move: where points (k, 3) of paths and places lie; the network's are moved already. begin_us: the time of day at now_s = 0.
    """

    network: RoadNetwork | None
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    actors: list[Actor] = field(default_factory=list)
    devices: dict[str, Device] = field(default_factory=dict)
    now_s: float = 0.0
    posts: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    site: Site = field(init=False)
    desk: Any = field(init=False)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    is_signal_answering: bool = True
    move: Callable[[np.ndarray], np.ndarray] = lambda points: points
    begin_us: int = BEGIN_US

    def __post_init__(self) -> None:
        roads = NetworkRoads(self.network) if self.network is not None else None
        ids = itertools.count(1)
        entry = SiteEntry("north", FRAME, roads, 1)
        self.site = Site(SiteParameters(), roads=roads, model=None, new_id=lambda: str(UUID(int=next(ids))))
        counter = itertools.count(1000)
        self.desk = desk_of(self.values, entry, lambda: str(UUID(int=next(ids))), lambda: next(counter))

    @property
    def now_us(self) -> int:
        return self.begin_us + round(self.now_s * 1e6)

    @property
    def register(self) -> Register:
        by_key = {one.key: one for one in self.devices.values()}
        return Register(self.devices, by_key, {}, {})

    def device(self, name: str, kind: Kind = Kind.OBU, **values: Any) -> Device:
        made = Device(len(self.devices) + 101, name, kind, "north", Envelope.AUTO, 0, **values)
        self.devices[name] = made
        return made

    def car(self, name: str, path: Sequence[Sequence[float]] | np.ndarray, s_m: float, speed: float, **values: Any) -> Actor:
        """A vehicle with a unit of its own, unless a key of 0 is given."""
        rights = frozenset(values.pop("rights", ()))
        key = values.pop("key", None)
        key = self.device(name, rights=rights).key if key is None else key
        there = self.moved(path)
        made = Actor(name, key, there[:, :2], s_m, speed, **{"up": float(there[0, 2]), **values})
        self.actors.append(made)
        return made

    def moved(self, path: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
        """Points (k, 3) of a path on the ground."""
        return self.move(np.column_stack([np.asarray(path, np.float64), np.zeros(len(path))]))

    def place(self, x: float, y: float) -> dict[str, float]:
        """A place on the ground as a message names it."""
        latitude, longitude, _ = (float(one[0]) for one in FRAME.to_geodetic(self.moved([[x, y]])))
        return {"latitude_deg": latitude, "longitude_deg": longitude}

    def say(self, name: str, kind: str, **body: Any) -> int:
        """A document of a device's; its number."""
        number = body.pop("seqNum", None) or next(self._numbers)
        document = {"type": kind, "seqNum": number, "time_us": self.now_us, **body}
        self.raw(name, json.dumps(document).encode())
        return int(number)

    def raw(self, name: str, payload: bytes, stream: str = "coop") -> None:
        self.desk.hear(Heard(self.devices[name], stream, payload), self.now_us)

    def motion(self, name: str) -> dict[str, Any]:
        actor = next(one for one in self.actors if one.name == name)
        (x, y), heading = actor.at()
        latitude, longitude, elevation = (float(one[0]) for one in FRAME.to_geodetic(np.array([[x, y, actor.up]])))
        place = {"latitude_deg": latitude, "longitude_deg": longitude, "elevation_m": elevation}
        return {"place": place, "speed_mps": actor.speed, "heading_deg": heading % 360}

    def tick(self, seconds: float = 0.1, step_s: float = 0.1) -> list[tuple[str, str, dict[str, Any]]]:
        """Drive on; what was said meanwhile, each of which is checked against its schema."""
        before = len(self.posts)
        for _ in range(max(1, round(seconds / step_s))):
            self.now_s += step_s
            for one in self.actors:
                one.s_m += one.speed * step_s
            heard = [one for one in self.actors if one.is_heard]
            if heard:
                self.site.step(self._reports(heard), self.now_us)
            self.turn()
        return self.posts[before:]

    def turn(self) -> None:
        """One turn of the desk, without moving anybody."""
        twin = resized(self.site.twins.twin, self.site.picture.capacity, -1)
        posts, notes = self.desk.turn(Live(self.site.picture, self.site.placement, twin, self.now_us), self.register)
        for post in posts:
            if post.stream == "coop":
                check(json.loads(json.dumps(dict(post.document), allow_nan=False)), Direction.DOWN)
            self.posts.append((post.device.device_id, post.stream, dict(post.document)))
        self.notes += notes

    def told(self, name: str, kind: str | None = None) -> list[dict[str, Any]]:
        """What a device was told so far."""
        return [
            document
            for device, stream, document in self.posts
            if device == name and (stream == "priority" or kind in {None, document["type"]})
        ]

    def states(self, number: int) -> list[str]:
        """The states that a request went through."""
        return [one.state for one in self.notes if one.what == "moved" and one.number == number]

    def _reports(self, actors: Sequence[Actor]) -> Reports:
        cars = [
            Car(
                one.key or 5000 + index,
                (*one.at()[0], one.up),
                one.at()[1],
                0.0,
                kind=one.kind,
                responds=one.responds,
                is_seen=not one.key,
            )
            for index, one in enumerate(actors)
        ]
        rows = report(cars, 0.0)
        keys = np.array([one.key for one in actors], np.int64)
        now = np.full(len(actors), self.now_us, np.int64)
        speeds = np.array([one.speed for one in actors])
        return dataclasses.replace(rows, time_us=now, arrival_us=now, speed_mps=speeds, own_key=keys)
