"""T/ITS 0180.1: lamps, which become the states of signals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.codec.roadside import Reading
from chelu.codec.tits0180_write import write_lamps
from tests.unit.codec import plain_tits0180 as plain
from tests.unit.codec.test_tits0180 import DATA, document, read, rows_of

LAMP: dict[str, Any] = {"phaseId": "1", "lightStatus": 6, "countDown": 12}
lamps = st.fixed_dictionaries(
    {"phaseId": st.integers(1, 40).map(str), "lightStatus": st.integers(0, 8), "countDown": st.integers(0, 200)}
).flatmap(
    lambda lamp: st.sampled_from(
        [
            lamp,
            {**lamp, "lightStatusNext": 7, "nextCountDown": 3},
            {**lamp, "lightStatusNext": 7, "nextCountDown": 3, "lightStatusNextNext": 3, "nextNextCountDown": 40},
        ]
    )
)


@settings(max_examples=150, deadline=None)
@given(st.lists(lamps, max_size=6), st.integers(0, 65535))
def test_lamps_become_the_states_that_the_table_says(found: list[dict[str, Any]], node: int) -> None:
    decoded = read("lamp", document(crossId=str(node), lampRealInfos=found)).others["spat"]
    rows = [(int(lamp["phaseId"]), *state) for lamp in found for state in plain.states(lamp)]
    names = ("phase_id", "state_index", "light", "start_s", "likely_end_s")
    assert [tuple(row[name] for name in names) for row in rows_of(decoded)] == rows
    assert set(decoded["intersection_id"].tolist()) <= {node}


def test_lamps_that_were_read_are_written_as_they_were() -> None:
    given_lamps = json.loads((DATA / "tits0180-lamp" / "input.json").read_text(encoding="utf-8"))
    decoded = read("lamp", json.dumps(given_lamps).encode()).others["spat"]
    (written,) = write_lamps(decoded, serial="CQ-RSCU-0007", city="500000", region="500108")
    said = json.loads(written)
    for lamp in given_lamps["lampRealInfos"]:
        lamp.pop("dataSource", None)
    assert said["lampRealInfos"] == given_lamps["lampRealInfos"]
    assert {name: said[name] for name in ("crossId", "signalControllerStamp", "confidence")} == {
        name: given_lamps[name] for name in ("crossId", "signalControllerStamp", "confidence")
    }


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"crossId": "A7"},
            "crossId = 'A7' is not allowed: a NodeID of YD/T 3709, 0 … 65535, or a region's and a node's as in 7-12",
        ),
        ({"crossId": "70000"}, "crossId = '70000' is not allowed"),
        ({"crossId": None}, "crossId = None is not allowed"),
        ({"crossId": "1", "confidence": 1.5}, "document.confidence = 1.5 is outside 0 … 1"),
        ({"crossId": "1", "lampRealInfos": 5}, "lampRealInfos = 5 is not allowed: a list"),
    ],
)
def test_a_crossing_that_cannot_be_told_is_refused(fields: dict[str, Any], said: str) -> None:
    decoded = read("lamp", document(**{"lampRealInfos": [LAMP], **fields}))
    assert said in decoded.rejects.detail[0]
    assert len(decoded.others["spat"]) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"phaseId": "41"}, "lampRealInfos[1].phaseId = 41 is not allowed: a phase of rule annex_b"),
        ({"phaseId": "281"}, "lampRealInfos[1].phaseId = '281' is outside 0 … 280"),
        ({"lightStatus": 9}, "lampRealInfos[1].lightStatus = 9 is outside 0 … 8"),
        ({"countDown": -1}, "lampRealInfos[1].countDown = -1 is outside 0 … 65535"),
        ({"countDown": None}, "lampRealInfos[1].countDown is missing"),
    ],
)
def test_a_bad_lamp_costs_itself(change: dict[str, Any], said: str) -> None:
    decoded = read("lamp", document(crossId="3", lampRealInfos=[LAMP, {**LAMP, **change}, {**LAMP, "phaseId": "2"}]))
    assert decoded.rejects.detail == (said,)
    assert decoded.others["spat"]["phase_id"].tolist() == [1, 2]


def test_the_rule_of_phase_numbers_is_the_device_s() -> None:
    """0x21 is east's straight arrow by rule entry and west's straight-on by annex B."""
    payload = document(crossId="3", lampRealInfos=[{**LAMP, "phaseId": "33"}])
    (by_annex,) = rows_of(read("lamp", payload).others["spat"])
    (by_entry,) = rows_of(read("lamp", payload, reading=Reading(phase_rule="entry")).others["spat"])
    assert (by_annex["approach"], by_annex["movement"], by_annex["phase_id"]) == (0, 3, 33)
    assert (by_entry["approach"], by_entry["movement"], by_entry["phase_id"]) == (2, 1, 33)
    refused = read("lamp", document(crossId="3", lampRealInfos=[{**LAMP, "phaseId": "32"}]), reading=Reading(phase_rule="entry"))
    assert refused.rejects.detail == ("lampRealInfos[0].phaseId = 32 is not allowed: a phase of rule entry",)


def test_groups_of_lamps_say_colour_by_bits_and_time_by_steps() -> None:
    """Table 22 and 23: red lit with 17 s left, an arrow that flashes green with a time that is not known, and darkness."""
    groups = [
        {"灯组编号": 4, "灯组类型": 4, "灯组灯色": 0b000010 | 1 << 4, "色步数": 17},
        {"灯组类型": 2, "灯组灯色": 0b110101, "色步数": 0, "direction": 92},
        {"灯组编号": 6, "灯组类型": 8, "灯组灯色": 0b010101, "色步数": 255},
    ]
    payload = document(cityName="重庆", regionId="500108", crossId="9", status=1, controlMode=2, direction=0, Lamplist=groups)
    decoded = read("lamp", payload)
    assert decoded.rejects.detail == ()
    first, second, third = rows_of(decoded.others["spat"])
    assert (first["phase_id"], first["light"], first["likely_end_s"], first["approach"]) == (4, 3, 17.0, 0)
    assert (second["phase_id"], second["light"], second["likely_end_s"]) == (0x22, 4, None)
    assert (second["approach"], second["movement"], second["road_user"], second["timing"]) == (2, 2, 1, 0)
    assert (third["light"], third["road_user"]) == (1, 3)
    assert first["status"] == 1 << 10


@pytest.mark.parametrize("direction", [10**400, -1, 1e308])
def test_a_direction_that_is_none_costs_its_group(direction: float) -> None:
    groups = [{"灯组类型": 4, "灯组灯色": 2, "direction": direction}, {"灯组编号": 3, "灯组类型": 4, "灯组灯色": 2}]
    decoded = read("lamp", document(crossId="9", Lamplist=groups))
    assert "Lamplist[0].direction" in decoded.rejects.detail[0]
    assert decoded.others["spat"]["phase_id"].tolist() == [3]


def test_a_group_of_lamps_without_number_and_direction_is_refused() -> None:
    decoded = read("lamp", document(crossId="9", Lamplist=[{"灯组类型": 4, "灯组灯色": 2}]))
    assert decoded.rejects.detail == ("Lamplist[0].灯组编号 is missing, and so is direction",)
