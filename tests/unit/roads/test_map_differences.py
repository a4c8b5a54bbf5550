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
