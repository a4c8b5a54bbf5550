"""Cooperation from end to end: real agents ask through a real broker, inference answers, the database has it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulators.coop.participant import Course, Participant
from tests.e2e.coop_site import CoopSite
from tests.fix_broker import RunningBroker
from tests.unit.inference.coop_stage import SIZE, lane
from tests.unit.inference.small_roads import crossing_file
from tests.unit.inference.test_coop_intersection import LINE_M, path
from tests.waiting import until

Make = Callable[[bytes], CoopSite]
NODE = {"region": 0, "id": 5}
STAGES = [
    {"phases": [1, 3], "green_s": 3, "least_green_s": 1, "most_green_s": 20, "yellow_s": 1, "all_red_s": 0.5},
    {"phases": [2, 4], "green_s": 60, "least_green_s": 1, "most_green_s": 60, "yellow_s": 1, "all_red_s": 0.5},
]


@pytest.fixture
def make_site(database_url: str, broker: RunningBroker, tmp_path: Path) -> Iterator[Make]:
    """Makes a site with a road network."""
    made: list[CoopSite] = []

    def make(network: bytes) -> CoopSite:
        made.append(CoopSite(database_url, broker, tmp_path))
        made[-1].prepare(network)
        return made[-1]

    yield make
    for one in made:
        one.close()


def cross(vehicle: Participant, a: int, b: int, arrival_s: float, **more: Any) -> int:
    return vehicle.ask(
        "intersection.request", intersection=NODE, approach=lane(a, 5), exit=lane(5, b), motion=vehicle.motion(), size=SIZE,
        arrival_in_s=arrival_s, **more,
    )  # fmt: skip


def is_answered(vehicle: Participant, number: int) -> bool:
    return any(one.get("answers") == number for one in vehicle.heard())


def has_sent(vehicle: Participant) -> bool:
    return vehicle.agent.sent.get("bsm", 0) >= 5


def crosses(site: CoopSite, vehicle: Participant, a: int, b: int) -> None:
    """It asks, and asks again when a busy machine has made it miss its time, until it has crossed."""
    numbers = [cross(vehicle, a, b, 9.0)]

    def is_through() -> bool:
        if ended(site, "done", numbers[-1]):
            return True
        if any(ended(site, state, numbers[-1]) for state in ("revoked", "expired", "refused")) and vehicle.way_m < LINE_M:
            numbers.append(cross(vehicle, a, b, 3.0))
        return False

    until(is_through, 90, f"{vehicle.name} to have crossed")


def seen(*vehicles: Participant) -> None:
    """Wait until the platform answers them, and has had some of their messages."""
    for vehicle in vehicles:
        number = vehicle.ask("coop.cancel", answers=1)
        until(partial(is_answered, vehicle, number), 20, "an answer")
        until(partial(has_sent, vehicle), 20, "its messages to be sent")


def span(slot: dict[str, Any]) -> tuple[float, float]:
    return slot["from_us"], slot["from_us"] + slot["duration_s"] * 1e6


def ended(site: CoopSite, state: str, number: int) -> bool:
    return bool(site.rows("SELECT 1 FROM city.coop_session WHERE number = %s AND state = %s", number, state))


def test_two_vehicles_cross_one_after_the_other_and_everything_is_stored(make_site: Make) -> None:
    site = make_site(crossing_file())
    for name in ("obu-1", "obu-2"):
        site.register(name, "obu")
    with site.inference():
        first = site.vehicle("obu-1", Course(path(3, 1), LINE_M - 150, 4.0))
        second = site.vehicle("obu-2", Course(path(4, 2), LINE_M - 150, 4.0))
        seen(first, second)
        numbers = {"obu-1": cross(first, 3, 1, 20.0), "obu-2": cross(second, 4, 2, 20.0)}
        cross(first, 3, 1, 20.0, seqNum=numbers["obu-1"])  # again, as who has heard nothing would
        for one in (first, second):
            until(partial(is_answered, one, numbers[one.name]), 20, "an answer")
        granted = [vehicle.heard("intersection.reservation")[0] for vehicle in (first, second)]
        early, late = ({slot["zone"]: slot for slot in one["slots"]} for one in granted)
        assert set(early) & set(late)
        for zone in set(early) & set(late):
            (_, leaves), (enters, _) = sorted(span(one[zone]) for one in (early, late))
            assert leaves <= enters + 1000
        for one in (first, second):
            one.ask("coop.cancel", answers=numbers[one.name])
            until(partial(ended, site, "cancelled", numbers[one.name]), 20, "the request to be taken back")
        crosses(site, first, 3, 1)
    asked = site.rows("SELECT count(*) FROM city.coop WHERE what = 'asked' AND number = %s", numbers["obu-1"])
    assert asked == [(1,)]


def test_an_ambulance_gets_green_from_the_signals_own_agent_and_the_signal_goes_on_when_it_has_passed(make_site: Make) -> None:
    site = make_site(crossing_file(has_signals=True))
    site.register("van-1", "vehicle", vehicle_kind="emergency vehicle")
    vehicle_key = site.rows("SELECT device_key FROM register.device WHERE device_id = 'van-1'")[0][0]
    site.register("ambulance", "obu", on_vehicle_key=vehicle_key)
    site.register("car", "obu")
    site.register("signal-5", "signal", labels='{"intersection": "5"}')
    with site.inference():
        ear = site.signal("signal-5", signal={"stages": STAGES})
        ambulance = site.vehicle("ambulance", Course(path(3, 1), LINE_M - 100, 12.0), obeys=False)
        car = site.vehicle("car", Course(path(1, 3), LINE_M - 100, 12.0))
        seen(ambulance, car)
        wish = [{"intersection": NODE, "approach": lane(3, 5), "arrival_in_s": 8.0}]
        about = {"role": "ambulance", "urgency": 7, "signals": wish, "duration_s": 60.0}
        until(
            lambda: any(one["signal"]["light"] == "green" for one in ear.all() if "signal" in one),
            15,
            "the cross traffic's green",
        )
        refused = car.ask("priority.request", **about, motion=car.motion())
        number = ambulance.ask("priority.request", **about, motion=ambulance.motion())
        answer = until(lambda: ambulance.heard("priority.answer"), 5, "the signal's word")[-1]
        assert answer["decision"] == "granted", answer
        assert answer["greens"][0]["phase"] == 3
        until(
            lambda: ear.all()[-1]["signal"]["phases"] == [1, 3] and ear.all()[-1]["signal"]["light"] == "green", 15, "its green"
        )
        until(lambda: ended(site, "done", number), 30, "it to have passed")
        until(lambda: ended(site, "refused", refused), 10, "the other to be stored")
        assert "no right of car's vehicle" in car.heard("priority.answer")[0]["reason"]
        until(lambda: ear.all()[-1]["session"] == "" and ear.all()[-1]["signal"]["phases"] == [2, 4], 15, "the usual plan")


def test_whoever_had_a_session_when_inference_ended_is_told_that_it_expired(make_site: Make) -> None:
    site = make_site(crossing_file())
    site.register("obu-1", "obu")
    with site.inference() as process:
        one = site.vehicle("obu-1", Course(path(3, 1), LINE_M - 120, 3.0), obeys=False)
        seen(one)
        number = cross(one, 3, 1, 25.0)
        until(lambda: ended(site, "granted", number), 10, "the session to be stored")
        process.kill()
        process.wait()
    with site.inference():
        until(
            lambda: [o for o in one.heard("coop.refusal") if o["state"] == "expired" and o["answers"] == number], 10, "the word"
        )
        until(lambda: ended(site, "expired", number), 10, "its end to be stored")
        again = cross(one, 3, 1, 10.0)
        until(lambda: [o for o in one.heard("intersection.reservation") if o["answers"] == again], 10, "a new answer")
