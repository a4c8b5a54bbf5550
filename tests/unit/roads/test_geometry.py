from __future__ import annotations

import numpy as np
import pytest

from chelu.roads import sumo
from chelu.roads.geometry import at, group_lanes, lane_path, plan_crossings, signal_programme
from chelu.roads.network import UnknownLaneError
from tests.unit.roads.networks import district, edge, net


def test_a_path_runs_through_the_junction_without_a_gap() -> None:
    network = district()
    connection = np.flatnonzero(network.connections.via >= 0)[0]
    row = network.connections
    lanes = [int(row.from_lane[connection]), int(row.via[connection]), int(row.to_lane[connection])]
    points, along = lane_path(network, lanes)
    assert np.allclose(np.diff(along), np.linalg.norm(np.diff(points, axis=0), axis=1))
    assert (np.diff(along) > 0).all()
    assert np.array_equal(points[0], network.lanes.shape[lanes[0]][0])
    assert np.array_equal(points[-1], network.lanes.shape[lanes[2]][-1])


def test_ids_and_indices_give_the_same_path_and_places_along_it() -> None:
    network = sumo.read(net(edge("e", "0,0,0 30,0,0 30,40,0")))
    points, along = lane_path(network, ["e_0"])
    assert np.array_equal(points, lane_path(network, [0])[0])
    assert at(points, along, np.array([-5.0, 30.0, 50.0, 99.0])).tolist() == [[0, 0, 0], [30, 0, 0], [30, 20, 0], [30, 40, 0]]
    with pytest.raises(UnknownLaneError):
        lane_path(network, ["f_0"])
    assert lane_path(network, [])[0].shape == (0, 3)


def test_a_crossing_is_found_where_it_is() -> None:
    network = sumo.read(net(edge("a", "0,0,0 100,0,10") + edge("b", "40,-30,20 40,70,20") + edge("c", "0,9,0 100,9,0")))
    table = plan_crossings(network)
    assert [table["lane_a"].tolist(), table["lane_b"].tolist()] == [[0, 1], [1, 2]]
    assert (table["x"][0], table["y"][0], table["z_a"][0], table["z_b"][0]) == pytest.approx((40.0, 0.0, 4.0, 20.0))
    assert table["offset_a"][0] == pytest.approx(np.hypot(40.0, 4.0))
    assert table["offset_b"][0] == pytest.approx(30.0)


def test_lanes_that_only_touch_at_their_ends_do_not_cross() -> None:
    assert len(plan_crossings(sumo.read(net(edge("a", "0,0 50,0") + edge("b", "50,0 99,40"))))) == 0


def test_the_districts_roads_cross_with_room_for_lorries_or_at_junctions() -> None:
    network = district()
    table = plan_crossings(network)
    gap = np.abs(table["z_a"] - table["z_b"])
    assert ((gap < 0.3) | (gap >= 5.5)).all()
    is_road = network.lane_kind() < 3
    assert (gap[is_road[table["lane_a"]] & is_road[table["lane_b"]]] >= 5.5).all()


def test_three_decks_cross_above_one_place() -> None:
    table = plan_crossings(district())
    near = (np.hypot(table["x"], table["y"]) < 20.0) & (np.abs(table["z_a"] - table["z_b"]) >= 5.5)
    heights = np.concatenate([table["z_a"][near], table["z_b"][near]])
    assert [np.any(np.abs(heights - level) < 1.0) for level in (30.0, 37.5, 45.0)] == [True] * 3


def test_each_groups_states_fill_its_cycle() -> None:
    network = district()
    programme = signal_programme(network)
    for signal in range(len(network.signals.id)):
        rows = programme.signal == signal
        groups = programme.group[rows]
        assert np.allclose(np.bincount(groups, programme.duration_s[rows]), programme.cycle_s[rows][0])
        assert len(group_lanes(network, signal, 0)) > 0


def test_no_signal_has_more_groups_than_a_spat_message_holds() -> None:
    assert signal_programme(district()).group.max() < 16


def test_a_state_that_runs_over_the_cycles_end_is_one_row() -> None:
    phases = "".join(f'<phase duration="{s}" state="{c}"/>' for s, c in ((10, "Gr"), (3, "yr"), (20, "rr"), (7, "Gr")))
    programme = signal_programme(sumo.read(net(f'<tlLogic id="t" type="static" programID="0" offset="5">{phases}</tlLogic>')))
    rows = list(zip(programme.group.tolist(), programme.start_s, programme.duration_s, programme.state.tolist(), strict=True))
    assert rows == [(0, 10.0, 3.0, "y"), (0, 13.0, 20.0, "r"), (0, 33.0, 17.0, "G"), (1, 0.0, 40.0, "r")]
