"""Crossings without signals: who may cross when, who waits, whose right is taken back."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.coop.intersection import IntersectionParameters
from services.inference.coop.streets import Streets
from services.inference.coop.zones import CLEAR_M, Zones, sampled, shared
from tests.unit.inference.coop_stage import SIZE, Stage, lane
from tests.unit.inference.small_roads import ARM_M, HALF_M, crossing

LINE_M = ARM_M - HALF_M


def path(a: int, b: int) -> np.ndarray:
    """From the outer end of arm a to the outer end of arm b."""
    streets = Streets(crossing())
    way = next(
        one
        for one in streets.ways(streets.node_after(_lane(a)))
        if (one.from_lane, one.to_lane) == (_lane(a), _lane(b, out=True))
    )
    shape = streets.network.lanes.shape
    return np.concatenate([shape[way.from_lane], way.points[1:-1], shape[way.to_lane]])


def _lane(arm: int, *, out: bool = False) -> int:
    return crossing().lane_of[f"5to{arm}_0" if out else f"{arm}to5_0"]


def ask(stage: Stage, name: str, a: int, b: int, arrival_s: float, **more) -> int:
    return stage.say(
        name, "intersection.request", intersection={"region": 0, "id": 5}, approach=lane(a, 5), exit=lane(5, b),
        motion=stage.motion(name), size=SIZE, arrival_in_s=arrival_s, **more,
    )  # fmt: skip


def two(first: tuple[int, int] = (3, 1), second: tuple[int, int] = (4, 2)) -> Stage:
    """Two vehicles that would be at the line together in 8 s."""
    stage = Stage(crossing())
    stage.car("obu-1", path(*first), LINE_M - 85.0, 10.0)
    stage.car("obu-2", path(*second), LINE_M - 85.0, 10.0)
    stage.tick(0.5)
    return stage


def holds(stage: Stage):
    """Every hold of every node."""
    return [hold for one in stage.desk.applications for node in getattr(one, "nodes", {}).values() for hold in node.book.holds()]


def test_ways_over_a_crossing_are_all_that_one_can_drive() -> None:
    streets = Streets(crossing())
    assert len(streets.ways(streets.node_after(_lane(1)))) == 12
    assert len(streets.ways_from(_lane(1))) == 3


def test_ways_that_cross_share_a_zone_and_those_that_do_not_share_none() -> None:
    streets = Streets(crossing())
    ways = streets.ways(streets.node_after(_lane(1)))
    by_ends = {(one.from_lane, one.to_lane): one for one in ways}
    northward, southward = by_ends[_lane(3), _lane(1, out=True)], by_ends[_lane(1), _lane(3, out=True)]
    eastward = by_ends[_lane(4), _lane(2, out=True)]
    assert shared(northward, southward) is None
    parts = shared(northward, eastward)
    assert parts is not None
    for way, (begin, end) in zip((northward, eastward), parts, strict=True):
        assert 0 < begin < end < way.length_m
        assert end - begin == pytest.approx(2 * CLEAR_M, abs=2.0)
    at, points = sampled(northward)
    assert at[-1] == pytest.approx(way.length_m)
    assert len(at) == len(points)
    zones = Zones(ways)
    mine, other = ({one.zone for one in zones.of(way)} for way in (northward, eastward))
    assert len(mine & other) == 1
    assert not {one.zone for one in zones.of(northward)} & {one.zone for one in zones.of(southward)}


def test_two_whose_ways_cross_get_times_one_after_the_other_and_both_are_done_when_they_have_crossed() -> None:
    stage = two()
    first, second = ask(stage, "obu-1", 3, 1, 8.0), ask(stage, "obu-2", 4, 2, 8.0)
    stage.tick(0.1)
    one, other = (stage.told(name, "intersection.reservation")[-1] for name in ("obu-1", "obu-2"))
    assert one["decision"] == other["decision"] == "granted"
    mine = {slot["zone"]: slot for slot in one["slots"]}
    both = [(mine[slot["zone"]], slot) for slot in other["slots"] if slot["zone"] in mine]
    assert both
    for early, late in both:
        assert early["from_us"] + early["duration_s"] * 1e6 <= late["from_us"] + 1000
    assert other["speed_mps"] < one["speed_mps"] == pytest.approx(10.0, abs=0.3)
    stage.actors[1].speed = other["speed_mps"]
    stage.tick(20.0)
    assert stage.states(first) == ["granted", "done"]
    assert stage.states(second) == ["granted", "done"]
    assert holds(stage) == []


def test_two_whose_ways_do_not_cross_go_together() -> None:
    stage = two((3, 1), (1, 3))
    ask(stage, "obu-1", 3, 1, 8.0)
    ask(stage, "obu-2", 1, 3, 8.0)
    stage.tick(0.1)
    for name in ("obu-1", "obu-2"):
        assert stage.told(name)[-1]["speed_mps"] == pytest.approx(10.0, abs=0.3)


def test_who_falls_behind_its_plan_is_revoked_and_its_zones_are_free_for_the_next() -> None:
    stage = two()
    first = ask(stage, "obu-1", 3, 1, 8.0)
    stage.tick(0.1)
    stage.actors[0].speed = 1.0
    stage.tick(4.0)
    assert stage.states(first) == ["granted", "revoked"]
    assert "behind its plan" in stage.told("obu-1", "coop.refusal")[-1]["reason"]
    ask(stage, "obu-2", 4, 2, 4.0)
    stage.tick(0.1)
    assert stage.told("obu-2")[-1]["decision"] == "granted"
    assert {hold.session_id for hold in holds(stage)} == {one.session.session_id for one in stage.notes[-1:] if one.session}


def test_who_crosses_the_line_before_its_time_is_revoked_and_the_other_waits() -> None:
    stage = two()
    ask(stage, "obu-1", 3, 1, 8.0)
    second = ask(stage, "obu-2", 4, 2, 8.0)
    stage.tick(0.1)
    stage.actors[0].speed = 3.0
    stage.actors[1].speed = 16.0
    stage.tick(6.0)
    assert stage.states(second)[-1] == "revoked"
    assert "before its time" in stage.told("obu-2", "coop.refusal")[-1]["reason"]


def test_who_stops_in_the_crossing_keeps_it_and_the_next_waits() -> None:
    stage = two()
    first, second = ask(stage, "obu-1", 3, 1, 8.0), ask(stage, "obu-2", 4, 2, 8.0)
    stage.tick(0.1)
    stage.actors[1].speed = 80 / 11.0
    stage.tick(8.6)
    stage.actors[0].speed = 0.0
    stage.tick(3.0)
    assert stage.states(first) == ["granted"]
    assert "delayed" in stage.states(second) or "revoked" in stage.states(second)
    assert "occupied" in str([one["reason"] for one in stage.told("obu-2") if "reason" in one])


def test_an_emergency_vehicle_on_duty_goes_before_who_can_still_stop() -> None:
    stage = Stage(crossing())
    stage.car("obu-1", path(3, 1), LINE_M - 85.0, 10.0)
    stage.car("ambulance", path(4, 2), LINE_M - 85.0, 10.0, responds=True, rights={"ambulance", "emergency"})
    stage.tick(0.5)
    first, second = ask(stage, "obu-1", 3, 1, 8.0), ask(stage, "ambulance", 4, 2, 8.0)
    stage.tick(0.1)
    assert stage.states(second) == ["granted"]
    assert stage.told("ambulance")[-1]["speed_mps"] == pytest.approx(10.0, abs=0.3)
    assert stage.states(first)[:2] == ["granted", "delayed"]
    stage.tick(1.0)
    assert stage.states(first)[-1] == "granted"


def test_who_waits_behind_one_that_stands_and_has_no_unit_is_told_so_and_goes_when_it_has_gone() -> None:
    stage = Stage(crossing())
    stage.car("obu-1", path(3, 1), LINE_M - 60.0, 5.0)
    blocker = stage.car("plain", path(3, 1), LINE_M - 4.0, 0.0, key=0)
    stage.tick(0.5)
    number = ask(stage, "obu-1", 3, 1, 12.0)
    stage.tick(0.1)
    assert "stands before it" in stage.told("obu-1")[-1]["reason"]
    blocker.speed = 10.0
    stage.tick(2.0)
    assert stage.states(number) == ["delayed", "granted"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"intersection": {"region": 0, "id": 77}}, "intersection 0/77 is not in the site's network"),
        ({"approach": lane(1, 5), "exit": lane(5, 2)}, "not within 300 m before the approach"),
        ({"approach": lane(3, 5, 2)}, "lane 2 from intersection 3 to 5 is not in the site's network"),
        ({"exit": lane(5, 3)}, "no way leads from approach to exit"),
    ],
)
def test_what_does_not_fit_the_roads_is_refused_saying_why(change, why) -> None:
    stage = two()
    body = {
        "intersection": {"region": 0, "id": 5}, "approach": lane(3, 5), "exit": lane(5, 1), "motion": stage.motion("obu-1"),
        "size": SIZE, "arrival_in_s": 8.0, **change,
    }  # fmt: skip
    stage.say("obu-1", "intersection.request", **body)
    stage.tick(0.1)
    answer = stage.told("obu-1", "intersection.reservation")[-1]
    assert answer["decision"] == "refused"
    assert why in answer["reason"]


def test_who_is_not_in_the_picture_and_who_asks_for_another_are_refused() -> None:
    stage = two()
    stage.device("obu-9")
    body = {"intersection": {"region": 0, "id": 5}, "approach": lane(3, 5), "exit": lane(5, 1), "size": SIZE, "arrival_in_s": 8.0}
    stage.say("obu-9", "intersection.request", motion=stage.motion("obu-1"), **body)
    stage.say("obu-2", "intersection.request", motion=stage.motion("obu-1"), **body)
    stage.tick(0.1)
    assert "the picture knows no vehicle of obu-9" in stage.told("obu-9")[-1]["reason"]
    assert "it may ask for itself only" in stage.told("obu-2")[-1]["reason"]


def test_a_crossing_with_signals_is_not_ours_to_give() -> None:
    stage = Stage(crossing(has_signals=True))
    stage.car("obu-1", path(3, 1), LINE_M - 85.0, 10.0)
    stage.tick(0.5)
    stage.say(
        "obu-1", "intersection.request", intersection={"region": 0, "id": 5}, approach=lane(3, 5), exit=lane(5, 1),
        motion=stage.motion("obu-1"), size=SIZE, arrival_in_s=8.0,
    )  # fmt: skip
    stage.tick(0.1)
    assert "has signals" in stage.told("obu-1")[-1]["reason"]


def test_a_release_by_whoever_still_stands_in_the_crossing_is_refused_and_one_before_frees_it() -> None:
    stage = two()
    stage.actors[1].speed = 4.0
    number = ask(stage, "obu-1", 3, 1, 8.0)
    stage.tick(8.8)
    stage.say("obu-1", "intersection.release", answers=number, outcome="crossed")
    stage.turn()
    assert "still in the crossing" in stage.told("obu-1", "coop.refusal")[-1]["reason"]
    other = ask(stage, "obu-2", 4, 2, 8.0)
    stage.turn()
    stage.say("obu-2", "intersection.release", answers=other, outcome="cancelled")
    stage.turn()
    assert stage.states(other)[-1] == "cancelled"


def test_the_margin_is_not_less_than_the_drift_or_two_could_meet() -> None:
    assert IntersectionParameters().drift_s < IntersectionParameters().margin_s
