"""Warnings of what the roadside tells: hazards, limits, signs, jams; to whom, from when to when."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chelu.applications.common import JamParameters
from chelu.roads import sumo
from chelu.roads.geometry import at
from chelu.roads.network import Kind
from services.inference.city.jams import JamMonitor
from services.inference.city.segments import INTERVAL_S, SegmentMonitor, Segments
from services.inference.network import NetworkRoads
from tests.unit.inference import scenes
from tests.unit.inference.rsis import event, minute, path, rsi, sign, spot, told
from tests.unit.inference.scenes import EPOCH_US, Car, drive, raised, site

FILE = Path(__file__).parents[3] / "simulators" / "data" / "district.net.xml.gz"
AHEAD: dict[str, Any] = {"event_pos": spot(0, 200), "event_radius_m": 10.0}
ALONG = path((0, 100), (0, 300))


@pytest.fixture(scope="module")
def network():
    return sumo.read(FILE.read_bytes())


@pytest.fixture(scope="module")
def roads(network):
    return NetworkRoads(network)


def _warned(cars, *messages, seconds=12.0, where=None):
    """Every change with the time it came at, of cars that drive where these messages were heard."""
    place = where or site()
    place.hear(told(*messages), ())
    return drive(cars, seconds, place)


def _spells(changes, application: str) -> list[tuple[int, float, float]]:
    """(vehicle, raised, cleared) of an application's warnings; 99 for one that still stands."""
    begins = {
        one.warning_id: (one.host.vehicle_id, t) for t, one in changes if one.state == "raised" and one.application == application
    }
    ends = {one.warning_id: t for t, one in changes if one.state == "cleared"}
    return sorted((*begins[name], ends.get(name, 99.0)) for name in begins)


def test_who_drives_into_a_hazard_is_warned_until_he_has_left_it() -> None:
    changes = _warned([Car(1, (0, 0, 0), 0, 20), Car(2, (3.5, 0, 0), 180, 20)], rsi(event(401, **AHEAD)), seconds=16)
    ((vehicle, begins, ends),) = _spells(changes, "hlw")
    assert vehicle == 1
    assert (190 - 20 * begins) / 20 == pytest.approx(8.0, abs=0.4)  # `warn_s` before the hazard
    assert 210 / 20 <= ends <= 210 / 20 + 0.9
    (one,) = [one for _, one in raised(changes, "hlw")]
    assert one.subject is not None
    assert (one.subject.kind, one.subject.facts["code"]) == ("event", 401)
    assert one.subject.place[1] == pytest.approx(200, abs=0.1)
    assert one.distance_m == pytest.approx(8.0 * 20, abs=10)


def test_two_units_and_a_computer_that_tell_one_hazard_warn_once() -> None:
    same = event(401, 9, event_pos=spot(3, 205), event_radius_m=12.0)
    changes = _warned([Car(1, (0, 0, 0), 0, 20)], rsi(event(401, **AHEAD)), rsi(same, sender=3), rsi(same, sender=4))
    assert len(raised(changes, "hlw")) == 1


def test_a_hazard_on_the_other_carriageway_or_past_warns_nobody() -> None:
    against = event(501, event_pos=spot(-6, 200), event_radius_m=4.0, reference_paths=[path((-6, 400), (-6, 0), radius_m=4.0)])
    assert _spells(_warned([Car(1, (0, 0, 0), 0, 20)], rsi(against)), "hlw") == []
    assert _spells(_warned([Car(1, (0, 215, 0), 0, 20)], rsi(event(401, **AHEAD))), "hlw") == []


def test_a_withdrawn_hazard_clears_its_warnings() -> None:
    place = site()
    place.hear(told(rsi(event(401, **AHEAD))), ())
    first = drive([Car(1, (0, 0, 0), 0, 20)], 4.0, place)
    assert _spells(first, "hlw")
    over = event(401, **AHEAD, time_details={"end_time": minute(-120)})
    place.hear(told(rsi(over, at_s=4.0)), ())
    later = drive([Car(1, (0, 0, 0), 0, 20)], 2.0, place, start=4.0)
    assert [one.state for t, one in later if t >= 4.5 and one.application == "hlw"] == ["cleared"]


