"""The drills on a whole site, smaller than `chelu drill` does them: a stop that reaches all, a trespass that is seen at once."""

from __future__ import annotations

import pytest

from chelu.clock import SystemClock
from evaluation.drills import permit, stop
from evaluation.drills.stage import staged

SHARED_MS = 3000.0  # `chelu drill` has the real bar; tests share their cores with others


@pytest.mark.slow
def test_a_stop_reaches_hundreds_of_connected_devices_and_lists_the_silent() -> None:
    with staged(SystemClock()) as stage:
        verdict = stop.run(stage, agents=300, silent=3, presses=2, bar_ms=SHARED_MS)
    print("\n" + "\n".join(verdict.lines))
    assert verdict.failures == []
    assert verdict.figures["stop_to_device"]["count"] == 600


@pytest.mark.slow
def test_a_car_without_a_permit_is_seen_from_its_bsms_alone() -> None:
    with staged(SystemClock()) as stage:
        verdict = permit.run(stage, rounds=2, bar_ms=SHARED_MS)
    print("\n" + "\n".join(verdict.lines))
    assert verdict.failures == []
