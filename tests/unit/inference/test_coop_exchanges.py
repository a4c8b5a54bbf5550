"""Parking, tolls, payment, platoons, corrections, probes, lanes: each step only after the one before, or refused saying why."""

from __future__ import annotations

from typing import Any

import pytest

from chelu.coop.examples import EXAMPLES
from chelu.topics import Kind
from services.inference.coop.table import SessionParameters
from tests.unit.inference.coop_stage import SIZE, Stage, lane
from tests.unit.inference.small_roads import ramp
from tests.unit.inference.test_coop_driving import LEFT, RIGHT

GATE = {"car_park": "p1", "slots": "1", "toll_station": "exit", "merchant": "p1", "price": "1250"}


def stage() -> Stage:
    made = Stage(ramp())
    made.car("obu-1", RIGHT, 60.0, 5.0)
    made.car("obu-2", LEFT, 60.0, 5.0)
    made.device("rsu-1", Kind.RSU, labels=GATE, place=(29.55, 106.57, 250.0))
    made.tick(0.5)
    return made


def parks(made: Stage, name: str = "obu-1", **more: Any) -> int:
    return made.say(name, "parking.request", area="p1", want="slot", motion=made.motion(name), size=SIZE, **more)


def refusal(made: Stage, name: str = "obu-1") -> str:
    made.tick(0.1)
    return str(made.told(name)[-1].get("reason", ""))


def test_a_place_is_kept_for_one_from_the_request_until_it_has_left() -> None:
    made = stage()
    number = parks(made)
    made.tick(0.1)
    answer = made.told("obu-1", "parking.guidance")[-1]
    assert (answer["slot"]["id"], answer["gate"]) == ("p1-1", "rsu-1")
    parks(made, "obu-2")
    assert "all 1 places of p1 are taken" in refusal(made, "obu-2")
    for state in ("entered", "parked", "leaving", "left"):
        made.say("obu-1", "parking.state", answers=number, state=state)
        made.tick(0.1)
    assert made.states(number) == ["granted", "done"]
    parks(made, "obu-2")
    made.tick(0.1)
    assert made.told("obu-2")[-1]["decision"] == "granted"


def test_a_stage_that_does_not_follow_and_a_car_park_that_is_not_there_are_refused() -> None:
    made = stage()
    number = parks(made)
    made.say("obu-1", "parking.state", answers=number, state="left")
    assert "state = 'left' does not follow guided: cancelled, entered" in refusal(made)
    made.say("obu-2", "parking.request", area="p9", want="slot", motion=made.motion("obu-2"), size=SIZE)
    assert "'p9' is no car park of this site" in refusal(made, "obu-2")


@pytest.mark.parametrize(
    ("kind", "opens"),
    [
        ("tolling", {"station": "exit", "vehicle_class": 1}),
        ("payment", {"merchant": "p1", "service": "charging"}),
    ],
)
def test_a_charge_follows_a_request_and_a_receipt_ends_it(kind, opens) -> None:
    made = stage()
    number = made.say("obu-1", f"{kind}.request", transaction="t1", **opens)
    made.tick(0.1)
    assert made.told("obu-1", f"{kind}.charge")[-1]["amount"] == 1250
    made.say("obu-2", f"{kind}.receipt", transaction="t1", amount=1250, state="paid")
    assert "is none of obu-2's that is open" in refusal(made, "obu-2")
    made.say("obu-1", f"{kind}.receipt", transaction="t1", amount=1, state="paid")
    assert "amount = 1 was not charged: 1250 was" in refusal(made)
    made.say("obu-1", f"{kind}.receipt", transaction="t1", amount=1250, state="paid")
    made.tick(0.1)
    assert made.states(number) == ["granted", "done"]
    name = next(iter(opens))
    made.say("obu-1", f"{kind}.request", transaction="t2", **{**opens, name: "elsewhere"})
    assert "'elsewhere' is no" in refusal(made)


def test_a_charge_without_a_receipt_expires() -> None:
    made = stage()
    number = made.say("obu-1", "tolling.request", transaction="t1", station="exit", vehicle_class=1)
    made.tick(35.0, step_s=0.5)
    assert made.states(number) == ["granted", "expired"]


