"""Status and settings of a roadside computer, held against the standard's tables."""

from __future__ import annotations

from typing import Any

import pytest

from chelu.codec.tits0180_answers import answer, basic_status, is_asked
from chelu.codec.tits0180_status import fault_of

MS = 1_700_000_000_000
HEAD: dict[str, Any] = {"timeStamp": MS, "rscuSn": "R1"}
BASIC = {**HEAD, "deviceType": 0, "active": 0, "rsulist": [{"rsuSn": "U1", "deviceType": 1}], "sensorNum": 2}
RUN = {**HEAD, "active": 0, "faultList": [{"deviceSn": "C1", "deviceType": 2, "faultTime": MS}]}
SET = {**HEAD, "time": 0, "power": 2, "hbRate": 10, "logLevel": 1}


@pytest.mark.parametrize(("name", "document"), [("basic-status", BASIC), ("run-status", RUN), ("om-config", SET)])
def test_what_the_tables_allow_is_good_with_either_spelling_of_the_time(name: str, document: dict[str, Any]) -> None:
    assert fault_of(name, document) == ""
    other = {**{key: value for key, value in document.items() if key != "timeStamp"}, "timestamp": MS}
    assert fault_of(name, other) == ""
    assert "timeStamp" not in other  # what is checked is not changed


def test_what_we_say_ourselves_is_good() -> None:
    assert fault_of("basic-status", basic_status("R1", MS * 1000, 106.5, 29.5, None)) == ""


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("basic-status", {"rscuSn": None}, "rscuSn = None is not allowed: 1 to 128 characters"),
        ("basic-status", {"active": 2}, "document.active = 2 is outside 0 … 1"),
        ("basic-status", {"active": None}, "document.active is missing"),
        ("basic-status", {"timeStamp": 17}, "document.timeStamp = 17 is outside 946684800000 … 4102444800000"),
        ("basic-status", {"rsulist": 5}, "rsulist = 5 is not allowed: a list of at most 1024"),
        ("basic-status", {"rsulist": [{"rsuSn": "U1"}]}, "rsulist[0].deviceType is missing"),
        ("basic-status", {"rsulist": [{"deviceType": 1}]}, "rsulist[0].rsuSn = None is not allowed: a serial number"),
        ("basic-status", {"sensorlist": [7]}, "sensorlist[0] = 7 is not allowed: an object"),
        ("run-status", {"faultList": [{"deviceSn": "C1", "deviceType": -1}]}, "faultList[0].deviceType = -1 is outside 0 … 255"),
        ("om-config", {"power": 3}, "document.power = 3 is outside 0 … 2"),
        ("om-config", {"hbRate": 1.5}, "document.hbRate = 1.5 is not allowed: a whole number"),
    ],
)
def test_what_they_do_not_is_named_with_value_and_bound(name: str, change: dict[str, Any], said: str) -> None:
    document = {"basic-status": BASIC, "run-status": RUN, "om-config": SET}[name]
    assert fault_of(name, {**document, **change}) == said


@pytest.mark.parametrize(("ack", "is_one"), [(True, True), (False, False), (None, False), ("true", False), (1, False)])
def test_only_true_asks_for_an_answer(ack: Any, is_one: bool) -> None:
    assert is_asked({"ack": ack}) is is_one


def test_an_answer_repeats_number_and_time_and_is_short() -> None:
    assert answer({"seqNum": 5, "timeStamp": MS}) == {"seqNum": 5, "timeStamp": MS, "errorCode": 0}
    said = answer({"seqNum": True, "timeStamp": "soon"}, 1, "x" * 500)
    assert said == {"errorCode": 1, "errorDesc": "x" * 128}
