"""From ranges to concrete cases."""

from __future__ import annotations

import numpy as np
import pytest

from chelu.errors import ConfigurationError
from simulators.scenario.cases import Design, Request, cases_of, parameter_given
from simulators.scenario.values import Expression, parsed, values
from tests.unit.simulators.scenario.written import described, scenario

RANGED = described(
    scenario(
        more="""
        parameters:
          fast: {default: 70, low: 40, high: 120, step: 10}
          slow: {default: 30, low: 10, high: 60, step: 25}
          width: {default: 2, choices: [2, 3]}
          free: {default: 0.5, low: 0, high: 1}
        where: [slow < fast]
        """
    )
)


def test_default_is_one_case() -> None:
    cases = cases_of(RANGED, Request())
    assert {name: column.tolist() for name, column in cases.columns.items()} == {
        "fast": [70],
        "slow": [30],
        "width": [2],
        "free": [0.5],
    }


def test_grid_crosses_steps_and_choices_without_what_is_ruled_out() -> None:
    cases = cases_of(RANGED, Request(design=Design.GRID))
    every = {(fast, slow, width) for fast in range(40, 121, 10) for slow in (10, 35, 60) for width in (2, 3) if slow < fast}
    found = set(zip(*(cases.columns[name].tolist() for name in ("fast", "slow", "width")), strict=True))
    assert found == every
    assert len(cases) == len(every)


def test_latin_hypercube_has_one_value_in_each_slice_of_each_range() -> None:
    cases = cases_of(RANGED, Request(design=Design.LATIN, count=50, fixed={"slow": parameter_given("slow=10", RANGED)[1]}))
    slices = np.floor((cases.columns["fast"] - 40) / 80 * 50).astype(int)
    assert sorted(slices) == list(range(50))
    assert set(cases.columns["width"]) == {2, 3}


@pytest.mark.parametrize("design", [Design.LATIN, Design.RANDOM])
def test_same_seed_same_cases(design: Design) -> None:
    one, again, other = (cases_of(RANGED, Request(design=design, count=20, seed=seed)) for seed in (5, 5, 6))
    assert np.array_equal(one.columns["free"], again.columns["free"])
    assert not np.array_equal(one.columns["free"], other.columns["free"][: len(one)])


def test_conditions_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="slow < fast"):
        cases_of(RANGED, Request(fixed={"slow": parameter_given("slow=200", RANGED)[1]}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("fast=5", (5,)), ("fast=5,6", (5, 6)), ("fast=1:2:0.5", (1, 1.5, 2)), ("fast=-1", (-1,))],
)
def test_values_of_the_command_line_replace_a_parameters_own(text: str, expected: tuple[float, ...]) -> None:
    name, parameter = parameter_given(text, RANGED)
    fixed = {"fast": parameter, "slow": parameter_given("slow=-5", RANGED)[1], "width": parameter_given("width=2", RANGED)[1]}
    assert name == "fast"
    assert cases_of(RANGED, Request(design=Design.GRID, fixed=fixed)).columns["fast"].tolist() == list(expected)


@pytest.mark.parametrize("text", ["fast", "fast=", "fast=x", "fast=2:1", "nobody=1", "fast=1:2:3:4", "fast=1:2:0"])
def test_values_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--set"):
        parameter_given(text, RANGED)


def test_too_many_cases_are_refused_before_they_are_made() -> None:
    many = {"fast": parameter_given("fast=0:100:0.00001", RANGED)[1]}
    with pytest.raises(ConfigurationError, match="at most 1,000,000"):
        cases_of(RANGED, Request(design=Design.GRID, fixed=many))


def test_expressions_are_worked_out_for_all_cases() -> None:
    quantity = parsed("max(fast - 2 * slow, -(1 + 1)) / 2")
    assert isinstance(quantity, Expression)
    assert quantity.names == {"fast", "slow"}
    columns = {"fast": np.array([10.0, 1.0]), "slow": np.array([2.0, 50.0])}
    assert values(quantity, columns, 2).tolist() == [3.0, -1.0]


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.b", "a[0]", "a if b else c", "'a'", "min(a)", "f(a, b)", "a ** b", "True", "1j", "a" * 500]
)
def test_expressions_know_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="an expression of parameters"):
        parsed(text)
