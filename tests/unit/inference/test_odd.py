"""Odd readings of the surroundings' sensors while they come in: what is told of them, of whom, and what becomes of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from chelu.geo import LocalFrame
from chelu.messages import Batch
from chelu.quantities import by_name
from services.inference.city.anomalies.parameters import AnomalyParameters
from services.inference.city.environment.desk import EnvironmentDesk
from services.inference.city.environment.findings import Entry, Finding
from services.inference.city.environment.odd import APPLICATION, BLOCK, WATCHED, AnomalyWatch, OddWatch
from services.inference.city.environment.watch import parameters_of
from services.inference.inbox import NO_PHASES, Intake
from services.inference.register import Register, SiteEntry
from services.inference.reports import nothing
from tests.unit.inference.environment_rows import BEGIN_US, readings, sensor, together
from tests.waiting import until

FRAME = LocalFrame(29.55, 106.57, 240.0)
STEP_S = 600
A_DAY = 86_400 // STEP_S
DAYS = 6


def usual(count: int, seed: int = 0) -> np.ndarray:
    """Water that warms by day and cools by night, K."""
    at = np.arange(count)
    return 290.0 + 3.0 * np.sin(2 * np.pi * at / A_DAY) + 0.1 * np.random.default_rng(seed).standard_normal(count)


def rows(values: np.ndarray, key: int = 1, begin: int = 0, quantity: str = "water_temperature") -> Batch:
    return readings(key, quantity, values.tolist(), start_us=at(begin), step_s=STEP_S)


def at(step: int) -> int:
    return BEGIN_US + step * STEP_S * 1_000_000


@pytest.fixture
def watch() -> OddWatch:
    """That has heard a sensor for some days."""
    found = OddWatch(AnomalyParameters())
    (judged,) = found.hear(rows(usual(DAYS * A_DAY)), {1: sensor(1, "buoy")}, 0)
    assert judged.findings == []
    return found


def after(watch: OddWatch, values: np.ndarray, begin: int = DAYS * A_DAY) -> list[Finding]:
    (judged,) = watch.hear(rows(values, begin=begin), {1: sensor(1, "buoy")}, 0)
    assert (judged.application, judged.subject) == (APPLICATION, "buoy")
    return list(judged.findings)


def test_a_reading_that_jumps_is_told_at_once_in_its_usual_unit_and_is_over_after_calm(watch: OddWatch) -> None:
    next_day = usual((DAYS + 1) * A_DAY)[DAYS * A_DAY :]
    (spike,) = after(watch, next_day[:1] + 8.0)
    assert (spike.kind, spike.severity, spike.part) == ("anomaly", "info", "water_temperature")
    assert spike.detail == {"quantity": "water_temperature", "unit": "degC", "odd": "spike", "began_us": at(DAYS * A_DAY)}
    assert spike.value == pytest.approx(25.0, abs=1.0)
    assert spike.bound == pytest.approx(17.0, abs=1.0)
    assert "buoy: water_temperature: spike since" in spike.text
    assert after(watch, next_day[1:10], DAYS * A_DAY + 1) == []


def test_readings_that_stand_still_are_told_as_frozen(watch: OddWatch) -> None:
    (frozen,) = after(watch, np.full(A_DAY // 4, 290.0))
    assert (frozen.detail["odd"], frozen.severity) == ("frozen", "warning")
    assert "for" in frozen.text


def test_what_has_no_usual_and_what_counters_say_is_not_watched() -> None:
    codes = {name: by_name()[name].code for name in ("wind_direction", "vehicle_weight", "average_vehicle_speed", "pm2_5")}
    assert [name for name, code in codes.items() if code in WATCHED] == ["pm2_5"]
    turning = rows(np.arange(0.0, 300.0), quantity="wind_direction")
    assert OddWatch(AnomalyParameters()).hear(turning, {1: sensor(1, "vane")}, 0) == []


def test_sensors_and_channels_beyond_one_detector_are_judged_each_by_itself() -> None:
    few = AnomalyParameters(learn_days=1.0)
    devices = {key: sensor(key, f"s{key}") for key in range(BLOCK + 2)}
    values = {key: usual(2 * A_DAY, seed=key) for key in devices}
    values[BLOCK + 1][-1] += 8.0
    judged = OddWatch(few).hear(together(*(rows(values[key], key) for key in devices)), devices, 0)
    assert [one.subject for one in judged if one.findings] == [f"s{BLOCK + 1}"]
    assert len(judged) == len(devices)


def test_what_stood_before_a_new_start_stays_until_the_sensor_is_known_again(new_id: Callable[[], str]) -> None:
    stood = Finding(
        application=APPLICATION, subject="buoy", part="water_temperature", kind="anomaly", severity="warning", value=25.0,
        bound=17.0, text="odd", detail={"odd": "shift"},
    )  # fmt: skip
    watch = AnomalyWatch("hill", AnomalyParameters(), new_id, [Entry(stood, "old", BEGIN_US, said_us=1)])
    values = usual(DAYS * A_DAY)
    device = {1: sensor(1, "buoy")}
    assert watch.hear(rows(values[:A_DAY]), device, at(A_DAY)) == []
    (over,) = watch.hear(rows(values[A_DAY:], begin=A_DAY), device, at(DAYS * A_DAY))
    assert (over.finding_id, over.is_over) == ("old", True)


def test_readings_of_long_ago_teach_and_tell_nobody(new_id: Callable[[], str]) -> None:
    watch = AnomalyWatch("hill", AnomalyParameters(), new_id)
    values = usual(DAYS * A_DAY)
    values[-1] += 8.0
    assert watch.hear(rows(values), {1: sensor(1, "buoy")}, at(2 * DAYS * A_DAY)) == []


def test_a_desk_stores_what_is_odd_of_what_sensors_say(new_id: Callable[[], str]) -> None:
    stored: list[tuple[str, Batch]] = []
    desk = EnvironmentDesk({}, lambda table, told: stored.append((table, told)), new_id)
    device = sensor(1, "buoy")
    register = Register({"buoy": device}, {1: device}, {"hill": SiteEntry("hill", FRAME, None, 0)}, {})
    values = usual(DAYS * A_DAY)
    values[-1] += 8.0
    try:
        desk.attend({"hill": Intake(nothing(), NO_PHASES, observations=[rows(values)])}, register, at(DAYS * A_DAY))
        until(lambda: stored, 20, "the reading to be told")
    finally:
        desk.stop()
    ((table, told),) = stored
    assert table == "city.finding"
    assert (told["kind"].tolist(), told["state"].tolist(), told["spot"].tolist()) == (["anomaly"], ["began"], ["buoy"])
    assert desk.counts["anomalies_told"] == 1


def test_a_site_sets_how_sensitive_it_is() -> None:
    assert parameters_of({"anomalies": {"spike": 9.0}}, "a test").anomalies.spike == 9.0


@pytest.fixture
def new_id() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"finding-{next(numbers)}"
