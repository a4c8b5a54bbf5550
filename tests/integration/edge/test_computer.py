"""An agent as a roadside computer at a real broker: what its sensors see goes up, what it is told is handed on and answered."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.codec.roadside import AS_WRITTEN
from chelu.codec.tits0180_participants import read_participants
from chelu.messages import frames_of
from edge.adapters import build
from edge.agent import Agent
from edge.settings import EdgeSettings
from tests.fix_broker import RunningBroker
from tests.waiting import until

CLOCK = SystemClock()
SEEN = {"id": 12, "type": "motor", "latitude_deg": 29.53, "longitude_deg": 106.57, "speed_mps": 8.3, "heading_deg": 271.5}
EVENT = {"eventType": 904, "longitude": 106.57, "latitude": 29.53}


@pytest.fixture
def software() -> Iterator[socket.socket]:
    """The computer's own software, which hears what its agent is told."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(5)
        yield sink


@pytest.fixture
def sensor(broker: RunningBroker, tmp_path: Path, software: socket.socket) -> Iterator[int]:
    """The port at which a running agent takes object lists by UDP."""
    values: dict[str, Any] = {
        "kind": "rscu",
        "id": f"rscu-{tmp_path.name}"[:60],
        "broker": broker.url,
        "spool": {"directory": tmp_path / "spool"},
        "warning_sink": f"127.0.0.1:{software.getsockname()[1]}",
        "position": {"latitude_deg": 29.53, "longitude_deg": 106.57, "elevation_m": 240.0},
        "sources": [{"type": "objects", "listen": "127.0.0.1:0", "transport": "udp", "sensor": "lidar"}],
    }
    agent = Agent(EdgeSettings.check(values, source="test"), CLOCK)
    (source,) = build(agent, CLOCK)
    agent.start()
    source.start()
    agent.wait_connected(10)
    yield source.port  # type: ignore[attr-defined]
    source.stop()
    agent.stop()


@pytest.fixture
def platform(broker: RunningBroker) -> Iterator[Session]:
    session = Session(broker.url, client_id="platform", clock=CLOCK, subscriptions=[("rscu/#", 1)])
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


def heard(platform: Session, ending: str, seconds: float = 10) -> list[Any]:
    found: list[Any] = []

    def listen() -> bool:
        received = platform.drain(100, 0.1)
        found.extend(message for message in received if message.topic.endswith(ending))
        platform.acknowledge(received)
        return bool(found)

    until(listen, seconds, f"a message on …{ending}")
    return found


def test_what_a_sensor_sees_goes_up_as_the_standard_writes_it(platform: Session, sensor: int) -> None:
    line = json.dumps({"time_us": CLOCK.wall_us(), "objects": [SEEN, {**SEEN, "id": 13, "type": "pedestrian"}]}).encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lidar:
        lidar.sendto(line, ("127.0.0.1", sensor))
    (message,) = heard(platform, "/participant/up")
    assert message.qos == 0
    decoded = read_participants(frames_of([message.payload], CLOCK.wall_us()), [AS_WRITTEN])
    assert decoded.rejects.detail == ()
    rows = decoded.participant
    assert rows["participant_id"].tolist() == [12, 13]
    assert rows["participant_type"].tolist() == [1, 3]
    assert rows["source"].tolist() == [6, 6]
    assert rows["speed_mps"].tolist() == [8.3, 8.3]


def test_it_says_who_it_is_and_answers_what_it_is_told(platform: Session, sensor: int, software: socket.socket) -> None:
    (status,) = heard(platform, "/basic-status/up")
    said = json.loads(status.payload)
    device = status.topic.split("/")[1]
    assert (said["rscuSn"], said["deviceType"], said["active"]) == (device, 0, 0)
    assert (said["latitude"], said["longitude"]) == (29.53, 106.57)
    document = {"timeStamp": CLOCK.wall_us() // 1000, "rscuSn": device, "seqNum": 5, "ack": True, "eventList": [EVENT]}
    for _ in range(2):
        platform.publish(f"rscu/{device}/event/down", json.dumps(document).encode(), qos=1)
        answers = [json.loads(message.payload) for message in heard(platform, "/event/down/ack")]
        assert (answers[0]["seqNum"], answers[0]["errorCode"]) == (5, 0)
    assert json.loads(software.recv(65_536))["eventList"] == [EVENT]
    software.settimeout(0)
    with pytest.raises(BlockingIOError):  # the second time it was known
        software.recv(65_536)
