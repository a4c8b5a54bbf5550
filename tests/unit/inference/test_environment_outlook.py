"""Outlooks on readings made by hand, and on a simulated river."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.city.environment import outlook
from services.inference.city.environment.foretelling import Foreteller, outlook_rows
from services.inference.city.environment.outlook import AHEAD, LENGTH, RIDGE, STEP_S
from simulators.surroundings import water, weather
from simulators.surroundings.period import Period
from tests.unit.inference.environment_rows import BEGIN_US, HOUR_US, readings


def test_an_outlook_beats_the_last_value_where_days_are_alike_and_its_interval_holds_what_comes() -> None:
    at = np.arange(LENGTH + max(AHEAD))
    values = 10.0 + np.sin(at / 48.0 * 2 * np.pi) + 0.02 * np.random.default_rng(1).standard_normal(len(at))
    model = outlook.fit(values[:LENGTH], np.zeros(LENGTH))
    assert model is not None
    told = outlook.forecast(model, values[:LENGTH], np.zeros(LENGTH))
    assert told is not None
    came = values[LENGTH - 1 + np.array(AHEAD)]
    assert np.abs(told.middle - came).max() < 0.1
    assert (model.error[-1, 0] > 5 * model.error[-1, 1:]).all()  # the last value, twelve hours ahead
    assert ((told.low <= told.high) & (told.high - told.low < 0.3)).all()


def test_a_walk_at_random_is_foretold_by_its_last_value() -> None:
    walk = np.random.default_rng(3).standard_normal(LENGTH).cumsum()
    model = outlook.fit(walk, np.zeros(LENGTH))
    assert model is not None
    assert list(model.method).count("last value") >= 4


def test_rain_that_has_fallen_is_in_the_outlook_of_a_river() -> None:
    rng = np.random.default_rng(5)
    rain = np.where(rng.random(LENGTH) < 0.03, rng.gamma(2.0, 10.0, LENGTH), 0.0)
    level = np.convolve(rain, np.r_[np.zeros(4), np.full(12, 0.02)])[:LENGTH].cumsum() * 0.02 + 5.0
    model = outlook.fit(level, rain)
    assert model is not None
    assert model.method[AHEAD.index(8)] == RIDGE
    assert model.error[AHEAD.index(8), 2] < 0.3 * model.error[AHEAD.index(8), 0]


def test_nothing_is_foretold_of_too_little_or_after_a_long_silence() -> None:
    few = np.full(LENGTH, np.nan)
    few[-100:] = 1.0
    assert outlook.fit(few, np.zeros(LENGTH)) is None
    values = np.sin(np.arange(LENGTH) / 8.0)
    model = outlook.fit(values, np.zeros(LENGTH))
    assert model is not None
    values[-6:] = np.nan
    assert outlook.forecast(model, values, np.zeros(LENGTH)) is None


def test_short_gaps_are_bridged_and_long_ones_are_not() -> None:
    values = np.array([1.0, np.nan, 3.0, *[np.nan] * 6, 10.0, np.nan])
    assert outlook.bridged(values).tolist() == pytest.approx([1, 2, 3, *[np.nan] * 6, 10, np.nan], nan_ok=True)


def test_the_foreteller_tells_once_a_step_and_never_of_what_is_old() -> None:
    period = Period(BEGIN_US, LENGTH, STEP_S)
    level = water.level_m(period, 1, weather.rain_mm_h(period, 1))
    rows, end_us = readings(1, "water_level", level.tolist(), step_s=STEP_S), BEGIN_US + LENGTH * STEP_S * 1_000_000
    assert Foreteller().hear(rows, end_us + 4 * HOUR_US) == []
    teller = Foreteller()
    (told,) = teller.hear(rows, end_us)
    assert told.from_us <= end_us
    assert teller.hear(readings(1, "water_level", [level[-1]], start_us=end_us - 1), end_us) == []
    middle, feared = told.highest(told.from_us + 2 * HOUR_US)
    assert feared >= middle > 0
    stored = outlook_rows([told], "hill")
    assert stored["ahead_s"].tolist() == [ahead * STEP_S for ahead in AHEAD]
    assert set(stored["device_key"].tolist()) == {1}
