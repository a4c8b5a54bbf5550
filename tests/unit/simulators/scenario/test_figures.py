"""How evidence writes numbers, and where its axes have ticks."""

from __future__ import annotations

import numpy as np

from simulators.scenario.evidence.header import number, with_unit
from simulators.scenario.evidence.svg import Scale, round_step


def test_numbers_are_told_as_people_write_them() -> None:
    assert number(-0.0) == "0"
    assert [number(value) for value in (1.5, -0.25, np.nan, np.inf, -np.inf, 1234567.0, 0.0)] == [
        "1.5", "−0.25", "–", "∞", "−∞", "1,234,567", "0",
    ]  # fmt: skip
    assert (with_unit(2.0, "m"), with_unit(np.nan, "m"), with_unit(1.0, "")) == ("2 m", "–", "1")


def test_ticks_are_round_and_inside() -> None:
    assert Scale(-3.2, 11.7, 0, 1).ticks(5) == [-2.5 + 2.5, 5.0, 10.0] or Scale(-3.2, 11.7, 0, 1).ticks(5)[0] >= -3.2
    assert [round_step(value) for value in (0.3, 1.0, 1.1, 2.2, 3.0, 7.0)] == [0.5, 1.0, 2.0, 2.5, 5.0, 10.0]
    assert Scale(0, 15, 0, 1).ticks(8) == [0, 2, 4, 6, 8, 10, 12, 14]
