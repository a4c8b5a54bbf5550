"""Green for who has a right to it: the register's word, the signal's limits, and what follows when either changes its mind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chelu.topics import Kind
from services.inference.register import rights_of
from tests.unit.inference.coop_stage import Stage, lane
from tests.unit.inference.small_roads import crossing
from tests.unit.inference.test_coop_intersection import LINE_M, path

AMBULANCE = {"ambulance", "emergency"}


def stage(*, rights=AMBULANCE, has_signal: bool = True) -> Stage:
    made = Stage(crossing(has_signals=True))
    made.car("ambulance", path(3, 1), LINE_M - 105.0, 10.0, rights=rights, responds=True)
    if has_signal:
        made.device("signal-5", Kind.SIGNAL, labels={"intersection": "5"})
    made.tick(0.5)
    return made


def ask(made: Stage, name: str = "ambulance", *, role: str = "ambulance", urgency: int = 7, arm: int = 3, **more: Any) -> int:
    signals = [{"intersection": {"region": 0, "id": 5}, "approach": lane(arm, 5), "arrival_in_s": 10.0}]
    body = {"role": role, "urgency": urgency, "motion": made.motion(name), "signals": signals, "duration_s": 60.0, **more}
    return made.say(name, "priority.request", **body)


def acknowledge(made: Stage, *, code: int = 0, **more: Any) -> None:
    wish = made.told("signal-5")[-1]
    green = {} if code else {"from_us": wish["from_us"], "until_us": wish["until_us"]}
    made.raw("signal-5", json.dumps({"seqNum": wish["seqNum"], "errorCode": code, **green, **more}).encode(), "priority/ack")


def test_the_signal_is_asked_and_what_it_says_is_granted_and_it_is_let_go_when_the_vehicle_has_passed() -> None:
    made = stage()
    number = ask(made)
    made.tick(0.1)
    wish = made.told("signal-5")[-1]
    assert (wish["priority"], wish["phase"]) == ("green", 3)
    assert wish["from_us"] < made.now_us + 10_000_000 < wish["until_us"]
    assert made.told("ambulance") == []
    acknowledge(made)
    made.tick(0.1)
    answer = made.told("ambulance", "priority.answer")[-1]
    assert answer["decision"] == "granted"
    assert answer["greens"][0]["phase"] == 3
    made.tick(16.0)
    assert made.states(number) == ["granted", "done"]
    assert made.told("signal-5")[-1]["priority"] == "over"


def test_who_comes_later_than_it_said_is_told_to_the_signal_anew() -> None:
    made = stage()
    ask(made)
    made.tick(0.1)
    acknowledge(made)
    made.actors[0].speed = 5.0
    made.tick(1.0)
    wishes = [one for one in made.told("signal-5") if one["priority"] == "green"]
    assert len(wishes) == 2
    assert wishes[1]["from_us"] > wishes[0]["from_us"] + 2_000_000
    acknowledge(made)
    made.tick(0.1)
    assert [one["decision"] for one in made.told("ambulance")] == ["granted", "granted"]


@pytest.mark.parametrize(
    ("rights", "role", "why"),
    [
        (set(), "ambulance", "role = 'ambulance' is no right of ambulance's vehicle in the register: it has none"),
        ({"bus"}, "fire", "it has bus"),
    ],
)
def test_a_role_that_the_register_does_not_know_is_refused(rights, role, why) -> None:
    made = stage(rights=rights)
    ask(made, role=role)
    made.tick(0.1)
    answer = made.told("ambulance", "priority.answer")[-1]
    assert answer["decision"] == "refused"
    assert why in answer["reason"]
    assert made.told("signal-5") == []


def test_no_signal_one_that_says_no_and_one_that_says_nothing() -> None:
    made = stage(has_signal=False)
    ask(made)
    made.tick(0.1)
    assert "no signal is registered at intersection 5" in made.told("ambulance")[-1]["reason"]
    made = stage()
    number = ask(made)
    made.tick(0.1)
    acknowledge(made, code=2, errorDesc="stage 1 would be red for 160 s, 150 are allowed")
    made.tick(0.1)
    assert made.states(number) == ["refused"]
    assert "stage 1 would be red for 160 s" in made.told("ambulance")[-1]["reason"]
    made = stage()
    number = ask(made)
    made.tick(3.0)
    assert made.states(number) == ["refused"]
    assert "signal-5 has not answered within 2 s" in made.told("ambulance")[-1]["reason"]
    assert made.told("signal-5")[-1]["priority"] == "over"


def test_a_signal_without_a_number_is_found_by_its_place() -> None:
    made = stage(has_signal=False)
    made.device("signal-9", Kind.SIGNAL, place=(29.55, 106.5701, 250.0))
    made.device("signal-8", Kind.SIGNAL, place=(29.56, 106.57, 250.0))
    ask(made)
    made.tick(0.1)
    assert len(made.told("signal-9")) == 1


def test_the_more_urgent_takes_the_place_of_the_less_urgent_and_not_the_other_way_round() -> None:
    made = stage()
    made.car("bus", path(4, 2), LINE_M - 105.0, 10.0, rights={"bus"})
    made.tick(0.2)
    number = ask(made, "bus", role="bus", urgency=3, arm=4)
    made.tick(0.1)
    acknowledge(made)
    made.tick(0.1)
    ask(made)
    made.tick(0.1)
    assert made.states(number) == ["granted", "revoked"]
    assert made.told("bus", "coop.refusal")[-1]["reason"] == "a more urgent vehicle takes its place"
    acknowledge(made)
    made.tick(0.1)
    ask(made, "bus", role="bus", urgency=3, arm=4)
    made.tick(0.1)
    assert "as urgent" in made.told("bus", "priority.answer")[-1]["reason"]


@pytest.mark.parametrize("kind", ["priority.cancel", "coop.cancel"])
def test_a_cancelled_request_lets_the_signal_go(kind) -> None:
    made = stage()
    number = ask(made)
    made.tick(0.1)
    acknowledge(made)
    made.tick(0.1)
    made.say("ambulance", kind, answers=number)
    made.tick(0.1)
    assert made.states(number) == ["granted", "cancelled"]
    assert made.told("signal-5")[-1]["priority"] == "over"


def test_rights_are_what_a_label_names_else_those_of_the_vehicles_kind() -> None:
    assert rights_of("emergency vehicle", {}) == {"ambulance", "fire", "police", "rescue", "emergency"}
    assert rights_of("bus", {}) == {"bus"}
    assert rights_of("car", {}) == frozenset()
    assert rights_of("car", {"priority": "escort, road_service"}) == {"escort", "road_service"}
    assert rights_of("emergency vehicle", {"priority": "fire"}) == {"fire", "emergency"}
    assert rights_of("emergency vehicle", {"priority": ""}) == frozenset()
