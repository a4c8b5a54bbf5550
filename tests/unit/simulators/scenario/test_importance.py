"""Importance sampling: rates of what is rare, against closed forms; weights that are what they must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.integrate import quad
from scipy.special import ndtr

from chelu.errors import ConfigurationError
from simulators.scenario.cases import Design, Request, cases_of, repeated
from simulators.scenario.distributions import UNIFORM, Distribution, density, quantile
from simulators.scenario.importance import effective, failure_rates, rate
from simulators.scenario.judging import judge
from simulators.scenario.performing import perform
from simulators.scenario.reading import ScenarioError
from tests.unit.simulators.scenario.written import described, scenario

# At 20 m/s for 3 s whoever begins less than 60 m before one that stands touches it.
RARE = scenario(
    actors="""
        ego: {start: {way: main, along_m: 100, speed_kmh: 72}}
        other: {start: {ahead_of: ego, gap_m: gap}}
    """,
    more="""
        parameters:
          gap:
            default: 100
            low: 20
            high: 180
            occurs: {kind: normal, mean: 100, sd: 10}
            sampled: {kind: normal, mean: 60, sd: 10}
    """,
    after_s=3,
)


def test_the_rate_of_a_rare_collision_is_the_closed_form_s() -> None:
    description = described(RARE)
    cases = cases_of(description, Request(Design.IMPORTANCE, count=4000, seed=5))
    found = judge(perform(description, cases), description.requirements, description.conditions())
    one = failure_rates(cases, found)["any of them"]
    truth = float(ndtr(-4.0))  # 3.2e-5: none of 4000 plain draws would show it
    assert one.value == pytest.approx(truth, abs=4 * one.standard_error)
    assert one.standard_error < 0.05 * truth


def test_standard_errors_are_as_far_as_estimates_scatter() -> None:
    description = described(RARE)
    rates = []
    for seed in range(200):
        cases = cases_of(description, Request(Design.IMPORTANCE, count=400, seed=seed))
        assert cases.weights is not None
        rates.append(rate(cases.columns["gap"] < 60, cases.weights, cases.drawn))
    values, errors = np.array([(one.value, one.standard_error) for one in rates]).T
    assert values.std() == pytest.approx(errors.mean(), rel=0.15)
    assert values.mean() == pytest.approx(float(ndtr(-4.0)), rel=0.02)


def test_draws_that_are_no_cases_count_as_draws() -> None:
    description = described(RARE + "\nwhere: [gap > 50]")
    cases = cases_of(description, Request(Design.IMPORTANCE, count=20_000, seed=1))
    assert cases.weights is not None
    assert len(cases) < cases.drawn == 20_000
    one = rate(cases.columns["gap"] < 60, cases.weights, cases.drawn)
    assert one.value == pytest.approx(float(ndtr(-4.0) - ndtr(-5.0)), abs=4 * one.standard_error)
    assert repeated(cases, 3).drawn == 60_000


def test_draws_from_elsewhere_are_worth_less() -> None:
    assert effective(np.ones(50)) == pytest.approx(50)
    assert effective(np.array([1.0, 0.0, 0.0])) == pytest.approx(1)
    assert np.isnan(rate(np.ones(1, np.bool_), np.ones(1), 1).value)


def test_a_scenario_that_does_not_say_where_to_draw_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="sampled"):
        cases_of(described(scenario()), Request(Design.IMPORTANCE))
    with pytest.raises(ScenarioError, match="occurs wants low and high"):
        described(scenario(more="parameters: {gap: {default: 1, occurs: {kind: uniform}}}"))
    with pytest.raises(ScenarioError, match="normal has mean and sd"):
        described(scenario(more="parameters: {gap: {default: 1, low: 0, high: 2, occurs: {kind: normal, mean: 1}}}"))


KINDS = some.one_of(
    some.just(UNIFORM),
    some.builds(Distribution, kind=some.just("normal"), mean=some.floats(-5, 15), sd=some.floats(0.5, 5)),
    some.builds(Distribution, kind=some.just("exponential"), mean=some.floats(0.5, 20)),
)


@given(one=KINDS, share=some.floats(0.001, 0.999))
def test_quantiles_and_densities_belong_together(one: Distribution, share: float) -> None:
    low, high = 2.0, 9.0
    value = float(quantile(one, low, high, np.array([share]))[0])
    below, _ = quad(lambda x: float(density(one, low, high, np.array([x]))[0]), low, value)
    assert low <= value <= high
    assert below == pytest.approx(share, abs=1e-6)