def test_a_platoon_is_created_joined_left_and_dissolved() -> None:
    made = stage()
    number = made.say("obu-1", "platoon.create", platoon="hill", motion=made.motion("obu-1"), gap_s=0.9, speed_mps=20.0)
    made.tick(0.1)
    assert made.told("obu-1", "platoon.answer")[-1]["position"] == 1
    made.say("obu-2", "platoon.create", platoon="hill", motion=made.motion("obu-2"), gap_s=0.9, speed_mps=20.0)
    assert "'hill' is there already" in refusal(made, "obu-2")
    made.say("obu-2", "platoon.leave", platoon="hill")
    assert "obu-2 is not in hill" in refusal(made, "obu-2")
    made.say("obu-2", "platoon.join", platoon="hill", motion=made.motion("obu-2"), size=SIZE)
    made.tick(0.1)
    assert made.told("obu-2", "platoon.answer")[-1]["position"] == 2
    made.say("obu-2", "platoon.dissolve", platoon="hill")
    assert "obu-2 does not lead hill" in refusal(made, "obu-2")
    made.say("obu-1", "platoon.dissolve", platoon="hill", why="arrived")
    made.tick(0.1)
    assert made.told("obu-2", "platoon.dissolve")[-1]["platoon"] == "hill"
    assert made.states(number) == ["granted", "done"]
    made.say("obu-2", "platoon.join", platoon="hill", motion=made.motion("obu-2"), size=SIZE)
    assert "platoon = 'hill' is not there" in refusal(made, "obu-2")


def test_corrections_of_a_station_are_passed_on_to_those_who_asked_and_to_nobody_else() -> None:
    made = stage()
    made.say("obu-1", "correction.request", motion=made.motion("obu-1"), constellations=["gps"], duration_s=5.0)
    made.tick(0.1)
    data = {"station": 12, "message": 1124, "data": "0wATPtABA0P8D4GEgIA="}
    made.say("rsu-1", "correction.data", **data)
    made.say("obu-2", "correction.data", **data)
    made.tick(0.1)
    assert [one["data"] for one in made.told("obu-1", "correction.data")] == [data["data"]]
    assert made.told("obu-2", "correction.data") == []
    assert "is no roadside unit" in made.told("obu-2")[-1]["reason"]
    made.tick(6.0, step_s=0.5)
    made.say("rsu-1", "correction.data", **data)
    made.tick(0.1)
    assert len(made.told("obu-1", "correction.data")) == 1


def test_a_refusal_is_in_the_record_of_the_request_that_it_answers() -> None:
    made = stage()
    made.device("obu-9")  # which has not spoken: the picture does not know it
    wanted = {"motion": made.motion("obu-1"), "constellations": ["gps"], "duration_s": 5.0, "time_us": made.now_us}
    number = made.say("obu-9", "correction.request", **wanted)
    made.tick(0.1)
    (refused,) = made.told("obu-9", "coop.refusal")
    noted = [(note.what, note.state) for note in made.notes if note.session is not None and note.device.device_id == "obu-9"]
    assert noted == [("asked", "asked"), ("moved", "refused"), ("told", "refused")]
    assert made.notes[-1].document == refused
    made.say("obu-9", "correction.request", seqNum=number, **wanted)
    made.tick(0.1)
    assert made.told("obu-9", "coop.refusal") == [refused, refused], "asked again, it is told the same"


def test_probe_data_is_stored_once_however_often_it_comes_and_refused_when_it_cannot_be() -> None:
    made = stage()
    place = made.motion("obu-1")["place"]
    samples = [{"time_us": made.now_us - back, "place": place} for back in (2_000_000, 1_000_000)]
    for _ in range(2):
        number = made.say("obu-1", "probe.data", seqNum=70, samples=samples)
    made.tick(0.1)
    assert made.states(number) == ["granted", "done"]
    assert [one.what for one in made.notes].count("asked") == 1
    made.say("obu-1", "probe.data", samples=samples[::-1])
    assert "not in the order of their times" in refusal(made)
    made.say("obu-1", "probe.data", samples=samples, answers=8)
    assert "answers = 8 is no order" in refusal(made)


def test_what_is_said_of_a_lane_holds_until_it_is_said_anew_or_cancelled() -> None:
    made, closed = stage(), {"lane": lane(1, 2, 1), "use": "closed"}
    first = made.say("obu-1", "lane_management.state", lanes=[closed])
    other = made.say("rsu-1", "lane_management.state", lanes=[closed])
    made.tick(0.1)
    assert made.states(first) == ["granted"]
    second = made.say("obu-1", "lane_management.state", lanes=[{**closed, "use": "open"}])
    made.tick(0.1)
    assert made.states(first) == ["granted", "done"]
    assert made.states(second) == made.states(other) == ["granted"]
    made.say("obu-1", "coop.cancel", answers=second)
    made.tick(0.1)
    assert made.states(second) == ["granted", "cancelled"]
    made.say("obu-1", "lane_management.state", lanes=[{"lane": lane(1, 2, 9), "use": "closed"}])
    assert "is not in the site's network" in refusal(made)
    made.say("obu-1", "lane_management.state", lanes=[closed], answers=3)
    assert "answers = 3 is no plan" in refusal(made)
    made.tick(620.0, step_s=5.0)
    assert made.states(other) == ["granted", "expired"]


def test_every_message_that_goes_up_belongs_to_an_application_that_is_on() -> None:
    made = stage()
    for name in EXAMPLES:
        if name.startswith("coop."):
            continue
        assert name.split(".")[0] in {one.name for one in made.desk.applications}
    assert made.desk.parameters == SessionParameters()
