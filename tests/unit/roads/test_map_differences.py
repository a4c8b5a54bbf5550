"""What a unit sends otherwise than the map has it: each difference by itself, and none where only the encoding differs."""

from __future__ import annotations

import copy
from typing import Any

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.roads import sumo
from chelu.roads.mapdata.differences import differences
from chelu.roads.mapdata.intersections import NodeId, node_id
from chelu.roads.mapdata.writing import frames_of, usual_style
from tests.unit.roads.made import star

FRAME = LocalFrame(29.5, 106.5, 250.0)
Nodes = dict[NodeId, Any]


def nodes() -> Nodes:
    network = sumo.read(star([(0, 1, 1, 0.0), (180, 1, 1, 0.0)], groups=2).encode())
    (frame,) = frames_of(network, FRAME, usual_style(network))
    return {node_id(node["id"]): node for node in cv2x.to_json(frame)["nodes"]}


def sent(change: Any) -> list[str]:
    found = copy.deepcopy(nodes())
    change(found)
    return differences(nodes(), found)


def first_lane(found: Nodes) -> Any:
    return found[0, 1]["in_links"][0]["lanes"][0]


def test_the_same_is_no_difference() -> None:
    assert sent(lambda found: None) == []


def test_nodes_links_and_lanes_that_are_not_sent_or_not_in_the_map() -> None:
    def change(found: Nodes) -> None:
        found[0, 9] = found.pop((0, 2))
        found[0, 1]["in_links"][0]["upstream_node_id"] = {"id": 7}
        found[0, 1]["in_links"][1]["lanes"][0]["lane_id"] = 5

    assert sent(change) == [
        "node 2 is not sent",
        "node 9 is sent, and is not in the map",
        "node 1: the link from node 2 is not sent",
        "node 1: a link from node 7 is sent, and is not in the map",
        "node 1, link from node 3: lane 1 is not sent",
        "node 1, link from node 3: lane 5 is sent, and is not in the map",
    ]


def test_places_lines_widths_users_and_phases_that_are_sent_otherwise() -> None:
    def change(found: Nodes) -> None:
        found[0, 2]["reference_position"]["latitude_deg"] += 0.0001
        lane = first_lane(found)
        lane["lane_width_m"] = 3.0
        lane["lane_attributes"] = {"lane_type": {"bikeLane": []}}
        lane["connects_to"][0]["phase_id"] = 9
        lane["points"][0]["pos_offset"]["offset_v"] = {"elevation": 260.0}

    at = "node 1, link from node 2, lane 1"
    assert sent(change) == [
        f"{at}: its line is sent up to 10.0 m from where it should run",
        f"{at}: it is sent 3.00 m wide, and should be 3.50 m",
        f"{at}: it is sent for other users",
        f"{at}: its way on to node 3, lane 1 is sent under phase 9, and should be under 1",
        "node 2 is sent 11.1 m from where it should lie",
        "node 2, link from node 1, lane 1: its line is sent up to 11.1 m from where it should run",  # it is drawn from its node
    ]


def test_ways_on_that_are_not_sent_and_lines_that_are_not() -> None:
    def change(found: Nodes) -> None:
        first_lane(found)["connects_to"][0]["remote_intersection"] = {"id": 8}
        del first_lane(found)["points"]

    at = "node 1, link from node 2, lane 1"
    assert sent(change) == [
        f"{at}: its line is not sent",
        f"{at}: its way on to node 3, lane 1 is not sent",
        f"{at}: a way on to node 8, lane 1 is sent, and is not in the map",
    ]


def test_a_node_without_a_place_is_said_to_have_none() -> None:
    def change(found: Nodes) -> None:
        found[0, 1]["reference_position"] = {"latitude_deg": None, "longitude_deg": None}

    assert sent(change) == ["node 1: it is sent without a place"]


FAST = [{"type": "vehicleMaxSpeed", "speed_mps": 13.88}, {"type": "vehicleMinSpeed", "speed_mps": 5.0}]
SLOW = [{"type": "vehicleMaxSpeed", "speed_mps": 8.34}]
AT = "node 1, link from node 2, lane 1"


def first_link(found: Nodes) -> Any:
    return found[0, 1]["in_links"][0]


def told(should: Any, change: Any) -> list[str]:
    """What differs between nodes as one change makes them, and as another does."""
    changed = [copy.deepcopy(nodes()) for _ in range(2)]
    should(changed[0])
    change(changed[1])
    return differences(*changed)


def limited(limits: Any) -> Any:
    return lambda found: first_link(found).update(speed_limits=limits)


def unlimited(found: Nodes) -> None:
    del first_link(found)["speed_limits"]


def test_limits_that_are_sent_otherwise_not_at_all_or_too_many() -> None:
    assert told(limited(FAST), limited(FAST)) == []
    assert told(limited(FAST), limited(SLOW)) == [
        f"{AT}: its vehicleMaxSpeed is sent as 8.34 m/s, and should be 13.88 m/s",
        f"{AT}: its vehicleMinSpeed of 5.00 m/s is not sent",
    ]
    assert told(limited(SLOW), unlimited) == [f"{AT}: its vehicleMaxSpeed of 8.34 m/s is not sent"]
    assert told(unlimited, limited(SLOW)) == [f"{AT}: a vehicleMaxSpeed of 8.34 m/s is sent, and is not in the map"]


def test_a_limit_is_the_same_whether_the_link_or_each_of_its_lanes_says_it() -> None:
    def by_lanes(found: Nodes) -> None:
        unlimited(found)
        for lane in first_link(found)["lanes"]:
            lane["speed_limits"] = FAST

    assert told(limited(FAST), by_lanes) == []


def test_a_lane_that_is_named_twice_is_told_though_both_say_the_same() -> None:
    def twice(found: Nodes) -> None:
        first_link(found)["lanes"].append(copy.deepcopy(first_lane(found)))

    assert sent(twice) == [f"{AT} is sent 2 times"]


def test_a_node_with_two_links_whose_lanes_have_the_same_numbers_is_told() -> None:
    def twice(found: Nodes) -> None:
        found[0, 1]["in_links"].append(copy.deepcopy(first_link(found)))

    assert sent(twice) == [f"{AT} is sent 2 times"]


def test_widths_manoeuvres_and_bridges_that_are_sent_otherwise() -> None:
    def change(found: Nodes) -> None:
        lane = first_lane(found)
        del lane["lane_width_m"]
        lane["maneuvers"] = ["maneuverLeftAllowed"]
        lane["connects_to"][0]["connecting_lane"]["maneuver"] = ["maneuverLeftAllowed"]
        lane["lane_attributes"]["lane_type"] = {"vehicle": ["isVehicleFlyOverLane"]}

    assert sent(change) == [
        f"{AT}: its width of 3.50 m is not sent",
        f"{AT}: it is sent as one that leads over others",
        f"{AT}: it is sent with maneuverLeftAllowed, and should be with maneuverStraightAllowed",
        f"{AT}: its way on to node 3, lane 1 is sent with maneuverLeftAllowed, and should be with maneuverStraightAllowed",
    ]
