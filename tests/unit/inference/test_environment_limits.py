"""Limits of the surroundings' readings: levels, rates, and the series they are found in."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.city.environment.limits import LimitParameters, LimitWatch
from services.inference.city.environment.series import Grid, rounds
from tests.unit.inference.environment_rows import BEGIN_US, MINUTE_US, parts, readings, sensor, together


def test_a_grid_keeps_the_mean_of_each_step_and_forgets_what_is_too_old() -> None:
    grid = Grid(60, 4)
    one = np.zeros(1, np.int64)
    for second, value in ((0, 1.0), (30, 3.0), (70, 5.0), (190, 7.0)):
        grid.add(one, np.array([second * 1_000_000]), np.array([value]))
    assert grid.window(one, 4)[0].tolist() == pytest.approx([2.0, 5.0, np.nan, 7.0], nan_ok=True)
    grid.add(one, np.array([600_000_000]), np.array([9.0]))
    grid.add(one, np.array([0]), np.array([99.0]))
    assert grid.window(one, 4)[0].tolist() == pytest.approx([np.nan, np.nan, np.nan, 9.0], nan_ok=True)


def test_rounds_have_each_series_once_and_in_order() -> None:
    series, time_us = np.array([1, 0, 1, 1, 2]), np.array([30, 5, 10, 20, 1])
    assert [sorted(zip(series[one].tolist(), time_us[one].tolist(), strict=True)) for one in rounds(series, time_us)] == [
        [(0, 5), (1, 10), (2, 1)],
        [(1, 20)],
        [(1, 30)],
    ]


def test_a_level_is_told_when_it_has_lasted_and_is_over_when_it_is_well_back() -> None:
    watch, devices = LimitWatch(LimitParameters()), {1: sensor(1, "mast")}

    def after(minute: int, value: float) -> list[str]:
        return parts(watch.hear(readings(1, "wind_speed", [value], start_us=BEGIN_US + minute * MINUTE_US), devices))

    assert after(0, 18.0) == []
    assert after(1, 18.0) == []
    assert after(2, 18.0) == ["wind_speed high"]
    assert after(3, 16.0) == ["wind_speed high"]  # below the bound, but not by a tenth
    assert after(4, 15.0) == []
    assert after(5, 18.0) == []


def test_one_reading_beyond_a_limit_is_none() -> None:
    watch, devices = LimitWatch(LimitParameters()), {1: sensor(1, "mast")}
    assert parts(watch.hear(readings(1, "wind_speed", [10, 30, 10, 30, 10]), devices)) == []


def test_a_low_limit_and_the_bound_in_its_usual_unit() -> None:
    watch, devices = LimitWatch(LimitParameters()), {1: sensor(1, "buoy")}
    (judged,) = watch.hear(readings(1, "dissolved_oxygen", [0.004] * 4), devices)
    (one,) = judged.findings
    assert (one.part, one.kind, one.severity) == ("dissolved_oxygen low", "water_quality", "warning")
    assert [one.value, one.bound] == pytest.approx([4.0, 5.0])
    assert one.text == "buoy: dissolved_oxygen below 5 mg/L"


@pytest.mark.parametrize(("metres_an_hour", "expected"), [(0.4, []), (0.7, ["water_level rise"]), (-1.4, ["water_level fall"])])
def test_a_rate_is_measured_over_its_window(metres_an_hour: float, expected: list[str]) -> None:
    watch, devices = LimitWatch(LimitParameters()), {1: sensor(1, "gauge")}
    level = 20.0 + metres_an_hour * np.arange(61) / 60.0 + 0.02 * np.sin(np.arange(61))
    judged = watch.hear(readings(1, "water_level", level.tolist()), devices)
    assert parts(judged) == expected
    for each in judged:
        for one in each.findings:
            assert one.value == pytest.approx(abs(metres_an_hour), abs=0.05)


def test_channels_and_sensors_have_limits_of_their_own() -> None:
    watch = LimitWatch(LimitParameters())
    loud = readings(1, "sound_level", [80.0] * 3)
    second = loud.with_columns(channel=np.full(3, 2, np.uint16), channel_valid=np.ones(3, np.bool_), value=np.full(3, 50.0))
    judged = watch.hear(together(loud, second, readings(2, "sound_level", [60.0] * 3)), {1: sensor(1, "a"), 2: sensor(2, "b")})
    assert [(one.subject, parts([one])) for one in judged] == [("a", ["sound_level high"]), ("b", [])]
