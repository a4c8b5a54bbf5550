"""A signal under command: whatever is asked, its lights keep their limits, and without a command it keeps its plan."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.signals.commanded import CommandedSignal
from chelu.signals.stages import US, Shown, Stage

BEGIN = 1_777_622_400 * US
LONGEST_RED_S = 90.0
STAGES = (
    Stage((1, 3), green_s=20, least_green_s=7, most_green_s=40, clearance_s=0, yellow_s=3, all_red_s=2),
    Stage((2,), green_s=15, least_green_s=5, most_green_s=30, clearance_s=4, yellow_s=3, all_red_s=2),
    Stage((4,), green_s=10, least_green_s=5, most_green_s=20, clearance_s=0, yellow_s=3, all_red_s=1),
)


def signal() -> CommandedSignal:
    return CommandedSignal(STAGES, LONGEST_RED_S, BEGIN)


def run(one: CommandedSignal, from_s: float, until_s: float) -> list[tuple[float, int, str]]:
    """Every change between two instants: when, stage, light."""
    shown = [one.turn(BEGIN + tick * US // 10) for tick in range(round(from_s * 10), round(until_s * 10) + 1)]
    return [((each.since_us - BEGIN) / US, each.stage, each.light) for each in shown if each is not None]


def test_without_a_command_it_keeps_its_plan() -> None:
    greens = [(when, stage) for when, stage, light in run(signal(), 0, 100) if light == "green"]
    assert greens == [(25, 1), (49, 2), (63, 0), (88, 1)]


def test_a_commanded_stage_comes_after_the_least_green_and_a_whole_change() -> None:
    one = signal()
    assert one.command(2, BEGIN + 60 * US, BEGIN) is None
    assert run(one, 0, 15) == [(7, 0, "yellow"), (10, 0, "red"), (12, 2, "green")]


def test_a_commanded_green_ends_at_its_maximum() -> None:
    one = signal()
    one.command(0, BEGIN + 500 * US, BEGIN)
    assert run(one, 0, 41)[0] == (40, 0, "yellow")


def test_when_commands_cease_the_plan_goes_on_and_is_taken_up_again_without_a_jump() -> None:
    one = signal()
    one.command(1, BEGIN + 20 * US, BEGIN)
    assert run(one, 0, 13)[-1] == (12, 1, "green")
    assert run(one, 13, 26) == []  # the command ended at 20 s, in green: stage 1 goes on as long as it is planned to
    assert run(one, 26, 36.5) == [(27, 1, "clearing"), (31, 1, "yellow"), (34, 1, "red"), (36, 2, "green")]
    one.command(0, BEGIN + 90 * US, BEGIN + 37 * US)
    assert run(one, 37, 46) == [(41, 2, "yellow"), (44, 2, "red"), (45, 0, "green")]


def test_who_has_been_red_for_the_longest_comes_next_whatever_is_commanded() -> None:
    one, shown = signal(), []
    for second in range(400):
        one.command(second // 20 % 2, BEGIN + (second + 2) * US, BEGIN + second * US)
        shown += run(one, second, second + 0.9)
    ends = [0.0, *(when for when, stage, light in shown if stage == 2 and light == "yellow")]
    begins = [when for when, stage, light in shown if stage == 2 and light == "green"]
    assert len(begins) >= 3
    longest_way_s = 40 + 9 + 7 + 5
    assert all(begin - end <= LONGEST_RED_S + longest_way_s for end, begin in zip(ends, begins, strict=False))


def test_what_is_no_command_is_refused_saying_why() -> None:
    assert signal().command(3, BEGIN + US, BEGIN) == "stage = 3 is not one of 0 to 2"
    assert signal().command(-1, BEGIN + US, BEGIN) == "stage = -1 is not one of 0 to 2"
    assert signal().command(1, BEGIN - US, BEGIN) == "until_us is 1.0 s ago"


def test_a_clock_that_is_set_back_starts_what_is_shown_anew() -> None:
    one = signal()
    run(one, 0, 30)
    one.command(2, BEGIN + 90 * US, BEGIN + 30 * US)
    one.turn(BEGIN + 1 * US)
    assert one.shown == Shown(1, "green", BEGIN + 1 * US)
    assert run(one, 1, 15.5) == []  # the command of a time that is to come again is forgotten


COMMANDS = st.lists(
    st.tuples(st.floats(0, 30), st.integers(-1, 3), st.floats(-5, 120)),
    max_size=15,
)


@settings(max_examples=100, deadline=None)
@given(COMMANDS)
def test_whatever_is_commanded_the_sequence_of_lights_is_safe(commands) -> None:
    one, now, shown = signal(), BEGIN, [Shown(0, "green", BEGIN)]
    for pause_s, stage, lasts_s in [*commands, (120.0, 0, 1.0)]:
        one.command(stage, now + round(lasts_s * US), now)
        for _ in range(round(pause_s * 10)):
            now += US // 10
            if (change := one.turn(now)) is not None:
                shown.append(change)
    following = {"green": {"clearing", "yellow"}, "clearing": {"yellow"}, "yellow": {"red"}, "red": {"green"}}
    for before, after in itertools.pairwise(shown):
        stage, lasted_s = STAGES[before.stage], (after.since_us - before.since_us) / US
        assert after.light in following[before.light]
        assert (before.stage != after.stage) == (before.light == "red")
        assert stage.clearance_s == 0 or (before.light, after.light) != ("green", "yellow")
        lengths = {"clearing": stage.clearance_s, "yellow": stage.yellow_s, "red": stage.all_red_s}
        if before.light == "green":
            assert stage.least_green_s <= lasted_s <= stage.most_green_s
        else:
            assert lasted_s == lengths[before.light]
