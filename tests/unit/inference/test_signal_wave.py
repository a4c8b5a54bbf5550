"""A green wave along a street of signals: what the one lets go comes to the next in its green."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.inference.city.signals import offsets
from services.inference.city.signals.contract import CLOSED, PROTECTED, Junctions, State, Streets, Vehicles
from services.inference.city.signals.streets import streets_of
from services.inference.city.signals.wave import GreenWave, filled, groups

SPEED_MPS = 14.0
NONE = np.empty(0, np.int64)
NOBODY = Vehicles(NONE, NONE, NONE, np.empty(0), np.empty(0), np.empty(0, np.bool_), np.empty(0, np.bool_))


def street(*gaps_m: float, both_ways: bool = False) -> Junctions:
    """Signals along a street: lane 0 comes along it, lane 1 against it, lane 2 from the side; exits 0 onward, 1 back, 2 aside."""
    count = len(gaps_m) + 1
    opens = np.array([[PROTECTED, PROTECTED, CLOSED], [CLOSED, CLOSED, PROTECTED]])

    def alike(values) -> np.ndarray:
        return np.repeat(np.asarray(values)[None], count, axis=0)

    row = np.arange(count - 1)
    ways = [Streets(row, np.zeros_like(row), row + 1, np.zeros_like(row), np.array(gaps_m, float))]
    if both_ways:
        ways.append(Streets(row + 1, np.ones_like(row), row, np.ones_like(row), np.array(gaps_m, float)))
    columns = ("begin", "exit", "end", "lane", "length_m")
    return Junctions(
        is_stage=alike([True, True]), opens=alike(opens), yields=np.zeros((count, 3, 3), np.bool_), lane=alike([0, 1, 2]),
        exit=alike([0, 1, 2]), is_lane=alike([True, True, True]), speed_mps=alike([SPEED_MPS] * 3),
        exit_places=alike([20.0] * 3), green_s=alike([30.0, 20.0]), least_green_s=alike([5.0, 5.0]),
        most_green_s=alike([60.0, 60.0]), change_s=alike([5.0, 5.0]), offset_s=np.zeros(count),
        streets=Streets(*(np.concatenate([getattr(one, name) for one in ways]) for name in columns)),
    )  # fmt: skip


def flows(at: Junctions, along: float = 0.2, against: float = 0.0, aside: float = 0.1) -> np.ndarray:
    return np.repeat([[along, against, aside]], len(at.lane), axis=0)


def test_the_next_greens_begin_when_what_was_let_go_arrives() -> None:
    at = street(280.0, 420.0)
    green_s, offset_s = GreenWave(at).plan(flows(at))
    cycle_s = float((green_s + at.change_s).sum(axis=1)[0])
    later_s = np.mod(np.diff(offset_s), cycle_s)
    assert later_s == pytest.approx([280 / SPEED_MPS, 420 / SPEED_MPS], abs=4.0)  # 20 and 30 s


def test_signals_of_a_street_share_the_cycle_that_the_busiest_wants_and_fill_it() -> None:
    at = street(280.0, 420.0)
    wanted = flows(at)
    wanted[1] = [0.3, 0.0, 0.2]
    green_s, _ = GreenWave(at).plan(wanted)
    lasts_s = (green_s + at.change_s).sum(axis=1)
    assert lasts_s == pytest.approx([lasts_s[1]] * 3)
    alone = (GreenWave(replace(at, streets=Streets.none())).plan(wanted)[0] + at.change_s).sum(axis=1)
    assert alone[1] == pytest.approx(lasts_s[1])
    assert alone[0] < alone[1]


def test_traffic_both_ways_is_weighed_by_how_much_there_is() -> None:
    at = street(280.0, both_ways=True)
    for along, against, sign in ((0.15, 0.02, 1), (0.02, 0.15, -1)):
        green_s, offset_s = GreenWave(at).plan(flows(at, along, against))
        cycle_s = float((green_s + at.change_s).sum(axis=1)[0])
        assert np.mod(sign * (offset_s[1] - offset_s[0]), cycle_s) == pytest.approx(20.0, abs=5.0)


def test_the_delay_of_a_street_is_least_near_its_travel_time_and_none_of_it_depends_on_where_the_cycle_begins() -> None:
    at = street(280.0)
    waited = offsets.delays(at, at.green_s, 60, flows(at), np.arange(1))[0]
    assert int(np.argmin(waited)) == pytest.approx(20, abs=5)
    assert waited.max() > 3 * waited.min()
    assert waited[0] == pytest.approx(waited[[0, -1, 1]].mean(), rel=0.2)  # round the cycle it goes on evenly


def test_until_flows_are_measured_the_plan_is_as_it_is_and_then_it_is_kept_for_a_while() -> None:
    at = street(280.0)
    controller, seen = GreenWave(at), []
    for now in range(1400):
        decision = controller.decide(State(float(now), np.zeros(2, int), np.zeros(2), NOBODY, np.zeros((2, 3))))
        seen.append(decision.stage.tolist())
    assert seen[:300] == [[0, 0] if now % 60 < 30 or now % 60 >= 55 else [1, 1] for now in range(300)]
    assert seen[300:1200] != seen[:300] * 3


def test_a_road_is_followed_back_to_the_signal_over_its_pieces_and_not_beyond_where_roads_join() -> None:
    before = {"b": {"a"}, "c": {"b"}, "e": {"d", "x"}}
    length = dict.fromkeys("abcdex", 100.0)
    found = streets_of([["a", "d"], []], [["z"], ["c", "e", "a"]], before | {"z": set()}, length | {"z": 50.0})
    assert list(zip(found.begin, found.exit, found.end, found.lane, found.length_m, strict=True)) == [
        (0, 0, 1, 0, 300.0),  # over b and a
        (0, 0, 1, 2, 100.0),  # a itself
    ]


def test_who_is_joined_by_streets_is_a_group() -> None:
    assert groups(6, np.array([0, 2, 4]), np.array([2, 5, 3])).tolist() == [0, 1, 0, 3, 3, 0]


def test_greens_fill_their_cycle_within_their_limits() -> None:
    at = street(280.0)
    for cycle_s in (30.0, 61.0, 120.0):
        found = filled(at, np.array([[58.0, 5.0], [20.0, 20.0]]), np.full(2, cycle_s))
        assert (found + at.change_s).sum(axis=1) == pytest.approx([cycle_s] * 2)
        assert (found >= 5.0).all()
        assert (found <= 60.0).all()
