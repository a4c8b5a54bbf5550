"""What each signal controller decides at a junction of two roads, of which one may be a T, or crossing a full one."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.city.signals.actuated import Actuated
from services.inference.city.signals.catalogue import CONTROLLERS
from services.inference.city.signals.contract import CLOSED, PERMISSIVE, PROTECTED, Junctions, State, Vehicles
from services.inference.city.signals.fixed import Fixed
from services.inference.city.signals.greedy import Greedy
from services.inference.city.signals.predictive import Predictive
from services.inference.city.signals.pressure import MaxPressure
from services.inference.city.signals.webster import Webster

SPEED_MPS = 14.0


def junctions(count: int = 1) -> Junctions:
    """Two stages; lanes 0 and 1 go in the first, lane 2 in the second, each to an exit of its own."""
    opens = np.array([[PROTECTED, PERMISSIVE, CLOSED], [CLOSED, CLOSED, PROTECTED]])
    yields = np.zeros((count, 3, 3), np.bool_)
    yields[:, 1, 0] = True

    def alike(values, rows=count):
        return np.repeat(np.asarray(values)[None], rows, axis=0)

    return Junctions(
        is_stage=alike([True, True]), opens=alike(opens), yields=yields, lane=alike([0, 1, 2]), exit=alike([0, 1, 2]),
        is_lane=alike([True, True, True]), speed_mps=alike([SPEED_MPS] * 3), exit_places=alike([20.0] * 3),
        green_s=alike([30.0, 20.0]), least_green_s=alike([5.0, 5.0]), most_green_s=alike([60.0, 60.0]),
        change_s=alike([4.0, 6.0]), offset_s=np.zeros(count),
    )  # fmt: skip


def state(lanes, now_s=0.0, stage=0, green_s=10.0, full=(0.0, 0.0, 0.0), junction=0, count=1, is_new=False) -> State:
    """lanes: of each, the vehicles as (metres, m/s)."""
    rows = [(junction, lane, lane, metres, speed, speed < 1) for lane, found in enumerate(lanes) for metres, speed in found]
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.empty(0, int)] * 3 + [np.empty(0)] * 3
    seen = dict(zip(("junction", "lane", "movement", "distance_m", "speed_mps", "is_queued"), columns, strict=True))
    vehicles = Vehicles(**seen | {"is_queued": columns[5].astype(bool)}, is_new=np.full(len(rows), is_new))
    return State(now_s, np.full(count, stage), np.full(count, green_s), vehicles, np.repeat([full], count, axis=0))


def queue(vehicles: int) -> list[tuple[float, float]]:
    return [(2.0 + 7.5 * place, 0.0) for place in range(vehicles)]


def test_fixed_follows_the_clock_and_holds_each_green_to_its_end() -> None:
    decisions = [Fixed(junctions()).decide(state([], now_s=now)) for now in (0, 29, 30, 34, 53, 54, 59, 60, 90)]
    assert [int(one.stage[0]) for one in decisions] == [0, 0, 1, 1, 1, 0, 0, 0, 1]
    assert [float(one.duration_s[0]) for one in decisions] == [30, 1, 24, 20, 1, 36, 31, 30, 24]


def test_webster_gives_green_as_flows_are_and_a_cycle_of_least_delay() -> None:
    greens = Webster(junctions()).greens(np.array([[0.2, 0.1, 0.1]]))
    lost_s, total = 4 + 6 + 2 * 2, 0.4 + 0.2
    cycle_s = (1.5 * lost_s + 5) / (1 - total)
    assert greens.sum() + 10 == pytest.approx(cycle_s, abs=1.0)
    assert (greens[0, 0] - 2) / (greens[0, 1] - 2) == pytest.approx(2.0, rel=0.1)


def test_webster_keeps_the_plan_until_it_has_measured() -> None:
    controller = Webster(junctions())
    seen = [controller.decide(state([], now_s=now)).stage[0] for now in range(120)]
    assert seen == [Fixed(junctions()).decide(state([], now_s=now)).stage[0] for now in range(120)]


def test_actuated_goes_on_while_vehicles_follow_and_ends_at_a_gap_or_its_maximum() -> None:
    controller, close, far = Actuated(junctions()), [(30.0, 14.0)], [(120.0, 14.0)]
    assert controller.decide(state([close, [], queue(1)])).stage[0] == 0
    assert controller.decide(state([far, [], queue(1)])).stage[0] == 1
    assert controller.decide(state([close, [], queue(1)], green_s=51)).stage[0] == 1
    assert controller.decide(state([[], [], queue(1)], green_s=2)).stage[0] == 0  # not before the least green
    assert controller.decide(state([[], [], []], green_s=80)).stage[0] == 0  # nobody waits: it rests


def test_greedy_takes_the_fullest_stage_and_keeps_the_one_shown_among_equals() -> None:
    controller = Greedy(junctions())
    assert controller.decide(state([queue(1), queue(1), queue(3)])).stage[0] == 1
    assert controller.decide(state([queue(2), queue(1), queue(3)])).stage[0] == 0
    assert controller.decide(state([queue(2), queue(1), queue(3)], stage=1)).stage[0] == 1
    assert controller.decide(state([[], [], []])).duration_s[0] == 10.0


def test_max_pressure_sends_nobody_into_an_exit_that_is_full() -> None:
    controller = MaxPressure(junctions())
    assert controller.decide(state([queue(6), [], queue(3)])).stage[0] == 0
    assert controller.decide(state([queue(6), [], queue(3)], full=(4.0, 0.0, 0.0))).stage[0] == 1  # less pressure
    assert controller.decide(state([queue(30), [], queue(3)], full=(18.0, 0.0, 0.0))).stage[0] == 1  # spill-back


def test_max_pressure_counts_who_stands_and_not_who_comes() -> None:
    assert MaxPressure(junctions()).decide(state([[(90.0, 14.0)] * 5, [], queue(2)])).stage[0] == 1


def test_predictive_ends_a_green_that_serves_nobody_and_keeps_one_that_discharges() -> None:
    controller = Predictive(junctions())
    assert controller.decide(state([[], [], queue(4)])).stage[0] == 1
    assert controller.decide(state([queue(8), queue(5), queue(1)])).stage[0] == 0


def test_predictive_waits_for_a_platoon_that_is_about_to_come() -> None:
    platoon = [(20.0 + 15.0 * place, 14.0) for place in range(6)]
    assert Predictive(junctions()).decide(state([platoon, platoon, queue(1)])).stage[0] == 0


def test_predictive_does_not_hold_a_green_for_vehicles_that_cannot_leave() -> None:
    controller = Predictive(junctions())
    assert controller.decide(state([queue(9), [], queue(2)])).stage[0] == 0
    assert controller.decide(state([queue(9), [], queue(2)], full=(19.0, 0.0, 0.0))).stage[0] == 1


@pytest.mark.parametrize("name", list(CONTROLLERS))
def test_junctions_are_decided_each_for_itself(name) -> None:
    alone = CONTROLLERS[name](junctions()).decide(state([queue(1), [], queue(7)], now_s=40.0))
    among = CONTROLLERS[name](junctions(3)).decide(state([queue(1), [], queue(7)], now_s=40.0, junction=1, count=3))
    assert among.stage.shape == among.duration_s.shape == (3,)
    assert (among.stage[1], among.duration_s[1]) == (alone.stage[0], alone.duration_s[0])


@pytest.mark.parametrize("name", list(CONTROLLERS))
def test_an_empty_junction_is_decided_too(name) -> None:
    decision = CONTROLLERS[name](junctions()).decide(state([[], [], []]))
    assert decision.stage[0] in {0, 1}
    assert decision.duration_s[0] > 0
