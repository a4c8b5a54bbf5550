"""Fans of the forecast: where most changed, of sensors that were read without a gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evaluation.forecast import plots
from services.inference.city.forecast.readings import Readings, Rows, Values

STEP_S = 300


def readings(sensors: int = 5, days: int = 3) -> Readings:
    """All alike but for the second sensor, which falls for three hours of the last day, and the third, which does so unread."""
    values = np.full((days * 288, sensors), 60.0, np.float32)
    values += np.random.default_rng(0).normal(0.0, 1.0, values.shape).astype(np.float32)
    jam = slice((days - 1) * 288 + 120, (days - 1) * 288 + 156)
    values[jam, 1:3] = 15.0
    values[jam, 2] = np.nan
    return Readings(tuple(f"s{number}" for number in range(sensors)), STEP_S, values)


def told(test: Readings, rows: Rows) -> Values:
    """As now, from 5 less to 5 more."""
    now = test.values[rows][:, :, None, None]
    return np.asarray(now + np.array([-5.0, 0.0, 5.0], np.float32) * np.ones((1, 1, 12, 1), np.float32))


def test_the_sensor_that_changed_most_is_drawn_first_and_each_once() -> None:
    found = plots.chosen(readings())
    assert len(found) == len({sensor for sensor, _ in found}) == plots.SENSORS
    sensor, begin = found[0]
    assert sensor == 1
    assert begin < 2 * 288 + 138 < begin + plots.SHOWN_S // STEP_S


def test_fans_are_drawn_and_nothing_of_a_table_that_is_too_short(tmp_path: Path) -> None:
    assert plots.fans(tmp_path / "new" / "fans.png", readings(), told)
    assert (tmp_path / "new" / "fans.png").read_bytes().startswith(b"\x89PNG")
    assert not plots.fans(tmp_path / "none.png", readings(days=1), told)
    assert not (tmp_path / "none.png").exists()
