"""The value at which a verdict turns."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.scenario.boundary import PROBES, boundary
from simulators.scenario.bounding import rows
from simulators.scenario.cases import Cases
from simulators.scenario.verdict import Codes, Outcome


def codes(is_kept: np.ndarray) -> Codes:
    return np.where(is_kept, Outcome.PASS, Outcome.FAIL).astype(np.int8)


def test_turn_is_found_for_every_combination_at_once() -> None:
    edges = np.array([0.3, 5.0, 9.99, 20.0, -1.0])
    rounds = []

    def outcomes(cases: Cases) -> Codes:
        rounds.append(len(cases))
        return codes(cases.columns["gap"] >= cases.columns["edge"])

    cases = Cases({"gap": np.zeros(5), "edge": edges}, 5)
    found = boundary(outcomes, cases, "gap", low=0.0, high=10.0, tolerance=0.01)
    assert found.value[:3] == pytest.approx(edges[:3], abs=0.01)
    assert np.all(found.fails[:3] < edges[:3])
    assert np.all(found.passes[:3] >= edges[:3])
    assert np.isnan(found.value[3:]).all()
    assert found.passes_throughout.tolist() == [False, False, False, False, True]
    assert len(rounds) == PROBES + 7  # 10 / 8 / 2**7 < 0.01


def test_of_two_turns_the_first_is_found() -> None:
    cases = Cases({"gap": np.zeros(1)}, 1)
    found = boundary(lambda some: codes(abs(some.columns["gap"] - 5.0) > 2.0), cases, "gap", low=0.0, high=10.0, tolerance=0.001)
    assert found.value == pytest.approx([3.0], abs=0.001)
    assert found.passes[0] < found.fails[0]
    assert not found.passes_throughout[0]


def test_nothing_to_search_is_said() -> None:
    found = boundary(
        lambda cases: codes(np.ones(len(cases), np.bool_)), Cases({"gap": np.zeros(3)}, 3), "gap", low=0, high=1, tolerance=1e-9
    )
    assert found.passes_throughout.all()


def test_where_runs_are_not_valid_it_says_so_and_not_that_they_fail() -> None:
    edges = np.array([4.0, 4.0, 20.0])

    def outcomes(cases: Cases) -> Codes:
        beyond = np.where(cases.columns["is_real"] > 0, Outcome.FAIL, Outcome.ERROR)
        return np.where(cases.columns["gap"] >= cases.columns["edge"], Outcome.PASS, beyond).astype(np.int8)

    cases = Cases({"gap": np.zeros(3), "edge": edges, "is_real": np.array([1.0, 0.0, 0.0])}, 3)
    found = boundary(outcomes, cases, "gap", low=0.0, high=10.0, tolerance=0.01)
    assert found.beyond.tolist() == [Outcome.FAIL, Outcome.ERROR, Outcome.ERROR]
    assert [row["beyond"] for row in rows(found)] == ["fail", "error", "error"]
