"""The shipped motion model: it loads, is small, fits its features, and the scripted dangers are seen with it, too."""

from pathlib import Path

import numpy as np
import pytest

from chelu.errors import CannotStartError
from services.inference.ahead import ahead_of, features
from services.inference.history import Recent
from services.inference.motion_model import KNOTS_S, OnnxMotionModel, between, shipped
from services.inference.ways import OnWays
from tests.unit.inference.crossroads import Crossroads, ways
from tests.unit.inference.scenes import Car, drive, raised, site


@pytest.fixture(scope="module")
def model():
    return OnnxMotionModel(shipped())


def _recent(n, speed=12.0):
    back = np.array([0.4, 0.8, 1.2, 1.6])
    past = np.zeros((n, 4, 3))
    past[:, :, 0], past[:, :, 2] = -speed * back, speed
    zero = np.zeros(n)
    return Recent(
        np.zeros((n, 2)), zero, zero + speed, zero, zero, zero + 4.6, zero + 1.8, zero, past, np.ones(n, bool)
    )  # fmt: skip


def _on_crossroads(n, *, north_m=-40.0):
    """n cars on the lane from the south, so far north."""
    now = _recent(n)
    now.xy[:, 1] = north_m
    return now, ahead_of(now, OnWays(ways(), np.zeros(n, np.int64), np.full(n, north_m + 200.0)), 5.2)


def test_the_model_is_small_and_gives_a_mixture_for_every_way(model) -> None:
    assert shipped().stat().st_size < 300_000
    now, ahead = _on_crossroads(3)
    assert ahead.row.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert features(now, ahead).shape == (9, 27)
    found = model.outlook(now, ahead)
    np.testing.assert_allclose(np.add.reduceat(found.way, [0, 3, 6]), 1.0)
    np.testing.assert_allclose(found.pace.sum(axis=1), 1.0)
    assert (found.along_error_m > 0).all()
    assert found.aside_error_m.shape == found.aside_m.shape == (9, len(KNOTS_S))
    np.testing.assert_allclose(found.mean_along_m()[:3], found.mean_along_m()[6:], atol=1e-4)


def test_the_model_expects_to_err_more_the_further_ahead_it_looks(model) -> None:
    found = model.outlook(*_on_crossroads(1))
    assert (np.diff(found.along_error_m.mean(axis=(0, 1))) > 0).all()


def test_between_knots_it_is_linear_from_nothing_at_the_start() -> None:
    knots = np.random.default_rng(1).normal(0, 1, (3, len(KNOTS_S)))
    at = between(knots, np.array([0.0, 0.25, 0.5, 0.75, 5.0, 5.2]))
    np.testing.assert_allclose(at[:, 0], 0)
    np.testing.assert_allclose(at[:, 1], knots[:, 0] / 2)
    np.testing.assert_allclose(at[:, 3], (knots[:, 0] + knots[:, 1]) / 2)
    np.testing.assert_allclose(at[:, 4:], knots[:, [-1, -1]])


def test_who_slows_down_before_a_fork_is_more_likely_to_turn_off(model) -> None:
    fast, slow = _recent(1, 13.0), _recent(1, 6.0)
    turning = []
    for now in (fast, slow):
        now.xy[:, 1] = -20.0
        ahead = ahead_of(now, OnWays(ways(), np.zeros(1, np.int64), np.full(1, 180.0)), 5.2)
        turning.append(1.0 - model.outlook(now, ahead).way[0])
    assert turning[1] > turning[0]


def test_a_steady_vehicle_on_a_straight_lane_is_left_about_where_physics_puts_it(model) -> None:
    now, ahead = _on_crossroads(1, north_m=-180.0)
    found = model.outlook(now, ahead)
    assert len(ahead) == 1
    assert np.abs(found.aside_m).max() < 0.5
    assert np.abs(found.mean_along_m()[0, :6]).max() < 4.0


def test_a_file_that_is_no_model_is_refused_in_one_sentence(tmp_path) -> None:
    file = tmp_path / "no.onnx"
    file.write_bytes(b"nothing")
    with pytest.raises(CannotStartError, match=r"no\.onnx"):
        OnnxMotionModel(file)


def test_a_red_light_runner_is_seen_with_the_model_too(model) -> None:
    place = site(roads=Crossroads(), model=model)
    cars = [Car(1, (0, -98, 0), 0, 14), Car(2, (-84, 0, 0), 90, 12)]
    found = raised(drive(cars, 7.5, place), "icw")
    assert place.futures.is_modelled.any()
    assert {one.host.vehicle_id for _, one in found} == {1, 2}
    assert all(t <= 7.0 - 1.4 for t, _ in found)


def test_following_and_ordinary_stops_stay_silent_with_the_model_too(model) -> None:
    following = [Car(1, (0, 18, 0), 0, 14), Car(2, (0, 0, 0), 0, 14)]  # as fast as is allowed
    assert raised(drive(following, 5, site(roads=Crossroads(), model=model))) == []
    crossing = [Car(1, (0, -80, 0), 0, 14, lambda t: -3.5 if t >= 3 else 0.0), Car(2, (-60, 0, 0), 90, 12)]
    assert raised(drive(crossing, 8, site(roads=Crossroads(), model=model))) == []


def test_the_models_page_tells_its_size_and_seed() -> None:
    text = (Path(__file__).parents[3] / "docs" / "models" / "motion.md").read_text(encoding="utf-8")
    assert f"{round(shipped().stat().st_size / 1000)} kB" in text
