"""What the roadside says of a road in real time is what memory takes for told; after the run none of it holds."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field

import pytest

from chelu.bus import Publication
from chelu.clock import VirtualClock
from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.messages import frames_of
from evaluation.scenarios.hearing import EPOCH_US
from evaluation.scenarios.roadside import notices_of
from services.inference.events.told import Heard, Told, of_rsi
from simulators.fleet import fleet_of
from simulators.scenario.roadside import CLEAR_M, Roadside
from simulators.scenario.scenes import scene_of
from simulators.scene import Origin
from tests.unit.simulators.scenario.written import described, ran, scenario

ORIGIN = Origin(29.5, 106.5, 240.0)
FRAME = LocalFrame(ORIGIN.latitude_deg, ORIGIN.longitude_deg, ORIGIN.elevation_m)
ROAD = """
    shipped: {name: straight, length_m: 2000, lanes: 2}
    signals:
      north: {way: main, stop_line_m: 900, stages: [{shows: red, for_s: 100}]}
    told:
      jam: {way: main, from_m: 700, until_m: 1000, event: 707}
      stone: {way: main, from_m: 500, event: 406}
      slowly: {way: main, from_m: 200, until_m: 400, sign: 85, text: "40"}
"""


@dataclass
class Broker:
    """Takes what is said; of a sensor only from the third time on."""

    said: list[tuple[str, bytes]] = field(default_factory=list)
    refused: int = 0

    def publish(self, topic: str, payload: bytes, *, qos: int) -> Publication:
        assert qos == 1
        publication = Publication(threading.Condition())
        if topic.startswith("sensor/") and self.refused < 2:
            self.refused += 1
            publication.failure = "refused"  # type: ignore[assignment]
            return publication
        publication.is_acknowledged = True
        self.said.append((topic, payload))
        return publication


def roadside(broker: Broker | None, ear: list[bytes] | None, clock: VirtualClock, more: str = "") -> Roadside:
    text = scenario(road=ROAD, more=more)
    trace = ran(text)
    fleet = fleet_of(scene_of(trace, 0, ORIGIN, "s"), "s")
    return Roadside(described(text), trace, fleet, ORIGIN, clock, broker, None if ear is None else ear.append)


def heard(frames: list[bytes], now_us: int) -> list[Told]:
    """As the site takes them in."""
    found = cv2x.decode(frames_of(frames, now_us))
    assert not len(found.rejects)
    said = [Heard(one.value, 2, now_us) for one in found.messages if one.kind == "rsi"]
    return of_rsi(said, FRAME, Counter())


def test_what_is_told_over_the_air_is_what_memory_takes_for_told() -> None:
    ear: list[bytes] = []
    clock = VirtualClock(EPOCH_US)
    with roadside(None, ear, clock) as one:
        told = heard(ear, clock.wall_us())
        wanted = notices_of(one.description, one.trace.ways)
        for mine, other in zip(told, wanted, strict=True):
            assert (mine.is_sign, mine.code, mine.text, mine.priority) == (other.is_sign, other.code, other.text, other.priority)
            assert mine.radius_m == other.radius_m
            assert (mine.place is None) == (other.place is None)
            (path,), (way,) = mine.paths, other.paths
            assert path.points == pytest.approx(way.points, abs=0.2)
            assert path.radius_m == pytest.approx(way.radius_m, abs=0.05)
            assert mine.start_us <= clock.wall_us() < mine.end_us
        assert [one.kind for one in cv2x.decode(frames_of(ear, EPOCH_US)).messages].count("map") == 1


def test_it_is_told_every_second_and_withdrawn_in_the_end() -> None:
    ear: list[bytes] = []
    clock = VirtualClock(EPOCH_US)
    with roadside(None, ear, clock) as one:
        before = len(ear)
        clock.advance(0.4)
        one.turn()
        assert len(ear) == before
        clock.advance(0.7)
        one.turn()
        assert len(ear) == 2 * before
        ear.clear()
    assert len(ear) == 3
    assert all(one.end_us <= one.heard_us for one in heard(ear, clock.wall_us()))


def test_the_platform_hears_of_the_weather_as_soon_as_the_broker_lets_the_sensor_speak() -> None:
    broker, clock = Broker(), VirtualClock(EPOCH_US)
    with roadside(broker, None, clock, more="weather: {friction: 0.4}"):
        pass
    measured = [json.loads(payload) for topic, payload in broker.said if topic == "sensor/s-weather/observation/up"]
    values = [{one["quantity"]: one["value"] for one in document["observations"]} for document in measured]
    wet, usual = ({"road_friction": friction, "visibility": CLEAR_M} for friction in (0.4, 0.9))
    assert values[0] == wet
    assert values[1:-1] in ([], [wet])
    assert values[-1] == usual
    assert len([topic for topic, _ in broker.said if topic == "rsu/s-rsu/rsi/up"]) == 6


def test_weather_is_told_every_second_for_whoever_knew_neither_sensor_nor_road_when_it_was_told_before() -> None:
    broker, clock = Broker(), VirtualClock(EPOCH_US)
    with roadside(broker, None, clock, more="weather: {sight_m: 60}") as one:
        broker.said.clear()
        for _ in range(3):
            clock.advance(1.1)
            one.turn()
        told = [json.loads(payload) for topic, payload in broker.said if topic == "sensor/s-weather/observation/up"]
    assert [{two["quantity"]: two["value"] for two in each["observations"]}["visibility"] for each in told] == [60.0] * 3
    assert len({each["time_us"] for each in told}) == 3


def test_weather_as_it_always_is_needs_no_sensor() -> None:
    broker = Broker()
    with roadside(broker, None, VirtualClock(EPOCH_US)):
        pass
    assert {topic for topic, _ in broker.said} == {"rsu/s-rsu/rsi/up"}
