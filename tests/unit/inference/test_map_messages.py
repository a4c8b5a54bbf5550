"""MAP messages over the roads: phases by what a MAP says, what it contradicts, and that repetitions cost nothing."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.messages import frames_of
from chelu.roads import sumo
from services.inference.known_maps import KnownMaps, essence
from services.inference.map_messages import read
from services.inference.network import NetworkRoads
from services.inference.phase_map import PhaseMap
from services.inference.signals import ALWAYS, Light
from services.inference.stop_lines import stop_lines
from simulators.map_message import map_frames, node_ids
from tests.unit.inference.scenes import EPOCH_US, Car, drive, raised, site
from tests.unit.inference.signal_roads import STOP_C, town, town_file
from tests.unit.inference.staged import says

FRAME = LocalFrame(29.55, 106.57, 250.0)
DISTRICT = Path(__file__).parents[3] / "simulators" / "data" / "district.net.xml.gz"
NUMBERS = {"c": 40, "d": 41}


@pytest.fixture(scope="module")
def network():
    return town(may_turn_right=True)


@pytest.fixture(scope="module")
def values(network):
    """The town's MAPs as JSON: of c and of d."""
    return [cv2x.to_json(frame) for frame in map_frames(network, FRAME, NUMBERS)]


def _told(value, network):
    lines = stop_lines(network)
    assert lines is not None
    (found,) = read(value, FRAME, network, lines)
    names, links = network.lanes.id, network.connections
    ways = [(str(names[links.from_lane[one.connection]]), str(names[links.to_lane[one.connection]])) for one in found.permissions]
    return dict(zip(ways, (one.key for one in found.permissions), strict=True)), found


def _held(link):
    """The way of a link's lane that a phase holds; the town's right turn is held by none."""
    return next(one for one in link["lanes"][0]["connects_to"] if "phase_id" in one)


def test_a_map_names_the_phases_of_the_ways_that_the_roads_have(network, values) -> None:
    ways, found = _told(values[0], network)
    assert ways == {("south_0", "middle_0"): (40 << 16) | 1, ("west_0", "east_0"): (40 << 16) | 2}
    assert (found.intersection, found.unplaced) == (40 << 16, 0)


def test_every_way_of_the_district_is_found_again_by_its_map() -> None:
    district = sumo.read(DISTRICT.read_bytes())
    lines = stop_lines(district)
    assert lines is not None
    names = district.signals.id.tolist()
    numbers = {str(name): number for number, name in enumerate(np.unique(district.signals.id), 1)}
    phases, placed = PhaseMap(lines, names), 0
    plain = phases.keys.copy()
    for frame in map_frames(district, FRAME, numbers):
        for one in read(cv2x.to_json(frame), FRAME, district, lines):
            phases.learn(one.intersection, one.permissions, one.unplaced)
            placed += len(one.permissions)
            for each in one.permissions:
                assert plain[each.connection] == each.key
    assert phases.contradictions == 0
    assert placed == 134


def test_nodes_with_signals_have_the_given_numbers_and_no_number_is_given_twice() -> None:
    district = sumo.read(DISTRICT.read_bytes())
    ids = node_ids(district, {str(name): 500 - 50 * row for row, name in enumerate(district.signals.id.tolist())})
    assert len(set(ids.values())) == len(ids) == len(district.nodes.id)
    assert [ids[node] for node in district.signals.node.tolist()] == [500 - 50 * row for row in range(len(district.signals.id))]


def test_a_signal_that_is_named_otherwise_than_its_junction_tells_of_that_and_one_that_holds_nothing_of_none() -> None:
    named = town_file().replace(b'tl="c"', b'tl="lamp"').replace(b'<tlLogic id="c"', b'<tlLogic id="lamp"')
    idle = named.replace(b"</net>", b'<tlLogic id="idle" type="static" programID="0" offset="0"/></net>')
    found = [cv2x.to_json(one)["nodes"] for one in map_frames(sumo.read(idle), FRAME, {"lamp": 7, "d": 8, "idle": 9})]
    assert [[node["id"]["id"] for node in nodes] for nodes in found] == [[7], [8]]
    assert {way["phase_id"] for link in found[0][0]["in_links"] for way in link["lanes"][0]["connects_to"]} == {1, 2}


def test_a_way_on_names_node_and_lane_as_the_map_of_that_road_does() -> None:
    """Every way to another junction with signals leads to a lane that this junction's map has, under the first one's number."""
    district = sumo.read(DISTRICT.read_bytes())
    numbers = {str(name): number for number, name in enumerate(np.unique(district.signals.id), 1)}
    nodes = {one["id"]["id"]: one for one in (cv2x.to_json(frame)["nodes"][0] for frame in map_frames(district, FRAME, numbers))}
    lanes = {
        (number, link["upstream_node_id"]["id"], lane["lane_id"])
        for number, node in nodes.items() for link in node["in_links"] for lane in link["lanes"]
    }  # fmt: skip
    ways = [
        (one["remote_intersection"]["id"], number, one["connecting_lane"]["lane"])
        for number, node in nodes.items()
        for link in node["in_links"] for lane in link["lanes"] for one in lane.get("connects_to", ())
        if one["remote_intersection"]["id"] in nodes
    ]  # fmt: skip
    assert len(ways) > 20
    assert set(ways) <= lanes


