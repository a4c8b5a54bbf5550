"""The ways that lanes lead to, and where tracks are on them, on the district's roads and on a crossing."""

from pathlib import Path

import numpy as np
import pytest

from chelu.roads import sumo
from chelu.roads.network import VEHICLES, Kind
from services.inference.ahead import ahead_of, on_ways
from services.inference.history import recent
from services.inference.network import NetworkRoads
from services.inference.onward import Onward
from services.inference.picture import Picture
from services.inference.placing import Placement
from services.inference.reports import Track
from services.inference.ways import REACH_M, STEP_M, OnWays
from tests.unit.inference.crossroads import ways as crossing
from tests.unit.inference.scenes import Car, report

FILE = Path(__file__).parents[3] / "simulators" / "data" / "district.net.xml.gz"


@pytest.fixture(scope="module")
def network():
    return sumo.read(FILE.read_bytes())


@pytest.fixture(scope="module")
def roads(network):
    return NetworkRoads(network)


def test_a_lane_has_a_way_for_every_path_across_the_junction_behind_it(network, roads) -> None:
    links = network.connections
    behind = np.where(links.via >= 0, links.via, links.to_lane)
    is_road = ((network.lanes.users & int(VEHICLES)) != 0) & (network.lane_kind() != Kind.JUNCTION)
    for lane in np.flatnonzero(is_road).tolist():
        expected = len(set(behind[links.from_lane == lane].tolist())) or 1
        assert (roads.ways.of_lane[lane] >= 0).sum() == expected, network.lanes.id[lane]


def test_ways_have_no_gaps_reach_far_enough_and_turn_to_the_side_that_the_map_says(network, roads) -> None:
    ways, links = roads.ways, network.connections
    for way in range(len(ways.first)):
        line = ways.points[ways.first[way] : ways.first[way] + ways.count[way]]
        step = np.hypot(*np.diff(line, axis=0).T)
        assert step.max() <= STEP_M + 1e-6
        assert step.min() > 1.0
        assert STEP_M * (len(line) - 2) >= ways.own_m[way] + REACH_M - STEP_M
    sides = {"l": -1, "r": 1, "s": 0}
    is_from_road = network.lane_kind()[links.from_lane] != Kind.JUNCTION
    for row in np.flatnonzero(np.isin(links.direction, list(sides)) & (links.via >= 0) & is_from_road).tolist():
        lane = int(links.from_lane[row])
        behind = [int(links.via[one]) for one in np.flatnonzero(links.from_lane == lane)]
        column = list(dict.fromkeys(behind)).index(int(links.via[row]))
        turn = ways.turn_deg[ways.of_lane[lane, column]]
        side = sides[str(links.direction[row])]
        assert (abs(turn) < 45.0) if not side else (side * turn > 30.0), (network.lanes.id[lane], turn)


def test_a_way_keeps_to_every_piece_of_its_path_across_a_junction(network, roads) -> None:
    """Who turns left waits within the junction: the path has two pieces there, and the second is no straight line."""
    ways, links, shape = roads.ways, network.connections, network.lanes.shape
    into = dict(zip(links.via.tolist(), links.from_lane.tolist(), strict=True))
    pieces = np.flatnonzero((network.lane_kind()[links.from_lane] == Kind.JUNCTION) & (links.via >= 0))
    assert len(pieces) > 50
    for row in pieces.tolist():
        first, second = int(links.from_lane[row]), int(links.via[row])
        lines = [
            ways.points[ways.first[way] : ways.first[way] + ways.count[way]] for way in ways.of_lane[into[first]] if way >= 0
        ]
        middle = (shape[second][1:, :2] + shape[second][:-1, :2]) / 2.0
        away = min(max(np.hypot(*(line - place).T).min() for place in middle) for line in lines)
        assert away < STEP_M / 2.0 + 0.2, network.lanes.id[second]


def test_a_place_beside_a_way_is_found_where_it_is(roads) -> None:
    random, ways = np.random.default_rng(4), roads.ways
    way = random.integers(0, len(ways.first), 500)
    along, aside = random.uniform(10, 150, 500), random.uniform(-1.5, 1.5, 500)
    there, axis = ways.places(way, along[:, None])
    xy = there[:, 0] + aside[:, None] * np.stack([axis[:, 0, 1], -axis[:, 0, 0]], axis=1)
    found_along, found_aside = ways.foot(way, xy, along + random.uniform(-4, 4, 500))
    assert np.percentile(np.abs(found_along - along), 95) < 0.5
    assert np.percentile(np.abs(found_aside - aside), 95) < 0.1


