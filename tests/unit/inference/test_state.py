"""Traffic state from vehicles that drive over a crossing: what is counted, what it rests on, and what is not believed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chelu.parameters import table
from chelu.roads import sumo
from services.inference.city.state.combine import Doubt
from services.inference.city.state.counters import Counts
from services.inference.city.state.indices import (
    Congestion,
    IndexParameters,
    network_index,
    node_levels,
    road_levels,
    service_of_nodes,
    service_of_roads,
    travel_time_index,
)
from services.inference.city.state.layout import Scope
from services.inference.city.state.monitor import StateMonitor
from services.inference.city.state.tracks import Fault
from tests.unit.inference.small_roads import crossing, crossing_file
from tests.unit.inference.state_drives import BASE_US, Car, drive, of, seen, steady, ways

ARM_M = 188.0


@pytest.fixture
def monitor() -> StateMonitor:
    return StateMonitor(crossing())


def test_a_steady_stream_has_its_flow_speed_and_density(monitor: StateMonitor) -> None:
    cars = [steady(ways("1to5", "5to3"), 6 * number - 40) for number in range(20)]
    results = drive(monitor, crossing(), cars, 300)

    def figure(column: str) -> float:
        return of(results, 60, Scope.SEGMENT, "1to5", column, monitor)

    assert figure("flow_vph") == pytest.approx(600, rel=0.06)  # one every six seconds
    assert figure("mean_speed_mps") == pytest.approx(10.0, rel=0.01)
    assert figure("density_vpkm") == pytest.approx(600 / 36.0, rel=0.06)
    assert of(results, 60, Scope.SEGMENT, "5to3", "travel_time_s", monitor) == pytest.approx(ARM_M / 10.0, rel=0.05)


def test_every_vehicle_that_enters_counts_though_it_is_seen_but_every_six_seconds(monitor: StateMonitor) -> None:
    cars = [steady(ways("1to5", "5to3"), 6 * number) for number in range(5)]
    results = drive(monitor, crossing(), cars, 120, every_s=6)
    assert sum(one.rows[Scope.SEGMENT]["entered"].sum() for one in results if one.period_s == 5) == 5


def test_a_queue_is_the_row_that_stands_and_not_who_stands_far_behind(monitor: StateMonitor) -> None:
    places = [188.0, 181.0, 174.0, 167.0, 120.0]
    cars = [Car(ways("1to5", "5to3"), [place] * 70) for place in places]
    results = drive(monitor, crossing(), cars, 60)
    last = [one for one in results if one.period_s == 5][-1].rows[Scope.SEGMENT]
    row = monitor.layout.places[Scope.SEGMENT].name.tolist().index("1to5")
    assert last["queue_vehicles"][row] == pytest.approx(4.0)
    assert last["queue_most_vehicles"][row] == 4
    assert last["queue_m"][row] == pytest.approx(21.0 + 4.6, abs=0.1)
    assert last["spilled_share"][row] == 0.0


def test_a_queue_that_reaches_the_begin_of_its_segment_is_told_as_spilled_back(monitor: StateMonitor) -> None:
    cars = [Car(ways("1to5", "5to3"), [188.0 - 7.0 * number] * 40) for number in range(26)]
    results = drive(monitor, crossing(), cars, 30)
    last = [one for one in results if one.period_s == 5][-1].rows[Scope.SEGMENT]
    assert last["spilled_share"][monitor.layout.places[Scope.SEGMENT].name.tolist().index("1to5")] == pytest.approx(1.0)


def test_who_waits_is_delayed_by_the_wait_and_has_stopped_once(monitor: StateMonitor) -> None:
    along = [5.0 + 10.0 * second for second in range(18)]
    car = Car(ways("1to5", "5to3"), along + [175.0] * 20 + [175.0 + 10.0 * second for second in range(1, 20)])
    results = drive(monitor, crossing(), [car], 60)
    assert of(results, 60, Scope.JUNCTION, "5", "stops", monitor) == pytest.approx(1.0, abs=0.1)
    assert of(results, 60, Scope.JUNCTION, "5", "delay_s", monitor) == pytest.approx(20.0 + 18.0 * (1 - 10 / 13.9), abs=3.0)


def test_turns_and_trips_are_counted_by_segment(monitor: StateMonitor) -> None:
    cars = [steady(ways("1to5", "5to3"), 5), steady(ways("1to5", "5to3"), 10), steady(ways("1to5", "5to2"), 15)]
    results = drive(monitor, crossing(), cars, 300)
    names = monitor.layout.places[Scope.SEGMENT].name
    found = next(one for one in results if one.period_s == 300)
    shares = {str(names[to]): share for to, share in zip(found.turns["to"], found.turns["share"], strict=True)}
    assert shares == {"5to3": pytest.approx(2 / 3), "5to2": pytest.approx(1 / 3)}
    trips = {
        (str(names[one]), str(names[two])): int(count)
        for one, two, count in zip(*(found.trips[name] for name in ("from", "to", "vehicles")), strict=True)
    }
    assert trips == {("1to5", "5to3"): 2, ("1to5", "5to2"): 1}


def test_who_jumps_about_moves_nothing_and_is_named(monitor: StateMonitor) -> None:
    car = Car(("1to5_0",), [20.0, 100.0, 20.0, 150.0, 20.0, 150.0, 20.0, 150.0])
    results = drive(monitor, crossing(), [car], 10)
    assert monitor.faults[Fault.JUMP] >= 3
    assert monitor.faults[Fault.LIAR] >= 1
    assert of(results, 5, Scope.SEGMENT, "1to5", "mean_speed_mps", monitor) != pytest.approx(100.0)


def test_where_the_map_has_a_gap_who_drives_over_it_is_named_and_nobody_is_a_liar() -> None:
    """It once was: who had passed three gaps of a map at an even speed was believed nothing any more."""
    text = crossing_file().decode()
    whole = re.search(r'<connection from="1to5" to="5to3"[^>]*/>', text)
    assert whole is not None
    roads = sumo.read(text.replace(whole[0], "").encode())
    monitor = StateMonitor(roads)
    results = drive(monitor, crossing(), [steady(ways("1to5", "5to3"), 6 * number) for number in range(5)], 120)
    assert monitor.faults[Fault.UNJOINED] >= 5
    assert monitor.faults[Fault.JUMP] == monitor.faults[Fault.LIAR] == 0
    speeds = [one.rows[Scope.SEGMENT]["mean_speed_mps"] for one in results if one.period_s == 60]
    beyond = monitor.layout.places[Scope.SEGMENT].name.tolist().index("5to3")
    assert speeds[0][beyond] == pytest.approx(10.0, rel=0.02)  # it goes on counting behind the gap


def test_a_clock_that_goes_back_moves_nothing(monitor: StateMonitor) -> None:
    car = steady(ways("1to5", "5to3"), 0)
    for second in (0, 1, 2):
        monitor.step(seen(crossing(), [car], second), BASE_US + second * 1_000_000)
    late = replace(seen(crossing(), [car], 3), time_us=np.array([BASE_US + 1_000_000]))
    monitor.step(late, BASE_US + 3_000_000)
    assert monitor.faults[Fault.TIME_BACK] == 1


def test_a_speed_that_the_places_contradict_is_not_believed(monitor: StateMonitor) -> None:
    cars = [Car(ways("1to5", "5to3"), [5.0 + 10.0 * second for second in range(30)], told={"speed_mps": 0.0})]
    results = drive(monitor, crossing(), cars, 20)
    assert monitor.faults[Fault.SPEED] >= 10
    assert of(results, 5, Scope.SEGMENT, "1to5", "mean_speed_mps", monitor) == pytest.approx(10.0, rel=0.02)
    assert of(results, 5, Scope.SEGMENT, "1to5", "queue_vehicles", monitor) == 0.0
    assert int(of(results, 5, Scope.SEGMENT, "1to5", "doubt", monitor)) & Doubt.FLAWED


def test_without_anybody_who_counts_figures_are_of_those_seen_and_say_so(monitor: StateMonitor) -> None:
    results = drive(monitor, crossing(), [steady(ways("1to5", "5to3"), 0)], 60)
    assert np.isnan(of(results, 60, Scope.SEGMENT, "1to5", "share", monitor))
    assert int(of(results, 60, Scope.SEGMENT, "1to5", "doubt", monitor)) & Doubt.UNSCALED


def test_where_half_of_the_vehicles_speak_a_counter_raises_flow_and_leaves_speed(monitor: StateMonitor) -> None:
    speaking = [steady(ways("1to5", "5to3"), 12 * number - 40) for number in range(80)]
    names = monitor.layout.places[Scope.SEGMENT].name.tolist()
    results = []
    for second in range(902):
        results += monitor.step(seen(crossing(), speaking, second), BASE_US + second * 1_000_000)
        if second and second % 60 == 0:
            at = np.array([BASE_US + second * 1_000_000])
            one = np.array([names.index("5to3")])
            monitor.hear(
                Counts(one, one, at - 60_000_000, at, np.array([9.0 + second % 180 / 60]), np.array([np.nan])), int(at[0])
            )
    whole = [one for one in results if one.period_s == 900][-1]
    assert whole.share == pytest.approx(0.5, abs=0.05)
    row = names.index("1to5")
    assert whole.rows[Scope.SEGMENT]["flow_vph"][row] == pytest.approx(600, rel=0.08)
    assert whole.rows[Scope.SEGMENT]["mean_speed_mps"][row] == pytest.approx(10.0, rel=0.01)


def test_emissions_follow_speed_and_standing_still_emits_too(monitor: StateMonitor) -> None:
    moving = drive(monitor, crossing(), [steady(ways("1to5", "5to3"), 0)], 10)
    other = StateMonitor(crossing())
    standing = drive(other, crossing(), [Car(ways("1to5", "5to3"), [100.0] * 20)], 10)
    first, second = (
        of(one, 5, Scope.NETWORK, "network", "co2_g", which) for one, which in ((moving, monitor), (standing, other))
    )
    assert second > 0.5 * 4  # at idle some 1.1 g/s
    assert first > second


def test_the_page_has_the_limits_of_the_indices_as_they_are() -> None:
    page = Path(__file__).parents[3] / "docs" / "city" / "state.md"
    assert table(IndexParameters) in page.read_text(encoding="utf-8")


def test_indices_are_those_of_their_limits() -> None:
    limits = IndexParameters()
    limit, speed = np.full(5, 80 / 3.6), np.array([70.0, 55.0, 40.0, 25.0, 10.0]) / 3.6
    level = road_levels(limits, limit, speed)
    assert level.tolist() == [1, 2, 3, 4, 5]
    assert network_index(limits, level, np.array([96.0, 0.0, 0.0, 0.0, 4.0])) == pytest.approx(2.0)
    assert network_index(limits, level, np.array([0.0, 0.0, 0.0, 0.0, 1.0])) == 10.0
    assert node_levels(limits, np.array([5.0, 30.0, 50.0, 70.0, 90.0, np.nan])).tolist() == [1, 2, 3, 4, 5, 0]
    assert service_of_nodes(np.array([5.0, 90.0])).tolist() == [1, 6]
    free = np.full(2, 20.0)
    assert service_of_roads(np.array([False, True]), free, np.array([18.0, 18.0]), np.array([50.0, 50.0])).tolist() == [1, 6]
    assert travel_time_index(free, np.array([10.0, 0.0])).tolist() == [2.0, 10.0]


def test_congestion_lasts_until_the_day_ends(monitor: StateMonitor) -> None:
    lasted = Congestion(monitor.layout, IndexParameters())
    day_us = 86_400_000_000
    for minute in range(3):
        lasted.take(Scope.NETWORK, np.array([4]), 60.0, BASE_US + minute * 60_000_000)
    assert lasted.seconds[Scope.NETWORK].tolist() == [180.0]
    lasted.take(Scope.NETWORK, np.array([3]), 60.0, BASE_US + day_us)
    assert lasted.seconds[Scope.NETWORK].tolist() == [0.0]
