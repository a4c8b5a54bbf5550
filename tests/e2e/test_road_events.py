"""A road event on its whole way: typed by an operator, on the air, heard again, and a warning in the car that drives there.

The unit's radio is the test: it sends what its agent hands it, and hears itself.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chelu import api
from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.topics import Kind
from simulators.connection import with_account
from simulators.rscu import answered
from tests.e2e.conftest import PLACE, RSU, AgentProcess, Running, started
from tests.unit.ingest.crafted import bsm_batch
from tests.waiting import until

FRAME = LocalFrame(PLACE["latitude_deg"], PLACE["longitude_deg"], PLACE["elevation_m"])
SPEED_MPS, PERIOD_S, FAR_M = 16.0, 0.1, 100.0


@pytest.fixture
def radio() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(10)
        yield listener


@pytest.fixture
def unit(running: Running, radio: socket.socket) -> Iterator[AgentProcess]:
    yield from started(running, f'radio = "127.0.0.1:{radio.getsockname()[1]}"\nheartbeat_s = 1\n')


@pytest.fixture
def car(running: Running) -> Iterator[Session]:
    """A car's own unit, connected."""
    yield from connected(running, "obu-1", Kind.OBU, "obu/obu-1/warning/down")


@pytest.fixture
def computer(running: Running) -> Iterator[Session]:
    """A roadside computer, connected."""
    yield from connected(running, "rscu-1", Kind.RSCU, "rscu/rscu-1/event/down")


def connected(running: Running, name: str, kind: Kind, topic: str) -> Iterator[Session]:
    (made,) = running.client.add_devices([api.NewDevice(device_id=name, kind=kind, site_id="hillside")])
    address = with_account(running.site.endpoints.mqtt_url, name, made.secret or "")
    session = Session(address, client_id=name, clock=SystemClock(), subscriptions=[(topic, 1)])
    session.start()
    until(lambda: session.is_connected, 15, f"{name} to be let in")
    yield session
    session.stop()


def typed(east: float, north: float) -> str:
    latitude, longitude, _ = FRAME.to_geodetic(np.array([[east, north, 0.0]]))
    return f"{latitude[0]:.7f},{longitude[0]:.7f}"


def event(running: Running, *arguments: str) -> Any:
    done = running.chelu("event", *arguments, "--site", "hillside", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def drive(car: Session, seconds: float) -> list[dict[str, Any]]:
    """The car comes from the south; what it is told meanwhile."""
    began, told = time.monotonic(), list[dict[str, Any]]()
    for tick in range(round(seconds / PERIOD_S)):
        north = SPEED_MPS * (time.monotonic() - began) - FAR_M
        latitude, longitude, elevation = FRAME.to_geodetic(np.array([[0.0, north, 0.0]]))
        batch = bsm_batch(1, time_us=time.time_ns() // 1000).with_columns(
            latitude_deg=latitude, longitude_deg=longitude, elevation_m=elevation, speed_mps=np.array([SPEED_MPS]),
            heading_deg=np.zeros(1), message_count=np.array([tick % 128], np.uint8),
        )  # fmt: skip
        car.publish("obu/obu-1/bsm/up", cv2x.encode_bsm(batch).frame(0))
        while (wait := began + (tick + 1) * PERIOD_S - time.monotonic()) > 0:
            told += [json.loads(one.payload) for one in car.drain(100, wait)]
    return told


def test_an_event_goes_from_the_operator_to_the_unit_onto_the_air_and_to_the_car_and_ends_as_it_began(
    running: Running, unit: AgentProcess, radio: socket.socket, car: Session, computer: Session
) -> None:
    where = ("--at", typed(0, 60), "--point", typed(0, -200), "--point", typed(0, 60), "--radius-m", "8")
    made = event(running, "add", "407", *where, "--text", "路面积水", "--hours", "1")
    assert [(it["device_id"], it["state"], it["frames"]) for it in made["at_units"]] == [(RSU, "applied", 1)]
    frame = radio.recv(65_536)
    (said,) = cv2x.to_json(frame)["rtes"]
    assert (said["event_type"], said["event_radius_m"], said["rte_id"]) == (407, 8.0, made["at_units"][0]["number"])

    unit.hear([frame])  # as its radio sends it
    told = until(lambda: found if (found := tells(running))["tells"] else None, 10, "the unit to be heard")
    assert told is not None
    assert (told["should"], told["differences"]) == ([made["event_id"]], [])
    assert [(it["code"], it["event_id"]) for it in told["tells"]] == [(407, made["event_id"])]

    raised = [one for one in drive(car, 3.0) if one["state"] == "raised"]
    assert [(one["application"], one["subject"]["code"]) for one in raised] == [("hlw", 407)]

    ended = event(running, "withdraw", str(made["event_id"]))
    assert (ended["standing"], ended["at_units"][0]["state"]) == ("withdrawn", "applied")
    assert "is heard" not in str(tells(running)["differences"])
    unit.hear([radio.recv(65_536)])
    until(lambda: not tells(running)["tells"], 10, "the unit to be heard no more")
    assert [one for one in drive(car, 2.0) if one["state"] == "raised"] == []

    again = event(running, "add", "407", *where)
    first = radio.recv(65_536)
    unit.kill()  # and with it what its radio knew
    unit.start()
    second = radio.recv(65_536)
    assert [cv2x.to_json(one)["rtes"][0]["rte_id"] for one in (first, second)] == [again["at_units"][0]["number"]] * 2
    shown = until(lambda: found if (found := event(running, "show", str(again["event_id"])))["told"] else None, 10, "its answer")
    assert shown is not None
    assert shown["at_units"][0]["frames"] == 2

    seen = until(lambda: perceived(running, computer)["tells"], 10, "what a computer perceives to be shown")
    assert seen is not None
    assert [(it["code"], it["name"], it["number"]) for it in seen] == [(904, "wrong-way driving", 5)]
    perceived(running, computer)
    running_out = ("--code", "904", "--hours", "1", "--unit", RSU, "--unit", "rscu-1", "--wait", "0")
    adopted = event(running, "adopt", "rscu-1", *running_out)
    on_air: dict[str, Any] = {"event_type": 407}
    while on_air["event_type"] == 407:  # which a unit killed before it answered may get, and send, once more
        (on_air,) = cv2x.to_json(radio.recv(65_536))["rtes"]
    assert (on_air["event_type"], on_air["event_source"]) == (904, "detection")
    (told_it,) = computer.drain(100, 10)
    computer.publish("rscu/rscu-1/event/down/ack", answered("event", told_it.payload, time.time_ns() // 1000), qos=1)
    number = str(adopted["event_id"])
    until(lambda: event(running, "show", number)["told"] == 2, 10, "unit and computer to have answered")


def tells(running: Running, name: str = RSU) -> dict[str, Any]:
    (found,) = (it for it in running.client.people("GET", "sites", "hillside", "rsi") if it["device_id"] == name)
    return dict(found)


def perceived(running: Running, computer: Session) -> dict[str, Any]:
    """A computer says once more what it sees; what the registry shows of it."""
    item = {"eventId": 5, "eventType": 904, "longitude": PLACE["longitude_deg"], "latitude": PLACE["latitude_deg"]}
    document = {"timeStamp": time.time_ns() // 1_000_000, "rscuSn": "CQ-7", "eventList": [item]}
    computer.publish("rscu/rscu-1/event/up", json.dumps(document).encode())
    return tells(running, "rscu-1")
