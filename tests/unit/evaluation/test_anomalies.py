"""Judging anomaly detection: the public benchmark's own figures come out of its score, and the command says what the doc says."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from chelu.cli import build
from evaluation.anomalies import benchmark, judge, plain, staged
from evaluation.anomalies.judge import tally
from evaluation.anomalies.labelled import Labelled, Window, read
from evaluation.anomalies.methods import Alarm, first_of_each
from services.inference.city.anomalies.detector import Kind

DATA = Path(os.environ.get("CHELU_DATA", Path(__file__).parents[4] / "shared" / "data")) / "anomalies"


@pytest.mark.parametrize(
    ("rows", "windows", "alarms", "published"),
    [
        (2500, [(2261, 2499)], [752, 1197, 1826, 2386, 2387], 0.512622001756),
        (2380, [(1645, 1883)], [261, 1764], 0.861272490375),
        (2500, [(387, 469), (948, 1030), (1485, 1567)], [269, 989, 1538, 1727, 2133], 0.371826726451),
    ],
)
def test_the_score_of_the_benchmarks_own_detector_is_the_one_it_publishes(rows, windows, alarms, published) -> None:
    assert benchmark.score(alarms, rows, [Window(*one) for one in windows]) == pytest.approx(published, abs=1e-11)


def test_silence_is_worth_nothing_and_an_alarm_at_every_windows_begin_all() -> None:
    windows = [Window(400, 500), Window(700, 750)]
    assert benchmark.normalised(benchmark.score([], 1000, windows), 2) == 0.0
    assert benchmark.normalised(benchmark.score([400, 700], 1000, windows), 2) == pytest.approx(100.0, abs=0.5)


def test_alarms_are_counted_by_window_kind_and_day() -> None:
    time = np.arange(1000, dtype=np.int64)[:, None] * 60_000_000
    windows = ((Window(300, 400, Kind.SPIKE), Window(600, 700, Kind.SHIFT)),)
    made = Labelled(("one",), time, np.zeros((1000, 1)), (1000,), windows)
    found = tally(made, [[Alarm(20), Alarm(310, Kind.SPIKE), Alarm(320, Kind.SHIFT), Alarm(900, Kind.SPIKE)]])
    assert (found.windows, found.detected, found.of_right_kind, found.false) == (2, 1, 1, 1)
    assert found.delays_min == (10.0,)
    assert found.days == pytest.approx(849 / 1440)


def test_an_alarm_of_a_plain_method_is_the_first_after_an_hour_of_calm() -> None:
    is_beyond = np.zeros(100, np.bool_)
    is_beyond[[10, 12, 18, 40]] = True
    assert first_of_each(is_beyond, np.arange(100, dtype=np.int64) * 300_000_000) == [10, 40]


@pytest.mark.parametrize("name", plain.METHODS)
def test_plain_methods_use_nothing_of_the_future_and_find_what_is_plain(name) -> None:
    values = np.random.default_rng(0).normal(size=900)
    values[700:760] += 12.0
    whole = plain.METHODS[name](values)
    assert whole[700:712].max() > plain.LIMITS[name]
    changed = values.copy()
    changed[650:] = 99.0
    np.testing.assert_array_equal(plain.METHODS[name](changed)[:650], whole[:650])


def test_the_same_seed_stages_the_same_series_and_clean_ones_have_no_window() -> None:
    one, same, other = (staged.make(series=5, days=14, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.values, same.values)
    assert not np.array_equal(one.values, other.values)
    assert [{window.kind for window in windows} for windows in one.windows] == [set()] + [{kind} for kind in list(Kind)[1:]]


def test_a_frozen_window_holds_one_value_and_a_shift_is_off_by_what_it_says() -> None:
    made = staged.make(series=5, days=14, seed=0)
    frozen = made.windows[4][0]
    assert len(np.unique(made.values[frozen.first : frozen.last - 11, 4])) == 1


def invoke(*arguments):
    return CliRunner().invoke(build(), [str(one) for one in arguments])


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({}, "windows.json"),
        ({"windows.json": "[]"}, "a file's name → its windows"),
        ({"windows.json": '{"a.csv": []}', "a.csv": "time,speed\n"}, "timestamp,value"),
        (
            {"windows.json": '{"a.csv": []}', "a.csv": "timestamp,value\n" + "2026-01-01 00:00:00,1\n" * 200},
            "later than the row before",
        ),
    ],
)
def test_series_that_cannot_be_read_are_refused_by_name(files, named, tmp_path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    refused = invoke("evaluate", "anomalies", "--data", tmp_path, "--quick")
    assert refused.exit_code != 0
    assert named in refused.output + str(refused.exception)


def test_the_real_series_are_read_with_their_windows() -> None:
    if not DATA.exists():
        pytest.skip("the labelled series are not on this machine")
    found = read(DATA)
    assert found.rows == (2500, 2380, 2500)
    assert [[(one.first, one.last) for one in windows] for windows in found.windows] == [
        [(387, 469), (948, 1030), (1485, 1567)],
        [(1645, 1883)],
        [(2261, 2499)],
    ]


def test_the_command_judges_every_method_and_the_detector_is_ahead_of_the_plain_ones(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(judge, "SENSITIVITIES", (1.0,))
    done = invoke("evaluate", "anomalies", "--quick", "--json", tmp_path / "found.json", "--plots", tmp_path)
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "found.json").read_text())["staged"]
    ours = found.pop("chelu")
    balance = {
        name: one["detected"] / max(one["windows"] + one["detected"] + one["false_alarms"], 1) for name, one in found.items()
    }
    assert ours["detected"] / (ours["windows"] + ours["detected"] + ours["false_alarms"]) > max(balance.values())
    assert ours["false_alarms_a_day"] < 0.05
    assert (tmp_path / "anomalies_kinds.png").stat().st_size > 10_000