def _now(cars):
    picture = Picture()
    for tick in range(20):
        picture.update(report(cars, tick * 0.1))
    slots = picture.find(Track.SPEAKS, np.array([car.name for car in cars], np.uint64))
    return recent(picture, slots, np.zeros(len(cars)))


def test_ways_that_part_too_late_to_matter_are_one_and_who_is_on_none_has_none() -> None:
    cars = [Car(1, (0, -80, 0), 0, 10), Car(2, (0, -199, 0), 0, 10), Car(3, (9, -80, 0), 0, 10), Car(4, (0, -80, 0), 80, 10)]
    on = OnWays(crossing(), np.zeros(4, np.int64), np.array([139.0, 20.0, 139.0, 120.0]))
    ahead = ahead_of(_now(cars), on, 5.0)
    assert ahead.row.tolist() == [0, 0, 0, 1]
    assert ahead.choices.tolist() == [3, 3, 3, 1]
    np.testing.assert_allclose(ahead.junction_m[:3], 190 - 139, atol=1e-6)
    np.testing.assert_allclose(ahead.bend_deg[0], 0.0, atol=1e-6)
    assert (np.diff(ahead.bend_deg[2]) >= 0).all()
    now_xy = on_ways(crossing(), ahead, np.zeros((4, 1)), ahead.aside_m[:, None])[:, 0]
    np.testing.assert_allclose(now_xy, _now(cars).xy[ahead.row], atol=1e-9)


def test_who_steers_off_a_straight_way_is_on_none_and_who_changes_lanes_is() -> None:
    cars = [Car(1, (0, -80, 0), slant, 15) for slant in (0, 3, 6, 12)]
    found = []
    for car in cars:  # one after the other: their paths cross
        on = OnWays(crossing(), np.zeros(1, np.int64), np.array([148.0]))
        found.append(len(ahead_of(_now([car]), on, 5.0)) > 0)
    assert found == [True, True, False, False]


def _fork(network, roads) -> tuple[int, int]:
    """A lane from which several ways lead over a junction, and one of them."""
    lane = int(np.flatnonzero((roads.ways.of_lane[:, 2] >= 0) & (network.lane_kind() != Kind.JUNCTION))[0])
    return lane, int(roads.ways.of_lane[lane, 1])


def _driven(roads, way: int, along_m, errors_m) -> list[tuple[int, bool, float]]:
    """Lane, whether in the junction, and how far off it is along the way: of one that reports ten times a second."""
    picture, placement, onward = Picture(), Placement(roads, moved_m=1.0), Onward(roads)
    seen = []
    for tick, (along, error) in enumerate(zip(along_m.tolist(), errors_m, strict=True)):
        there, axis = roads.ways.places(np.array([way]), np.array([[along]]))
        rows = report([Car(1, (0, 0, 0), 0, 10)], tick * 0.1)
        rows.xyz[0, :2], rows.xyz[0, 2] = there[0, 0] + error, np.nan
        rows.heading_deg[0] = np.degrees(np.arctan2(axis[0, 0, 0], axis[0, 0, 1])) % 360.0
        picture.update(rows)
        slots = picture.live()
        placement.update(picture, slots)
        on = onward.update(picture, placement, slots)
        seen.append((int(on.lane[0]), bool(roads.is_in_junction(placement.lane[slots])[0]), float(on.about_m[0]) - along))
    return seen


def test_who_waits_in_a_junction_is_not_moved_on_by_the_errors_of_its_places(network, roads) -> None:
    lane, way = _fork(network, roads)
    comes_m = float(roads.ways.own_m[way]) + np.arange(-30.0, 6.0)
    along_m = np.concatenate([comes_m, np.full(100, comes_m[-1])])
    seen = _driven(roads, way, along_m, np.random.default_rng(1).normal(0, 0.3, (len(along_m), 2)))
    assert seen[-1][:2] == (lane, True)
    assert abs(seen[-1][2]) < 3.0


def test_in_a_junction_the_lane_before_still_tells_which_ways_there_are(network, roads) -> None:
    """Over a junction along one of several paths: the choice stays that of the lane from which it came until it is through."""
    lane, way = _fork(network, roads)
    begin_m = float(roads.ways.own_m[way]) - 30.0
    seen = _driven(roads, way, begin_m + np.arange(60.0), np.zeros((60, 2)))
    inside = [one for one in seen if one[1]]
    assert len(inside) > 5
    assert {one[0] for one in inside} == {lane}
    assert max(abs(one[2]) for one in inside) < 3.0
    assert seen[-1][0] != lane
