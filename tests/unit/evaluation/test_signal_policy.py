"""The learned signal policy: what it is told, what it learns, and that its file says the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chelu.errors import CannotStartError
from evaluation.signals.policy import network
from evaluation.signals.policy.examples import Examples, Noting, grouped, joined, load
from services.inference.city.signals.alternatives import INPUTS, Alternatives, alternatives
from services.inference.city.signals.contract import CLOSED, PROTECTED, Junctions, State, Vehicles
from services.inference.city.signals.learned import Before, OnnxPolicy, shipped
from services.inference.city.signals.predictive import Predictive

GAINED, LOST = 0, 10  # of a side: protected ones that stand


def junctions(stages: int = 2, count: int = 1) -> Junctions:
    """One lane and one exit a stage."""
    shape = (count, stages)
    return Junctions(
        is_stage=np.ones(shape, np.bool_), opens=np.repeat(np.where(np.eye(stages) > 0, PROTECTED, CLOSED)[None], count, axis=0),
        yields=np.zeros((count, stages, stages), np.bool_), lane=np.repeat(np.arange(stages)[None], count, axis=0),
        exit=np.repeat(np.arange(stages)[None], count, axis=0), is_lane=np.ones(shape, np.bool_), speed_mps=np.full(shape, 14.0),
        exit_places=np.full(shape, 20.0), green_s=np.full(shape, 30.0), least_green_s=np.full(shape, 5.0),
        most_green_s=np.full(shape, 60.0), change_s=np.full(shape, 4.0), offset_s=np.zeros(count),
    )  # fmt: skip


def state(standing: list[int], green_s: float = 10.0, stage: int = 0, full: tuple[float, ...] | None = None) -> State:
    """So many stand on each lane."""
    lane = np.repeat(np.arange(len(standing)), standing)
    metres = np.concatenate([2.0 + 7.5 * np.arange(count) for count in standing])
    is_there = np.ones(len(lane), np.bool_)
    seen = Vehicles(np.zeros(len(lane), np.int64), lane, lane, metres, np.zeros(len(lane)), is_there, ~is_there)
    return State(0.0, np.array([stage]), np.array([green_s]), seen, np.array([full or (0.0,) * len(standing)]))


def told(standing: list[int], **options) -> Alternatives:
    at = junctions(len(standing))
    return alternatives(at, state(standing, **options), np.zeros(at.is_lane.shape), np.zeros(at.is_stage.shape))


def examples(seed: int, count: int = 2000) -> Examples:
    """Going to the better one of two ways saves what is gained there less what is lost."""
    inputs = np.random.default_rng(seed).random((count, 2, INPUTS), np.float32)
    gain = 20.0 * (inputs[..., GAINED] - inputs[..., LOST])
    gain[::3, 1] = np.nan
    return Examples(inputs, gain.astype(np.float32))


def test_who_stands_is_gained_by_going_to_him_and_lost_by_leaving_him() -> None:
    found = told([3, 5, 0])
    assert found.stage.tolist() == [1, 2]
    assert found.inputs[:, GAINED].tolist() == [1.0, 0.0]
    assert found.inputs[:, LOST] == pytest.approx([0.6, 0.6])


def test_there_is_no_way_to_go_before_the_least_green_or_during_a_change() -> None:
    assert len(told([3, 5], green_s=4.0).junction) == len(told([3, 5], green_s=-2.0).junction) == 0


def test_who_has_no_room_behind_the_junction_is_gained_by_nobody() -> None:
    assert told([0, 5], full=(0.0, 19.0)).inputs[0, GAINED] == 0.0


def test_who_stands_behind_one_who_must_wait_is_not_let_go() -> None:
    """One lane, two movements: the first vehicle turns where the stage at hand is closed."""
    at = junctions(2)
    at = Junctions(**{name: getattr(at, name) for name in at.__slots__} | {"lane": np.zeros((1, 2), np.int64)})
    seen = state([2, 0])
    vehicles = Vehicles(**{name: getattr(seen.vehicles, name) for name in Vehicles.__slots__} | {"movement": np.array([1, 0])})
    found = alternatives(at, State(0.0, seen.stage, seen.green_s, vehicles, seen.exit_queue), np.zeros((1, 2)), np.zeros((1, 2)))
    assert found.inputs[0, GAINED] == pytest.approx(0.2)  # the first one; the second is closed there
    assert found.inputs[0, LOST] == 0.0


def test_what_a_stage_is_red_for_begins_when_its_green_ends() -> None:
    before, at = Before(junctions()), junctions()
    for now_s, stage in ((0.0, 0), (5.0, 0), (9.0, 1)):
        seen = state([0, 0], stage=stage)
        before.take(State(now_s, seen.stage, seen.green_s, seen.vehicles, seen.exit_queue))
    assert before.red_s(12.0).tolist() == [[7.0, 3.0]]
    assert before.per_s().shape == at.is_lane.shape


def test_who_drives_to_learn_decides_as_the_predictive_controller_does() -> None:
    for standing in ([3, 5], [0, 4], [9, 1]):  # where nobody is, one way is as good as the other
        noting = Noting(junctions())
        assert noting.decide(state(standing)).stage[0] == Predictive(junctions()).decide(state(standing)).stage[0]
        assert len(noting.examples().gain) == 1
    assert len(Noting(junctions()).examples().gain) == 0


def test_ways_of_one_junction_are_one_instant_and_others_are_filled_up(tmp_path: Path) -> None:
    rows = np.arange(3 * INPUTS, dtype=np.float32).reshape(3, INPUTS)
    found = grouped(Alternatives(np.array([2, 5, 5]), np.array([1, 0, 2]), rows), np.array([1.0, 2.0, 3.0], np.float32))
    np.testing.assert_array_equal(found.gain, [[1.0, np.nan], [2.0, 3.0]])
    np.testing.assert_array_equal(found.inputs[1], rows[1:])
    both = joined([found, Examples(rows[None, :1], np.ones((1, 1), np.float32))])
    assert both.gain.shape == (3, 2)
    both.save(tmp_path / "both.npz")
    np.testing.assert_array_equal(load(tmp_path / "both.npz").inputs, both.inputs)


def test_it_learns_to_lose_little_and_its_file_says_the_same_each_time(tmp_path: Path) -> None:
    weights = network.train(examples(1), seed=4, epochs=20)
    fresh = examples(2)
    assert network.lost(weights, fresh) < 0.05 * np.nanmean(np.abs(fresh.gain))
    network.write(weights, tmp_path / "one.onnx")
    network.write(network.train(examples(1), seed=4, epochs=20), tmp_path / "two.onnx")
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()
    said = OnnxPolicy(tmp_path / "one.onnx").worth(fresh.inputs[:, 0])
    np.testing.assert_allclose(said, network.worth(weights, fresh.inputs[:, 0]), rtol=1e-4, atol=1e-5)


def test_a_file_that_is_no_policy_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"no")
    with pytest.raises(CannotStartError, match=r"no\.onnx cannot be loaded.*chelu train policy"):
        OnnxPolicy(tmp_path / "no.onnx")
    motion = shipped().with_name("motion.onnx")
    with pytest.raises(CannotStartError, match=f"not {INPUTS}"):
        OnnxPolicy(motion)
