from __future__ import annotations

import pytest

from simulators.judge import Expectation, Outcome, Warned, judge

BRAKE = Expectation("hard brake", "fcw", "follower", "leader", 10.0, 12.0)
DECKS = Expectation("decks", "", "above", "below", 0.0, 60.0, is_forbidden=True)


def raised(time_s: float, application: str = "fcw", host: str = "follower", other: str = "leader") -> Warned:
    return Warned(application, host, other, time_s)


@pytest.mark.parametrize(
    ("warned", "outcome"),
    [
        ([raised(11.0)], Outcome.MET),
        ([raised(12.5), raised(10.0)], Outcome.MET),
        ([], Outcome.MISSED),
        ([raised(9.9), raised(11.0)], Outcome.EARLY),
        ([raised(12.1)], Outcome.LATE),
        ([raised(11.0, application="icw")], Outcome.MISSED),
        ([raised(11.0, host="leader", other="follower")], Outcome.MISSED),
    ],
)
def test_an_expected_warning_is_judged(warned: list[Warned], outcome: Outcome) -> None:
    assert judge([BRAKE], warned)[0].outcome is outcome


@pytest.mark.parametrize(("host", "other"), [("above", "below"), ("below", "above")])
def test_a_forbidden_warning_is_found_whoever_gets_it(host: str, other: str) -> None:
    verdict = judge([DECKS], [raised(20.0, "icw", host, other)])[0]
    assert verdict.outcome is Outcome.FORBIDDEN
    assert "must not be" in str(verdict)


def test_a_forbidden_warning_that_does_not_come_is_well() -> None:
    verdict = judge([DECKS], [raised(20.0)])[0]
    assert verdict.is_met
    assert "as it must be" in str(verdict)


def test_a_verdict_is_a_sentence_with_both_numbers() -> None:
    assert str(judge([BRAKE], [raised(12.1)])[0]) == (
        "hard brake: fcw to follower about leader: late, first warned at 12.1 s (expected in 10.0 … 12.0 s)"
    )
