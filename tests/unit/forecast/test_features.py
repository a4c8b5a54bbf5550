"""What the model is told of a sensor at an instant."""

import numpy as np
import pytest

from services.inference.city.forecast.features import INPUTS, NEIGHBOURS, basis_of, days_before, inputs_at
from services.inference.city.forecast.readings import LONGEST_GAP_STEPS, Readings, scaled
from tests.unit.forecast.made import wandering


def inputs_of(readings, rows):
    basis = basis_of(wandering())
    return inputs_at(readings, np.asarray(rows), basis).features


def test_nothing_after_the_instant_is_looked_at():
    readings, row = wandering(), 300
    other = readings.values.copy()
    other[row + 1 :] = np.random.default_rng(1).random(other[row + 1 :].shape) * 100
    changed = Readings(readings.sensors, readings.step_s, other)
    np.testing.assert_array_equal(inputs_of(readings, [row]), inputs_of(changed, [row]))


def test_a_forecast_now_is_told_what_training_was_told():
    readings = wandering()
    until_now = Readings(readings.sensors, readings.step_s, readings.values[:401])
    np.testing.assert_array_equal(inputs_of(readings, np.arange(len(readings)))[400], inputs_of(until_now, [400])[0])


def test_there_are_as_many_inputs_as_the_model_expects_and_none_is_missing():
    inputs = inputs_of(wandering(), np.arange(50))
    assert inputs.shape == (50, 12, INPUTS)
    assert np.isfinite(inputs).all()


def test_the_nearest_neighbours_are_those_next_along_the_road():
    basis = basis_of(wandering(sensors=30))
    assert {14, 16} == set(basis.neighbours[15, :2])
    assert basis.neighbours.shape == (30, NEIGHBOURS)


def test_a_network_of_one_has_itself_for_neighbours():
    assert (basis_of(wandering(sensors=1)).neighbours == 0).all()


def test_a_network_of_three_has_two_neighbours_and_then_itself():
    neighbours = basis_of(wandering(sensors=3)).neighbours
    assert set(neighbours[1, :2]) == {0, 2}
    assert (neighbours[:, 2:] == np.arange(3)[:, None]).all()


def test_a_sensor_that_never_spoke_or_never_changes_has_a_basis():
    values = wandering().values.copy()
    values[:, 0], values[:, 1] = np.nan, 30.0
    basis = basis_of(Readings(wandering().sensors, 900, values))
    assert basis.mean[:2].tolist() == [0.0, 30.0]
    assert basis.deviation[:2].tolist() == [1.0, 1.0]


def test_the_last_reading_is_carried_over_a_gap_and_then_forgotten():
    values = np.full((60, 1), np.nan, np.float32)
    values[5] = 3.0
    table = scaled(values, np.ones(1, np.float32), np.full(1, 2.0, np.float32))
    assert table.last[:, 0].tolist() == [0.0] * 5 + [1.0] * LONGEST_GAP_STEPS + [0.0] * (55 - LONGEST_GAP_STEPS)
    assert table.age[[5, 17], 0].tolist() == [0.0, 1.0]


def test_days_before_weigh_more_the_later_they_are():
    values = np.zeros((3 * 96, 1), np.float32)
    values[96:192], values[:96] = 1.0, 2.0
    at = days_before(values, np.array([2 * 96 + 40]), 96)
    assert at[0, 0] == pytest.approx((1.0 + 0.85 * 2.0) / 1.85)
    assert np.isnan(days_before(values, np.array([40]), 96)).all()
