"""Lanes of which the map tells no speed limit: everybody is judged there as well as can be, and nothing changes elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.applications.rules import GlosaParameters
from chelu.roads.network import RoadNetwork
from services.inference.approach import LinesAhead
from services.inference.city.control.places import Roads, places_of
from services.inference.city.control.told import Programme
from services.inference.city.corridor.way import Streets as Corridors
from services.inference.city.state.free_speed import ENOUGH, FreeSpeeds
from services.inference.city.state.layout import Scope, layout_of
from services.inference.city.state.monitor import StateMonitor
from services.inference.coop.streets import Streets
from services.inference.free_flow import HIGHEST_MPS, TURNING_MPS, USUAL_MPS
from services.inference.motion_model import OnnxMotionModel, shipped
from services.inference.network import NetworkRoads
from services.inference.phase_map import PhaseMap
from services.inference.site import Site
from services.inference.stop_lines import MOST_LINES, stop_lines
from services.inference.v2x.glosa import advised
from tests.unit.inference import state_drives
from tests.unit.inference.scenes import Car, drive, raised, site
from tests.unit.inference.signal_roads import LIMIT_MPS, town
from tests.unit.inference.small_roads import SPEED, crossing

MODEL = OnnxMotionModel(shipped())
NETWORK = crossing()
COUNT = len(NETWORK.lanes.id)
AWAY = 1.75  # of a lane's middle from that of its road
CARS = [
    Car(1, (AWAY, -150, 0), 0, 13),
    Car(2, (-AWAY, 150, 0), 180, 12),
    Car(3, (-150, -AWAY, 0), 90, 14),
    Car(4, (150, AWAY, 0), 270, 9, lambda t: -0.5),
]


def with_limits(network: RoadNetwork, lanes: np.ndarray, limit_mps: float = np.nan) -> RoadNetwork:
    """Other limits of these lanes (a mask); a link has the largest that is known of its lanes, as readers have it."""
    limit = np.where(lanes, limit_mps, network.lanes.speed_limit_mps)
    of_link = [np.fmax.reduce(limit[network.lanes.link == row]) for row in range(len(network.links.id))]
    return replace(
        network,
        lanes=replace(network.lanes, speed_limit_mps=limit),
        links=replace(network.links, speed_limit_mps=np.array(of_link)),
    )


def driven(network: RoadNetwork, seconds: float = 4.0) -> Site:
    place = site(roads=NetworkRoads(network), model=MODEL)
    drive(CARS, seconds, place)
    return place


WHOLE = driven(NETWORK)


@settings(deadline=None, max_examples=10, derandomize=True)
@given(st.lists(st.sampled_from([SPEED, np.nan, np.inf, 0.0]), min_size=COUNT, max_size=COUNT))
def test_vehicles_are_foreseen_on_lanes_with_whatever_limits_and_alike_where_these_are_known(limits: list[float]) -> None:
    given = np.array(limits)
    changed = np.flatnonzero(given != SPEED)
    network = with_limits(NETWORK, np.ones(COUNT, np.bool_))
    network = replace(network, lanes=replace(network.lanes, speed_limit_mps=given))
    found, slots = driven(network), WHOLE.picture.live()
    assert np.array_equal(found.picture.live(), slots)
    assert np.isfinite(found.futures.xy[slots]).all()
    assert np.isfinite(found.futures.heading_deg[slots]).all()
    assert np.array_equal(found.futures.is_modelled[slots], WHOLE.futures.is_modelled[slots])
    lane = found._onward.update(found.picture, found.placement, slots).lane  # type: ignore[union-attr]
    reach = [_ahead(one) for one in lane.tolist()]
    same = np.array([not set(changed.tolist()) & ahead for ahead in reach])
    assert np.array_equal(found.futures.xy[slots[same]], WHOLE.futures.xy[slots[same]])
    assert np.array_equal(found.futures.weight[slots[same]], WHOLE.futures.weight[slots[same]])


def _ahead(lane: int) -> set[int]:
    """A lane, and all to which it leads."""
    links, found, waiting = NETWORK.connections, set[int](), [lane]
    while waiting:
        one = waiting.pop()
        if one in found or one < 0:
            continue
        found.add(one)
        for row in np.flatnonzero(links.from_lane == one).tolist():
            waiting += [int(links.via[row]), int(links.to_lane[row])]
    return found


def test_paths_across_a_junction_without_limits_have_those_of_their_roads_and_turns_the_usual_one() -> None:
    """As OpenDRIVE files often have it."""
    is_path, shape = np.char.startswith(NETWORK.lanes.id, ":"), NETWORK.lanes.shape
    turns = is_path & np.array([len(shape[row]) > 2 for row in range(COUNT)])
    found, told = driven(with_limits(NETWORK, is_path)), driven(with_limits(NETWORK, turns, TURNING_MPS))
    slots = found.picture.live()
    assert np.array_equal(found.futures.xy[slots], told.futures.xy[slots])
    assert np.array_equal(found.futures.weight[slots], told.futures.weight[slots])


def test_who_turns_where_the_map_tells_no_limit_is_taken_to_drive_as_the_law_has_it() -> None:
    is_path = np.char.startswith(NETWORK.lanes.id, ":")
    known = NetworkRoads(NETWORK).ways
    turns = np.abs(known.turn_deg) > 45.0
    assert 0 < turns.sum() < len(turns)
    assert set(NetworkRoads(with_limits(NETWORK, is_path)).ways.limit_mps[turns]) == {TURNING_MPS}
    assert set(NetworkRoads(with_limits(NETWORK, is_path)).ways.limit_mps[~turns]) == {SPEED}
    paths = NetworkRoads(with_limits(NETWORK, ~is_path)).ways.limit_mps
    assert set(paths[np.isfinite(paths)]) == {SPEED}
    nowhere = NetworkRoads(with_limits(NETWORK, np.ones(COUNT, np.bool_))).ways.limit_mps
    assert np.isnan(nowhere[~turns]).all()
    assert (nowhere[turns] == TURNING_MPS).all()


def test_without_any_limit_futures_are_about_those_with_the_usual_one_and_who_is_fast_is_taken_to_stay_so() -> None:
    everything = np.ones(COUNT, np.bool_)
    found, usual = driven(with_limits(NETWORK, everything)), driven(with_limits(NETWORK, everything, USUAL_MPS))
    slots = found.picture.live()
    assert found.futures.is_modelled[slots].any()
    np.testing.assert_allclose(found.futures.xy[slots], usual.futures.xy[slots], atol=2.0)
    place = site(roads=NetworkRoads(with_limits(NETWORK, everything)), model=MODEL)
    drive([Car(1, (AWAY, -190, 0), 0, 22)], 2.5, place)
    (slot,) = place.picture.live().tolist()
    assert place.futures.is_modelled[slot]
    way = np.hypot(*(place.futures.xy[slot, 15] - place.futures.xy[slot, 0]))
    assert way == pytest.approx(3.0 * 22, abs=6.0)


def test_dangers_are_warned_of_without_limits_and_nobody_of_a_limit_that_is_not_known() -> None:
    network = with_limits(NETWORK, np.ones(COUNT, np.bool_))
    cars = [Car(1, (AWAY, -98, 0), 0, 14), Car(2, (-84, -AWAY, 0), 90, 12)]
    found = drive(cars, 7.5, site(roads=NetworkRoads(network), model=MODEL))
    assert {one.host.vehicle_id for _, one in raised(found, "icw")} == {1, 2}
    fast = [Car(1, (AWAY, -190, 0), 0, 29)]
    assert raised(drive(fast, 3, site(roads=NetworkRoads(network), model=MODEL)), "slw") == []
    assert raised(drive(fast, 3, site(roads=NetworkRoads(NETWORK), model=MODEL)), "slw")


def test_a_lane_on_which_no_limit_holds_is_driven_as_fast_as_any() -> None:
    roads = NetworkRoads(with_limits(NETWORK, np.ones(COUNT, np.bool_), np.inf))
    assert (roads.segments().free_flow_mps == HIGHEST_MPS).all()
    assert (NetworkRoads(with_limits(NETWORK, np.ones(COUNT, np.bool_))).segments().free_flow_mps == USUAL_MPS).all()


def test_a_jam_is_seen_on_a_road_without_a_limit() -> None:
    place = site(roads=NetworkRoads(with_limits(NETWORK, np.ones(COUNT, np.bool_))))
    cars = [Car(n, (AWAY, -60.0 - 7.5 * n, 0), 0, 0.3) for n in range(12)]
    jammed = [_step(place, cars, tick / 2.0) for tick in range(59)] + [
        _step(place, [replace(one, start=(one.start[0], one.start[1] + 9.0, 0)) for one in cars], 29.5 + tick / 2.0, 29.5)
        for tick in range(120)
    ]
    assert max(jammed) > 0


def _step(place: Site, cars: list[Car], at_s: float, since_s: float = 0.0) -> int:
    from tests.unit.inference.scenes import EPOCH_US, report

    rows = report(cars, min(at_s - since_s, 29.0))
    time_us = np.full(len(rows), EPOCH_US + round(at_s * 1e6))
    place.step(replace(rows, time_us=time_us, arrival_us=time_us), int(time_us[0]))
    place.segments()
    return len(place._jams._past) and int(place._jams._jammed.sum())  # type: ignore[union-attr]


def test_one_lane_without_a_limit_leaves_the_figures_of_all_others_and_has_its_own() -> None:
    way = state_drives.ways("3to5", "5to1")
    cars = [state_drives.steady(way, since, 9.0) for since in range(0, 20, 4)]
    gone = np.isin(NETWORK.lanes.id, ["2to5_0"])
    rows = []
    for network in (NETWORK, with_limits(NETWORK, gone)):
        monitor = StateMonitor(network)
        (minute,) = [one for one in state_drives.drive(monitor, network, cars, 60) if one.period_s == 60]
        rows.append(minute.rows)
        assert np.isfinite(minute.rows[Scope.NETWORK]["delay_s"]).all()
        assert np.isfinite(minute.rows[Scope.SEGMENT]["free_speed_mps"]).all()
    for column in ("delay_s", "level", "service", "travel_time_index", "mean_speed_mps"):
        np.testing.assert_array_equal(rows[0][Scope.SEGMENT][column], rows[1][Scope.SEGMENT][column])
        np.testing.assert_allclose(rows[0][Scope.NETWORK][column], rows[1][Scope.NETWORK][column], rtol=0.01)


def test_a_crawling_road_without_a_limit_is_not_told_free() -> None:
    network = with_limits(NETWORK, np.ones(COUNT, np.bool_))
    monitor, way = StateMonitor(network), state_drives.ways("3to5", "5to1")
    cars = [state_drives.steady(way, since, 1.5, 60) for since in (0, 10, 20)]
    results = state_drives.drive(monitor, network, cars, 60)
    assert state_drives.of(results, 60, Scope.SEGMENT, "3to5", "level", monitor) >= 4
    assert state_drives.of(results, 60, Scope.SEGMENT, "3to5", "service", monitor) == 6
    assert state_drives.of(results, 60, Scope.SEGMENT, "3to5", "travel_time_index", monitor) > 5.0


def test_the_free_speed_of_a_road_without_a_limit_is_what_is_driven() -> None:
    known = np.isin(NETWORK.lanes.id, ["1to5_0"])
    layout = layout_of(with_limits(NETWORK, ~known))
    speeds, places = FreeSpeeds(layout), layout.places[Scope.SEGMENT]
    count = round(ENOUGH) + 1
    for segment in range(len(places)):
        speeds.take(np.full(count, segment), np.full(count, places.road_m[segment] / 28.2))
    speeds.learn(900.0)
    assert speeds.mps[places.has_limit].tolist() == pytest.approx([1.3 * SPEED])
    assert speeds.mps[~places.has_limit].tolist() == pytest.approx([28.5] * (len(places) - 1))


def test_ways_of_the_corridor_and_of_cooperation_take_finite_times() -> None:
    network = with_limits(crossing(has_signals=True), np.ones(COUNT, np.bool_))
    corridors, links = Corridors(network), network.links.id.tolist()
    found = corridors.way(links.index("1to5"), 0.0, links.index("5to3"), corridors.free_s)
    assert found is not None
    assert found.takes_s == pytest.approx((188.0 + 24.0 + 188.0) / USUAL_MPS, rel=0.02)
    assert np.isfinite(corridors.now_s(np.array([0, 1]), np.array([3.0, 0.0]))).all()
    streets = Streets(network)
    ways = streets.ways(streets.node_after(network.lane_of["1to5_0"]))
    assert {one.speed_mps for one in ways} == {USUAL_MPS}


def test_controllers_of_signals_have_a_speed_for_every_lane() -> None:
    network = with_limits(town(), np.ones(len(town().lanes.id), np.bool_))
    lines = stop_lines(network)
    assert lines is not None
    assert np.isnan(lines.limit_mps[lines.ahead >= 0]).all()
    keys = PhaseMap(lines, network.signals.id.tolist()).keys
    junctions = places_of(Roads(network, lines, keys), [Programme((), 0, 1)]).junctions
    assert np.isfinite(junctions.speed_mps).all()


def test_limits_until_a_line_are_the_lowest_that_is_known() -> None:
    network = town()
    lines = stop_lines(with_limits(network, np.isin(network.lanes.id, ["south_0"])))
    assert lines is not None
    own = network.lane_of["south_0"]
    assert np.isnan(lines.limit_mps[own, 0])
    assert lines.limit_mps[own, 1] == LIMIT_MPS


def test_where_no_limit_is_known_nobody_is_advised_to_drive_faster() -> None:
    distance = np.full((1, MOST_LINES), np.inf)
    distance[0, 0] = 250.0
    lane = np.where(np.isfinite(distance), 1, -1)
    begin, end = np.full((1, MOST_LINES, 1), np.inf), np.full((1, MOST_LINES, 1), np.inf)
    found = []
    for begins, ends in ((22, 60), (0, 19)):
        begin[0, 0, 0], end[0, 0, 0] = begins, ends
        for limit in (LIMIT_MPS, np.nan):
            lines = LinesAhead(lane, distance, np.full((1, MOST_LINES), limit), lane)
            found.append(advised(lines, begin, end, np.array([14.0]), GlosaParameters()))
    slower, same, faster, kept = found
    assert same.lights[0] == 1
    assert same.highest_mps[0] == slower.highest_mps[0] < 14.0
    assert (faster.highest_mps[0], kept.highest_mps[0]) == (LIMIT_MPS, 14.0)
