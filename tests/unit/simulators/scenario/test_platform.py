"""What a run in real time tells of the rig that it ran on."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.pace import Pace
from simulators.received import Party, ReceivedWarning
from simulators.replay import ReplayReport
from simulators.scenario.platform import lag_s


def warning(state: str, latency_us: int | None) -> ReceivedWarning:
    nobody = Party(None, None)
    return ReceivedWarning("obu", "w", "icw", state, nobody, nobody, 0, 0, latency_us, {})


def report(*warnings: ReceivedWarning, unsent: int = 0) -> ReplayReport:
    made = ReplayReport(begun_us=0, pace=Pace(0, 0, 0.0, 1.0), warnings=list(warnings), unsent=unsent)
    made.lag.add(0.004)
    return made


def test_lag_is_the_latest_message_or_the_slowest_warning() -> None:
    assert lag_s(report()) == pytest.approx(0.004)
    assert lag_s(report(warning("raised", 20_000), warning("raised", 310_000))) == pytest.approx(0.31)


def test_a_warning_that_is_cleared_late_is_no_lag() -> None:
    assert lag_s(report(warning("raised", 20_000), warning("cleared", 640_000))) == pytest.approx(0.02)


def test_a_warning_of_unknown_cause_says_nothing_of_lag() -> None:
    assert lag_s(report(warning("raised", None))) == pytest.approx(0.004)


def test_messages_that_were_lost_are_no_run() -> None:
    assert lag_s(report(unsent=1)) == np.inf
