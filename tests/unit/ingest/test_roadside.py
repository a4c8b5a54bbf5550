"""JSON of roadsides in ingest: the same tables, checks and books as for what the air interface says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from chelu.codec import cv2x
from chelu.messages import PARTICIPANT, Flag, filled
from services.ingest.accounts import settle
from tests.unit.ingest.crafted import NOW_US, deployed, message, work

MS = NOW_US // 1000
CAR = {"timestamp": MS, "ptcType": 1, "ptcId": 7, "longitude": 106.5, "latitude": 29.5, "speed": 10.0, "heading": 90.0}
LAMP = {"phaseId": "1", "lightStatus": 6, "countDown": 12, "lightStatusNext": 7, "nextCountDown": 3}


def said(stream: str, sequence: int | None = None, **fields: Any) -> Any:
    payload = json.dumps({"timeStamp": MS, "rscuSn": "R1", **fields}).encode()
    return message(f"rscu/c1/{stream}/up", payload, qos=0 if sequence is None else 1, sequence=sequence)


def rsm() -> bytes:
    batch = filled(PARTICIPANT, 1, time_us=np.array([NOW_US]), participant_type=np.ones(1, np.uint8)).with_columns(
        frame=np.zeros(1, np.int64), sec_mark_ms=np.array([NOW_US // 1000 % 60_000], np.uint16),
        latitude_deg=np.array([29.5]), longitude_deg=np.array([106.5]), elevation_m=np.array([250.0]),
        width_m=np.array([1.8]), length_m=np.array([4.5]),
    )  # fmt: skip
    return cv2x.encode_rsm(batch, reference_position=np.array([[29.5, 106.5, 250.0]])).frame(0)


def test_participants_of_both_ways_lie_in_one_table_with_one_set_of_columns() -> None:
    prepared, _ = work([message("rsu/r1/rsm/up", deployed([rsm()], is_bsm=False)), said("participant", ptcList=[CAR, CAR])])
    rows = prepared.tables["participant"]
    assert rows["device_key"].tolist() == [2, 5, 5]
    assert rows["time_us"].tolist() == [NOW_US] * 3
    assert rows["flags"].tolist() == [0, 0, 0]
    assert prepared.rows.tolist() == [1, 2]
    assert prepared.missing == {"rsm": 0}


def test_lamps_lie_beside_spat() -> None:
    prepared, _ = work([said("lamp", crossId="12", lampRealInfos=[LAMP])])
    rows = prepared.tables["spat"]
    assert rows["phase_id"].tolist() == [1, 1]
    assert rows["likely_end_s"].tolist() == [12.0, 15.0]
    assert rows["device_key"].tolist() == [5, 5]


def test_events_and_traffic_have_tables_of_their_own() -> None:
    event = {"eventType": 904, "longitude": 106.5, "latitude": 29.5, "priority": "3"}
    period = {"periodTime": 4, "startTime": MS - 60_000, "endTime": MS}
    prepared, _ = work(
        [said("event", eventList=[event]), said("traffic", **period, directionFlowData=[{"branchId": "E", "flowType": 1}])]
    )
    assert prepared.tables["event"]["details"].tolist() == [{"priority": "3"}]
    assert prepared.tables["event"]["event_type"].tolist() == [904]
    assert prepared.tables["traffic"]["flow_type"].tolist() == [1]
    assert prepared.rows.tolist() == [1, 1]


def test_what_columns_do_not_hold_stands_beside_them_and_counts_as_no_row() -> None:
    prepared, _ = work([said("participant", ptcList=[{**CAR, "license": "渝A12345"}])])
    rows = prepared.tables["remark"]
    assert (rows["subject"].tolist(), rows["body"].tolist()) == ([7], [{"license": "渝A12345"}])
    assert (rows["stream"].tolist(), rows["time_us"].tolist()) == (["participant"], [NOW_US])
    assert prepared.rows.tolist() == [1]


def test_books_close_with_bad_rows_bad_documents_and_strangers() -> None:
    bad = {**CAR, "speed": -1}
    messages = [
        said("participant", ptcList=[CAR, bad, bad]),
        message("rscu/c1/participant/up", b"{"),
        message("rscu/nobody/participant/up", b"{}"),
        said("lamp", crossId="x", lampRealInfos=[LAMP]),
    ]
    prepared, _ = work(messages)
    accounts, drops = settle(prepared, np.zeros(len(messages), np.bool_))
    assert {one.stream: (one.received, one.stored) for one in accounts} == {"participant": (5, 1), "lamp": (1, 0)}
    assert sum(drop.rows for drop in drops) == 5
    details = [refusal.detail for refusal in prepared.refusals]
    assert "ptcList[1].speed = -1 is outside 0 … 300" in details
    same = [refusal.payload for refusal in prepared.refusals if refusal.message == 0]
    assert same[0] is same[1]


@pytest.mark.parametrize(
    ("off_us", "flags"), [(0, 0), (-3_000_000, Flag.CLOCK), (-10_000_000, Flag.CLOCK | Flag.LATE), (3_000_000, Flag.CLOCK)]
)
def test_a_clock_that_is_off_is_flagged(off_us: int, flags: int) -> None:
    prepared, _ = work([said("participant", ptcList=[{**CAR, "timestamp": MS + off_us // 1000}])])
    assert prepared.tables["participant"]["flags"].tolist() == [flags]


def test_what_waited_in_a_spool_is_late_and_nothing_else() -> None:
    old = {**CAR, "timestamp": MS - 3_600_000}
    prepared, _ = work([said("participant", sequence=4, ptcList=[old])])
    assert prepared.tables["participant"]["flags"].tolist() == [Flag.LATE]


def test_positions_that_jump_are_flagged_from_one_batch_to_the_next() -> None:
    _, memories = work([said("participant", ptcList=[CAR])])
    prepared, _ = work([said("participant", ptcList=[{**CAR, "timestamp": MS + 100, "latitude": 29.51}])], memories)
    assert prepared.tables["participant"]["flags"].tolist() == [Flag.JUMP]


def test_a_computer_s_status_is_held_against_its_table_and_others_are_not() -> None:
    good = said("basic-status", deviceType=0, active=0)
    bad = said("basic-status", deviceType=0, active=7)
    ours = message("rscu/c1/run-status/up", b'{"runningInfo": {}}')
    unit = message("rsu/r1/basic-status/up", b'{"active": 7}')
    prepared, _ = work([good, bad, ours, unit])
    assert prepared.rows.tolist() == [1, 0, 1, 1]
    assert [(one.message, one.detail) for one in prepared.refusals] == [(1, "document.active = 7 is outside 0 … 1")]