def test_who_first_appears_shortly_before_a_hazard_is_warned_at_once() -> None:
    changes = _warned([Car(1, (0, 160, 0), 0, 20)], rsi(event(401, **AHEAD)))
    assert _spells(changes, "hlw")[0][1] == 0.0


LIMIT = sign(85, text="限速40", reference_paths=[ALONG])


@pytest.mark.parametrize(("kmh", "is_warned"), [(39, False), (43, False), (47, True), (70, True)])
def test_a_limit_holds_along_its_sign_s_path_with_a_tolerance(kmh, is_warned) -> None:
    changes = _warned([Car(1, (1, 110, 0), 0, kmh / 3.6)], rsi(signs=(LIMIT,)), seconds=5)
    assert bool(_spells(changes, "slw")) is is_warned


def test_a_limit_is_told_of_before_it_begins_to_who_does_not_slow_down() -> None:
    fast = _spells(_warned([Car(1, (1, 0, 0), 0, 20)], rsi(signs=(LIMIT,)), seconds=8), "slw")
    (_, begins, ends), *more = fast
    left = 100 - 20 * begins
    assert more == []
    assert 20 < left < 100
    assert ends == 99.0
    slows = Car(1, (1, 0, 0), 0, 20, lambda t: -1.4 if t > 0.2 else 0.0)
    assert _spells(_warned([slows], rsi(signs=(LIMIT,)), seconds=5), "slw") == []


def test_who_slows_down_to_the_limit_is_let_off_with_hysteresis() -> None:
    slowing = Car(1, (1, 110, 0), 0, 16, lambda t: -1.5 if 1 <= t < 4.2 else 0.0)
    ((_, begins, ends),) = _spells(_warned([slowing], rsi(signs=(LIMIT,)), seconds=8), "slw")
    assert begins <= 0.3
    assert 1 + (16 - 40 / 3.6 - 0.3) / 1.5 <= ends <= 1 + (16 - 40 / 3.6 - 0.3) / 1.5 + 1.1


def test_the_lowest_of_several_limits_counts() -> None:
    other = sign(85, 2, text="30", reference_paths=[ALONG])
    changes = _warned([Car(1, (1, 110, 0), 0, 12)], rsi(signs=(LIMIT, other)), seconds=3)
    (one,) = [one for _, one in raised(changes, "slw")]
    assert one.subject is not None
    assert one.subject.facts["limit_mps"] == pytest.approx(30 / 3.6, abs=0.01)


@pytest.mark.parametrize(("vehicle_class", "is_warned"), [(25, True), (10, False), (0, False)])
def test_a_limit_for_trucks_is_for_trucks(vehicle_class, is_warned) -> None:
    place = site()
    place.hear(told(rsi(signs=(sign(85, text="货车40", reference_paths=[ALONG]),))), ())
    changes = []
    for tick in range(20):
        rows = replace(scenes.report([Car(1, (1, 110, 0), 0, 16)], tick * 0.1), vehicle_class=np.array([vehicle_class]))
        changes += [(tick * 0.1, one) for one in place.step(rows, EPOCH_US + tick * 100_000)]
    assert bool(_spells(changes, "slw")) is is_warned


def test_a_sign_whose_number_cannot_be_read_is_shown_and_limits_nobody() -> None:
    changes = _warned([Car(1, (1, 110, 0), 0, 40)], rsi(signs=(sign(85, text="30-60", reference_paths=[ALONG]),)), seconds=3)
    assert {one.application for _, one in raised(changes)} == {"ivs"}


def test_the_road_s_own_limit_counts_where_no_sign_says_other(network, roads) -> None:
    lane = int(
        np.flatnonzero((network.lane_kind() == Kind.ROAD) & (network.lanes.length_m > 150) & (network.lanes.users & 1 > 0))[0]
    )
    start, end = network.lanes.shape[lane][:2]
    heading = float(np.degrees(np.arctan2(*(end - start)[:2])) % 360)
    limit = float(network.lanes.speed_limit_mps[lane])
    for speed, is_warned in ((limit + 0.5, False), (limit + 3.0, True)):
        changes = drive([Car(1, tuple(start), heading, speed)], 2.0, site(roads=roads))
        found = raised(changes, "slw")
        assert bool(found) is is_warned
        assert all(one.subject.id == f"road/{round(limit * 3.6)}" for _, one in found if one.subject is not None)
    assert raised(drive([Car(1, (*start[:2] + 500_000, 0), heading, 60)], 2.0, site(roads=roads)), "slw") == []


