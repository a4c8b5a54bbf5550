"""Falling back to a simple method while it is better."""

import numpy as np
import pytest

from services.inference.city.forecast.watch import MODEL, Watch


def forecasts(model_error, simple_error, sensors=50, horizons=4):
    return {MODEL: np.full((sensors, horizons), model_error), "last_value": np.full((sensors, horizons), simple_error)}


def run(watch, steps, *errors):
    for _ in range(steps):
        serving = watch.step(np.zeros(50, np.float32), forecasts(*errors))
    return serving


def test_the_model_serves_until_enough_was_compared():
    assert run(Watch(("last_value",), 96), 4, 9.0, 1.0) == MODEL


def test_a_model_that_is_worse_gives_way_and_comes_back_when_it_is_better():
    watch = Watch(("last_value",), 96)
    assert run(watch, 30, 1.2, 1.0) == "last_value"
    assert run(watch, 95, 1.0, 1.0) == "last_value"  # as good is not enough to come back
    assert run(watch, 100, 0.9, 1.0) == MODEL


def test_a_little_worse_is_no_drift():
    assert run(Watch(("last_value",), 96), 200, 1.03, 1.0) == MODEL


def test_errors_are_of_the_step_that_was_forecast():
    watch = Watch(("last_value",), 96)
    for step in range(10):
        ahead = np.tile(np.arange(step + 1, step + 5, dtype=float), (50, 1))
        watch.step(np.full(50, step, np.float32), {MODEL: ahead, "last_value": ahead * 0 + step})
    assert watch.errors()[MODEL] == 0.0
    assert watch.errors()["last_value"] == pytest.approx(2.333, abs=0.01)  # 1 … 4 steps, the first few times fewer


def test_what_is_not_read_is_not_compared():
    watch = Watch(("last_value",), 96)
    for _ in range(50):
        watch.step(np.full(50, np.nan, np.float32), forecasts(9.0, 1.0))
    assert np.isnan(watch.errors()[MODEL])
    assert watch.serving == MODEL
