"""A simulated roadside computer: what it says is what its reader reads, and it answers what it is told."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chelu.codec.roadside import AS_WRITTEN, Reading
from chelu.codec.roadside_readers import READERS
from chelu.geo import LocalFrame
from chelu.messages import frames_of
from simulators.rscu import Computer, answered
from simulators.scene import Role, Slice, in_memory
from tests.unit.simulators.parts import ORIGIN, actors, samples, signals

US = 1_700_000_000_000_000
EVENT = {"timeStamp": US // 1000, "rscuSn": "platform", "ack": True, "seqNum": 7}


def spoken(reading: Reading = AS_WRITTEN, count: int = 3):
    """Documents of a scene of three actors that are seen at two instants, and one crossing with three phases."""
    roles = [Role.PERCEIVED if actor % 3 == 2 else Role.OBU for actor in range(count)]
    rows = [(time, actor) for time in (0, 100) for actor in range(count)]
    scene = in_memory(
        "three", ORIGIN, actors(*roles), samples(rows), signals([(0, 1, 6, 4.2), (0, 2, 3, np.nan), (0, 200, 3, 1.0)])
    )
    piece: Slice = scene.read(0, 1000)
    computer = Computer("CQ-7", scene, reading=reading)
    return computer.documents(piece, US + piece.samples["time_ms"] * 1000, US + piece.signals["time_ms"] * 1000)


@pytest.mark.parametrize("reading", [AS_WRITTEN, Reading(is_gcj02=True, speed_factor=0.277778, is_heading_mirrored=True)])
def test_everybody_is_said_at_every_instant_and_read_back_where_they_are(reading: Reading) -> None:
    documents = [one for one in spoken(reading) if one.topic.stream == "participant"]
    assert [(one.time_ms, one.rows) for one in documents] == [(0, 3), (100, 3)]
    read = READERS["rscu/{id}/participant/up"](frames_of([one.payload for one in documents], US), [reading] * 2)
    assert len(read.rejects) == 0
    rows = read.participant
    assert rows["time_us"].tolist() == [US] * 3 + [US + 100_000] * 3
    local = LocalFrame(ORIGIN.latitude_deg, ORIGIN.longitude_deg, ORIGIN.elevation_m).to_local(
        rows["latitude_deg"], rows["longitude_deg"], rows["elevation_m"]
    )
    np.testing.assert_allclose(local[:, 0], np.arange(6.0), atol=0.01)


def test_phases_that_the_rule_does_not_have_are_left_out() -> None:
    (lamps,) = [one for one in spoken() if one.topic.stream == "lamp"]
    assert [lamp["phaseId"] for lamp in json.loads(lamps.payload)["lampRealInfos"]] == ["1", "2"]
    (lamps,) = [one for one in spoken(Reading(phase_rule="entry")) if one.topic.stream == "lamp"]
    assert [lamp["phaseId"] for lamp in json.loads(lamps.payload)["lampRealInfos"]] == ["1", "2"]


def test_a_crowd_is_said_in_more_documents_than_one() -> None:
    assert [one.rows for one in spoken(count=600) if one.topic.stream == "participant"] == [512, 88, 512, 88]


@pytest.mark.parametrize(
    ("events", "code", "said"),
    [
        ([{"eventType": 904, "longitude": 106.5, "latitude": 29.5}], 0, None),
        ([{"eventType": -1, "longitude": 106.5, "latitude": 29.5}], 1, "eventList[0].eventType = -1 is outside 0 … 65535"),
    ],
)
def test_what_it_is_told_is_answered_with_its_number(events: list[object], code: int, said: str | None) -> None:
    answer = json.loads(answered("event", json.dumps({**EVENT, "eventList": events}).encode(), US))
    assert (answer["seqNum"], answer["errorCode"], answer.get("errorDesc")) == (7, code, said)


def test_rubbish_is_answered_too() -> None:
    answer = json.loads(answered("traffic", b"{", US))
    assert answer["errorCode"] == 1
    assert "not JSON" in answer["errorDesc"]


@pytest.mark.parametrize(("power", "code"), [(2, 0), (3, 1)])
def test_settings_are_answered_too(power: int, code: int) -> None:
    document = {**EVENT, "time": 0, "power": power}
    assert json.loads(answered("om-config", json.dumps(document).encode(), US))["errorCode"] == code