def test_a_map_that_is_elsewhere_is_counted_and_nothing_is_judged_by_it(network, values) -> None:
    shifted = copy.deepcopy(values[0])
    shifted["nodes"][0]["reference_position"]["latitude_deg"] += 0.001  # all points are offsets from it
    ways, found = _told(shifted, network)
    assert found.unplaced >= 1
    assert ("west_0", "east_0") not in ways


def test_a_way_that_the_roads_do_not_have_is_counted(network, values) -> None:
    turning = copy.deepcopy(values[0])
    for link in turning["nodes"][0]["in_links"]:
        _held(link)["connecting_lane"]["maneuver"] = ["maneuverLeftAllowed"]
    ways, found = _told(turning, network)
    assert (ways, found.unplaced) == ({}, 2)


def test_lanes_without_lines_of_their_own_take_their_links(network, values) -> None:
    drawn = copy.deepcopy(values[0])
    for link in drawn["nodes"][0]["in_links"]:
        link["points"] = link["lanes"][0].pop("points")
        del _held(link)["connecting_lane"]["maneuver"]
    ways, found = _told(drawn, network)
    assert ways[("south_0", "middle_0")] == (40 << 16) | 1
    assert found.unplaced == 0


def test_phases_may_stand_with_the_link_and_right_turns_on_red_are_free(network, values) -> None:
    told = copy.deepcopy(values[0])
    south = next(one for one in told["nodes"][0]["in_links"] if _held(one)["phase_id"] == 1)
    straight = _held(south)
    south["lanes"][0]["connects_to"] = [straight]
    del straight["phase_id"]
    turn = {"lane": 1, "maneuver": ["maneuverRightAllowed", "maneuverRightTurnOnRedAllowed"]}
    south["lanes"][0]["connects_to"].append({"remote_intersection": {"id": 99}, "connecting_lane": turn, "phase_id": 7})
    south["movements"] = [{"remote_intersection": straight["remote_intersection"], "phase_id": 5}]
    told = cv2x.to_json(cv2x.from_json(told))  # as it would come over the air
    ways, _ = _told(told, network)
    assert ways[("south_0", "middle_0")] == (40 << 16) | 5
    assert ways[("south_0", "east_0")] == ALWAYS


@pytest.mark.parametrize(("learns", "is_warned"), [(True, True), (False, False)])
def test_a_site_judges_by_the_numbers_of_its_map(values, learns, is_warned) -> None:
    place = site(roads=NetworkRoads(town()))
    if learns:
        place.learn(values, FRAME)
    car = Car(1, (0, STOP_C - 60, 0), 0, 14)
    found = raised(drive([car], 5, place, tell=says({(40, 1): [(Light.RED, 0, 60)]})), "svw")
    assert bool(found) is is_warned
    assert (place.counts.dark == 0) is is_warned
    assert place.counts.contradicting == 0


def test_a_site_without_roads_learns_nothing_of_a_map(values) -> None:
    place = site()
    place.learn(values, FRAME)
    assert place.counts.contradicting == 0


def _again(value, **changes):
    return cv2x.from_json({**value, **changes})


def test_a_repeated_map_is_known_whatever_its_count_and_time(values) -> None:
    first, other = (cv2x.from_json(one) for one in values)
    later = [_again(values[0], message_count=17), _again(values[0], message_count=127)]
    assert {essence(one) for one in later} == {essence(first)}
    assert essence(other) != essence(first)
    timed = [_again(values[0], message_count=count, minute_of_year=minute) for count, minute in ((1, 5), (9, 458_000))]
    assert essence(timed[0]) == essence(timed[1]) != essence(first)


def test_known_maps_are_left_out_until_they_are_old_and_others_never(values) -> None:
    known, texts = KnownMaps(), [cv2x.from_json(one) for one in values]
    frames, mine, others = frames_of(texts, EPOCH_US), np.array([7, 7, 7]), np.array([8, 8])
    assert len(known.without_known(frames, mine)) == 2
    known.note(frames, mine, 0)
    assert known.without_known(frames, mine).frame(0) == texts[1]
    assert len(known.without_known(frames, others)) == 2
    assert len(known.without_known(frames_of(texts, EPOCH_US + 601_000_000), mine)) == 2
    assert len(known.without_known(frames_of([b"", b"\x10", texts[0][:3]], EPOCH_US), mine)) == 3
