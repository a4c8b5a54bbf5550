"""The forecast while it runs: history, the desk with and without a model, the watch over both, jams to come."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chelu.clock import SystemClock
from chelu.codec import columns
from chelu.messages import Batch
from evaluation.forecast.training import Plan, train_model
from services.inference.city.announcing import Announcer
from services.inference.city.forecast.ahead import AheadWatch
from services.inference.city.forecast.desk import ForecastDesk, Step
from services.inference.city.forecast.history import ROWS, STEP_US, History
from services.inference.city.forecast.readings import LONGEST_GAP_STEPS
from services.inference.city.forecast.watch import LEAST_VALUES, MODEL, Watch
from services.inference.reports import Floats
from services.inference.storage import Item
from tests.unit.forecast.made import wandering
from tests.waiting import until

SEGMENTS = ("a", "b", "c")
PLACES = np.array([[29.5, 106.5, 240.0]] * 3)
BEGIN_US = 1_800_000_000_000_000 // STEP_US * STEP_US
FREE = np.full(3, 15.0)


def at(step: int) -> int:
    return BEGIN_US + step * STEP_US


def test_rows_that_are_missing_stay_empty_and_old_ones_leave() -> None:
    history = History(SEGMENTS)
    history.add(np.array([1.0, 2.0, np.nan]), at(0))
    history.add(np.array([3.0, 4.0, 5.0]), at(2))
    found = history.readings()
    assert found.start_us == at(0)
    np.testing.assert_array_equal(found.values, np.array([[1, 2, np.nan], [np.nan] * 3, [3, 4, 5]], np.float32))
    for step in range(3, ROWS + 700):
        history.add(np.full(3, float(step)), at(step))
    found = history.readings()
    assert (len(found), found.start_us) == (ROWS, at(700))
    np.testing.assert_array_equal(found.values[:, 0], np.arange(700, ROWS + 700))


def test_time_that_goes_back_or_far_ahead_begins_anew() -> None:
    for other in (at(-1), at(6 + ROWS)):
        history = History(SEGMENTS)
        for step in range(6):
            history.add(np.full(3, 7.0), at(step))
        history.add(np.full(3, 9.0), other)
        assert history.readings().values.tolist() == [[9.0] * 3]


def test_what_is_stored_is_where_it_belongs() -> None:
    history, time_us = History(SEGMENTS), np.array([at(-ROWS), at(-3), at(-1), at(-1) - 1])
    history.fill([("b", time_us, np.array([9.0, 1.0, 2.0, 8.0])), ("gone", time_us, np.full(4, 5.0))], at(0))
    history.add(np.array([7.0, 7.0, 7.0]), at(1))
    told = history.readings().values
    assert len(told) == ROWS
    assert (told[-5, 1], told[-3, 1], told[-1, 1]) == (1.0, 2.0, 7.0)
    assert np.isnan(told[:, 0])[:-1].all()
    assert np.count_nonzero(np.isfinite(told[:, 1])) == 3


class Running:
    """A desk over these stored speeds, and what it tells."""

    def __init__(self, directory: Path | None = None, stored: Sequence[tuple[str, Floats]] = ()) -> None:
        self.said: list[tuple[str, bytes]] = []
        self.items: list[Item] = []

        def publish(topic: str, payload: bytes) -> None:
            self.said.append((topic, payload))

        def load(_site: str, end_us: int):
            for name, speeds in stored:
                yield name, end_us - np.arange(len(speeds))[::-1] * STEP_US, speeds

        announcer = Announcer(publish, self.items.append, SystemClock())
        self.desk = ForecastDesk(load, publish, self.items.append, announcer, directory)
        self.steps = 0

    def step(self, speed: Sequence[float]) -> tuple[Batch, dict[str, Any]]:
        """The message after another five minutes."""
        self.desk.take(Step("hill", SEGMENTS, PLACES, at(self.steps), np.array(speed), FREE))
        self.steps += 1
        until(lambda: len(self.forecasts()) == self.steps, 10, "a forecast")
        return columns.unpack(self.forecasts()[-1])

    def forecasts(self) -> list[bytes]:
        return [payload for topic, payload in self.said if topic == "city/hill/forecast"]


@pytest.fixture
def running() -> Iterator[type[Running]]:
    made: list[Running] = []

    class Kept(Running):
        def __init__(self, *given, **more) -> None:
            super().__init__(*given, **more)
            made.append(self)

    yield Kept
    for one in made:
        one.desk.stop()


def test_without_a_model_and_days_it_stays_as_it_is(running) -> None:
    rows, header = running().step([10.0, np.nan, 5.0])
    assert (header["method"], header["time_us"], header["compared"]) == ("last_value", BEGIN_US, 0)
    assert sorted(set(rows["place"])) == ["a", "c"]  # of b nobody knows anything
    assert rows["speed_mps"][rows["place"] == "a"].tolist() == [10.0] * 12
    assert rows["ahead_s"][:12].tolist() == list(range(300, 3601, 300))
    assert np.isnan(rows["low_mps"]).all()


def test_rows_are_stored_of_five_times_ahead_with_the_watch(running) -> None:
    site = running()
    site.step([10.0, np.nan, 5.0])
    until(lambda: len(site.items) == 2, 5, "the rows")
    stored = {item.table: item.rows for item in site.items}
    assert stored["city.forecast"]["ahead_s"].tolist() == [300, 900, 1800, 2700, 3600] * 2
    assert stored["city.forecast_watch"]["serving"].tolist() == ["last_value"]


def test_where_days_repeat_themselves_the_days_before_serve_when_they_have_proved_better(running) -> None:
    hours = np.arange(ROWS) / 12.0
    speeds = 10.0 + 5.0 * np.sin(2 * np.pi * hours)  # an hour's wave: in half an hour all is otherwise
    site = running(stored=[(name, speeds) for name in SEGMENTS])
    serving = []
    for step in range(60):
        now = 10.0 + 5.0 * np.sin(2 * np.pi * (ROWS + step) / 12.0)
        serving.append(site.step([now] * 3)[1]["method"])
    assert serving[0] == "last_value"
    assert serving[-1] == "days_before"
    errors = site.step([10.0] * 3)[1]["errors_mps"]
    assert errors["days_before"] < 0.5 * errors["last_value"]


def test_a_model_that_appears_serves_and_one_that_cannot_be_read_does_not(running, tmp_path: Path) -> None:
    site = running(tmp_path)
    assert site.step([10.0, 9.0, 5.0])[1]["method"] == "last_value"
    file = tmp_path / "hill.onnx"
    train_model(wandering(sensors=3, days=3, step_s=300), file, Plan(epochs=1, members=1))
    rows, header = site.step([10.0, 9.0, 5.0])
    assert header["method"] == "model"
    assert (rows["low_mps"] <= rows["speed_mps"]).all()
    assert (rows["speed_mps"] <= rows["high_mps"]).all()
    file.write_bytes(b"no model")
    os.utime(file, (1, 1))
    assert site.step([10.0, 9.0, 5.0])[1]["method"] == "last_value"


def test_a_step_that_fails_costs_its_site_one_forecast(running) -> None:
    site = running()
    site.step([10.0, 9.0, 5.0])
    site.desk.take(Step("hill", SEGMENTS, PLACES, at(1), np.zeros(2), FREE))  # a row too short
    until(lambda: site.desk.counts["forecast_faults"] == 1, 5, "the fault to be counted")
    site.step([10.0, 9.0, 5.0])


def test_without_a_model_the_best_method_serves_and_is_changed_at_once() -> None:
    watch = Watch(("last_value", "days_before"), 288, has_model=False)
    assert watch.serving == "last_value"
    sensors = LEAST_VALUES
    made = {"last_value": np.full((sensors, 12), 1.0), "days_before": np.full((sensors, 12), 3.0)}
    watch.step(np.full(sensors, np.nan), made)
    assert watch.step(np.full(sensors, 3.0), made) == "days_before"
    assert MODEL not in watch.errors()
    assert watch.compared() == sensors


def test_a_jam_to_come_is_told_once_and_over_when_it_has_come_or_does_not() -> None:
    watch = AheadWatch("hill", SEGMENTS, PLACES)

    def step(number: int, now: Sequence[float], foreseen: Sequence[float]) -> list[tuple[str, object]]:
        changes = watch.update(np.array(now), FREE, np.repeat(np.array(foreseen, np.float32)[:, None], 12, axis=1), at(number))
        return [(one.spot, one.detail.get("came") if one.is_over else "began") for one in changes]

    assert step(0, [14, 14, np.nan], [14, 5, 5]) == [("b", "began")]  # c: nobody knows how it is now
    assert step(1, [14, 13, 14], [5, 5, 14]) == [("a", "began")]
    assert step(2, [5, 13, 14], [5, 14, 14]) == [("a", True), ("b", False)]
    assert step(3, [5, 13, 14], [5, 14, 14]) == []  # what stands already is no news
    step(4, [14, 14, 14], [14, 14, 5])
    assert [one.detail["ended_by"] for one in watch.end("new roads")] == ["new roads"]


def test_a_gap_longer_than_readings_hold_leaves_a_segment_out(running) -> None:
    site = running()
    site.step([10.0, 9.0, 5.0])
    for _ in range(LONGEST_GAP_STEPS):
        rows, _ = site.step([np.nan, 9.0, 5.0])
    assert sorted(set(rows["place"])) == ["b", "c"]
