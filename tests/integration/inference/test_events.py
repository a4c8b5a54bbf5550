"""Events, signs and the weather behind a real broker: from what the roadside says to the vehicle's warning and its row."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import psycopg
import pytest

from chelu.bus import Session
from chelu.codec import cv2x
from tests.integration.inference.test_warnings import FRAME, SITE, Running, _frames, client, inference, registered
from tests.unit.inference import rsis
from tests.waiting import until

__all__ = ["client", "inference", "registered"]  # fixtures
SPEED_MPS, PERIOD_S = 16.0, 0.1
PLACE = {"latitude_deg": FRAME.latitude_deg, "longitude_deg": FRAME.longitude_deg}
Said = Sequence[tuple[str, bytes]]
HAZARD = rsis.event(401, event_pos=rsis.spot(0, 60), event_radius_m=8.0, reference_paths=[rsis.path((0, -200), (0, 80))])
LIMIT = rsis.sign(85, text="40 km/h", reference_paths=[rsis.path((0, -200), (0, 200))])
JAM = rsis.event(707, 2, event_pos=rsis.spot(0, 90), event_radius_m=8.0)


@pytest.fixture
def devices(registered: str) -> str:
    """With a second roadside unit, a roadside computer and a sensor."""
    with psycopg.connect(registered) as connection:
        for name, kind in (("rsu-2", "rsu"), ("rscu-1", "rscu"), ("sensor-1", "sensor")):
            connection.execute("INSERT INTO register.device (device_id, kind, site_id) VALUES (%s, %s, %s)", (name, kind, SITE))
    return registered


def by_rsi(*events: dict[str, Any], signs: tuple[dict[str, Any], ...] = (), units: Sequence[str] = ("rsu-1",)) -> Said:
    """As roadside units say it on the air and up."""
    frame = cv2x.from_json({**rsis.rsi(*events, signs=signs).value, "reference_position": PLACE})
    return [(f"rsu/{unit}/rsi/up", frame) for unit in units]


def by_computer(code: int, north: float) -> Said:
    """As a roadside computer says it."""
    latitude, longitude, _ = FRAME.to_geodetic(np.array([[0.0, north, 0.0]]))
    event = {"eventId": 7, "eventType": code, "longitude": float(longitude[0]), "latitude": float(latitude[0])}
    document = {"timeStamp": time.time_ns() // 1_000_000, "rscuSn": "CQ-7", "eventList": [event]}
    return [("rscu/rscu-1/event/up", json.dumps(document).encode())]


def drive(client: Session, says: Callable[[], Said], *, metres: float, seconds: float) -> list[dict[str, Any]]:
    """A car with a unit of its own comes from so far south of the origin; every warning that it is told meanwhile."""
    began, told = time.monotonic(), list[dict[str, Any]]()
    for tick in range(round(seconds / PERIOD_S)):
        if tick % 10 == 0:
            for topic, payload in says():
                client.publish(topic, payload)
        north = SPEED_MPS * (time.monotonic() - began) - metres
        client.publish("obu/obu-1/bsm/up", _frames(np.array([[0.0, north, 0.0]]), [0.0], SPEED_MPS, tick)[0])
        while (wait := began + (tick + 1) * PERIOD_S - time.monotonic()) > 0:
            told += [json.loads(one.payload) for one in client.drain(100, wait) if one.topic == "obu/obu-1/warning/down"]
    return told


def _raised(told: list[dict[str, Any]]) -> list[str]:
    return sorted(one["application"] for one in told if one["state"] == "raised")


def test_everything_that_units_tell_of_the_road_is_told_once_and_stored(
    devices: str, inference: Running, client: Session
) -> None:
    said = by_rsi(HAZARD, JAM, signs=(LIMIT,), units=("rsu-1", "rsu-2"))
    told = drive(client, lambda: said, metres=60.0, seconds=2.5)
    assert _raised(told) == ["hlw", "ivs", "slw", "tjw"]
    of = {one["application"]: one for one in told if one["state"] == "raised"}
    assert (of["hlw"]["subject"]["kind"], of["hlw"]["subject"]["code"], of["hlw"]["other"]) == ("event", 401, None)
    assert of["hlw"]["subject"]["latitude_deg"] == pytest.approx(FRAME.to_geodetic(np.array([[0.0, 60.0, 0.0]]))[0][0], abs=1e-6)
    assert 80 < of["hlw"]["distance_m"] < 112
    assert of["slw"]["subject"]["limit_mps"] == pytest.approx(40 / 3.6, abs=0.01)
    assert (of["ivs"]["subject"]["kind"], of["ivs"]["subject"]["name"]) == ("sign", "speed limit")

    def rows() -> list[tuple[str, str]]:
        with psycopg.connect(inference.database_url) as connection:
            query = "SELECT application, subject_kind FROM city.warning WHERE state = 'cleared' ORDER BY application"
            found = connection.execute(query).fetchall()
        return found if len(found) == 4 else []

    assert until(rows, 10, "the warnings to be cleared and stored") == [
        ("hlw", "event"), ("ivs", "sign"), ("slw", "sign"), ("tjw", "event"),
    ]  # fmt: skip


def test_what_a_computer_perceives_is_told_while_it_goes_on_saying_so(devices: str, inference: Running, client: Session) -> None:
    assert _raised(drive(client, lambda: by_computer(101, 60.0), metres=40.0, seconds=1.5)) == ["hlw"]


def test_what_vehicles_strangers_and_rubbish_say_of_the_road_is_told_to_nobody(
    devices: str, inference: Running, client: Session
) -> None:
    ((_, frame),) = by_rsi(HAZARD)
    topics = ("obu/obu-2/bsm/up", "rsu/nobody/rsi/up", "rscu/rscu-1/event/up", "rsu/rsu-1/rsm/up")
    said = [*((topic, frame) for topic in topics), ("rsu/rsu-1/rsi/up", frame[:-3]), ("rscu/rscu-1/event/up", b"{}")]
    assert drive(client, lambda: said, metres=40.0, seconds=1.5) == []
    assert inference.process.poll() is None
    assert _raised(drive(client, lambda: by_rsi(HAZARD), metres=40.0, seconds=1.5)) == ["hlw"]


def test_on_ice_that_a_sensor_measures_a_hazard_is_told_earlier(devices: str, inference: Running, client: Session) -> None:
    """8 s before it when dry, 10 s on ice: at 150 m, 16 m/s need 8.8 s."""
    far = rsis.event(401, event_pos=rsis.spot(0, 60), event_radius_m=8.0, reference_paths=[rsis.path((0, -300), (0, 80))])
    said = by_rsi(far)
    assert _raised(drive(client, lambda: said, metres=98.0, seconds=0.7)) == []
    ice = json.dumps({"quantity": "road_friction", "unit": "1", "value": 0.12}).encode()
    said = [*by_rsi(far), ("sensor/sensor-1/observation/up", ice)]
    assert _raised(drive(client, lambda: said, metres=98.0, seconds=0.7)) == ["hlw"]
