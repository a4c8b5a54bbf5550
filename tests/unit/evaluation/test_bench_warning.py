"""Warnings are judged by all that should have come, under the load that was meant, and not by the fastest alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.bench.report import Figure
from evaluation.bench.warning import MANY, Took, figures

WELL = Took(np.linspace(0.0, 59.9, 750), np.full(750, 9.0), expected=750.0, late_ms=1.0, way=[], cores=1.0)


def by_key(took: Took, vehicles: int = MANY) -> dict[str, Figure]:
    return {one.key: one for one in figures(took, vehicles, 10.0, 6) if one.key}


def test_all_is_met_when_all_came_in_time() -> None:
    found = by_key(WELL)
    assert set(found) == {"warning_p99_ms", "warning_share", "warning_load_late_ms"}
    assert all(one.is_met and one.bar is not None for one in found.values())


@pytest.mark.parametrize(
    ("fault", "missed"),
    [
        ({"expected": 800.0}, "warning_share"),
        ({"late_ms": 5.5}, "warning_load_late_ms"),
        ({"took_ms": np.full(750, 21.0)}, "warning_p99_ms"),
    ],
)
def test_each_fault_misses_a_bar_of_its_own(fault: dict[str, object], missed: str) -> None:
    found = by_key(replace(WELL, **fault))  # type: ignore[arg-type]
    assert [key for key, one in found.items() if not one.is_met] == [missed]


def test_a_smaller_load_has_no_bars() -> None:
    assert by_key(WELL, vehicles=200) == {}
