"""OpenV2X's messages, observations and cooperation on their way through the pipeline: rows, refusals, and books that agree."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chelu.bus import Received
from chelu.coop.examples import EXAMPLES
from chelu.messages import Flag
from services.ingest.accounts import Account, settle
from services.ingest.prepared import Prepared
from tests.unit.ingest.crafted import NOW_US, message, work

DATA = Path(__file__).parents[2] / "data"
RSM = json.loads((DATA / "openv2x-rsm" / "input.json").read_text())


def said(topic: str, document: Any, **more: Any) -> Received:
    return message(topic, document if isinstance(document, bytes) else json.dumps(document).encode(), **more)


def settled(*messages: Received) -> tuple[Prepared, dict[str, Account], list[tuple[str, int | None, str, int]]]:
    prepared, _ = work(list(messages))
    accounts, drops = settle(prepared, np.zeros(len(messages), np.bool_))
    dropped = [(drop.stream, drop.device_key, str(drop.reason), drop.rows) for drop in drops]
    for account in accounts:
        assert account.received == account.stored + sum(rows for stream, _, _, rows in dropped if stream == account.stream)
    return prepared, {account.stream: account for account in accounts}, dropped


def test_participants_of_an_openv2x_roadside_are_rows_of_the_device_with_its_esn_read_as_the_register_says() -> None:
    prepared, books, dropped = settled(said("V2X/RSU/R328328/RSM/UP", RSM))
    rows = prepared.tables["participant"]
    assert rows["device_key"].tolist() == [7] * 3
    assert rows["heading_deg"].tolist()[0] == 360 - 264.3125
    assert (books["rsm"].received, books["rsm"].stored, dropped) == (3, 3, [])


def test_a_bad_participant_is_one_row_less_with_its_sentence() -> None:
    document = copy.deepcopy(RSM)
    document["content"]["rsms"][0]["participants"][0]["speed"] = 9000
    prepared, books, dropped = settled(said("V2X/RSU/R328328/RSM/UP", document))
    assert (books["rsm"].received, books["rsm"].stored) == (3, 2)
    assert dropped == [("rsm", 7, "out_of_range", 1)]
    assert prepared.refusals[0].detail == "rsms[0].participants[0].speed = 9000 is outside 0 … 8191"


@pytest.mark.parametrize("esn", ["x1", "R1", "r1", "c1"])
def test_an_esn_that_is_no_openv2x_roadsides_is_a_strangers(esn: str) -> None:
    _, books, dropped = settled(said(f"V2X/RSU/{esn}/RSM/UP", RSM))
    assert dropped == [("rsm", None, "unregistered", 1)]
    assert books["rsm"].stored == 0


def test_an_rsi_heartbeat_and_info_of_openv2x_go_where_ours_go() -> None:
    rsi = (DATA / "openv2x-rsi" / "input.json").read_bytes()
    beat = {"rsuEsn": "R328328", "timestamp": NOW_US // 1000}
    prepared, books, dropped = settled(
        said("V2X/RSU/R328328/RSI/UP", rsi),
        said("V2X/RSU/R328328/HB/UP", beat),
        said("V2X/RSU/R328328/INFO/UP", {"rsuName": "n"}),
    )
    assert prepared.tables["message"]["kind"].tolist() == ["rsi"]
    assert prepared.tables["message"]["value"][0]["rtes"][0]["event_type"] == 707
    assert prepared.tables["message"]["payload"].tolist() == [rsi]
    assert prepared.tables["report"]["stream"].tolist() == ["heartbeat", "info"]
    assert prepared.tables["report"]["device_key"].tolist() == [7, 7]
    assert (set(books), dropped) == ({"rsi", "heartbeat", "info"}, [])


def test_observations_are_a_row_a_sample_and_bad_samples_are_counted_beside() -> None:
    document = {"quantity": "relative_humidity", "unit": "%", "values": [50, 120, 60], "start_us": NOW_US - 40, "step_us": 20}
    prepared, books, dropped = settled(said("sensor/s1/observation/up", document, qos=1))
    rows = prepared.tables["observation"]
    assert rows["value"].tolist() == [0.5, 0.6]
    assert rows["time_us"].tolist() == [NOW_US - 40, NOW_US]
    assert (rows["device_key"].tolist(), rows["flags"].tolist()) == ([6, 6], [0, 0])
    assert (books["observation"].received, books["observation"].stored) == (3, 2)
    assert dropped == [("observation", 6, "out_of_range", 1)]
    assert prepared.refusals[0].detail == "values[1] = 120 is not allowed: 0 … 1 for relative_humidity, and this is 1.2"


def test_samples_of_the_last_hour_are_no_fault_of_the_clock_and_older_ones_are_late() -> None:
    hour_us = 3_600_000_000
    document = {
        "quantity": "ozone",
        "values": [0, 0, 0],
        "times_us": [NOW_US - hour_us + 1, NOW_US - 2 * hour_us, NOW_US + 2 * hour_us],
    }
    rows = work([said("sensor/s1/observation/up", document)])[0].tables["observation"]
    assert rows["flags"].tolist() == [0, Flag.LATE | Flag.CLOCK, Flag.CLOCK]


def test_a_message_of_cooperation_that_fits_is_a_report_and_one_that_does_not_is_refused_by_field() -> None:
    good, bad = EXAMPLES["lane_change.request"], {**EXAMPLES["merge.request"], "arrival_in_s": -1.0}
    answer = EXAMPLES["lane_change.answer"]
    prepared, books, dropped = settled(
        *(said("obu/o1/coop/up", one, qos=1) for one in (good, bad, answer)), said("obu/o1/coop/up", b"{")
    )
    assert prepared.tables["report"]["body"].tolist() == [good]
    assert prepared.tables["report"]["time_us"].tolist() == [good["time_us"]]
    assert (books["coop"].received, books["coop"].stored) == (4, 1)
    assert sorted(dropped) == [("coop", 1, "out_of_range", 2), ("coop", 1, "undecodable", 1)]
    details = [refusal.detail for refusal in prepared.refusals]
    assert details[0] == "arrival_in_s = -1.0 is not allowed: greater than or equal to 0"
    assert details[1].startswith("type = 'lane_change.answer' is not allowed: up: ")


def test_a_flood_of_bad_participants_shares_one_payload() -> None:
    document: dict[str, Any] = {"rsms": [{"participants": [{}] * 500}]}
    prepared, _ = work([said("V2X/RSU/R328328/RSM/UP", document)])
    assert len(prepared.refusals) == 500
    assert len({id(refusal.payload) for refusal in prepared.refusals}) == 1
