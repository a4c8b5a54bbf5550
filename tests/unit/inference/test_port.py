"""A port's berths and weighbridge: full, or soon; too heavy, or standing still; and a gate that only weighs."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from chelu.messages import Batch
from chelu.parameters import table
from services.inference.city.environment import berths, weighbridge
from services.inference.city.environment.berths import BerthParameters, BerthWatch
from services.inference.city.environment.findings import Finding
from services.inference.city.environment.series import slope
from services.inference.city.environment.watch import EnvironmentParameters, EnvironmentWatch
from services.inference.city.environment.weighbridge import WeighbridgeParameters, WeighbridgeWatch
from simulators.surroundings import port
from simulators.surroundings.period import Period
from tests.unit.inference.environment_rows import BEGIN_US, MINUTE_US, readings, sensor, together
from tests.unit.test_repository import ROOT

QUARTER_S = 900
DEVICE = {1: sensor(1, "quay")}


@pytest.fixture
def new_id() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"finding-{next(numbers)}"


def moored(values: list[float], begin: int = 0) -> Batch:
    """How many ships lie at the quay, by quarter of an hour."""
    return readings(1, "occupied_berths", values, start_us=BEGIN_US + begin * QUARTER_S * 1_000_000, step_s=QUARTER_S)


def of_ten() -> Batch:
    return readings(1, "total_berths", [10.0], start_us=BEGIN_US)


def one(watch: BerthWatch, rows: Batch, *, is_standing: bool = False) -> Finding | None:
    (judged,) = watch.hear(rows, DEVICE, frozenset(["quay"] if is_standing else []), 0)
    assert (judged.application, judged.subject) == (berths.APPLICATION, "quay")
    return judged.findings[0] if judged.findings else None


def test_full_berths_are_told_and_are_over_when_two_are_free_again() -> None:
    watch = BerthWatch(BerthParameters(lead_s=0.0))
    assert one(watch, together(of_ten(), moored([9.0]))) is None
    full = one(watch, moored([10.0], 1))
    assert full is not None
    assert (full.kind, full.severity, full.value, full.detail["is_full"]) == ("berths_full", "warning", 1.0, True)
    still = one(watch, moored([9.0], 2), is_standing=True)
    assert still is not None
    assert still.detail == full.detail  # nothing new to say
    assert one(watch, moored([8.0], 3), is_standing=True) is None


def test_berths_that_fill_are_told_before_they_are_full() -> None:
    watch = BerthWatch(BerthParameters())
    filling = np.floor(np.linspace(3.0, 7.0, 16)).tolist()  # a ship an hour
    soon = one(watch, together(of_ten(), moored(filling)))
    assert soon is not None
    assert (soon.severity, soon.detail["is_full"]) == ("info", False)
    assert "within 3 h" in soon.text
    assert one(BerthWatch(BerthParameters()), together(of_ten(), moored([7.0] * 16))) is None


def test_how_many_berths_there_are_may_be_a_label_and_else_nobody_knows() -> None:
    labelled = {1: sensor(1, "quay", berths="4")}
    (judged,) = BerthWatch(BerthParameters()).hear(moored([4.0]), labelled, frozenset(), 0)
    assert judged.findings[0].detail["berths"] == 4.0
    assert BerthWatch(BerthParameters()).hear(moored([4.0]), DEVICE, frozenset(), 0) == []
    assert BerthWatch(BerthParameters()).hear(of_ten(), DEVICE, frozenset(), 0) == []


def test_a_pace_needs_half_of_its_time() -> None:
    values = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [np.nan, np.nan, np.nan, np.nan, 5.0, 6.0]])
    assert slope(values, 60, 2).tolist() == pytest.approx([1 / 60, np.nan], nan_ok=True)


def weighed(kg: list[float], minute: float = 0.0) -> Batch:
    return readings(1, "vehicle_weight", kg, start_us=BEGIN_US + round(minute * MINUTE_US))


def waiting(trucks: float, minute: float) -> Batch:
    return readings(1, "waiting_trucks", [trucks], start_us=BEGIN_US + round(minute * MINUTE_US))


def told(watch: WeighbridgeWatch, *rows: Batch) -> list[Finding]:
    return [found for judged in watch.hear(together(*rows), DEVICE) for found in judged.findings]


def test_trucks_that_weigh_too_much_are_told_with_how_many_for_an_hour() -> None:
    watch = WeighbridgeWatch(WeighbridgeParameters())
    assert told(watch, weighed([38_000.0, 49_000.0])) == []
    (heavy,) = told(watch, weighed([61_000.0, 55_000.0, 30_000.0], 5))
    assert (heavy.kind, heavy.part, heavy.value, heavy.bound) == ("overweight", "overweight", 61_000.0, 49_000.0)
    assert heavy.detail == {"unit": "kg", "trucks": 2}
    assert "61.0 t, which is more than 49 t" in heavy.text
    assert told(watch, weighed([30_000.0], 67)) == []


def test_a_weighbridge_that_weighs_nobody_while_trucks_wait_is_told() -> None:
    watch = WeighbridgeWatch(WeighbridgeParameters())
    assert told(watch, waiting(9.0, 0)) == []  # it has never weighed anybody: perhaps it is none
    assert told(watch, weighed([30_000.0], 1), waiting(9.0, 10)) == []
    (stalled,) = told(watch, waiting(9.0, 17))
    assert (stalled.kind, stalled.part) == ("truck_queue", "stalled")
    assert told(watch, waiting(2.0, 18)) == []
    assert stalled.application == weighbridge.APPLICATION


def test_a_gate_that_only_weighs_its_trucks_is_planned_for(new_id: Callable[[], str]) -> None:
    period = Period(BEGIN_US, 3 * 86_400 // 20, 20)
    trucks = port.gate_of(port.arrivals(period, 1, is_staged=True), 20)
    kg = port.weights_kg(period, 1, trucks.entered)
    begin_us = BEGIN_US + 20_000_000
    every = together(
        readings(1, "vehicle_weight", kg.tolist(), start_us=begin_us, step_s=20.0),
        readings(1, "waiting_trucks", trucks.waiting.tolist(), start_us=begin_us, step_s=20.0),
    )
    watch = EnvironmentWatch("hill", EnvironmentParameters(), new_id)
    said, _ = watch.hear(every, {1: sensor(1, "gate")}, int(period.time_us[-1]))
    (queue,) = [found for found in said if found.kind == "truck_queue"]
    slots = queue.detail["slots"]
    assert slots[0]["wait_without_advice_s"] > 1800
    assert max(slot["wait_s"] for slot in slots[2:]) <= 1800


@pytest.mark.parametrize("kind", [BerthParameters, WeighbridgeParameters])
def test_the_page_has_the_parameters(kind: type) -> None:
    assert table(kind) in (ROOT / "docs" / "city" / "environment.md").read_text(encoding="utf-8")
