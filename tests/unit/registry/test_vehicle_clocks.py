"""A vehicle whose clock is set back is heard on; words that are repeated, or come late out of a spool, stay old."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from services.registry.supervision.rows import Owner
from services.registry.supervision.states import What
from services.registry.supervision.steps import Steps, Told
from services.registry.supervision.words import read_word

S = 1_000_000
BEGIN_US = 1_790_000_000 * S
CAR = Owner(7, "car", "crew", "hillside")


def told(
    said: float, arrived: float, mode: str = "automated", *, by: str = "obu", is_stored: bool = False, **fields: Any
) -> Told:
    """A word stamped and arrived at these seconds."""
    document = {"time_us": int(BEGIN_US + said * S), "mode": mode, **fields}
    return Told(by, read_word(json.dumps(document).encode()), int(BEGIN_US + arrived * S), is_stored)


def taken(words: Iterable[Told]) -> Steps:
    steps = Steps({}, {})
    for word in words:
        steps.take(CAR, word)
    return steps


def happened(steps: Steps) -> list[tuple[What, float]]:
    return [(event.what, (event.time_us - BEGIN_US) / S) for _, event in steps.events]


def shown(steps: Steps) -> tuple[str, float]:
    """Its mode, and when it was heard."""
    state, heard_us = steps.states[CAR.device_key]
    return str(state.mode), (heard_us - BEGIN_US) / S


LIVE = [told(0, 0.1), told(10, 10.1)]


@pytest.mark.parametrize("back", [20, 600, 90_000])
def test_a_clock_that_is_set_back_costs_no_word(back: float) -> None:
    gave_up = told(15 - back, 15.1, "manual", cause="system", reason="lidar lost", faults=[{"code": "L", "severity": "severe"}])
    held = taken([*LIVE, gave_up])
    assert (happened(held), shown(held)) == ([], ("automated", 15.1)), "it may be an old word, but whoever speaks is not silent"
    steps = taken([*LIVE, gave_up, told(20 - back, 20.2, "manual")])
    assert happened(steps) == [(What.DISENGAGEMENT, 15.1), (What.FAULT, 15.1)]
    assert [event.reason for _, event in steps.events] == ["lidar lost", ""]
    steps.take(CAR, told(21 - back, 21.1, "automated", cause="driver"))
    assert happened(steps)[2:] == [(What.MODE, 21.1)], "by a clock that is known every word counts at once"


def test_a_clock_that_is_set_right_again_or_back_once_more_is_followed() -> None:
    back = [told(15 - 600, 15.1), told(20 - 600, 20.1)]
    right = taken([*LIVE, *back, told(25, 25.1, "manual", cause="driver")])
    assert happened(right) == [(What.TAKE_OVER, 25)]
    again = [told(25 - 900, 25.1, "manual", cause="driver"), told(35 - 900, 35.1, "manual")]
    assert happened(taken([*LIVE, *back, *again])) == [(What.TAKE_OVER, 25.1)]
    forth = [told(25 - 300, 25.1, "manual", cause="driver"), told(35 - 300, 35.1, "manual")]
    assert happened(taken([*LIVE, *back, *forth])) == [(What.TAKE_OVER, 25.1)]


def test_a_message_that_is_repeated_stays_one() -> None:
    first = [told(0, 0.1), told(5, 5.1, "manual", cause="system"), told(10, 10.1, cause="driver")]
    repeated = [told(0, 30.1), told(5, 35.1, "manual", cause="system"), told(10, 40.1, cause="driver")]
    steps = taken([*first, *repeated])
    assert [what for what, _ in happened(steps)] == [What.DISENGAGEMENT, What.MODE]
    assert shown(steps) == ("automated", 40.1)


def test_a_spool_that_is_emptied_late_says_nothing_new() -> None:
    words = [*LIVE, told(60, 60.1)]
    spool = [told(20, 60.2, "manual", cause="system"), told(30, 60.3, "manual"), told(40, 60.4), told(40.1, 60.5, "manual")]
    steps = taken([*words, *spool, told(70, 70.1)])
    assert (happened(steps), shown(steps)) == ([], ("automated", 70.1))
    between = [one for n in range(4) for one in (told(20 + 10 * n, 61 + 10 * n, "manual"), told(70 + 10 * n, 70.1 + 10 * n))]
    assert happened(taken([*words, *between])) == []


def test_what_ingest_stored_late_is_nothing_of_the_vehicles_clock() -> None:
    late = [told(3 * n, 3 * n + 40, "manual", cause="system", is_stored=True) for n in range(4)]
    steps = taken([*LIVE, *late])
    assert happened(steps) == []
    back = [told(15 - 600, 15.1), told(20 - 600, 20.1), told(30 - 600, 30.1, "manual", cause="driver", is_stored=True)]
    assert happened(taken([*LIVE, *back])) == [(What.TAKE_OVER, 30.1)], "by the clock that it had then"


def test_of_two_devices_on_one_vehicle_each_is_heard_by_its_own_clock() -> None:
    words = [told(0, 0.1, by="right"), told(0.2 - 600, 0.3, by="slow")]
    for second in range(1, 8):
        slow: dict[str, Any] = {"mode": "manual", "cause": "system", "reason": "lidar lost"} if second == 5 else {}
        words.append(told(second, second + 0.1, by="right"))
        words.append(told(second + 0.2 - 600, second + 0.3, by="slow", **slow))
    steps = taken(words)
    first, *others = steps.events
    assert (first[1].what, first[1].reason) == (What.DISENGAGEMENT, "lidar lost")
    assert (first[1].time_us - BEGIN_US) / S == pytest.approx(5.3, abs=0.2)
    assert [event.what for _, event in others] == [What.MODE], "the other one says that it drives by itself"
