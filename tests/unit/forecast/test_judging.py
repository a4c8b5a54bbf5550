"""What forecasts are worth, and the commands that say it."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from chelu.cli import build
from evaluation.forecast.judge import judge, judged_steps
from services.inference.city.forecast.readings import Readings
from tests.unit.forecast.made import wandering

DATA = Path(os.environ.get("CHELU_DATA", Path(__file__).parents[4] / "shared" / "data"))


def test_errors_are_those_of_their_definitions():
    readings = Readings(("a",), 900, np.array([[10], [20], [np.nan], [40], [50]], np.float32))
    found = judge(readings, {"ten": lambda _, rows: np.full((len(rows), 1, 3), 10.0, np.float32)})["ten"]
    # a quarter of an hour ahead 20, 40 and 50 were read; half an hour 40 and 50; an hour 50
    assert found["15"] == {"mae": 26.6667, "rmse": 29.4392, "mape_percent": 68.3333, "n": 3}
    assert found["60"] == {"mae": 40.0, "rmse": 40.0, "mape_percent": 80.0, "n": 1}


def test_intervals_are_counted_that_hold_what_was_read():
    readings = Readings(("a", "b"), 1800, np.array([[10, 10], [10, 20], [10, 30]], np.float32))
    band = np.array([5, 10, 25], np.float32)
    found = judge(readings, {"band": lambda r, rows: np.broadcast_to(band, (len(rows), 2, 2, 3))})["band"]
    assert found["30"]["covered_percent"] == 75.0
    assert found["60"]["covered_percent"] == 50.0


def test_horizons_that_are_no_whole_steps_are_left_out():
    assert judged_steps(300) == (3, 6, 12)
    assert judged_steps(1200) == (3,)


def invoke(*arguments):
    return CliRunner().invoke(build(), [str(one) for one in arguments])


@pytest.fixture
def tables(tmp_path):
    for name, seed in (("train", 0), ("test", 1)):
        readings = wandering(days=5, seed=seed)
        lines = [",".join("" if math.isnan(value) else f"{value:.2f}" for value in row) for row in readings.values.tolist()]
        (tmp_path / f"{name}.csv").write_text("\n".join([",".join(readings.sensors), *lines]) + "\n")
    return tmp_path


def test_a_model_is_trained_written_and_judged_by_the_commands(tables):
    made = invoke("train", "forecast", "--data", tables / "train.csv", "--out", tables / "m.onnx", "--step", 900, "--quick")
    assert made.exit_code == 0, made.output
    asked = ("--train", tables / "train.csv", "--test", tables / "test.csv", "--step", 900, "--json", tables / "found.json")
    judged = invoke("evaluate", "forecast", *asked, "--model", tables / "m.onnx", "--no-trees")
    assert judged.exit_code == 0, judged.output
    found = json.loads((tables / "found.json").read_text())
    assert set(found["methods"]) == {"model", "last_value", "days_before", "ridge"}
    assert set(found["methods"]["model"]) == {"15", "30", "60"}
    assert found["methods"]["ridge"]["60"]["mae"] < found["methods"]["last_value"]["60"]["mae"]


def test_tables_of_different_steps_are_refused(tables, tmp_path):
    (tmp_path / "other.csv").write_text("time,s0\n0,1\n1800,2\n3600,3\n")
    result = invoke("evaluate", "forecast", "--train", tables / "train.csv", "--test", tmp_path / "other.csv")
    assert "--test = 'every 1800 s' is not allowed" in str(result.exception)


def test_real_speeds_are_foreseen_better_than_by_the_last_value_and_by_ridge(tmp_path):
    """Two epochs on half of the 60 sensors of METR-LA; the whole training is a command (docs/city/forecast.md)."""
    file = DATA / "traffic_speed" / "metr_la_60_sensors.csv"
    if not file.exists():
        pytest.skip(f"{file} is not here")
    header, *rows = file.read_text().splitlines()
    for name, part in (("train", rows[: len(rows) // 2]), ("test", rows[len(rows) // 2 :])):
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *part]) + "\n")
    asked = ("--train", tmp_path / "train.csv", "--test", tmp_path / "test.csv", "--json", tmp_path / "found.json")
    assert invoke("evaluate", "forecast", *asked, "--quick", "--no-trees").exit_code == 0
    found = json.loads((tmp_path / "found.json").read_text())["methods"]
    for minutes in ("15", "30", "60"):
        assert found["model"][minutes]["mae"] < 0.97 * found["ridge"][minutes]["mae"] < found["last_value"][minutes]["mae"]
