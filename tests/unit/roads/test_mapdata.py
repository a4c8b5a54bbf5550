"""MAP messages as files of others have them: forms of JSON, lanes drawn in several ways, and what contradicts itself."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

from chelu.codec import cv2x
from chelu.errors import MalformedError
from chelu.roads.mapdata import documents
from chelu.roads.mapdata.network import MapRoads, network_of
from chelu.roads.network import Kind, User

Json = dict[str, Any]


def point(east_m: float, north_m: float, up_m: float | None = None) -> Json:
    """East and north in millionths of a degree, which is about a tenth of a metre."""
    plane = {"position-LL5": {"longitude_deg": east_m * 1e-6, "latitude_deg": north_m * 1e-6}}
    return {"pos_offset": {"offset_ll": plane, **({} if up_m is None else {"offset_v": {"elevation": up_m}})}}


def node(number: int, *links: Json, east: float = 0.0) -> Json:
    place = {"latitude_deg": 29.5, "longitude_deg": round(106.5 + east * 1e-6, 7), "elevation_m": 240.0}
    return {"id": {"id": number}, "reference_position": place, **({"in_links": list(links)} if links else {})}


def link(upstream: int, *lanes: Json, **more: Any) -> Json:
    return {"upstream_node_id": {"id": upstream}, **more, "lanes": list(lanes)}


def lane(number: int, *ways: Json, **more: Any) -> Json:
    return {"lane_id": number, **({"connects_to": list(ways)} if ways else {}), **more}


def way(remote: int, to_lane: int | None = None, phase: int | None = None) -> Json:
    found: Json = {"remote_intersection": {"id": remote}}
    found |= {} if to_lane is None else {"connecting_lane": {"lane": to_lane}}
    return found | ({} if phase is None else {"phase_id": phase})


def message(*nodes: Json) -> Json:
    return {"message": "map", "message_count": 0, "nodes": list(nodes)}


def read(*messages: Json) -> MapRoads:
    return network_of([cv2x.to_json(cv2x.from_json(one)) for one in messages], "test.json")


WEST = [point(-2000, 0), point(-100, 0)]
EAST = [point(-1900, 0), point(0, 0)]


def two_nodes() -> Json:
    """Node 1 with two lanes in from node 9; the left one goes on under phase 3 to node 2, which lies 200 m further east."""
    lanes = (lane(1, way(2, 1, 3), lane_width_m=3.0), lane(2, lane_width_m=3.5))
    return message(
        node(1, link(9, *lanes, points=WEST, link_width_m=6.5)), node(2, link(1, lane(1, points=EAST), name="East"), east=2000)
    )


def test_lanes_without_points_run_beside_their_link_s() -> None:
    roads = read(two_nodes()).network
    assert roads.links.id.tolist() == ["9-1", "East"]
    assert roads.lanes.id.tolist() == ["9-1_2", "9-1_1", "East_1"]  # from the right
    left, right = (roads.lanes.shape[roads.lane_of[name]] for name in ("9-1_1", "9-1_2"))
    assert left[0, 1] - right[0, 1] == pytest.approx(3.25, abs=0.01)
    assert left[:, 2] == pytest.approx(240.0)
    assert roads.nodes.id.tolist() == ["1", "2", "9"]


def test_ways_on_have_the_phase_as_group_of_their_node_s_signal() -> None:
    roads = read(two_nodes()).network
    c = roads.connections
    assert [roads.lanes.id[c.from_lane[0]], roads.lanes.id[c.to_lane[0]], c.group[0]] == ["9-1_1", "East_1", 2]
    assert roads.signals.id[c.signal[0]] == "1"


def test_a_link_s_movements_hold_for_lanes_without_a_list_and_their_phases_for_ways_without_one() -> None:
    said = two_nodes()
    said["nodes"][0]["in_links"][0]["movements"] = [{"remote_intersection": {"id": 2}, "phase_id": 7}]
    del said["nodes"][0]["in_links"][0]["lanes"][0]["connects_to"][0]["phase_id"]
    c = read(said).network.connections
    assert c.group.tolist() == [6, 6]
    assert sorted(c.from_lane.tolist()) == [0, 1]


def test_users_limits_and_bridges_are_read() -> None:
    said = two_nodes()
    first = said["nodes"][0]["in_links"][0]
    first["speed_limits"] = [{"type": "vehicleMinSpeed", "speed_mps": 2.0}, {"type": "vehicleMaxSpeed", "speed_mps": 13.88}]
    first["lanes"][0]["lane_attributes"] = {
        "share_with": ["cyclistVehicleTraffic"],
        "lane_type": {"vehicle": ["isVehicleFlyOverLane", "restrictedToBusUse"]},
    }
    first["lanes"].append(lane(3, lane_attributes={"lane_type": {"median": []}}))
    found = read(said)
    roads = found.network
    assert roads.links.kind[0] == Kind.BRIDGE
    assert roads.lanes.users[roads.lane_of["9-1_1"]] == User.BUS | User.EMERGENCY | User.BICYCLE
    assert roads.links.speed_limit_mps[0] == pytest.approx(13.88)
    assert {one.element for one in found.left_out} == {"link/speed_limits[vehicleMinSpeed]", "lane[median]"}


def test_what_contradicts_itself_is_noted_and_the_rest_is_read() -> None:
    said = two_nodes()
    ways = said["nodes"][0]["in_links"][0]["lanes"][0]["connects_to"]
    ways += [way(2, 5), way(7, 1), way(7, 2)]
    twice = copy.deepcopy(said["nodes"][1])
    twice["reference_position"]["elevation_m"] = 100.0
    lost = message(twice, node(3, link(8, lane(1))))
    found = read(said, lost)
    assert found.notes == (
        "node 2: it is there twice and says different things; the first counts",
        "link 8-3, lane 1: nothing says where it runs, it is left out",
        "link 9-1, lane 1: it leads into lane 5 towards node 2, which is not there",
        "node 1: 2 ways lead towards node 7, whose lanes are not in the file",
    )
    assert len(found.network.lanes.id) == 3


def test_lanes_of_two_links_between_the_same_nodes_have_names_of_their_own() -> None:
    roads = read(message(node(1, link(9, lane(1, points=WEST)), link(9, lane(2, points=[point(-2000, 90), point(-100, 90)])))))
    assert roads.network.links.id.tolist() == ["9-1", "9-1-2"]


def test_messages_without_a_place_or_a_lane_are_refused() -> None:
    with pytest.raises(MalformedError, match=r"test.json: no lane in it says where it runs"):
        read(message(node(1)))
    nowhere = message(node(1))
    nowhere["nodes"][0]["reference_position"] = {"latitude_deg": None, "longitude_deg": None}
    with pytest.raises(MalformedError, match=r"test.json: no node in it says where it lies"):
        read(nowhere)


def wire_json() -> Json:
    """As platforms of others write it: the names of the ASN.1 module, wire integers, numbers as text in places."""
    road_point = {"posOffset": {"offsetLL": {"position-LatLon": {"lon": "1065000000", "lat": 295000000}}}}
    other = {"posOffset": {"offsetLL": ["position-LL2", {"lon": 900, "lat": 0}]}}
    limit = {"type": {"vehicleMaxSpeed": None}, "speed": 694}
    return {
        "timeStamp": 18,
        "nodes": [
            {
                "id": {"region": 500, "id": "5"},
                "refPos": {"lat": 295000000, "long": 1065000000, "ele": 2400},
                "inLinks": {
                    "Link": {
                        "upstreamNodeId": {"region": 500, "id": 4},
                        "speedLimits": [limit, {"type": 4, "speed": 100}],
                        "lanes": [
                            {
                                "laneID": 1,
                                "maneuvers": ["8000", 12],
                                "laneAttributes": {
                                    "shareWith": "0000000100",
                                    "laneType": {"choice": "vehicle", "value": "00000000"},
                                },
                                "points": [road_point, other],
                            }
                        ],
                    }
                },
            }
        ],
    }


@pytest.mark.parametrize("around", ["alone", "list", "slice", "frame"])
def test_json_with_the_names_of_the_asn_1_module_is_read_as_it_is_found(around: str) -> None:
    bare = wire_json()
    document = {"alone": bare, "list": [bare], "slice": {"mapSlice": "a", "eTag": "1", "map": bare}, "frame": {"mapFrame": bare}}
    (found,) = documents.read(json.dumps(document[around]).encode(), "map.json")
    (node_,) = found["nodes"]
    assert node_["id"] == {"region": 500, "id": 5}
    assert node_["reference_position"]["elevation_m"] == 240.0
    (lane_,) = node_["in_links"][0]["lanes"]
    assert lane_["maneuvers"] == ["maneuverStraightAllowed"]
    assert [one["type"] for one in node_["in_links"][0]["speed_limits"]] == ["vehicleMaxSpeed", "vehicleMinSpeed"]
    roads = network_of([found], "map.json").network
    assert roads.lanes.users[0] & User.BICYCLE
    assert np.ptp(roads.lanes.shape[0][:, 0]) == pytest.approx(8.72, abs=0.02)


def test_frames_are_read_in_uper_and_in_hexadecimal_lines() -> None:
    frame = cv2x.from_json(two_nodes())
    assert documents.read(frame, "a.uper") == documents.read(f"{frame.hex()}\n".encode(), "a.hex")
    assert len(documents.read(f"{frame.hex()}\n\n{frame.hex().upper()}".encode(), "a.hex")) == 2
    assert documents.is_map(frame)
    assert documents.is_map(frame.hex().encode())
    assert not documents.is_map(b"<net/>")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "map.json: there is no MAP message in it"),
        (b"\x10\x00", "map.json: 2 bytes are not enough"),
        (b"30", "map.json:1: the frame is no MAP"),
        (b"1", "map.json:1: "),
        (b"{", "map.json: not JSON"),
        (b'{"map": "123"}', "map.json: non-hexadecimal"),
        (b"[3]", r"map.json: \[0\]: "),
        (b'{"nodes": [{"id": {"id": 70000}}]}', "nodes.*refPos"),
        (json.dumps({"map": {"nodes": [{"id": {"id": 1}, "refPos": {"lat": "x", "long": 0}}]}}).encode(), r"refPos.lat = 'x'"),
    ],
)
def test_what_is_no_map_is_refused_with_the_file_and_the_field(data: bytes, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        documents.read(data, "map.json")
