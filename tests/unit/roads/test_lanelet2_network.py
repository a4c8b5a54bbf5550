from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from chelu.roads.lanelet2.network import network_of
from chelu.roads.lanelet2.reading import read
from chelu.roads.network import Kind, RoadNetwork, User
from tests.unit.roads.lanelet2_files import crossing_with_lights, lanelet, network, points, rule, straight_on, way


@pytest.fixture(scope="module")
def crossing() -> RoadNetwork:
    return network(*crossing_with_lights())


def ways_of(roads: RoadNetwork) -> set[tuple[str, str, str, str, int]]:
    names, c = roads.lanes.id.tolist(), roads.connections
    return {
        (names[a], names[b], "" if via < 0 else names[via], direction, group)
        for a, b, via, direction, group in zip(c.from_lane, c.to_lane, c.via, c.direction.tolist(), c.group.tolist(), strict=True)
    }


def test_a_lanelet_leads_into_the_one_that_begins_at_its_last_nodes() -> None:
    roads = network(*straight_on())
    assert ways_of(roads) == {("1", "2", "", "s", -1)}
    assert roads.lanes.shape[roads.lane_of["2"]].tolist() == [[100, 1.75, 0], [150, 1.75, 0]]
    assert roads.lanes.width_m == pytest.approx(3.5)
    assert roads.links.to_node[0] == roads.links.from_node[1]
    assert sorted(roads.nodes.kind.tolist()) == ["dead_end", "dead_end", "joint"]


def test_lanes_side_by_side_are_one_link_numbered_from_the_right(crossing: RoadNetwork) -> None:
    rows = [crossing.lane_of[name] for name in ("11", "10")]
    assert len(set(crossing.lanes.link[rows].tolist())) == 1
    assert crossing.lanes.index[rows].tolist() == [0, 1]
    link = crossing.lanes.link[rows[0]]
    assert (crossing.links.id[link], crossing.links.name[link]) == ("11", "West Road")
    assert crossing.links.speed_limit_mps[link] == pytest.approx(50 / 3.6)
    assert np.isnan(crossing.links.speed_limit_mps[crossing.lanes.link[crossing.lane_of["20"]]])


def test_paths_that_cross_are_one_junction_and_lights_hold_the_ways_over_it(crossing: RoadNetwork) -> None:
    paths = {
        name
        for name, kind in zip(crossing.lanes.id.tolist(), crossing.lane_kind().tolist(), strict=True)
        if kind == Kind.JUNCTION
    }
    assert paths == {"30", "31", "32"}
    assert ways_of(crossing) == {
        ("10", "40", "30", "s", 0),
        ("11", "50", "31", "r", 0),
        ("20", "60", "32", "s", 1),
        ("30", "40", "", "s", -1),
        ("31", "50", "", "s", -1),
        ("32", "60", "", "s", -1),
    }
    assert crossing.signals.id.tolist() == ["j30"]
    assert crossing.nodes.kind[crossing.signals.node[0]] == "junction"


def test_heights_are_those_of_the_nodes(crossing: RoadNetwork) -> None:
    lanes = crossing.lanes
    assert lanes.gradient[[crossing.lane_of["10"], crossing.lane_of["20"]]] == pytest.approx([0.05, 0.0])
    assert lanes.shape[crossing.lane_of["40"]][-1, 2] == pytest.approx(210.0)


def test_a_bridge_over_a_road_is_no_junction() -> None:
    flat = [part for part in crossing_with_lights() if "turn_direction" not in part and "traffic_light" not in part]
    flat.append(lanelet("32", "w10", "w11"))
    high = [
        part.replace('k="ele" v="20', 'k="ele" v="21') if part[:11] in {'<node id="s', '<node id="n'} else part for part in flat
    ]
    assert network(*flat).nodes.kind.tolist().count("junction") == 1
    assert network(*high).nodes.kind.tolist().count("junction") == 0


def test_who_may_go_both_ways_has_a_lane_back() -> None:
    roads = network(*straight_on(one_way="no"))
    assert set(roads.lanes.id.tolist()) == {"1", "1.back", "2", "2.back"}
    assert ways_of(roads) == {("1", "2", "", "s", -1), ("2.back", "1.back", "", "s", -1)}
    assert len(roads.nodes.id) == 3  # both directions meet at the same ones
    walked = network(*straight_on(one_way="no", subtype="walkway"))
    assert walked.lanes.id.tolist() == ["1", "2"]
    assert set(walked.lanes.users.tolist()) == {User.PEDESTRIAN}


def test_lanelets_with_a_common_left_border_are_the_two_directions_of_a_road() -> None:
    parts = [*straight_on(), *points(g=(0, 7), h=(100, 7)), way("R3", "g h"), lanelet("3", "L1", "R3")]
    roads = network(*parts)
    link = {str(name): row for row, name in enumerate(roads.links.id.tolist())}
    assert roads.links.from_node[link["3"]] == roads.links.to_node[link["1"]]
    assert roads.links.to_node[link["3"]] == roads.links.from_node[link["1"]]


def test_a_centre_line_of_its_own_is_followed_whichever_way_it_is_drawn() -> None:
    parts = straight_on()
    roads = network(*parts[:-2], way("C", "e d"), lanelet("1", "L1", "R1", centre="C"))
    assert roads.lanes.shape[0].tolist() == [[0, 0, 0], [100, 0, 0]]


def test_rights_of_way_are_priorities() -> None:
    roads = network(*straight_on(), rule("9", "right_of_way", {"yield": "1", "right_of_way": "2"}))
    assert dict(zip(roads.links.id.tolist(), roads.links.priority.tolist(), strict=True)) == {"1": 0, "2": 1}


def chongqing() -> bytes:
    file = (
        Path(os.environ.get("CHELU_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
        / "sind_chongqing"
        / "map_lanelet2.osm"
    )
    if not file.exists():
        pytest.skip(f"{file} is not there: set CHELU_DATA")
    return file.read_bytes()


def test_the_chongqing_crossing_has_its_arms_turns_and_lights() -> None:
    model = read(chongqing(), "map_lanelet2.osm")
    roads = network_of(model)
    assert (len(model.lanelets), len(roads.lanes.id)) == (48, 48)
    assert roads.nodes.kind.tolist().count("junction") == 1
    name = {row: model.lanelets[lane].tags["name"] for lane, row in roads.lane_of.items()}
    c = roads.connections
    across = [row for row, via in enumerate(c.via.tolist()) if via >= 0]
    turns = {(name[c.from_lane[row]], name[c.to_lane[row]]): str(c.direction[row]) for row in across}
    assert len(turns) == 16  # from each of four arms three lanes, of which the right one has two ways
    assert [turns["R1In1", "R4Out1"], turns["R1In2", "R3Out1"], turns["R1In3", "R3Out2"], turns["R1In3", "R2Out2"]] == [*"lssr"]
    groups = {name[c.from_lane[row]][:2]: int(c.group[row]) for row in across if ":gap" not in name[c.from_lane[row]]}
    assert sorted(groups.values()) == [0, 1, 2, 3]  # a light for each arm
    exchanged = [note for note in model.notes if "exchanged" in note]
    assert len(exchanged) == 1
    assert exchanged[0].startswith("lanelet -100015 (line 1557)")
