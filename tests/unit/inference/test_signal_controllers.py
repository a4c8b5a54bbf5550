"""What each signal controller decides at a junction of two roads, of which one may be a T, or crossing a full one."""

from __future__ import annotations

import numpy as np
import pytest

from chelu import native
from services.inference.city.signals.actuated import Actuated
from services.inference.city.signals.catalogue import CONTROLLERS
from services.inference.city.signals.contract import CLOSED, PERMISSIVE, PROTECTED, Junctions, State, Vehicles
from services.inference.city.signals.fixed import Fixed
from services.inference.city.signals.greedy import Greedy
from services.inference.city.signals.predictive import Predictive
from services.inference.city.signals.pressure import MaxPressure
from services.inference.city.signals.rollout import Model, Outlook, Plans, roll_out
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


@pytest.mark.parametrize("seed", range(20))
def test_native_code_rolls_plans_out_alike(seed, monkeypatch, native_code) -> None:
    rng, count, plans = np.random.default_rng(seed), 4, 60
    outlook = Outlook(
        np.cumsum(rng.random((count, 3, 60)) * rng.choice([0.1, 0.4]), axis=2) + rng.integers(0, 12, (count, 3, 1)),
        np.repeat(np.arange(3)[None, :, None], count, axis=0).repeat(5, axis=2),
        rng.random((count, 3)) < 0.1,
    )
    wanted = Plans(rng.integers(0, count, plans), rng.integers(0, 20, plans).astype(float), rng.integers(0, 2, plans))
    now = rng.integers(0, 2, count), rng.choice([-3.0, -1.0, 0.0, 7.0, 58.0], count)
    found = []
    for code in (native_code, None):
        monkeypatch.setattr(native, "library", lambda code=code: code)
        found.append(roll_out(junctions(count), outlook, wanted, *now, Model()))
    for name in ("lost_s", "stops", "left"):
        np.testing.assert_allclose(getattr(found[0], name), getattr(found[1], name), rtol=1e-9, atol=1e-9)


def test_a_lane_that_is_held_does_not_hold_the_green_of_a_plan() -> None:
    """It once did: left-turners who could not go kept every plan's green, and the controller waited for nobody."""
    seconds = np.arange(60)
    arrived = np.stack([0.4 * seconds, np.full(60, 5.0), 0.2 * seconds])[None]
    outlook = Outlook(arrived, np.arange(3)[None, :, None].repeat(2, axis=2), np.zeros((1, 3), np.bool_))
    plan = Plans(np.array([0]), np.array([0.0]), np.array([0]))
    left = roll_out(junctions(), outlook, plan, np.array([1]), np.array([10.0]), Model()).left
    assert left[0, 1] == 5.0  # lane 0 has somebody coming all the time
    assert left[0, 2] < 0.2 * 59 - 4  # and yet the other road has had its green again
