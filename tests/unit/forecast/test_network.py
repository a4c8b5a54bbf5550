"""The network that learns quantiles, and its file."""

from typing import Any

import numpy as np
import pytest

from chelu.errors import CannotStartError, ConfigurationError
from evaluation.forecast import network as learning
from evaluation.forecast.examples import told_of
from evaluation.forecast.exporting import export
from evaluation.forecast.network import Examples, train
from evaluation.forecast.training import SHORT, Plan, train_model
from services.inference.city.forecast.features import INPUTS, basis_of
from services.inference.city.forecast.model import QUANTILES, About, ForecastModel
from services.inference.city.forecast.readings import Readings
from services.inference.city.forecast.simple import days_like_before, last_value
from tests.unit.forecast.made import wandering


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    file = tmp_path_factory.mktemp("model") / "forecast.onnx"
    train_model(wandering(days=16), file, Plan(epochs=20, members=1))
    return ForecastModel(file)


def error(told, readings, rows, step):
    return float(np.nanmean(np.abs(told[:, :, step - 1] - readings.values[rows + step])))


def test_gradients_are_those_of_the_loss(monkeypatch):
    monkeypatch.setattr(learning, "DROPOUT", 0.0)
    rng = np.random.default_rng(3)
    targets = rng.standard_normal((16, 2)).astype(np.float32)
    targets[3, 1] = np.nan
    given = rng.standard_normal((16, 5)).astype(np.float32), rng.integers(0, 3, 16)
    weights: Any = {name: value.astype(np.float64) for name, value in learning._begin(rng, given[0], 2, 2).items()}

    def loss():
        x = np.concatenate([given[0], weights["own"][given[1]]], axis=1)
        hidden = np.maximum(np.maximum(x @ weights["w1"] + weights["b1"], 0) @ weights["w2"] + weights["b2"], 0)
        error = (hidden @ weights["w3"] + weights["b3"]).reshape(16, 2, 3) - targets[..., None]
        at = np.clip(error, -learning.SMOOTH, learning.SMOOTH)  # of the rounded bend, then straight on
        bend = (at + learning.SMOOTH) ** 2 / (4 * learning.SMOOTH) + np.maximum(error - learning.SMOOTH, 0)
        return np.nansum(bend - np.array(QUANTILES) * error) / 16

    slopes = learning._slopes(rng, weights, given, targets)
    for name in ("w1", "b1", "w2", "b2", "w3", "b3", "own"):
        for at in ((1, 2), (0, 0)) if weights[name].ndim == 2 else ((1,), (0,)):
            before = weights[name][at]
            weights[name][at] = before + 1e-5
            above = loss()
            weights[name][at] = before - 1e-5
            below = loss()
            weights[name][at] = before
            assert slopes[name][at] == pytest.approx((above - below) / 2e-5, abs=2e-5)


def test_what_wanders_from_sensor_to_sensor_is_foreseen_better_than_by_simple_methods(model):
    readings, rows = wandering(days=12, seed=5), np.arange(96 * 8, 96 * 11)
    told = model.forecast(readings, rows).median
    for step in (1, 2, 4):
        best = min(error(simple(readings, rows), readings, rows, step) for simple in (last_value, days_like_before))
        assert error(told, readings, rows, step) < 0.85 * best


def test_intervals_hold_about_four_fifths_and_never_cross(model):
    readings, rows = wandering(days=12, seed=5), np.arange(96 * 8, 96 * 11)
    values = model.forecast(readings, rows).values
    assert (np.diff(values, axis=3) >= 0).all()
    then = readings.values[rows + 2]
    within = ((values[:, :, 1, 0] <= then) & (then <= values[:, :, 1, 2]))[np.isfinite(then)]
    assert 0.65 < within.mean() < 0.9


def test_the_file_says_what_the_networks_say(tmp_path):
    readings = wandering()
    basis = basis_of(readings)
    told = told_of(readings, basis, np.arange(24, 400))
    members = [train(told.examples(2.0), epochs=1, seed=seed) for seed in (0, 1)]
    export(members, About(readings.sensors, 900, 2.0, basis), tmp_path / "two.onnx")
    rows, sensor = told.inputs[[100]].reshape(-1, INPUTS), np.arange(12)
    expected = (
        np.sort(np.mean([one.predict(rows, sensor) for one in members], axis=0), axis=2) * 2.0 + told.now[100][:, None, None]
    )
    found = ForecastModel(tmp_path / "two.onnx").forecast(readings, np.array([124])).values[0]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_same_readings_make_the_same_file(tmp_path):
    for name in ("a", "b"):
        train_model(wandering(), tmp_path / name, SHORT)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_readings_that_are_unknown_are_never_learned_from():
    inputs = np.zeros((2000, 2, INPUTS), np.float32)
    targets = np.full((2000, 2, 4), np.nan, np.float32)
    targets[::2] = 1.0
    made = train(Examples(inputs, targets), epochs=150, seed=0)
    assert made.predict(inputs[0], np.arange(2))[..., 1] == pytest.approx(1.0, abs=0.1)


def test_sensors_that_are_gone_or_new_are_forecast_all_the_same(model):
    readings = wandering(days=9, seed=5)
    fewer = readings.of(("s3", "s9"))
    renamed = Readings(("s3", "new"), 900, fewer.values)
    row = np.array([96 * 8])
    assert np.isfinite(model.forecast(renamed, row).values).all()
    whole, alone = model.forecast(readings, row).median[0, 3], model.forecast(fewer, row).median[0, 0]
    assert whole != pytest.approx(alone)  # its neighbours were listened to


def test_another_step_is_refused(model):
    with pytest.raises(ConfigurationError, match="step_s = 300 is not allowed: 900"):
        model.forecast(wandering(step_s=300))


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "none.onnx").write_bytes(b"nothing")
    with pytest.raises(CannotStartError, match=r"none\.onnx cannot be loaded"):
        ForecastModel(tmp_path / "none.onnx")


def test_too_few_readings_to_learn_from_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="at least 2048 readings"):
        train_model(wandering(sensors=3, days=2), tmp_path / "model", SHORT)
