"""The event board on its whole way: a vehicle stands in its lane, inference sees it, a rule tells the road, and it drives on.

The unit's radio is the test.
"""

from __future__ import annotations

import gzip
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
from tests.e2e.conftest import PLACE, RSU, AgentProcess, Running, started
from tests.unit.inference.small_roads import crossing_file
from tests.unit.ingest.crafted import bsm_batch
from tests.waiting import until

FRAME = LocalFrame(PLACE["latitude_deg"], PLACE["longitude_deg"], PLACE["elevation_m"])
PERIOD_S, LANE_M, NORTH_M = 0.2, 1.75, 100.0  # northward, away from the crossing: nobody queues there
PARAMETERS = "[hillside.incidents]\nstopped_s = 3.0\nover_s = 2.0\n"
RULE = {
    "when": {"kinds": ["obstruction"], "least": "major"},
    "then": [{"do": "road_event", "code": 101, "text": "obstacle ahead", "units": [RSU]}],
    "runs_by_itself": True,
}


@pytest.fixture(autouse=True)
def parameters(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Limits of incidents that a test has the time for."""
    file = tmp_path_factory.mktemp("parameters") / "sites.toml"
    file.write_text(PARAMETERS)
    monkeypatch.setenv("CHELU_INFERENCE_PARAMETERS_FILE", str(file))


@pytest.fixture
def radio() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        yield listener


@pytest.fixture
def unit(parameters: None, running: Running, radio: socket.socket) -> Iterator[AgentProcess]:
    yield from started(running, f'radio = "127.0.0.1:{radio.getsockname()[1]}"\nheartbeat_s = 1\n')


@pytest.fixture
def car(running: Running) -> Iterator[Session]:
    (made,) = running.client.add_devices([api.NewDevice(device_id="obu-1", kind=Kind.OBU, site_id="hillside")])
    session = Session(
        with_account(running.site.endpoints.mqtt_url, "obu-1", made.secret or ""), client_id="obu-1", clock=SystemClock()
    )
    session.start()
    until(lambda: session.is_connected, 15, "the car to be let in")
    yield session
    session.stop()


def stand(car: Session, seconds: float, north_m: float = NORTH_M, speed_mps: float = 0.0) -> None:
    """The car says where it is, five times a second."""
    began = time.monotonic()
    for tick in range(round(seconds / PERIOD_S)):
        north = north_m + speed_mps * tick * PERIOD_S
        latitude, longitude, elevation = FRAME.to_geodetic(np.array([[LANE_M, north, 0.0]]))
        batch = bsm_batch(1, time_us=time.time_ns() // 1000).with_columns(
            latitude_deg=latitude, longitude_deg=longitude, elevation_m=elevation, speed_mps=np.array([speed_mps]),
            heading_deg=np.zeros(1), message_count=np.array([tick % 128], np.uint8),
        )  # fmt: skip
        car.publish("obu/obu-1/bsm/up", cv2x.encode_bsm(batch).frame(0))
        car.drain(100, max(0.0, began + (tick + 1) * PERIOD_S - time.monotonic()))


def the_case(running: Running) -> dict[str, Any] | None:
    found = running.client.people("GET", "sites", "hillside", "cases", params={"which": "all"})["cases"]
    return next((one for one in found if one["kind"] == "obstruction"), None)


def test_what_stands_on_the_road_is_seen_told_by_the_roadside_and_withdrawn_when_it_has_gone(
    running: Running, unit: AgentProcess, radio: socket.socket, car: Session
) -> None:
    running.client.put_roads("hillside", gzip.compress(crossing_file().replace(b"<net>", b'<net version="1.20">')))
    set_ = running.client.people("PUT", "sites", "hillside", "rules", "warn", json=RULE)
    assert set_["runs_by_itself"]

    def seen() -> dict[str, Any] | None:
        stand(car, 1.0)
        return the_case(running)

    case = until(seen, 40, "the vehicle that stands to be a case") or {}
    assert (case["spot"], case["severity"]) == ("5to1_0", "major")
    (said,) = cv2x.to_json(radio.recv(65_536))["rtes"]
    assert (said["event_type"], said["description"]["textString"]) == (101, "obstacle ahead")
    listed = json.loads(running.chelu("city", "findings", "--site", "hillside", "--json").stdout)
    assert (listed[0]["kind"], listed[0]["state"], listed[0]["spot"]) == ("stopped_vehicle", "began", "5to1_0")

    def over() -> bool:
        stand(car, 1.0, NORTH_M + 60.0, 10.0)
        return bool((the_case(running) or {})["going_on"] == 0)

    until(over, 40, "it to have driven on")
    number = str(case["case_id"])
    running.client.people("PATCH", "sites", "hillside", "cases", number, json={"state": "resolved", "comment": "it drove on"})
    end = cv2x.to_json(radio.recv(65_536))
    assert end["rtes"][0]["time_details"]["end_time"] == end["minute_of_year"] - 1
    whole = running.client.people("GET", "sites", "hillside", "cases", number)
    events = [one["event"] for one in whole["history"]]
    assert events[:3] == ["opened", "proposed", "done"]
    assert events[-1] == "taken back"
    assert "ended" in events
