"""Roadsides that speak JSON behind a real broker: what they see is in one picture with what vehicles say, and is warned of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import psycopg
import pytest

from chelu.bus import Session
from chelu.codec import columns, cv2x
from chelu.codec.tits0180_write import write_participants
from chelu.messages import BSM, PARTICIPANT, Batch, filled
from simulators.openv2x import RSM, Roadside
from simulators.scene import Origin
from tests.integration.inference.test_warnings import FRAME, SITE, Running, client, inference, registered

__all__ = ["client", "inference", "registered"]  # fixtures
ORIGIN = Origin(FRAME.latitude_deg, FRAME.longitude_deg, FRAME.elevation_m)
ESN = "R328328"
SPEED_MPS, MEET_S, PERIOD_S = 14.0, 4.0, 0.1
See = Callable[[Batch, int], tuple[str, bytes]]


def by_computer(rows: Batch, now_us: int) -> tuple[str, bytes]:
    """As a roadside computer of T/ITS 0180.1 says it."""
    (payload,) = write_participants(rows, serial="CQ-7")
    return "rscu/rscu-1/participant/up", payload


def by_openv2x(rows: Batch, now_us: int) -> tuple[str, bytes]:
    """As an OpenV2X RSU says it."""
    roadside = Roadside(ESN, ORIGIN)
    return roadside.topic(RSM), roadside.rsm(rows)


@pytest.fixture
def roadsides(registered: str) -> str:
    """With a roadside computer and an RSU of OpenV2X."""
    with psycopg.connect(registered) as connection:
        query = "INSERT INTO register.device (device_id, kind, site_id, profile, serial) VALUES (%s, %s, %s, %s, %s)"
        connection.execute(query, ("rscu-1", "rscu", SITE, None, None))
        connection.execute(query, ("rsu-9", "rsu", SITE, "openv2x", ESN))
    return registered


def participant(number: int, place: Sequence[float], heading: float, now_us: int) -> Batch:
    latitude, longitude, elevation = FRAME.to_geodetic(np.array([place]))
    return filled(
        PARTICIPANT, 1, time_us=np.array([now_us]), sec_mark_ms=np.array([now_us // 1000 % 60_000], np.uint16),
        participant_type=np.ones(1, np.uint8), participant_id=np.array([number], np.uint16), source=np.full(1, 7, np.uint8),
        latitude_deg=latitude, longitude_deg=longitude, elevation_m=elevation, speed_mps=np.array([SPEED_MPS]),
        heading_deg=np.array([heading]), length_m=np.array([4.6]), width_m=np.array([1.8]), height_m=np.array([1.5]),
    ).with_columns(frame=np.zeros(1, np.int64))  # fmt: skip


def meet(client: Session, north: See, east: See, *, seconds: float = MEET_S) -> list[tuple[str, bytes]]:
    """One car from the south and one from the west that will meet at the origin; what came back meanwhile."""
    began, heard = time.monotonic(), list[tuple[str, bytes]]()
    for tick in range(round(seconds / PERIOD_S)):
        left, now_us = SPEED_MPS * (MEET_S - (time.monotonic() - began)), time.time_ns() // 1000
        for see, number, place, heading in ((north, 21, (0.0, -left, 0.0), 0.0), (east, 22, (-left, 0.0, 0.0), 90.0)):
            client.publish(*see(participant(number, place, heading, now_us), now_us))
        while (wait := began + (tick + 1) * PERIOD_S - time.monotonic()) > 0:
            heard += [(one.topic, one.payload) for one in client.drain(100, wait)]
    return heard


def raised(heard: list[tuple[str, bytes]]) -> list[tuple[str, dict[str, Any]]]:
    told = [(topic, json.loads(payload)) for topic, payload in heard if topic.endswith("/warning/down")]
    return [(topic, one) for topic, one in told if one["state"] == "raised"]


def test_a_collision_between_what_a_computer_and_what_an_openv2x_roadside_sees_is_told_to_both(
    roadsides: str, inference: Running, client: Session
) -> None:
    found = raised(meet(client, by_computer, by_openv2x))
    assert {(topic, one["host"]["participant_id"]) for topic, one in found} == {
        ("rscu/rscu-1/warning/down", 21),
        ("rsu/rsu-9/warning/down", 22),
    }
    for _, one in found:
        assert one["application"] == "icw"
        assert one["ttc_s"] > 1.4
        assert {one["host"]["device_id"], one["other"]["device_id"]} == {"rscu-1", "rsu-9"}


def test_both_stand_in_the_picture(roadsides: str, inference: Running, client: Session) -> None:
    heard = meet(client, by_computer, by_openv2x, seconds=1.5)
    pictures = [columns.unpack(payload)[0] for topic, payload in heard if topic == f"site/{SITE}/picture"]
    assert sorted(number % 65536 for number in pictures[-1]["key"].tolist()) == [21, 22]


def by_own_unit(rows: Batch, now_us: int) -> tuple[str, bytes]:
    """As a vehicle says it itself."""
    n = len(rows)
    shared = {name: rows[name] for name in BSM.dtypes() if name in rows.columns}
    still = {f"acceleration_{axis}_mps2": np.zeros(n) for axis in ("longitudinal", "lateral", "vertical")}
    own = {"yaw_rate_dps": np.zeros(n), "vehicle_id": np.array([0xB2], np.uint64)}
    bsm = filled(BSM, n, **{**shared, **still, **own}).with_columns(
        transmission_valid=np.ones(n, np.bool_), vehicle_class=np.full(n, 10, np.uint8), vehicle_class_valid=np.ones(n, np.bool_)
    )
    return "obu/obu-2/bsm/up", cv2x.encode_bsm(bsm).frame(0)


@pytest.mark.parametrize("see", [by_computer, by_openv2x])
def test_a_vehicle_is_warned_of_what_either_roadside_sees(roadsides: str, inference: Running, client: Session, see: See) -> None:
    found = [one for topic, one in raised(meet(client, see, by_own_unit)) if topic == "obu/obu-2/warning/down"]
    assert [one["application"] for one in found] == ["icw"]
    assert (found[0]["other"]["participant_id"], found[0]["host"]["participant_id"]) == (21, None)


def test_rubbish_and_strangers_put_nobody_into_the_picture(roadsides: str, inference: Running, client: Session) -> None:
    def by_stranger(rows: Batch, now_us: int) -> tuple[str, bytes]:
        return "rscu/nobody/participant/up", by_computer(rows, now_us)[1]

    def by_mistake(rows: Batch, now_us: int) -> tuple[str, bytes]:
        return "rscu/rscu-1/participant/up", by_computer(rows, now_us)[1][:-20]

    assert raised(meet(client, by_stranger, by_mistake)) == []
    assert inference.process.poll() is None
    assert raised(meet(client, by_computer, by_openv2x))
