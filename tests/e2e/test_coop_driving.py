"""Shared perception, lane change, merge and crossing on foot from end to end: real agents, broker, inference and database."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulators.coop.participant import Course, Participant, straight
from tests.e2e.coop_site import CoopSite
from tests.e2e.test_coop import ended, seen
from tests.fix_broker import RunningBroker
from tests.unit.inference.coop_stage import SIZE, lane
from tests.unit.inference.small_roads import LANE_M, ramp_file
from tests.unit.inference.test_coop_driving import LEFT, RAMP, RIGHT, place
from tests.waiting import until


@pytest.fixture
def site(database_url: str, broker: RunningBroker, tmp_path: Path) -> Iterator[CoopSite]:
    """A main line with a ramp, and three units in the register."""
    made = CoopSite(database_url, broker, tmp_path)
    made.prepare(ramp_file())
    for name in ("obu-1", "obu-2", "walker"):
        made.register(name, "obu")
    yield made
    made.close()


def course(points: np.ndarray, begin_m: float, speed_mps: float) -> Course:
    """With a height, which is the road's."""
    return Course(np.column_stack([points, np.zeros(len(points))]), begin_m, speed_mps)


def told(vehicle: Participant, kind: str, **what: Any) -> bool:
    """Whether it has heard a message of this kind with these values."""
    return any(all(one.get(name) == value for name, value in what.items()) for one in vehicle.heard(kind))


def test_who_asks_for_an_area_is_told_who_is_in_it(site: CoopSite) -> None:
    with site.inference():
        one = site.vehicle("obu-1", course(RIGHT, 200.0, 1.0))
        two = site.vehicle("obu-2", course(LEFT, 210.0, 1.0))
        seen(one, two)
        number = one.ask("sensor_sharing.request", area={"centre": place(-90.0, 0.0), "radius_m": 60.0}, duration_s=4.0)
        until(partial(told, one, "sensor_sharing.answer", answers=number, decision="granted"), 20, "the answer")
        until(lambda: len(one.heard("sensor_sharing.objects")) >= 5, 20, "five messages")
        assert all(len(each["objects"]) == 1 for each in one.heard("sensor_sharing.objects"))
        until(partial(ended, site, "expired", number), 30, "its end")


def test_a_lane_change_is_granted_when_the_vehicle_behind_has_made_room(site: CoopSite) -> None:
    with site.inference():
        one = site.vehicle("obu-1", course(RIGHT, 60.0, 4.0), obeys=False)
        two = site.vehicle("obu-2", course(LEFT, 55.0, 4.0), obeys=False)
        seen(one, two)
        number = one.ask(
            "lane_change.request", motion=one.motion(), size=SIZE, from_lane=lane(1, 2, 2), to_lane=lane(1, 2, 1), start_in_s=1.0,
            duration_s=30.0,
        )  # fmt: skip
        until(partial(told, two, "lane_change.yield", for_vehicle="obu-1"), 20, "the one behind to be asked")
        two.speed_mps = 1.0
        until(partial(told, one, "lane_change.answer", answers=number, decision="granted"), 30, "the gap")
        one.course = course(LEFT, 0.0, 4.0)
        until(partial(ended, site, "done", number), 30, "it to be on the lane")
    heard = site.rows("SELECT count(*) FROM city.coop WHERE what = 'heard' AND document ->> 'type' = 'lane_change.consent'")
    assert heard == [(1,)]


def test_a_ramp_and_a_main_line_are_put_in_order(site: CoopSite) -> None:
    with site.inference():
        one = site.vehicle("obu-1", course(RAMP, 60.0, 8.0), obeys=False)
        two = site.vehicle("obu-2", course(RIGHT, 54.0, 8.0))
        seen(one, two)
        number = one.ask(
            "merge.request", motion=one.motion(), size=SIZE, ramp=lane(4, 2), main_line=lane(1, 2, 2), arrival_in_s=25.0
        )
        until(partial(told, one, "merge.guidance", answers=number, decision="granted"), 20, "the guidance")
        mine = one.heard("merge.guidance")[0]
        assert {mine.get("ahead"), mine.get("behind")} == {"obu-2", None}
        one.speed_mps = mine["speed_mps"]
        until(partial(ended, site, "done", number), 90, "it to have merged")


def test_somebody_on_foot_crosses_when_the_vehicle_that_comes_gives_way(site: CoopSite) -> None:
    with site.inference():
        car = site.vehicle("obu-1", straight((-280.0, -LANE_M, 0.0), (290.0, -LANE_M, 0.0), 6.0))
        walker = site.vehicle("walker", straight((-100.0, -9.0, 0.0), (-100.0, 6.0, 0.0), 0.0))
        seen(car, walker)
        number = walker.ask(
            "vru.request", role="pedestrian", motion=walker.motion(), towards=place(-100.0, 6.0), start_in_s=15.0, duration_s=15.0
        )
        until(partial(told, car, "vru.notice"), 30, "the vehicle to be told")
        until(partial(told, walker, "vru.answer", answers=number, decision="granted"), 60, "the word to cross")
        assert car.speed_mps <= 1.0
        walker.ask("coop.cancel", answers=number)
        until(partial(ended, site, "cancelled", number), 20, "its end")
