from __future__ import annotations

import numpy as np
import pytest

from chelu.roads.matching import match
from chelu.roads.network import Kind, RoadNetwork, User
from chelu.roads.opendrive.network import network_of
from chelu.roads.opendrive.reading import read
from tests.unit.roads.opendrive_files import junction_of_two_ways, lane, model_of, road, section


@pytest.fixture(scope="module")
def crossing() -> RoadNetwork:
    return network_of(read(junction_of_two_ways()))


def test_a_junction_is_a_node_and_its_roads_are_paths_across(crossing: RoadNetwork) -> None:
    kinds = dict(zip(crossing.links.id.tolist(), crossing.links.kind.tolist(), strict=True))
    assert kinds == {"1.0+": Kind.ROAD, "10.0+": Kind.JUNCTION, "11.0+": Kind.JUNCTION, "2.0+": Kind.ROAD, "3.0+": Kind.ROAD}
    node = crossing.nodes.id.tolist().index("9")
    assert crossing.links.to_node[0] == crossing.links.from_node[3] == node
    assert crossing.nodes.kind.tolist().count("dead_end") == 3


def test_connections_lead_across_with_direction_and_light(crossing: RoadNetwork) -> None:
    names, c = crossing.lanes.id.tolist(), crossing.connections
    across = {
        (names[a], names[b], "" if via < 0 else names[via], direction, group)
        for a, b, via, direction, group in zip(c.from_lane, c.to_lane, c.via, c.direction.tolist(), c.group.tolist(), strict=True)
    }
    assert ("1.0.-1", "2.0.-1", "10.0.-1", "s", 0) in across
    assert ("1.0.-1", "3.0.-1", "11.0.-1", "l", -1) in across
    assert ("10.0.-1", "2.0.-1", "", "s", -1) in across
    assert crossing.signals.id.tolist() == ["c"]
    assert crossing.nodes.id[crossing.signals.node[0]] == "9"


def test_shapes_follow_a_bend_to_a_centimetre(crossing: RoadNetwork) -> None:
    shape = crossing.lanes.shape[crossing.lane_of["11.0.-1"]]
    middles = (shape[1:] + shape[:-1]) / 2
    assert np.hypot(middles[:, 0] - 100, middles[:, 1] - 20) == pytest.approx(21.75, abs=0.011)
    assert crossing.lanes.length_m[crossing.lane_of["11.0.-1"]] == pytest.approx(21.75 * np.pi / 2, abs=0.02)


def test_lanes_against_the_line_run_backwards_and_are_numbered_from_the_right() -> None:
    both = section(left=lane(1) + lane(2) + lane(3, "sidewalk"), right=lane(-1) + lane(-2, "border"))
    network = network_of(model_of(road(sections=both)))
    assert network.links.id.tolist() == ["1.0-", "1.0+"]
    assert network.lanes.id.tolist() == ["1.0.3", "1.0.2", "1.0.1", "1.0.-1"]
    assert network.lanes.index.tolist() == [0, 1, 2, 0]
    back = network.lanes.shape[1]
    assert back[0].tolist() == [100.0, 5.25, 0.0]
    assert back[-1].tolist() == [0.0, 5.25, 0.0]
    assert network.lanes.users[0] == User.PEDESTRIAN


def test_positions_match_the_lane_that_they_were_taken_from(crossing: RoadNetwork) -> None:
    model = read(junction_of_two_ways())
    s = np.array([5.0, 15.0, 25.0])
    places = model.roads["11"].places(s, model.roads["11"].lane_middle(-1, s))
    compass = 90.0 - np.degrees(places.heading_rad)
    found = match(crossing, np.column_stack([places.x_m, places.y_m, places.z_m]), compass)
    assert {crossing.lanes.id[row] for row in found.lane.tolist()} == {"11.0.-1"}
