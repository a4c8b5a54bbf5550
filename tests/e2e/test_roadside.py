"""Roadsides that speak JSON on a whole site: one sees a car, the other another, and both are told of the collision."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chelu import api
from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.codec.tits0180_write import write_participants
from chelu.errors import RefusedError
from chelu.geo import LocalFrame
from chelu.messages import PARTICIPANT, Batch, concatenate, filled
from chelu.topics import OPENV2X_PROFILE, Kind
from simulators.connection import with_account
from simulators.openv2x import RSM, Roadside
from simulators.scene import Origin
from tests.e2e.conftest import PLACE, Running
from tests.waiting import until

FRAME = LocalFrame(PLACE["latitude_deg"], PLACE["longitude_deg"], PLACE["elevation_m"])
ROADSIDE = Roadside("R328328", Origin(PLACE["latitude_deg"], PLACE["longitude_deg"], PLACE["elevation_m"]))
SPEED_MPS, MEET_S, PERIOD_S = 14.0, 5.0, 0.1


@pytest.fixture
def units(running: Running) -> Iterator[tuple[Session, Session]]:
    """A roadside computer and an RSU of OpenV2X, registered and connected, listening to what they are told."""
    computer = api.NewDevice(device_id="rscu-1", kind=Kind.RSCU, site_id="hillside", **PLACE)
    unit = api.NewDevice(
        device_id="rsu-9", kind=Kind.RSU, site_id="hillside", profile=OPENV2X_PROFILE, serial=ROADSIDE.esn, **PLACE
    )
    secrets = {one.device_id: one.secret or "" for one in running.client.add_devices([computer, unit])}
    sessions = list[Session]()
    for name, kind in (("rscu-1", Kind.RSCU), ("rsu-9", Kind.RSU)):
        address = with_account(running.site.endpoints.mqtt_url, name, secrets[name])
        filters = [(f"{kind}/{name}/warning/down", 1), (f"{kind}/{name}/participant/up/ack", 0)]
        session = until(lambda: connected(address, name, filters), 15, f"{name} to be let in")  # noqa: B023
        assert session is not None
        sessions.append(session)
    yield sessions[0], sessions[1]
    for session in sessions:
        session.stop()


def connected(address: str, name: str, filters: list[tuple[str, int]]) -> Session | None:
    """A session, None while the broker does not know the account yet."""
    session = Session(address, client_id=name, clock=SystemClock(), subscriptions=filters)
    session.start()
    try:
        session.wait_connected(5)
    except RefusedError:
        session.stop()
        return None
    return session


def car(number: int, place: tuple[float, float, float], heading: float, now_us: int) -> Batch:
    latitude, longitude, elevation = FRAME.to_geodetic(np.array([place]))
    return filled(
        PARTICIPANT, 1, time_us=np.array([now_us]), sec_mark_ms=np.array([now_us // 1000 % 60_000], np.uint16),
        participant_type=np.ones(1, np.uint8), participant_id=np.array([number], np.uint16), source=np.full(1, 7, np.uint8),
        latitude_deg=latitude, longitude_deg=longitude, elevation_m=elevation, speed_mps=np.array([SPEED_MPS]),
        heading_deg=np.array([heading]), length_m=np.array([4.6]), width_m=np.array([1.8]), height_m=np.array([1.5]),
    ).with_columns(frame=np.zeros(1, np.int64))  # fmt: skip


def test_a_collision_between_what_two_roadsides_see_is_told_to_each_and_stored(
    running: Running, units: tuple[Session, Session]
) -> None:
    computer, unit = units
    told: dict[str, dict[str, Any]] = {}
    answers: list[dict[str, Any]] = []
    began, sent = time.monotonic(), 0
    for tick in range(round(MEET_S / PERIOD_S)):
        left, now_us = SPEED_MPS * (MEET_S - (time.monotonic() - began)), time.time_ns() // 1000
        north = car(21, (0.0, -left, 0.0), 0.0, now_us)
        (payload,) = write_participants(north, serial="CQ-7", has_ack=tick == 0)
        computer.publish("rscu/rscu-1/participant/up", payload)
        unit.publish(ROADSIDE.topic(RSM), ROADSIDE.rsm(car(22, (-left, 0.0, 0.0), 90.0, now_us)))
        sent += 1
        while (wait := began + (tick + 1) * PERIOD_S - time.monotonic()) > 0:
            for message in [*computer.drain(100, wait / 2), *unit.drain(100, wait / 2)]:
                document = json.loads(message.payload)
                if message.topic.endswith("/ack"):
                    answers.append(document)
                elif document["state"] == "raised":
                    told[message.topic] = document
    assert set(told) == {"rscu/rscu-1/warning/down", "rsu/rsu-9/warning/down"}
    assert {topic: one["host"]["participant_id"] for topic, one in told.items()} == {
        "rscu/rscu-1/warning/down": 21,
        "rsu/rsu-9/warning/down": 22,
    }
    assert all(one["application"] == "icw" and one["ttc_s"] > 1.4 for one in told.values())
    assert [answer["errorCode"] for answer in answers] == [0]

    def stored() -> Batch | None:
        pages = list(running.client.stream("participant", from_us=0))
        rows = concatenate(pages) if pages else None
        return rows if rows is not None and len(rows) == 2 * sent else None

    rows = until(stored, 20, "every participant to be stored")
    assert rows is not None
    assert rows["participant_id"].tolist().count(21) == sent
    assert set(rows["device_id"].tolist()) == {"rscu-1", "rsu-9"}
    assert {row["state"] for row in running.client.warnings()} >= {"raised"}
