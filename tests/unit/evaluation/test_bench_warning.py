"""Warnings are judged by all that should have come, under the load that was meant, and not by the fastest alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.bench.crossing import Meetings
from evaluation.bench.report import Figure
from evaluation.bench.warning import MANY, Took, figures

WELL = Took(np.linspace(0.0, 59.9, 750), np.full(750, 9.0), told=1500, expected=1500, late_ms=1.0, way=[], cores=1.0)


def by_key(took: Took, vehicles: int = MANY) -> dict[str, Figure]:
    return {one.key: one for one in figures(took, vehicles, 10.0, 6) if one.key}


def test_all_is_met_when_all_came_in_time() -> None:
    found = by_key(WELL)
    assert set(found) == {"warning_p99_ms", "warning_share", "warning_load_late_ms"}
    assert all(one.is_met and one.bar is not None for one in found.values())


@pytest.mark.parametrize(
    ("fault", "missed"),
    [
        ({"told": 1400}, "warning_share"),
        ({"late_ms": 5.5}, "warning_load_late_ms"),
        ({"took_ms": np.full(750, 21.0)}, "warning_p99_ms"),
    ],
)
def test_each_fault_misses_a_bar_of_its_own(fault: dict[str, object], missed: str) -> None:
    found = by_key(replace(WELL, **fault))  # type: ignore[arg-type]
    assert [key for key, one in found.items() if not one.is_met] == [missed]


def test_who_meets_is_expected_to_be_told_each_time_and_told_twice_counts_once() -> None:
    meetings = Meetings(400, 24.0)
    vehicles = {vehicle for vehicle, _ in meetings.expected}
    assert vehicles == {20 * pair + number for pair in range(20) for number in (1, 2)}
    assert 2.4 <= len(meetings.expected) / len(vehicles) <= 3
    ticks = np.arange(0.0, 24.0, 0.1).tolist()
    assert meetings.told([(vehicle, at_s) for vehicle in range(1, 401) for at_s in ticks]) == len(meetings.expected)
    assert meetings.told([(1, 10.0), (1, 10.1)]) == 1
    assert meetings.told([(3, 10.0)]) == 0


def test_a_smaller_load_has_no_bars() -> None:
    assert by_key(WELL, vehicles=200) == {}
