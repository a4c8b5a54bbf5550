"""Lane changes, merging, shared perception and crossing on foot: who is asked, who is told, and what the picture makes of it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from chelu.topics import Kind
from services.inference.coop.live import Party
from services.inference.coop.merge import Comer, first_come, order
from services.inference.reports import Participant
from tests.unit.inference.coop_stage import FRAME, SIZE, Stage, lane
from tests.unit.inference.small_roads import LANE_M, crossing, ramp

RIGHT = np.array([[-300.0, -LANE_M], [300.0, -LANE_M]])
LEFT = np.array([[-300.0, 0.0], [300.0, 0.0]])
RAMP = np.array([[-300.0, -60.0], [-60.0, -10.0], [-20.0, -LANE_M - 3], [0.0, -LANE_M], [300.0, -LANE_M]])


def place(x: float, y: float) -> dict[str, float]:
    latitude, longitude, _ = (float(one[0]) for one in FRAME.to_geodetic(np.array([[x, y, 0.0]])))
    return {"latitude_deg": latitude, "longitude_deg": longitude}


# -- lane change -------------------------------------------------------------------------------------------------------------


def changes(stage: Stage, name: str = "obu-1", **more: Any) -> int:
    body = {"from_lane": lane(1, 2, 2), "to_lane": lane(1, 2, 1), "start_in_s": 1.0, "duration_s": 4.0, "size": SIZE, **more}
    return stage.say(name, "lane_change.request", motion=stage.motion(name), **body)


def two_lanes(behind_m: float = 12.0, key: int | None = None) -> Stage:
    """One on the right lane, one behind it on the left."""
    stage = Stage(ramp())
    stage.car("obu-1", RIGHT, 60.0, 12.0)
    stage.car("obu-2", LEFT, 60.0 - behind_m, 12.0, key=key)
    stage.tick(0.5)
    return stage


def test_into_a_gap_that_is_there_one_may_change_at_once_and_is_done_when_it_is_there() -> None:
    stage = two_lanes(behind_m=40.0)
    number = changes(stage)
    stage.tick(0.1)
    assert stage.told("obu-1", "lane_change.answer")[-1]["decision"] == "granted"
    assert stage.told("obu-2") == []
    stage.actors[0].path = LEFT
    stage.tick(1.0)
    assert stage.states(number) == ["granted", "done"]


def test_the_vehicle_behind_is_asked_and_when_it_has_made_room_the_change_is_granted() -> None:
    stage = two_lanes()
    number = changes(stage)
    stage.tick(0.3)
    notice = stage.told("obu-2", "lane_change.yield")
    assert len(notice) == 1
    assert notice[0]["for_vehicle"] == "obu-1"
    assert stage.told("obu-1") == []
    stage.say("obu-2", "lane_change.consent", answers=notice[0]["seqNum"], decision="granted")
    stage.tick(0.1)
    assert stage.told("obu-1")[-1]["decision"] == "delayed"
    stage.actors[1].speed = 8.0
    stage.tick(3.5)
    assert stage.states(number) == ["delayed", "granted"]
    stage.actors[1].speed = 17.0  # it thinks better of it
    stage.tick(2.0)
    assert stage.states(number)[:3] == ["delayed", "granted", "delayed"]


def test_a_gap_that_jitters_about_its_bound_does_not_take_a_grant_back() -> None:
    stage = two_lanes(behind_m=4.6 + 4.0 + 12.0 + 0.1)  # a hair more than is needed at 12 m/s
    number = changes(stage)
    for tick in range(20):
        stage.tick(0.1)
        stage.actors[1].s_m += 0.6 if tick % 2 else -0.6
    assert stage.states(number) == ["granted"]


@pytest.mark.parametrize("is_silent", [True, False])
def test_who_refuses_and_who_says_nothing_leave_the_other_waiting_until_its_time_is_over(is_silent) -> None:
    stage = two_lanes()
    number = changes(stage)
    stage.tick(0.2)
    if not is_silent:
        stage.say("obu-2", "lane_change.consent", answers=stage.told("obu-2")[-1]["seqNum"], decision="refused")
    stage.tick(2.5)
    assert stage.states(number) == ["delayed"]
    assert "m to the vehicle behind" in stage.told("obu-1")[-1]["reason"]
    for one in stage.actors:
        one.speed = 0.0
    stage.tick(22.0)
    assert stage.states(number)[-1] == "expired"


def test_who_has_no_unit_is_not_asked_and_nobody_may_answer_for_another() -> None:
    stage = two_lanes(key=0)
    number = changes(stage)
    stage.tick(0.2)
    assert stage.states(number) == ["delayed"]
    stage.device("obu-9")
    stage.say("obu-9", "lane_change.consent", answers=1000, decision="granted")
    stage.tick(0.1)
    assert "is no notice that obu-9 was told" in stage.told("obu-9")[-1]["reason"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"to_lane": lane(2, 3, 1)}, "to_lane is not beside from_lane"),
        ({"to_lane": lane(1, 2, 7)}, "is not in the site's network"),
        ({"from_lane": lane(1, 2, 1), "to_lane": lane(1, 2, 2)}, "the vehicle is not on from_lane"),
    ],
)
def test_a_change_that_the_road_does_not_have_is_refused(change, why) -> None:
    stage = two_lanes()
    changes(stage, **change)
    stage.tick(0.1)
    assert why in stage.told("obu-1", "lane_change.answer")[-1]["reason"]


def test_done_before_it_was_granted_is_refused_and_abandoned_ends_it() -> None:
    stage = two_lanes()
    number = changes(stage)
    stage.tick(2.6)
    stage.say("obu-1", "lane_change.outcome", answers=number, outcome="done")
    stage.tick(0.1)
    assert "was not granted" in stage.told("obu-1", "coop.refusal")[-1]["reason"]
    stage.say("obu-1", "lane_change.outcome", answers=number, outcome="abandoned")
    stage.tick(0.1)
    assert stage.states(number)[-1] == "cancelled"


# -- merge -------------------------------------------------------------------------------------------------------------------


def merges(stage: Stage, name: str = "ramp-1", **more: Any) -> int:
    body = {"ramp": lane(4, 2), "main_line": lane(1, 2, 2), "size": SIZE, "arrival_in_s": 12.0, **more}
    return stage.say(name, "merge.request", motion=stage.motion(name), **body)


def test_a_ramp_and_a_main_line_are_put_in_order_and_both_are_told_their_times() -> None:
    stage = Stage(ramp())
    stage.car("ramp-1", RAMP, 120.0, 12.0)
    stage.car("main-1", RIGHT, 112.0, 12.0)
    stage.tick(0.5)
    number = merges(stage)
    stage.tick(0.2)
    mine, other = stage.told("ramp-1", "merge.guidance")[-1], stage.told("main-1", "merge.guidance")
    times = [one["arrival_us"] for one in (mine, *other)]
    assert mine["decision"] == "granted"
    assert {mine.get("ahead"), mine.get("behind")} == {"main-1", None}
    if other:
        assert abs(times[0] - times[1]) >= 1_750_000
        assert other[-1]["answers"] == number
    for actor, told in zip(stage.actors, (mine, *other), strict=False):
        actor.speed = told["speed_mps"]
    stage.tick(25.0)
    assert stage.states(number)[0] == "granted"
    assert stage.states(number)[-1] == "done"


def test_two_that_come_at_one_time_keep_their_order_when_noise_says_otherwise_and_nobody_obeys() -> None:
    stage = Stage(ramp())
    cars = stage.car("ramp-1", RAMP, 65.5, 8.0), stage.car("main-1", RIGHT, 60.5, 8.0)
    stage.tick(0.5)
    number = merges(stage, arrival_in_s=25.0)
    for step in range(320):
        for sign, one in zip((1, -1), cars, strict=True):
            one.speed = 8.0 + sign * (0.1 if step % 10 < 5 else -0.1)
        stage.tick(0.1)
    places = {(one.get("ahead"), one.get("behind")) for one in stage.told("ramp-1", "merge.guidance")}
    assert len(places - {(None, None)}) == 1
    assert stage.states(number)[-1] == "done"


def test_an_order_changes_when_the_later_fits_in_before() -> None:
    near, far = comer(5.0, 0, key=1), comer(5.9, 1, key=2)
    assert first_come([near, far], {}, 1.0) == [0, 1]
    assert first_come([near, far], {1: 1, 2: 0}, 1.0) == [1, 0]
    assert first_come([near, far], {1: 1, 2: 0}, 0.8) == [0, 1]
    assert first_come([near, far], {2: 0}, 1.0) == [0, 1]


def test_who_merges_goes_behind_a_vehicle_without_a_unit() -> None:
    stage = Stage(ramp())
    stage.car("ramp-1", RAMP, 120.0, 12.0)
    stage.car("plain", RIGHT, 114.0, 12.0, key=0)
    stage.tick(0.5)
    merges(stage)
    stage.tick(0.1)
    told = stage.told("ramp-1", "merge.guidance")[-1]
    assert told["decision"] == "granted"
    assert told["speed_mps"] < 12.0 or told.get("behind") is not None


def test_lanes_that_do_not_merge_and_vehicles_that_are_not_on_the_ramp_are_refused() -> None:
    stage = Stage(ramp())
    stage.car("ramp-1", RAMP, 120.0, 12.0)
    stage.car("main-1", LEFT, 112.0, 12.0)
    stage.tick(0.5)
    merges(stage, main_line=lane(1, 2, 1))
    merges(stage, "main-1")
    stage.tick(0.1)
    assert "do not lead into one lane" in stage.told("ramp-1")[-1]["reason"]
    assert "not on the ramp it names" in stage.told("main-1")[-1]["reason"]


def comer(eta_s: float, branch: int, *, is_told: bool = True, key: int = 1) -> Comer:
    party = Party(0, 0, key, 1, 1, 0, 0, 0, 10, 0, 4.6, 1.8, 0, 0, 0, is_responding=False)
    return Comer(party, eta_s * 10.0, eta_s, is_told, branch)


def test_an_order_keeps_the_headway_lets_nobody_come_sooner_than_it_can_and_moves_nobody_who_cannot_be_told() -> None:
    random = np.random.default_rng(5)
    for _ in range(300):
        comers = [
            comer(float(random.uniform(1, 20)), int(random.integers(2)), is_told=bool(random.random() < 0.7)) for _ in range(8)
        ]
        times = order(comers, 1.8, first_come(comers, {}, 1.0))
        for one, time_s in zip(comers, times, strict=True):
            assert time_s >= one.eta_s - 1e-9
            assert one.is_told or time_s == one.eta_s
        told = sorted(time_s for one, time_s in zip(comers, times, strict=True) if one.is_told)
        assert all(after - before >= 1.8 - 1e-6 for before, after in itertools.pairwise(told))
        for one, time_s in zip(comers, times, strict=True):
            others = [time for other, time in zip(comers, times, strict=True) if other is not one and not other.is_told]
            assert not one.is_told or all(abs(time_s - time) >= 1.8 - 1e-6 for time in others)


# -- shared perception -------------------------------------------------------------------------------------------------------


def shares(
    stage: Stage, name: str = "obu-1", *, at: tuple[float, float] = (0.0, 0.0), radius: float = 50.0, duration: float = 2.0
) -> int:
    return stage.say(name, "sensor_sharing.request", area={"centre": place(*at), "radius_m": radius}, duration_s=duration)


def test_who_asks_is_told_who_is_in_the_area_but_for_itself_as_often_as_said_until_its_time_is_over() -> None:
    stage = Stage(None)
    stage.car("obu-1", [[0, -10], [0, 500]], 0.0, 1.0)
    stage.car("obu-2", [[20, 0], [20, 500]], 0.0, 1.0)
    stage.car("walker", [[5, 5], [5, 50]], 0.0, 1.0, key=0, kind=Participant.PEDESTRIAN)
    stage.car("far", [[90, 0], [90, 500]], 0.0, 1.0, key=0)
    stage.tick(0.5)
    number = shares(stage)
    stage.tick(3.0)
    answer = stage.told("obu-1", "sensor_sharing.answer")[0]
    assert (answer["decision"], answer["period_s"]) == ("granted", 0.1)
    told = stage.told("obu-1", "sensor_sharing.objects")
    assert 15 <= len(told) <= 21
    for one in told:
        assert sorted(each["kind"] for each in one["objects"]) == ["motor", "pedestrian"]
    assert stage.states(number)[-1] == "expired"
    assert len({each["id"] for one in told for each in one["objects"]}) == 2
    assert sum(one.what == "told" for one in stage.notes) <= 5  # not every message is stored


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"radius": 400.0}, "area.radius_m = 400 is not allowed: up to 300"),
        ({"at": (2000.0, 0.0)}, "m from obu-1, 500 m are allowed"),
        ({"duration": 0.0}, "duration_s = 0"),
    ],
)
def test_areas_that_are_too_large_too_far_or_for_no_time_are_refused(asked, why) -> None:
    stage = Stage(None)
    stage.car("obu-1", [[0, -10], [0, 500]], 0.0, 1.0)
    stage.tick(0.5)
    shares(stage, **asked)
    stage.tick(0.1)
    assert why in stage.told("obu-1", "sensor_sharing.answer")[-1]["reason"]


def test_all_requests_together_are_told_no_more_than_the_site_allows() -> None:
    stage = Stage(None, {"coop_sensor_sharing": {"most_a_second": 100}})
    for index in range(20):
        stage.car(f"obu-{index}", [[index * 2.0, 0], [index * 2.0, 500]], 0.0, 1.0)
    stage.tick(0.5)
    for index in range(20):
        shares(stage, f"obu-{index}", at=(20.0, 0.0), duration=10.0)
    stage.tick(4.0)
    objects = sum(len(one["objects"]) for _, _, one in stage.posts if one["type"] == "sensor_sharing.objects")
    assert 100 < objects <= 100 * 5 + 20 * 20


# -- on foot -----------------------------------------------------------------------------------------------------------------


def walks(stage: Stage, name: str = "walker", **more: Any) -> int:
    body = {"role": "pedestrian", "towards": place(6.0, 40.0), "start_in_s": 0.5, "duration_s": 8.0, **more}
    return stage.say(name, "vru.request", motion=stage.motion(name), **body)


def street(*, vehicle: bool = True, away_m: float = 90.0, key: int | None = None, speed: float = 12.0) -> Stage:
    """Somebody at the east edge of the north arm, who wants to the other side, and a vehicle that comes from the south."""
    stage = Stage(crossing())
    stage.car("walker", [[-6.0, 40.0], [-6.0, 41.0]], 0.0, 0.0, kind=Participant.PEDESTRIAN)
    if vehicle:
        stage.car("obu-1", [[1.75, -199.0], [1.75, 199.0]], 239.0 - away_m, speed, key=key)
    stage.tick(0.5)
    return stage


def test_on_an_empty_road_one_may_cross_at_once_and_its_time_ends() -> None:
    stage = street(vehicle=False)
    number = walks(stage)
    stage.tick(0.1)
    answer = stage.told("walker", "vru.answer")[-1]
    assert (answer["decision"], answer["duration_s"]) == ("granted", 8.0)
    stage.tick(10.0)
    assert stage.states(number) == ["granted", "done"]


def test_a_vehicle_that_comes_is_told_and_when_it_gives_way_one_may_cross() -> None:
    stage = street()
    number = walks(stage)
    stage.tick(0.3)
    notice = stage.told("obu-1", "vru.notice")
    assert len(notice) == 1
    assert notice[0]["speed_limit_mps"] == 5.56
    assert stage.told("walker") == []
    stage.say("obu-1", "vru.consent", answers=notice[0]["seqNum"], decision="granted")
    stage.tick(0.1)
    assert stage.states(number) == ["granted"]
    stage.actors[1].speed = 0.0
    stage.tick(9.0)
    assert stage.states(number) == ["granted", "done"]


def test_a_vehicle_that_said_it_would_and_does_not_makes_it_wait_again() -> None:
    stage = street()
    number = walks(stage)
    stage.tick(0.3)
    stage.say("obu-1", "vru.consent", answers=stage.told("obu-1")[-1]["seqNum"], decision="granted")
    stage.tick(6.0)
    assert stage.states(number)[:2] == ["granted", "delayed"]
    assert "does not give way" in stage.told("walker")[-1]["reason"] or stage.states(number)[-1] == "granted"


@pytest.mark.parametrize(("key", "says"), [(None, "refused"), (None, None), (0, None)])
def test_who_refuses_says_nothing_or_has_no_unit_is_waited_for_until_it_has_passed(key, says) -> None:
    stage = street(key=key)
    number = walks(stage)
    stage.tick(0.3)
    if says:
        stage.say("obu-1", "vru.consent", answers=stage.told("obu-1")[-1]["seqNum"], decision=says)
    stage.tick(2.5)
    assert stage.states(number) == ["delayed"]
    stage.tick(12.0)
    assert stage.states(number)[:2] == ["delayed", "granted"]


def test_a_vehicle_that_could_not_stop_any_more_is_not_asked_but_waited_for() -> None:
    stage = street(away_m=35.0, speed=14.0)
    number = walks(stage)
    stage.tick(0.2)
    assert stage.told("obu-1") == []
    assert stage.states(number) == ["delayed"]


def test_a_roadside_unit_may_ask_for_somebody_near_it_and_nobody_for_a_driving_car() -> None:
    stage = street(vehicle=False)
    stage.device("rsu-1", Kind.RSU, place=(29.55036, 106.57, 250.0))
    stage.device("rsu-2", Kind.RSU, place=(29.56, 106.57, 250.0))
    stage.car("obu-2", [[1.75, 0], [1.75, 199]], 0.0, 10.0)
    stage.tick(0.2)
    about = {"role": "child", "towards": place(6.0, 40.0), "start_in_s": 0.5, "duration_s": 8.0}
    there = {"place": place(-6.0, 40.0), "speed_mps": 0.0}
    for name in ("rsu-1", "rsu-2"):
        stage.say(name, "vru.request", motion=there, **about)
    stage.say("obu-2", "vru.request", motion=stage.motion("obu-2"), **about)
    stage.tick(0.1)
    assert stage.told("rsu-2", "vru.answer")[-1]["decision"] == "refused"
    assert "m from rsu-2, 60 m are allowed" in stage.told("rsu-2")[-1]["reason"]
    assert stage.told("obu-2", "vru.answer")[-1]["decision"] == "refused"
    assert any(one["type"] == "vru.answer" for one in stage.told("rsu-1")) or stage.told("obu-2", "vru.notice")
