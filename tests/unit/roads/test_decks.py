from __future__ import annotations

import numpy as np

from chelu.roads import sumo
from chelu.roads.decks import GAP_M, may_meet
from tests.unit.roads.networks import district, edge, net


def test_three_roads_above_each_other_are_three_decks() -> None:
    network = district()
    low, middle, high = network.lane_indices(["camellia_4n_1", "riverside_e4_0", "gorge_n3_0"])
    deck = network.lanes.deck
    assert deck[low] < deck[middle] < deck[high]


def test_stacked_lanes_never_share_a_deck_and_the_upper_one_is_higher() -> None:
    network = district()
    assert len(network.stacked.lower) > 100
    assert (network.lanes.deck[network.stacked.lower] < network.lanes.deck[network.stacked.upper]).all()
    assert network.stacked.gap_m.min() >= 5.5


def test_a_street_over_a_tunnel_is_above_it() -> None:
    network = district()
    tunnel, street = network.lane_indices(["riverside_w9_0", "bamboo_2n_1"])
    assert network.lanes.deck[tunnel] < network.lanes.deck[street]


def test_lanes_beside_each_other_and_lanes_that_lead_on_share_a_deck() -> None:
    network = district()
    left, right, onward = network.lane_indices(["riverside_e4_0", "riverside_e4_1", "riverside_e6_1"])
    assert network.lanes.deck[left] == network.lanes.deck[right] == network.lanes.deck[onward]


def test_overlap_of_edges_counts_where_centre_lines_run_side_by_side() -> None:
    network = sumo.read(net(edge("low", "0,0,0 100,0,0") + edge("high", "0,2,6 100,2,6") + edge("far", "0,4,6 100,4,6")))
    assert list(zip(network.stacked.lower.tolist(), network.stacked.upper.tolist(), strict=True)) == [(0, 1)]
    assert network.lanes.deck.tolist() == [0, 1, 0]


def test_a_small_step_is_no_deck() -> None:
    network = sumo.read(net(edge("low", "0,0,0 100,0,0") + edge("high", f"50,-50,{GAP_M - 0.1} 50,50,{GAP_M - 0.1}")))
    assert network.lanes.deck.tolist() == [0, 0]


def test_roads_that_weave_over_and_under_each_other_are_read() -> None:
    weave = edge("a", "0,0,0 100,0,8") + edge("b", "0,1,8 100,1,0")
    assert len(sumo.read(net(weave)).lanes.deck) == 2


def test_who_may_meet_is_told_by_deck_and_connection() -> None:
    network = district()
    low, high, ramp, nose = network.lane_indices(["camellia_4n_1", "gorge_n3_0", "ramp_ne_direct_0", "riverside_e7_0"])
    assert may_meet(network, [low, low, -1], [high, low, high]).tolist() == [False, True, True]
    assert may_meet(network, [ramp], [nose]).all()


def test_every_connection_joins_lanes_that_may_meet() -> None:
    network = district()
    pairs = network.connections
    assert may_meet(network, pairs.from_lane, pairs.to_lane).all()
    has_via = pairs.via >= 0
    assert may_meet(network, pairs.from_lane[has_via], pairs.via[has_via]).all()
    assert np.all(pairs.from_lane >= 0)
