from __future__ import annotations

import numpy as np
import pytest

from chelu.roads import sumo
from chelu.roads.matching import match
from chelu.roads.network import VEHICLES, Kind, User
from tests.unit.roads.networks import district, edge, net


def test_one_place_on_three_decks_is_three_roads() -> None:
    network = district()
    x, y = -3.5 / np.sqrt(2), 3.5 / np.sqrt(2)
    places = np.array([[x, y, 30.0], [x, y, 37.5], [x, y, 45.0]])
    found = match(network, places, np.full(3, np.nan))
    assert network.links.name[network.lanes.link[found.lane]].tolist() == [
        "Camellia Avenue",
        "Riverside Expressway",
        "Gorge Expressway",
    ]


def test_without_a_height_the_heading_chooses_the_deck() -> None:
    network = district()
    places = np.array([[5.25, 0.65, np.nan]] * 3)
    found = match(network, places, np.array([0.0, 270.0, 45.0]))
    names = network.links.name[network.lanes.link[found.lane]].tolist()
    assert names == ["Camellia Avenue", "Riverside Expressway", "Gorge Expressway"]


def test_opposite_directions_are_told_apart_by_heading() -> None:
    network = sumo.read(net(edge("out", "0,-1.7 100,-1.7") + edge("back", "100,1.7 0,1.7")))
    found = match(network, np.array([[50.0, 0.3, 0.0], [50.0, 0.3, 0.0], [50.0, 0.3, 0.0]]), np.array([88.0, 272.0, np.nan]))
    assert found.lane.tolist() == [0, 1, 1]


def test_offset_and_distance_are_those_of_the_foot() -> None:
    network = sumo.read(net(edge("bend", "0,0,0 30,0,0 30,40,0")))
    found = match(network, np.array([[10.0, 2.0, 0.0], [31.0, 20.0, 0.0], [-3.0, 4.0, 0.0]]), np.array([90.0, 0.0, 90.0]))
    assert np.allclose(found.offset_m, [10.0, 50.0, 0.0])
    assert np.allclose(found.distance_m, [2.0, 1.0, 5.0])


def test_what_is_off_the_road_or_has_no_position_matches_nothing() -> None:
    places = np.array([[5000.0, 0.0, 0.0], [400.0, 200.0, 40.0], [np.nan, 0.0, 0.0], [0.0, 0.0, 200.0], [np.inf, 0.0, 0.0]])
    found = match(district(), places, np.zeros(5))
    assert found.lane.tolist() == [-1] * 5
    assert np.isnan(found.offset_m).all()
    assert np.isnan(found.distance_m).all()


def test_no_positions_give_no_matches() -> None:
    assert len(match(district(), np.empty((0, 3)), np.empty(0)).lane) == 0
    assert match(sumo.read(net("")), np.zeros((1, 3)), np.zeros(1)).lane.tolist() == [-1]


def test_pedestrians_are_matched_to_where_they_may_walk() -> None:
    network = district()
    shape = network.lanes.shape
    walk = network.lane_of["camellia_2n_0"]
    place = shape[walk][len(shape[walk]) // 2][None]
    heading = np.array([0.0])
    assert match(network, place, heading, users=User.PEDESTRIAN).lane[0] == walk
    assert match(network, place, heading).lane[0] != walk


def test_a_reach_beyond_the_index_is_refused() -> None:
    with pytest.raises(ValueError, match="reach_m"):
        match(district(), np.zeros((1, 3)), np.zeros(1), reach_m=50.0)


def test_the_grid_finds_what_a_search_of_everything_finds() -> None:
    network = district()
    random = np.random.default_rng(3)
    points = network.lanes.shape.points[random.integers(0, len(network.lanes.shape.points), 300)]
    points = points + random.normal(0.0, [3.0, 3.0, 0.5], (300, 3))
    unknown = np.full(300, np.nan)
    found = match(network, np.column_stack([points[:, :2], unknown]), unknown)
    a, b = network.pieces.a[:, :2], network.pieces.b[:, :2]
    step = b - a
    share = np.clip(((points[:, None, :2] - a) * step).sum(2) / np.maximum((step * step).sum(1), 1e-12), 0, 1)
    distance = np.linalg.norm(points[:, None, :2] - a - share[..., None] * step, axis=2)
    distance[:, (network.lanes.users[network.pieces.lane] & int(VEHICLES)) == 0] = np.inf
    nearest = distance.min(axis=1)
    assert np.array_equal(found.lane >= 0, nearest <= 8.0)
    assert np.allclose(found.distance_m[found.lane >= 0], nearest[nearest <= 8.0])


def test_positions_on_centre_lines_match_their_own_link() -> None:
    network = district()
    pieces = network.pieces
    rows = np.flatnonzero(np.isin(network.lane_kind()[pieces.lane], (Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE)))
    rows = rows[(network.lanes.users[pieces.lane[rows]] & int(VEHICLES)) != 0]
    middle = 0.5 * (pieces.a + pieces.b)[rows]
    step = (pieces.b - pieces.a)[rows]
    found = match(network, middle, np.degrees(np.arctan2(step[:, 0], step[:, 1])) % 360.0)
    assert np.mean(found.lane == pieces.lane[rows]) > 0.99


def test_arguments_are_not_written_to() -> None:
    places, heading = np.array([[0.0, 0.0, np.nan]]), np.array([np.nan])
    places.flags.writeable = heading.flags.writeable = False
    match(district(), places, heading)


def test_a_wide_network_gets_coarser_cells_and_the_same_answers() -> None:
    network = sumo.read(net(edge("near", "0,0 100,0") + edge("far", "90000,90000 90100,90000")))
    assert network.pieces.grid.cell_m > 10.0
    found = match(network, np.array([[50.0, 1.0, 0.0], [90050.0, 90001.0, 0.0]]), np.array([90.0, 90.0]))
    assert found.lane.tolist() == [0, 1]
    assert np.allclose(found.distance_m, 1.0)
