"""A city's surroundings on their whole way: sensors, broker, database, what is found, and what a unit tells on the air."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from chelu.codec import cv2x
from tests.e2e.conftest import AgentProcess, Running, started
from tests.unit.roads.networks import edge, net
from tests.waiting import until

ROADS = net(edge("quay", "0.00,0.00,5.00 100.00,0.00,5.00"))  # 245 m above the ellipsoid
HOURS, STEP_S = 240, 600
SAMPLES = HOURS * 3600 // STEP_S * 11  # eleven quantities
WANTED = {"flood", "visibility", "truck_queue"}


@pytest.fixture
def radio() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        yield listener


@pytest.fixture
def unit(running: Running, radio: socket.socket) -> Iterator[AgentProcess]:
    yield from started(running, f'radio = "127.0.0.1:{radio.getsockname()[1]}"\nheartbeat_s = 1\n')


def standing(running: Running) -> dict[str, dict[str, Any]]:
    found = running.client.city_surroundings(site="hillside", standing="true")
    return {one["kind"]: one for one in found if one["kind"] in WANTED}


def said(frame: bytes) -> tuple[str, int]:
    value = cv2x.to_json(frame)
    return ("sign", value["rtss"][0]["sign_type"]) if "rtss" in value else ("event", value["rtes"][0]["event_type"])


def test_a_flood_fog_and_a_queue_go_from_the_sensors_to_the_unit_and_every_reading_is_stored(
    running: Running, unit: AgentProcess, radio: socket.socket
) -> None:
    running.client.put_roads("hillside", gzip.compress(ROADS))
    sent = running.chelu(
        *("surroundings", "--site", "hillside", "--roads", "quay", "--zero", "238", "--stage", "flood,fog,queue"),
        *("--hours", str(HOURS), "--step", str(STEP_S)),
    )
    assert sent.returncode == 0, sent.stderr
    assert f"{SAMPLES:,} samples of 5 sensors" in sent.stdout + sent.stderr

    found = until(lambda: found if set(found := standing(running)) == WANTED else None, 30, "all three to be found") or {}
    assert (found["flood"]["spot"], found["flood"]["severity"]) == ("quay", "critical")
    assert found["visibility"]["detail"]["limit_kmh"] in {20, 40}
    assert len(found["truck_queue"]["detail"]["slots"]) == 12

    wanted = {("event", 407), ("sign", 53), ("sign", 85), ("event", 305)}
    heard: set[tuple[str, int]] = set()
    while not wanted <= heard:
        heard.add(said(radio.recv(65_536)))
    alarms = running.client.people("GET", "alarms", params={"state": "raised"})["alarms"]
    assert {"flood", "visibility", "truck-queue"} <= {one["kind"] for one in alarms}

    until(lambda: sum(1 for _ in running.client.observations()) == SAMPLES, 20, "every reading to be stored")
    ahead = json.loads(running.chelu("city", "outlook", "--quantity", "water_level", "--seconds", "7200", "--json").stdout)
    assert {one["ahead_s"] for one in ahead} == {1800, 3600, 7200, 14400, 21600, 43200}
    assert all(one["low"] <= one["middle"] <= one["high"] for one in ahead)
