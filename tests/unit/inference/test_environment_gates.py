"""Trucks at a gate: who comes, who is served, and whom advice moves, by hand and of a simulated port."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from services.inference.city.environment import gate
from services.inference.city.environment.gate import GateParameters
from services.inference.city.environment.watch import EnvironmentParameters, EnvironmentWatch
from simulators.surroundings import port
from simulators.surroundings.period import Period
from tests.unit.inference.environment_rows import BEGIN_US, new_id, readings, sensor, together

__all__ = ["new_id"]


def test_advice_keeps_the_wait_within_bounds_and_sends_nobody_away() -> None:
    coming = np.array([20.0, 90.0, 60.0, 10.0, 5.0, 0.0, 0.0, 0.0])
    advice = gate.advise(10.0, coming, 30.0, GateParameters())
    assert advice.planned.sum() == pytest.approx(coming.sum())
    assert advice.wait_s.max() <= GateParameters().longest_wait_s + 1e-6
    assert advice.unplanned_wait_s.max() == pytest.approx((90.0 + 60.0 - 60.0) / 30.0 * 1800)
    assert advice.places[0] == 0
    assert advice.places[-1] == 27.0
    assert (advice.moved >= 0).all()


def test_a_gate_serves_what_it_did_while_trucks_waited() -> None:
    served, waited = np.array([5.0, 28.0, 30.0, 31.0, 29.0, 10.0]), np.array([0.0, 9.0, 20.0, 20.0, 3.0, 0.0])
    assert gate.capacity_of(served, waited, 99.0) == 29.5
    assert gate.capacity_of(served, np.zeros(6), 99.0) == 99.0


def test_who_comes_is_foreseen_by_the_days_before_and_by_how_busy_today_is() -> None:
    day = np.arange(48.0)
    came = np.concatenate([day, day, day, day[:20] * 1.5])
    ahead = gate.arrivals_ahead(came, 3)
    assert (ahead > day[20:23]).all()
    assert (ahead < 1.6 * day[20:23]).all()
    assert gate.arrivals_ahead(np.full(4, 6.0), 2).tolist() == [6.0, 6.0]


def test_a_rush_of_trucks_is_told_with_a_plan_by_half_hour(new_id: Callable[[], str]) -> None:
    period = Period(BEGIN_US, 3 * 288, 300)
    trucks = port.gate_of(port.arrivals(period, 1, is_staged=True), 300)
    rows = together(
        *(
            readings(1, name, values.tolist(), start_us=BEGIN_US + 300_000_000, step_s=300)
            for name, values in (("gate_entries", trucks.entered), ("waiting_trucks", trucks.waiting))
        )
    )
    watch = EnvironmentWatch("hill", EnvironmentParameters(), new_id)
    said, _ = watch.hear(rows, {1: sensor(1, "gate", capacity_per_h="60")}, int(period.time_us[-1]))
    (told,) = [one for one in said if one.kind == "truck_queue"]
    slots = told.detail["slots"]
    assert len(slots) == 12
    assert slots[0]["wait_without_advice_s"] > 1800
    assert max(slot["wait_s"] for slot in slots[2:]) <= 1800  # who waits now is not sent away
    assert sum(slot["moved_on"] > 0 for slot in slots) >= 1
