from __future__ import annotations

import json

import numpy as np

from chelu.codec.openv2x import read_rsm
from chelu.codec.openv2x_rsi import read_rsi
from chelu.codec.roadside import AS_WRITTEN
from chelu.messages import PARTICIPANT, filled, frames_of
from simulators.openv2x import HEARTBEAT, RSM, Roadside, passing
from simulators.scene import Origin
from tests.unit.codec.plain_openv2x import plain_participants

ORIGIN = Origin(29.56, 106.55, 240.0)
UNIT = Roadside("R328328", ORIGIN, "north gate")
TIME_US = 1_700_000_020_000_000


def test_what_the_unit_writes_is_read_back_to_within_half_a_wire_unit() -> None:
    rows = passing(ORIGIN, 20, TIME_US, 3.3)
    read = read_rsm(frames_of([UNIT.rsm(rows)], TIME_US), [AS_WRITTEN])
    assert len(read.rejects) == 0
    for name, half in (("latitude_deg", 0.5e-7), ("longitude_deg", 0.5e-7), ("speed_mps", 0.01), ("heading_deg", 1 / 160)):
        assert np.abs(read.participant[name] - rows[name]).max() <= half * 1.0001, name
    for name in ("participant_id", "participant_type", "source", "sec_mark_ms", "time_us"):
        assert read.participant[name].tolist() == rows[name].tolist(), name
    plain = plain_participants(UNIT.rsm(rows), TIME_US // 1000)
    assert [row["length_m"] for row in plain] == [4.6] * 20


def test_what_is_unknown_is_written_as_unknown() -> None:
    read = read_rsm(frames_of([UNIT.rsm(filled(PARTICIPANT, 1))], TIME_US), [AS_WRITTEN]).participant
    for name in ("latitude_deg", "longitude_deg", "elevation_m", "speed_mps", "heading_deg", "width_m"):
        assert np.isnan(read[name][0]), name


def test_cars_go_on_along_the_road_and_where_one_has_left_another_comes() -> None:
    moments = [passing(ORIGIN, 1, TIME_US, seconds) for seconds in (0.0, 5.0, 10.0, 201 / 12)]
    east = [rows["longitude_deg"][0] for rows in moments]
    assert east[0] < east[1] < east[2] > east[3]
    assert [rows["participant_id"][0] for rows in moments] == [0, 0, 0, 1]


def test_events_heartbeats_and_topics_carry_the_esn() -> None:
    (event,) = read_rsi(frames_of([UNIT.rsi("a1", 707, radius_m=12.5, text="queue")], TIME_US), [AS_WRITTEN]).messages
    assert event.value["rtes"][0]["event_radius_m"] == 12.5
    assert json.loads(UNIT.heartbeat(3, TIME_US))["rsuEsn"] == "R328328"
    assert (UNIT.topic(RSM), UNIT.topic(HEARTBEAT)) == ("V2X/RSU/R328328/RSM/UP", "V2X/RSU/R328328/HB/UP")
