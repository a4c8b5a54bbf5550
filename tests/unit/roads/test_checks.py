"""Each kind of doubtful thing is found where it was put, and not in networks where it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chelu.roads import sumo
from chelu.roads.checks import Finding, check
from chelu.roads.network import RoadNetwork
from tests.unit.roads.made import star
from tests.unit.roads.networks import district, net

FOUR = [(0.0, 1, 1, 0.0), (90.0, 1, 1, 0.0), (180.0, 1, 1, 0.0), (270.0, 1, 1, 0.0)]


def made(text: str) -> RoadNetwork:
    return sumo.read(text.encode())


def of_kind(network: RoadNetwork, kind: str) -> list[str]:
    return [f"{one.element}: {one.what}" for one in check(network) if one.kind == kind]


def test_a_network_in_order_has_nothing_doubtful() -> None:
    assert check(made(star(FOUR[:2] + FOUR[3:], groups=6))) == []


def test_the_district_is_in_order_but_for_the_lanes_that_end_or_begin_beside_others() -> None:
    found = check(district())
    assert {one.kind for one in found} == {"dangling link"}
    assert len(found) == 8
    assert found[0].sentence() == "dangling link: lane riverside_e5_0: nothing leads on from it at node riverside_e_lane_end"


def test_lanes_that_lead_nowhere_or_come_from_nowhere_are_found() -> None:
    text = star([(0.0, 2, 1, 0.0), (180.0, 1, 1, 0.0)], groups=0)
    cut = text.replace('<connection from="in0" to="out1" fromLane="1"', '<other from="in0" to="out1" fromLane="1"')
    assert of_kind(made(cut), "dangling link") == ["lane in0_1: nothing leads on from it at node mid"]
    wide = star([(0.0, 1, 1, 0.0), (180.0, 1, 2, 0.0)], groups=0)
    assert of_kind(made(wide), "dangling link") == ["lane out1_1: nothing leads into it at node mid"]


def test_a_link_without_a_node_is_found() -> None:
    text = star(FOUR, groups=0).replace('from="end0" to="mid"', 'from="nowhere" to="mid"')
    assert "link in0: it begins or ends at no node" in of_kind(made(text), "dangling link")


def test_narrow_lanes_for_vehicles_are_found() -> None:
    text = star(FOUR, groups=0).replace('length="190" width="3.5"', 'length="190" width="1.95"', 1)
    assert of_kind(made(text), "narrow lane") == ["lane in0_0: it is 1.95 m wide"]


def test_groups_that_hold_nothing_and_ways_that_no_phase_knows_are_found() -> None:
    held = star(FOUR, groups=12)
    lacking = held.replace('linkIndex="3"', 'linkIndex="12"')
    assert of_kind(made(lacking), "phase without lanes") == ["signal mid: group 3 holds nothing"]
    assert of_kind(made(lacking), "contradiction") == ["signal mid: a way on has group 12, its phases have 12 groups"]
    uneven = held.replace("</tlLogic>", '<phase duration="3" state="GG"/></tlLogic>')
    assert of_kind(made(uneven), "contradiction") == ["signal mid: its phases have 2 and 12 groups"]
    idle = held.replace("</tlLogic>", '</tlLogic><tlLogic id="x" type="static" programID="0" offset="0"/>')
    assert of_kind(made(idle), "phase without lanes") == ["signal x: it holds nothing"]


@pytest.mark.parametrize(("height", "touches"), [(0.3, False), (1.5, True), (6.0, False)])
def test_lanes_that_cross_too_close_above_one_another_are_found(height: float, touches: bool) -> None:
    lane = '<edge id="{0}"><lane id="{0}_0" index="0" speed="9" length="99" width="3" shape="{1}"/></edge>'
    network = sumo.read(net(lane.format("a", "-50,0,0 50,0,0") + lane.format("b", f"0,-50,{height} 0,50,{height}")))
    said = [f"lane a_0: it crosses lane b_0 with {height:.2f} m between them"]
    assert of_kind(network, "decks that touch") == (said if touches else [])


def test_one_group_for_ways_that_cross_is_found() -> None:
    clean, shared = made(star(FOUR, groups=12)), made(star(FOUR, groups=1))
    assert of_kind(clean, "phase for conflicting ways") == []
    found = of_kind(shared, "phase for conflicting ways")
    assert "signal mid, group 0: in0_0 → out2_0 and in1_0 → out3_0 cross" in found
    raised = replace(shared.lanes.shape, points=shared.lanes.shape.points + _lift(shared))
    assert not [
        one
        for one in of_kind(replace(shared, lanes=replace(shared.lanes, shape=raised)), "phase for conflicting ways")
        if "in0_0 → out2_0" in one
    ]


def _lift(network: RoadNetwork) -> np.ndarray:
    """6 m for what belongs to the arms 0 and 2."""
    high = np.array([str(name)[-3] in "02" for name in network.lanes.id.tolist()])
    rows = np.repeat(high, np.diff(network.lanes.shape.start))
    return np.column_stack([rows * 0.0, rows * 0.0, rows * 6.0])


def test_two_things_with_one_id_and_nodes_at_one_place_are_found() -> None:
    text = star(FOUR, groups=0)
    twin = '<junction id="mid" type="priority" x="0.00" y="0.00" z="0.00" shape=""/>'
    network = made(text.replace("<connection", f"{twin}<connection", 1))
    assert Finding("two with one id", "node mid", "there are several of this id") in check(network)
    assert of_kind(network, "contradiction") == ["node mid: node mid lies at the same place"]


def test_a_way_into_a_path_that_begins_elsewhere_is_found() -> None:
    text = star(FOUR[:2], groups=0)
    path = '<edge id=":mid_0" function="internal"><lane id=":mid_0_0" index="0" speed="9" length="9" shape="60,60 70,70"/></edge>'
    network = made(text.replace("<junction", f"{path}<junction", 1).replace('dir="s"', 'dir="s" via=":mid_0_0"', 1))
    (found,) = of_kind(network, "contradiction")
    assert found.startswith("lane in0_0: it leads into lane :mid_0_0, which begins ")
