"""What passes, fails, errs or is skipped: at the limits, beyond them, and where there is nothing to judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.scenario.judging import judge
from simulators.scenario.repeats import repeats, wilson
from simulators.scenario.requirements import Requirement, Validity
from simulators.scenario.verdict import Outcome
from tests.unit.simulators.scenario.traces import Motion, behind, trace, warnings

PASS, SKIPPED, FAIL, ERROR = Outcome
BOTH = ["ego", "other"]
NEAR = behind(30.0, 20.0, 10.0)  # TTC 3 s, contact at 3 s
SAFE = behind(30.0, 10.0, 10.0)


def judged(run, requirement, validity=()):
    found = judge(run, [Requirement.model_validate(requirement)], [Validity.model_validate(one) for one in validity])
    return found, found.requirements[0]


def test_each_run_is_judged_by_the_instant_that_decides() -> None:
    run = trace(SAFE, behind(30.0, 12.0, 10.0, 0.0, 1.0))
    verdicts, one = judged(run, {"metric": "minimum_distance_m", "of": BOTH, "at_least": 29})
    assert verdicts.outcome.tolist() == [PASS, FAIL]
    np.testing.assert_allclose(one.value, [30, 28])  # equally fast after 2 s
    np.testing.assert_allclose(one.margin, [1, -1])
    assert one.at_s[1] == pytest.approx(2.0)
    assert one.reason[1] == "minimum_distance_m is 28 m, must be ≥ 29"
    assert (verdicts.worst, verdicts.exit_code) == (FAIL, 1)


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ({"at_least": 30}, PASS),
        ({"above": 30}, FAIL),
        ({"at_most": 30}, PASS),
        ({"below": 30}, FAIL),
        ({"equals": 30}, PASS),
        ({"equals": 30.5}, FAIL),
        ({"equals": 30.5, "within": 0.5}, PASS),
        ({"at_least": 29, "at_most": 29.5}, FAIL),
        ({"at_least": 29, "at_most": 31}, PASS),
    ],
)
def test_a_limit_that_is_met_exactly_is_met_unless_it_is_strict(bound, expected) -> None:
    verdicts, _ = judged(trace(SAFE), {"metric": "gap_m", "of": BOTH, **bound})
    assert verdicts.worst == expected


def test_limits_may_be_expressions_of_the_parameters_of_each_run() -> None:
    run = trace(SAFE, SAFE, SAFE, parameters={"wanted": np.array([20.0, 40.0, 0.0])})
    verdicts, one = judged(run, {"metric": "gap_m", "of": BOTH, "at_least": "600 / wanted * wanted / 20 - 30 + wanted"})
    assert verdicts.outcome.tolist() == [PASS, FAIL, ERROR]
    assert one.reason[2] == "the limit is not a number for these parameters"


def test_a_contact_between_two_instants_is_a_contact() -> None:
    fast = trace((Motion((0, 0), 0, 40), Motion((-20.35, 22), 90, 38)), step_s=0.25)
    verdicts, one = judged(fast, {"metric": "minimum_distance_m", "of": BOTH, "above": 0})
    assert np.isfinite(fast.contact_s[0])
    assert verdicts.worst == FAIL
    assert one.at_s[0] == pytest.approx(fast.contact_s[0])


def test_a_contact_at_the_first_instant_fails_at_once() -> None:
    run = trace((Motion((0, 0), 0, 10), Motion((0, 3), 0, 10)))
    for metric, bound in (("contact", {"equals": 0}), ("minimum_distance_m", {"above": 0}), ("ttc_s", {"at_least": 1})):
        verdicts, one = judged(run, {"metric": metric, "of": BOTH, **bound})
        assert verdicts.worst == FAIL
        assert one.at_s[0] == 0


def test_what_comes_after_the_run_s_end_does_not_count() -> None:
    verdicts, one = judged(trace(NEAR), {"metric": "minimum_distance_m", "of": BOTH, "at_most": 31, "from": 3.5})
    assert verdicts.worst == SKIPPED
    assert one.reason[0] == "the run was over before"
    assert verdicts.exit_code == 4


def test_a_window_begins_with_a_manoeuvre_and_errs_where_that_never_began() -> None:
    fired = {"cut_in": np.array([2.0, np.nan])}
    verdicts, one = judged(trace(NEAR, NEAR, fired=fired), {"metric": "ttc_s", "of": BOTH, "at_least": 1.5, "until": "cut_in"})
    assert verdicts.outcome.tolist() == [FAIL, ERROR]
    assert one.value[0] == pytest.approx(1.0)
    assert one.at_s[0] == pytest.approx(2.0)
    assert one.reason[1] == "cut_in never began"


def test_a_sum_over_no_instant_is_not_nought_but_unknown() -> None:
    verdicts, one = judged(trace(NEAR), {"metric": "tet_s", "of": BOTH, "below_s": 2, "at_most": 1, "from": 4})
    assert (verdicts.worst, one.reason[0]) == (SKIPPED, "the run was over before")


def test_each_of_two_bounds_is_as_strict_as_it_says() -> None:
    for bounds, expected in (({"at_least": 30, "below": 31}, PASS), ({"above": 30, "at_most": 31}, FAIL)):
        assert judged(trace(SAFE), {"metric": "gap_m", "of": BOTH, **bounds})[0].worst == expected


def test_what_is_not_measured_is_skipped() -> None:
    verdicts, one = judged(trace(SAFE), {"metric": "lane_offset_m", "of": "ego", "at_most": 1})
    assert verdicts.worst == SKIPPED
    assert one.reason[0] == "lane_offset_m is not measured here"
    assert np.isnan(one.value[0])


def test_an_invalid_run_is_an_error_and_never_a_failure() -> None:
    validity = [
        {"metric": "speed_kmh", "of": "ego", "equals": 72, "within": 2, "until": 0},
        {"fired": "cut_in"},
        {"metric": "lag_s", "at_most": 0.1},
    ]
    run = trace(
        NEAR, behind(30.0, 21.0, 10.0), NEAR, NEAR,
        fired={"cut_in": np.array([1.0, 1.0, np.nan, 1.0])}, rig={"lag_s": np.array([0.0, 0.0, 0.0, 0.5])},
    )  # fmt: skip
    verdicts, one = judged(run, {"metric": "contact", "of": BOTH, "equals": 0}, validity)
    assert verdicts.outcome.tolist() == [FAIL, ERROR, ERROR, ERROR]
    assert one.reason[1].startswith("the run is not valid: speed_kmh of ego = 72 ± 2 until 0: speed_kmh is 75.6 km/h")
    assert one.reason[2] == "the run is not valid: cut_in begins: cut_in never began"
    assert "lag_s is 0.5 s" in one.reason[3]
    assert (verdicts.worst, verdicts.exit_code) == (ERROR, 3)
    assert [condition.outcome.tolist() for condition in verdicts.validity] == [
        [PASS, ERROR, PASS, PASS], [PASS, PASS, ERROR, PASS], [PASS, PASS, PASS, ERROR],
    ]  # fmt: skip


def test_a_validity_condition_that_cannot_be_measured_vouches_for_nothing() -> None:
    verdicts, _ = judged(trace(SAFE), {"metric": "contact", "of": BOTH, "equals": 0}, [{"metric": "lag_s", "at_most": 0.1}])
    assert verdicts.worst == ERROR


def test_runs_outside_the_operational_design_domain_are_skipped() -> None:
    requirement = Requirement.model_validate({"metric": "contact", "of": BOTH, "equals": 0})
    verdicts = judge(trace(NEAR, NEAR), [requirement], [], np.array(["a tunnel", ""], np.object_))
    assert verdicts.outcome.tolist() == [SKIPPED, FAIL]
    assert verdicts.requirements[0].reason[0] == "a tunnel"


def test_nothing_that_is_asked_has_not_passed() -> None:
    assert judge(trace(SAFE), [], []).exit_code != 0


def expects(**when):
    return {"warning": {"application": "fcw", "host": "ego", "other": "other", **when}}


@pytest.mark.parametrize(
    ("time_s", "when", "outcome", "reason"),
    [
        (0.9, {"by_ttc_s": 2}, PASS, ""),
        (1.0, {"by_ttc_s": 2}, PASS, ""),
        (1.5, {"by_ttc_s": 2}, FAIL, "late by 0.50 s, at a TTC of 1.50 s"),
        (None, {"by_ttc_s": 2}, FAIL, "missed: no warning came"),
        (0.5, {"by_s": 1}, PASS, ""),
        (1.5, {"by_s": 1}, FAIL, "late by 0.50 s, at a TTC of 1.50 s"),
        (0.5, {"by_s": 2, "not_before_s": 1}, FAIL, "early by 0.50 s"),
        (0.5, {"by_ttc_s": 1, "not_before_ttc_s": 2}, FAIL, "early by 0.50 s"),
        (1.5, {"by_ttc_s": 1, "not_before_ttc_s": 2}, PASS, ""),
        (1.5, {"never": True}, FAIL, "false: warned at 1.50 s"),
        (None, {"never": True}, PASS, ""),
        (None, {"not_before_s": 1}, PASS, ""),
    ],
)
def test_warnings_get_the_verdict_they_deserve(time_s, when, outcome, reason) -> None:
    said = warnings(*([(0, time_s, "fcw", "ego", "other")] if time_s is not None else []))
    verdicts, one = judged(trace(NEAR, warnings=said), expects(**when))
    assert (verdicts.worst, one.reason[0]) == (outcome, reason)


def test_no_warning_is_owed_where_none_is_needed() -> None:
    verdicts, one = judged(trace(SAFE, warnings=warnings()), expects(by_ttc_s=2))
    assert (verdicts.worst, one.reason[0]) == (SKIPPED, "no warning was owed")


def test_warnings_of_others_or_another_application_do_not_count() -> None:
    said = warnings((0, 0.5, "fcw", "other", "ego"), (0, 0.5, "eebl", "ego", "other"), (1, 0.5, "fcw", "ego", "other"))
    verdicts, _ = judged(trace(NEAR, NEAR, warnings=said), expects(by_ttc_s=2))
    assert verdicts.outcome.tolist() == [FAIL, PASS]


def test_without_warnings_nothing_is_said_about_them() -> None:
    verdicts, one = judged(trace(NEAR), expects(by_ttc_s=2))
    assert (verdicts.worst, one.reason[0]) == (SKIPPED, "this mode has no warnings")


def test_the_worst_runs_come_first_by_outcome_and_then_by_margin() -> None:
    run = trace(SAFE, NEAR, behind(20.0, 10.0, 10.0), behind(40.0, 10.0, 10.0))
    verdicts, _ = judged(run, {"metric": "gap_m", "of": BOTH, "at_least": 15})
    assert verdicts.worst_runs(3) == [1, 2, 0]


def test_a_case_that_comes_out_both_ways_is_flaky() -> None:
    run = trace(SAFE, NEAR, SAFE, SAFE, NEAR, parameters={"a": np.array([1.0, 1, 1, 1, 2]), "seed": np.arange(5.0)})
    verdicts, _ = judged(run, {"metric": "contact", "of": BOTH, "equals": 0})
    (one,) = repeats(verdicts, run.parameters)
    assert (one.runs, one.judged, one.passed, one.is_flaky, one.flake_rate) == (4, 4, 3, True, 0.25)
    assert one.parameters == {"a": 1.0}


def test_wilson_s_interval_has_its_published_values() -> None:
    assert wilson(3, 4) == pytest.approx((0.3006, 0.9544), abs=5e-5)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=5e-5)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500), st.data())
def test_wilson_s_interval_holds_the_rate_and_mirrors(judged_runs, data) -> None:
    passed = data.draw(st.integers(0, judged_runs))
    low, high = wilson(passed, judged_runs)
    assert 0 <= low <= passed / judged_runs <= high <= 1
    assert wilson(judged_runs - passed, judged_runs) == pytest.approx((1 - high, 1 - low))


def test_verdicts_do_not_hang_on_the_company_of_other_runs() -> None:
    runs = [SAFE, NEAR, behind(25.0, 15.0, 12.0, -1.0, -6.0)]
    requirement = {"metric": "required_deceleration_mps2", "of": BOTH, "at_most": 3}
    together = judged(trace(*runs), requirement)[1]
    for row, motions in enumerate(runs):
        alone = judged(trace(motions), requirement)[1]
        assert (alone.value[0], alone.margin[0], alone.at_s[0]) == (together.value[row], together.margin[row], together.at_s[row])


def test_a_run_that_was_aborted_is_judged_as_far_as_it_went() -> None:
    run = replace(trace(NEAR), last=np.array([5]), contact_s=np.array([np.inf]), contact=np.full((1, 2), -1))
    verdicts, one = judged(run, {"metric": "ttc_s", "of": BOTH, "at_least": 1})
    assert verdicts.worst == PASS
    assert one.value[0] == pytest.approx(2.5)


@given(st.floats(-5, 60), st.floats(0, 20), st.sampled_from(["at_least", "above", "at_most", "below"]))
def test_a_harder_limit_is_never_easier_and_the_margin_tells_how_much(limit, harder, bound) -> None:
    run = trace(SAFE, NEAR, behind(25.0, 15.0, 12.0, -1.0, -6.0), end_s=2)
    towards = harder if bound in {"at_least", "above"} else -harder
    easy = judged(run, {"metric": "minimum_distance_m", "of": BOTH, bound: limit})[1]
    hard = judged(run, {"metric": "minimum_distance_m", "of": BOTH, bound: limit + towards})[1]
    assert (hard.outcome >= easy.outcome).all()
    np.testing.assert_allclose(easy.margin - hard.margin, harder, atol=1e-9)
    np.testing.assert_array_equal(easy.value, hard.value)
