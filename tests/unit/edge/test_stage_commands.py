"""Commands of stages at a signal: what is outside its limits is refused with the reason and counted, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chelu.clock import VirtualClock
from edge.signal_plan import US, Granted, Limits, Refused, SignalPlan, Stage
from edge.stage_commands import PLACE, StageCommands
from edge.tally import Tally

BEGIN = 1_777_622_400 * US
STAGES = (
    Stage((1, 3), green_s=20, least_green_s=7, most_green_s=40, clearance_s=0, yellow_s=3, all_red_s=2),
    Stage((2,), green_s=15, least_green_s=5, most_green_s=30, clearance_s=4, yellow_s=3, all_red_s=2),
    Stage((4,), green_s=10, least_green_s=5, most_green_s=20, clearance_s=0, yellow_s=3, all_red_s=1),
)


def at(seconds: float) -> int:
    return BEGIN + round(seconds * US)


def plan() -> SignalPlan:
    return SignalPlan(STAGES, Limits(150, 120), BEGIN)


def greens(one: SignalPlan, until_s: int) -> list[tuple[float, int]]:
    """When each green begins, and whose it is."""
    shown = [one.turn(at(tick / 10)) for tick in range(until_s * 10)]
    return [((each.since_us - BEGIN) / US, each.stage) for each in shown if each is not None and each.light == "green"]


def test_a_green_is_given_as_soon_as_the_limits_let_it_and_the_plan_goes_on_after_it() -> None:
    one = plan()
    assert one.command(2, at(18), at(0)) == Granted(at(12), at(18))
    assert one.is_commanded(at(1))
    assert greens(one, 60) == [(12, 2), (26, 1), (50, 0)]  # at 18 s the command ends, at 22 s the planned green


@pytest.mark.parametrize(
    ("stage", "until_s", "kind", "why"),
    [
        (3, 30, "no such stage", "stage = 3 is not one of 0 to 2"),
        (0, -2, "late", "until_us is 2.0 s ago"),
        (0, 6, "below the least", "6.0 s until until_us, its least is 7 s"),
        (0, 41, "beyond the most", "it would be green for 41.0 s, its most is 40 s"),
        (2, 16, "below the least", "green from 12.0 s from now on: 4.0 s until until_us, its least is 5 s"),
        (2, 40, "beyond the most", "it would be green for 28.0 s, its most is 20 s"),
    ],
)
def test_what_is_outside_the_limits_is_refused_and_changes_nothing(stage: int, until_s: float, kind: str, why: str) -> None:
    one = plan()
    found = one.command(stage, at(until_s), at(0))
    assert isinstance(found, Refused)
    assert found.kind == kind
    assert found.why.endswith(why)
    assert greens(one, 60) == greens(plan(), 60)


def test_a_vehicle_with_priority_comes_before_a_command() -> None:
    one = plan()
    assert one.command(2, at(18), at(0)) == Granted(at(12), at(18))
    assert isinstance(one.ask("ambulance", 1, at(5), at(30), at(1)), Granted)
    assert not one.is_commanded(at(2))
    assert one.command(2, at(18), at(2)) == Refused("priority", "a vehicle has priority (ambulance)")
    assert greens(one, 40)[0][0] > 30


class Heard:
    """The answers, and a signal that says them."""

    def __init__(self) -> None:
        self.clock, self.tally, self.answers, self.is_stopped = VirtualClock(BEGIN), Tally(), list[dict[str, Any]](), False
        self.plan = plan()
        self.commands = StageCommands(
            self.plan,
            self.clock,
            self.tally,
            answer=lambda said: self.answers.append(json.loads(said)),
            is_stopped=lambda: self.is_stopped,
        )

    def take(self, **document: Any) -> dict[str, Any]:
        self.commands.take(json.dumps(document).encode())
        return self.answers[-1]


def test_an_answer_says_from_when_until_when_it_is_green() -> None:
    heard = Heard()
    assert heard.take(seqNum=7, stage=0, until_us=at(9), time_us=at(0)) == {
        "seqNum": 7, "errorCode": 0, "from_us": at(0), "until_us": at(9),
    }  # fmt: skip


def test_a_command_that_was_decided_too_long_ago_is_refused_though_its_end_is_yet_to_come() -> None:
    heard = Heard()
    heard.clock.advance(8)
    answer = heard.take(seqNum=1, stage=0, until_us=at(30), time_us=at(2))
    assert (answer["errorCode"], answer["refused"]) == (2, "late")
    assert answer["errorDesc"] == "it was decided 6.0 s ago, 5 s are allowed"


def test_in_an_emergency_stop_nothing_is_obeyed() -> None:
    heard = Heard()
    heard.is_stopped = True
    assert heard.take(seqNum=1, stage=0, until_us=at(9), time_us=at(0))["refused"] == "emergency stop"


def test_rubbish_is_answered_and_every_refusal_counted_by_its_reason() -> None:
    heard = Heard()
    for payload in (b"", b"[]", b"\xff\xfe", b'{"seqNum": 1}', b'{"seqNum": 1, "stage": true, "until_us": 1, "time_us": 1}'):
        heard.commands.take(payload)
    heard.take(seqNum=2, stage=9, until_us=at(9), time_us=at(0))
    heard.take(seqNum=3, stage=0, until_us=at(3), time_us=at(0))
    assert len(heard.answers) == 7
    assert all(one["errorCode"] != 0 and one["errorDesc"] for one in heard.answers)
    assert heard.tally.by_place()[PLACE] == {"undecodable": 5, "no such stage": 1, "below the least": 1}
