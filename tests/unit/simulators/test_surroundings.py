"""Simulated surroundings: the same seed gives the same readings, and what is staged is at its height at the end."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from chelu.cli import build
from chelu.codec import observations
from chelu.messages import frames_of
from simulators.surroundings import port
from simulators.surroundings.period import Period
from simulators.surroundings.scene import PARTS, PORT, STAGES, messages, sensors

PERIOD = Period(1_748_736_000_000_000, 7 * 288, 300)


def test_the_same_seed_gives_the_same_readings_and_parts_do_not_depend_on_one_another() -> None:
    every, again = sensors(PERIOD, 4), sensors(PERIOD, 4)
    (alone,) = sensors(PERIOD, 4, parts=["air"])
    assert [one.part for one in every] == list(PARTS)
    for one, two in zip(every, again, strict=True):
        for name, (unit, values) in one.readings.items():
            assert np.array_equal(values, two.readings[name][1]), (name, unit)
    assert np.array_equal(alone.readings["pm2_5"][1], every[2].readings["pm2_5"][1])
    assert not np.array_equal(sensors(PERIOD, 5)[1].readings["water_level"][1], every[1].readings["water_level"][1])


def test_every_reading_is_one_that_the_platform_takes() -> None:
    for sensor in sensors(PERIOD, 1, stages=STAGES):
        said = list(messages(sensor, PERIOD))
        decoded = observations.read(frames_of([payload for payload, _ in said], reference_us=int(PERIOD.time_us[-1])))
        assert len(decoded.rejects) == 0, decoded.rejects.detail[:3]
        assert len(decoded.rows) == sum(samples for _, samples in said) == PERIOD.steps * len(sensor.readings)
        assert int(decoded.rows["time_us"].max()) == int(PERIOD.time_us[-1])


def test_what_is_staged_is_at_its_height_at_the_end() -> None:
    plain = {name: values for one in sensors(PERIOD, 2) for name, (_, values) in one.readings.items()}
    staged = {name: values for one in sensors(PERIOD, 2, stages=STAGES) for name, (_, values) in one.readings.items()}
    assert staged["water_level"][-1] > plain["water_level"][-1] + 2.0
    assert staged["visibility"][-1] < 100.0
    assert staged["waiting_trucks"][-1] > plain["waiting_trucks"][-1] + 30


def test_a_port_has_ships_and_weighs_every_truck_that_it_lets_in() -> None:
    quay, bridge = sensors(PERIOD, 2, parts=PORT)
    occupied = quay.readings["occupied_berths"][1]
    assert 0 < occupied.mean() < occupied.max() <= port.BERTHS
    weight = bridge.readings["vehicle_weight"][1]
    hours = PERIOD.steps * PERIOD.step_s / 3600
    assert 10 * hours < np.isfinite(weight).sum() < port.CAPACITY_H * hours
    assert np.nanmax(weight) < 60_000
    said = list(messages(bridge, PERIOD))
    decoded = observations.read(frames_of([payload for payload, _ in said], reference_us=int(PERIOD.time_us[-1])))
    assert len(decoded.rejects) == 0
    assert len(decoded.rows) == sum(samples for _, samples in said) == np.isfinite(weight).sum() + len(weight)


def test_berths_fill_and_heavy_trucks_come_at_the_end_when_they_are_staged() -> None:
    quay, bridge = sensors(PERIOD, 2, parts=PORT, stages=STAGES)
    assert quay.readings["occupied_berths"][1][-1] == port.BERTHS
    weight = bridge.readings["vehicle_weight"][1]
    assert np.nanmax(weight[-90:]) > 54_000 > np.nanmax(weight[:-90])


def test_a_gate_lets_in_whole_trucks_at_its_rate_and_loses_none() -> None:
    came = np.array([50.0, 0.0, 0.0, 3.0] * 30)
    found = port.gate_of(came, 300, capacity_h=100.0)
    assert found.entered.sum() + found.waiting[-1] == came.sum()
    assert set(found.entered[:4].tolist()) <= {8.0, 9.0}
    assert found.wait_s[0] == pytest.approx(25 / 100 * 3600)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--parts", "weather,moon"], "--parts"),
        (["--stage", "eclipse"], "--stage"),
        (["--hours", "0"], "--hours"),
        (["--step", "0"], "--step"),
    ],
)
def test_a_bad_option_is_named_with_what_is_allowed(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(build(), ["surroundings", *arguments])
    assert result.exit_code != 0
    assert told in re.sub(r"\s+", " ", result.output + str(result.exception))


def test_a_message_says_start_step_and_units() -> None:
    (sensor,) = sensors(PERIOD, 1, parts=["water"], roads=["quay", "pier"], zero_m=230.0)
    assert dict(sensor.labels) == {"riverside": "quay pier", "zero_m": "230"}
    payload, _ = next(messages(sensor, PERIOD))
    document = json.loads(payload)
    assert document["step_us"] == 300_000_000
    assert [(one["quantity"], one["unit"]) for one in document["observations"]] == [("water_level", "m")]