def test_every_sign_is_shown_once_from_shortly_before_it_holds_until_its_end() -> None:
    signs = tuple(sign(code, number, reference_paths=[ALONG]) for number, code in enumerate((2, 10, 38)))
    cars = [Car(1, (1, -100, 0), 0, 20), Car(2, (-1, 400, 0), 180, 20)]
    changes = _warned(cars, rsi(signs=signs), seconds=22)
    found = _spells(changes, "ivs")
    assert [vehicle for vehicle, *_ in found] == [1, 1, 1]
    for _, begins, ends in found:
        assert 100 - (20 * begins - 100) == pytest.approx(150, abs=8)
        assert 400 / 20 <= ends <= 400 / 20 + 0.9
    facts = [one.subject.facts for _, one in raised(changes, "ivs") if one.subject is not None]
    assert {one["name"] for one in facts} == {"sharp bend", "pedestrians", "roadworks"}


JAM = event(707, reference_paths=[path((0, 200), (0, 600))])


def test_who_comes_to_a_jam_is_warned_of_its_end_and_who_is_in_it_is_not() -> None:
    cars = [Car(1, (0, 0, 0), 0, 20), Car(2, (2, 300, 0), 0, 6), Car(3, (0, 0, 0), 0, 3), Car(4, (-4, 700, 0), 180, 20)]
    changes = _warned(cars, rsi(JAM), seconds=14)
    ((vehicle, begins, ends),) = _spells(changes, "tjw")
    assert vehicle == 1
    assert begins <= 0.3  # 200 m and 10 s before
    assert 10.0 <= ends <= 11.0


def test_of_two_jams_the_nearer_is_told() -> None:
    further = event(707, 2, reference_paths=[path((0, 260), (0, 600))])
    changes = _warned([Car(1, (0, 60, 0), 0, 20)], rsi(JAM, further), seconds=5)
    (one,) = [one for _, one in raised(changes, "tjw")]
    assert one.subject is not None
    assert one.subject.place[1] == pytest.approx(200, abs=0.1)


def _minute(monitor: JamMonitor, cars: int, speed: float, *, begin_s: float = 0.0, seconds: float = 60.0):
    """What the monitor says of a link of 200 m on which so many cars drive at this speed."""
    segments, found = SegmentMonitor(Segments(np.array([200.0]), np.array([1]), np.array([16.0]), np.array([0]))), []
    for tick in range(round(seconds / 0.5) + 1):
        at_us = EPOCH_US + round((begin_s + tick * 0.5) * 1e6)
        lane, pace = np.zeros(cars, np.int64), np.full(cars, speed, np.float64)
        result = segments.sample(lane, pace, at_us)
        if result is not None:
            found.append(monitor.update(result, lane, np.linspace(60.0, 160.0, cars), pace))
    return found


def _monitor() -> JamMonitor:
    return JamMonitor(Segments(np.array([200.0]), np.array([1]), np.array([16.0]), np.array([0])), JamParameters())


def test_traffic_that_crawls_for_a_minute_is_a_jam_and_its_tail_is_where_the_last_one_is() -> None:
    found = _minute(_monitor(), 12, 1.5, seconds=70)
    assert [len(one) for one in found].index(1) == round(60 / INTERVAL_S) - 1
    assert found[-1][0].tail_m == 60.0
    assert found[-1][0].mean_speed_mps == pytest.approx(1.5)


@pytest.mark.parametrize(("cars", "speed"), [(12, 8.0), (2, 1.0), (12, 5.0)])
def test_flowing_traffic_and_two_slow_vehicles_are_no_jam(cars, speed) -> None:
    assert not any(_minute(_monitor(), cars, speed, seconds=90))


