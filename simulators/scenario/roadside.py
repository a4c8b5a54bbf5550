"""What the roadside says of a run's road in real time: its unit tells of events and signs, its sensor of the weather.

Over the broker the platform hears both; over the air a device under test hears the unit, and the MAP of the signals, whose stop
lines it could not know otherwise. They are told before anybody drives and again every second, since a platform that has yet to
take in a new sensor or road loses what it was told; after the run the events are withdrawn, and the weather is as it always is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np

from chelu.api import Client, NewDevice
from chelu.bus import Publication
from chelu.clock import Clock
from chelu.errors import RefusedError
from chelu.geo import LocalFrame
from chelu.road_events.message import Point, RoadEvent, Sending, frame_of, withdrawal_of
from chelu.roads import sumo
from chelu.topics import Kind, row
from simulators.encoding import Uper
from simulators.fleet import Fleet
from simulators.map_message import map_frames
from simulators.scenario.description import Description, Weather
from simulators.scenario.notices import PRIORITY, RADIUS_M, lie_of
from simulators.scenario.roads import Notice
from simulators.scenario.sumo_net import roads_of
from simulators.scenario.trace import Floats, Trace
from simulators.scene import Origin

RSI, OBSERVATION = row("rsu/{id}/rsi/up"), row("sensor/{id}/observation/up")
AGAIN_S = 1.0
KNOWN_S, PAUSE_S = 15.0, 0.1  # how long a broker may take to let a new sensor speak
HOLDS_US = 3600 * 1_000_000  # longer than a run
CLEAR_M = 10_000.0  # how far one sees where nothing is said of it


class Speaker(Protocol):
    """What is needed of `chelu.bus`' sessions."""

    def publish(self, topic: str, payload: bytes, *, qos: int) -> Publication: ...


@dataclass(slots=True)
class Roadside:
    """While it is entered, of one run; belongs to its thread. speaks: at the broker, None where there is none.

    ear: of a device under test.
    """

    description: Description
    trace: Trace
    fleet: Fleet
    origin: Origin
    clock: Clock
    speaks: Speaker | None
    ear: Callable[[bytes], None] | None = None
    _events: list[RoadEvent] = field(init=False)
    _maps: list[bytes] = field(init=False)
    _count: int = 0
    _said_s: float = -np.inf

    def __post_init__(self) -> None:
        frame = LocalFrame(self.origin.latitude_deg, self.origin.longitude_deg, self.origin.elevation_m)
        told = self.description.road.told.values()
        self._events = [event_of(one, self.trace, frame) for one in told]
        self._maps = [] if self.ear is None else _maps(self.trace, frame)

    def __enter__(self) -> Self:
        """Before anybody drives. RefusedError when the broker does not let the weather's sensor speak."""
        until_s = self.clock.monotonic_s() + KNOWN_S
        while (said := self._weather(self.description.weather)) and not said.wait(KNOWN_S):
            if self.clock.monotonic_s() > until_s:  # it reads a new sensor's rights a moment after they were made
                raise RefusedError("the MQTT broker", f"to let {sensor_of(self.fleet)} speak", "not authorised")
            self.clock.sleep(PAUSE_S)
        self.turn()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing of it holds any more."""
        self._count += 1
        for number, event in enumerate(self._events):
            self._say(withdrawal_of(event, self._sending(number)))
        self._weather(Weather())

    def turn(self) -> None:
        """Now and then: say it again when it is time."""
        if self.clock.monotonic_s() - self._said_s < AGAIN_S:
            return
        self._said_s, self._count = self.clock.monotonic_s(), self._count + 1
        for number, event in enumerate(self._events):
            self._say(frame_of(event, self._sending(number)))
        for frame in self._maps:
            self._hand_over(frame)
        self._weather(self.description.weather)

    def _sending(self, number: int) -> Sending:
        now_us = self.clock.wall_us()
        return Sending(
            unit=self.fleet.rsu_id, number=number, count=self._count, made_us=now_us, start_us=None, end_us=now_us + HOLDS_US
        )

    def _say(self, frame: bytes) -> None:
        self._hand_over(frame)
        if self.speaks is not None:
            envelope = sealed(frame, self.fleet.rsu_number, self.clock)
            self.speaks.publish(RSI.topic(Kind.RSU, self.fleet.rsu_id), envelope, qos=RSI.qos)

    def _hand_over(self, frame: bytes) -> None:
        if self.ear is not None:
            self.ear(frame)

    def _weather(self, weather: Weather) -> Publication | None:
        if self.speaks is None or not has_weather(self.description):
            return None
        said = json.dumps(measured(weather, self.clock.wall_us())).encode()
        return self.speaks.publish(OBSERVATION.topic(Kind.SENSOR, sensor_of(self.fleet)), said, qos=OBSERVATION.qos)


def has_weather(description: Description) -> bool:
    """Whether it is other than it always is."""
    return description.weather != Weather()


def sensor_of(fleet: Fleet) -> str:
    """The id of the sensor that measures it."""
    return f"{fleet.site}-weather"


def enlist_sensor(client: Client, fleet: Fleet) -> None:
    """Register it, unless it is; its site is there already."""
    if sensor_of(fleet) not in {one.device_id for one in client.devices(site=fleet.site, limit=10_000)}:
        sensor = NewDevice(
            device_id=sensor_of(fleet),
            kind=Kind.SENSOR,
            site_id=fleet.site,
            name="the weather of scenarios",
            subtype="weather",
            parent=fleet.gateway_ids[0],
        )
        client.add_devices([sensor])


def measured(weather: Weather, time_us: int) -> dict[str, object]:
    """What the sensor says of it (docs/formats/observations.md)."""
    values = {"road_friction": weather.friction, "visibility": weather.sight_m or CLEAR_M}
    return {"time_us": time_us, "observations": [{"quantity": name, "value": value} for name, value in values.items()]}


def event_of(one: Notice, trace: Trace, frame: LocalFrame) -> RoadEvent:
    """A notice as it is told: degrees in the place of the road's own metres."""
    lie = lie_of(one, trace.ways)
    return RoadEvent(
        is_sign=one.sign is not None,
        code=one.event or one.sign or 0,
        text=one.text,
        place=None if lie.place is None else _points(lie.place[None], frame)[0],
        path=_points(lie.path, frame),
        radius_m=0.0 if lie.place is None else RADIUS_M,
        path_radius_m=lie.half_m,
        priority=PRIORITY,
        source="detection",
    )


def sealed(frame: bytes, number: int, clock: Clock) -> bytes:
    """In the envelope in which a replay's roadside unit says everything."""
    one, size = np.zeros(1, np.int64), np.array([len(frame)], np.int64)
    data, start, stop = Uper().sealed(
        np.frombuffer(frame, np.uint8),
        one,
        size,
        device_number=np.array([number], np.uint64),
        reference_us=np.array([clock.wall_us()], np.int64),
        is_bsm=np.zeros(1, np.bool_),
    )
    return data[int(start[0]) : int(stop[0])].tobytes()


def _points(places: Floats, frame: LocalFrame) -> tuple[Point, ...]:
    latitude, longitude, elevation = frame.to_geodetic(places)
    return tuple(Point(*one) for one in zip(latitude.tolist(), longitude.tolist(), elevation.tolist(), strict=True))


def _maps(trace: Trace, frame: LocalFrame) -> list[bytes]:
    """One for each signal, numbered as their SPAT is."""
    if not trace.lights:
        return []
    return map_frames(sumo.read(roads_of(trace, 0)), frame, {name: number for number, name in enumerate(sorted(trace.lights), 1)})