def test_a_queue_at_a_red_light_is_no_jam() -> None:
    monitor, found = _monitor(), []
    for cycle in range(3):
        found += _minute(monitor, 8, 0.0, begin_s=60.0 * cycle, seconds=25)
        found += _minute(monitor, 8, 12.0, begin_s=60.0 * cycle + 30, seconds=25)
    assert not any(found)


def test_a_jam_is_over_when_traffic_flows_again() -> None:
    monitor = _monitor()
    assert _minute(monitor, 12, 1.5)[-1]
    assert not _minute(monitor, 6, 12.0, begin_s=60.0, seconds=70)[-1]


def _along(network, lane: int, metres: float) -> tuple[tuple[float, float, float], float]:
    """A place on a lane and the lane's heading there."""
    points = network.lanes.shape[lane]
    far = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    one, two = at(points, far, np.array([metres, metres + 1.0]))
    return (float(one[0]), float(one[1]), float(one[2])), float(np.degrees(np.arctan2(*(two - one)[:2])) % 360)


def _later(cars: list[Car], by_s: float):
    """What cars say at their beginning, said later."""
    rows, shift = scenes.report(cars, 0.0), round(by_s * 1e6)
    return replace(rows, time_us=rows.time_us + shift, arrival_us=rows.arrival_us + shift), EPOCH_US + shift


def test_a_jam_that_the_site_sees_itself_warns_who_comes_to_it(network, roads) -> None:
    links, lanes = network.connections, network.lanes
    is_road = (network.lane_kind() == Kind.ROAD) & (lanes.length_m < 240) & (lanes.users & 1 > 0)
    fit = is_road[links.from_lane] & is_road[links.to_lane] & (links.direction == "s")
    before, lane = int(links.from_lane[fit][0]), int(links.to_lane[fit][0])
    beside = np.flatnonzero(is_road & (lanes.link == lanes.link[lane])).tolist()
    spots = [(one, 40.0 + 8.0 * number) for one in beside for number in range(12)]
    queue = [Car(10 + number, *_along(network, *spot), 0.0) for number, spot in enumerate(spots)]
    place = site(roads=roads)
    for tick in range(140):
        rows, now_us = _later(queue, 0.5 * tick)
        assert raised([(0.0, one) for one in place.step(rows, now_us)], "tjw") == []
        place.segments()
    comes = [Car(1, *_along(network, before, 0.9 * float(lanes.length_m[before])), 13.0)]
    changes = [(0.1 * tick, one) for tick in range(4) for one in place.step(*_later(comes, 70.0 + 0.1 * tick))]
    (one,) = [one for _, one in raised(changes, "tjw")]
    assert one.host.vehicle_id == 1
    assert 40.0 < one.distance_m < 40.0 + 0.1 * float(lanes.length_m[before]) + 40.0
    assert one.subject is not None
    np.testing.assert_allclose(one.subject.place, _along(network, lane, 40.0)[0], atol=12.0)  # of the link's lanes one


def test_the_same_messages_give_the_same_things_and_warnings() -> None:
    def run() -> list[tuple[float, str, str]]:
        changes = _warned([Car(1, (0, 0, 0), 0, 20)], rsi(event(401, **AHEAD), signs=(LIMIT,)), seconds=11)
        return [(t, one.state, one.subject.id) for t, one in changes if one.subject is not None]

    assert run() == run()


def test_ten_thousand_events_and_rubbish_warn_nobody_wrongly_and_stop_nothing() -> None:
    counts: Counter[str] = Counter()
    bad = [event(401), event(9_999, event_pos=spot(0, 50)), event(401, reference_paths=[path((0, 9))])]
    many = [
        rsi(event(401, n % 256, event_pos=spot(30.0 * (n % 100) - 6000, 30.0 * (n // 100))), sender=10 + n // 256)
        for n in range(10_000)
    ]
    place = site()
    place.hear(told(rsi(*bad), *many, counts=counts), ())
    changes = drive([Car(1, (0, 0, 0), 0, 20)], 1.0, place)
    assert (counts["event_nowhere"], place.events.counts["event_unknown"]) == (1, 1)
    assert place.events.counts["event_crowded"] > 8_000
    assert len(raised(changes, "hlw")) == 1  # the place of one point, 9 m ahead
