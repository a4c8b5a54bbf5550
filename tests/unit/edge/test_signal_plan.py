"""A signal's stages and what a vehicle with priority may do to them: the limits hold whatever is asked."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.signal_plan import US, Granted, Limits, Shown, SignalPlan, Stage

BEGIN = 1_777_622_400 * US
STAGES = (
    Stage((1, 3), green_s=20, least_green_s=7, most_green_s=40, clearance_s=0, yellow_s=3, all_red_s=2),
    Stage((2,), green_s=15, least_green_s=5, most_green_s=30, clearance_s=4, yellow_s=3, all_red_s=2),
    Stage((4,), green_s=10, least_green_s=5, most_green_s=20, clearance_s=0, yellow_s=3, all_red_s=1),
)
LIMITS = Limits(longest_red_s=150, longest_wish_s=120)


def plan(limits: Limits = LIMITS) -> SignalPlan:
    return SignalPlan(STAGES, limits, BEGIN)


def run(signal: SignalPlan, from_s: float, until_s: float) -> list[tuple[float, int, str]]:
    """Every change between two instants: when, stage, light."""
    shown = [signal.turn(BEGIN + tick * US // 10) for tick in range(round(from_s * 10), round(until_s * 10) + 1)]
    return [((one.since_us - BEGIN) / US, one.stage, one.light) for one in shown if one is not None]


def test_without_a_wish_the_stages_follow_as_planned() -> None:
    greens = [(when, stage) for when, stage, light in run(plan(), 0, 100) if light == "green"]
    assert greens == [(25, 1), (49, 2), (63, 0), (88, 1)]


def foretold(signal: SignalPlan, at_s: float) -> list[tuple[float, float]]:
    """The soonest and the likely next green of each stage."""
    ahead = signal.ahead(BEGIN + round(at_s * US))
    return [((soonest - BEGIN) / US, (likely - BEGIN) / US) for soonest, likely in ahead.opens_us]


def test_it_tells_when_each_stage_will_be_green_next() -> None:
    signal = plan()
    assert foretold(signal, 0) == [(0, 0), (12, 25), (12, 49)]
    assert signal.ahead(BEGIN).ends_us == (BEGIN + 7 * US, BEGIN + 20 * US)
    run(signal, 0, 21)
    assert foretold(signal, 21) == [(39, 63), (25, 25), (39, 49)], "in the change the following one is certain"
    signal.ask("a", 4, BEGIN + 25 * US, BEGIN + 50 * US, BEGIN + 21 * US)
    greens = [(when, stage) for when, stage, light in run(signal, 21.1, 100) if light == "green"]
    again = plan()
    run(again, 0, 21)
    again.ask("a", 4, BEGIN + 25 * US, BEGIN + 50 * US, BEGIN + 21 * US)
    assert [(foretold(again, 21)[stage][1], stage) for stage in (1, 2, 0)] == greens[:3], "a wish is foretold as it comes"


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 2), st.integers(1, 60)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_stage_is_green_before_the_soonest_that_was_told(commands: list[tuple[int, int, int]]) -> None:
    signal, soonest_us = plan(), [0] * len(STAGES)
    for tick in range(1200):
        now_us = BEGIN + tick * US // 10
        for when, stage, lasting_s in commands:
            if when == tick:
                signal.command(stage, now_us + lasting_s * US, now_us)
        shown = signal.turn(now_us)
        if shown is not None and shown.light == "green":
            assert now_us >= soonest_us[shown.stage]
        for stage, (soonest, likely) in enumerate(signal.ahead(now_us).opens_us):
            assert soonest <= likely
            soonest_us[stage] = soonest


def test_a_green_at_hand_is_kept_and_not_beyond_its_maximum() -> None:
    signal = plan()
    assert signal.ask("a", 1, BEGIN + 10 * US, BEGIN + 30 * US, BEGIN) == Granted(BEGIN + 10 * US, BEGIN + 30 * US)
    assert run(signal, 0, 32)[0] == (30, 0, "yellow")
    signal = plan()
    assert signal.ask("a", 1, BEGIN + 10 * US, BEGIN + 60 * US, BEGIN) == Granted(BEGIN + 10 * US, BEGIN + 40 * US)


def test_another_green_ends_after_its_minimum_and_the_change_is_whole() -> None:
    signal = plan()
    assert signal.ask("a", 4, BEGIN, BEGIN + 30 * US, BEGIN) == Granted(BEGIN + 12 * US, BEGIN + 30 * US)
    assert run(signal, 0, 30.5) == [(7, 0, "yellow"), (10, 0, "red"), (12, 2, "green"), (30, 2, "yellow")]
    signal = plan()
    signal.ask("a", 4, BEGIN, BEGIN + 30 * US, BEGIN)
    greens = [(when, stage) for when, stage, light in run(signal, 0, 60) if light == "green"]
    assert greens == [(12, 2), (34, 1), (58, 0)]  # who was passed over comes next


def test_a_wish_taken_back_leaves_the_plan() -> None:
    signal = plan()
    signal.ask("a", 1, BEGIN, BEGIN + 39 * US, BEGIN)
    run(signal, 0, 25)
    assert signal.give_back("a")
    assert not signal.give_back("a")
    assert run(signal, 25.1, 26)[0][1:] == (0, "yellow")


def test_what_is_not_within_the_limits_is_refused_saying_why() -> None:
    assert plan().ask("a", 9, BEGIN, BEGIN + US, BEGIN) == "phase = 9 has no stage here"
    assert "0 to 120 s are allowed" in str(plan().ask("a", 1, BEGIN, BEGIN + 200 * US, BEGIN))
    assert "at the soonest" in str(plan().ask("a", 4, BEGIN, BEGIN + 5 * US, BEGIN))
    signal = plan()
    signal.ask("a", 1, BEGIN, BEGIN + 10 * US, BEGIN)
    assert signal.ask("b", 2, BEGIN, BEGIN + 40 * US, BEGIN) == "another vehicle has priority"
    assert "would be red for" in str(plan(Limits(30, 120)).ask("a", 1, BEGIN, BEGIN + 39 * US, BEGIN))


def keeps_its_limits(one: Shown, following: Shown) -> None:
    stage, lasted_s = STAGES[one.stage], (following.since_us - one.since_us) / US
    if one.light == "green":
        assert stage.least_green_s <= lasted_s <= stage.most_green_s
    elif one.light == "red":
        assert following.light == "green"
        assert lasted_s == stage.all_red_s


WISHES = st.lists(
    st.tuples(st.floats(0, 60), st.sampled_from([1, 2, 3, 4]), st.floats(-5, 60), st.floats(0, 60), st.booleans()), max_size=12
)


@settings(max_examples=300, deadline=None)
@given(WISHES)
def test_whatever_is_asked_greens_and_changes_keep_their_limits_and_a_promise_is_kept(wishes) -> None:
    signal, now, shown = plan(), BEGIN, list[Shown]()
    promise: tuple[int, Granted] | None = None
    for pause, phase, begin, lasts, is_given_back in wishes:
        for _ in range(round(pause * 2)):
            now += US // 2
            if (change := signal.turn(now)) is not None:
                shown.append(change)
            if promise and promise[1].from_us <= now < promise[1].until_us:
                assert (signal.shown.stage, signal.shown.light) == (promise[0], "green")
        if is_given_back and signal.give_back("a"):
            promise = None
            continue
        start = now + round(begin * US)
        answer = signal.ask("a", phase, start, max(start, now) + round(lasts * US), now)
        if isinstance(answer, Granted):
            stage = signal.stage_of(phase)
            assert stage is not None
            promise = stage, answer
            assert answer.until_us >= answer.from_us
        elif signal.session == "":
            promise = None


@settings(max_examples=300, deadline=None)
@given(WISHES)
def test_no_green_is_shorter_than_its_minimum_or_longer_than_its_maximum_and_no_change_is_cut(wishes) -> None:
    signal, now = plan(), BEGIN
    changes = [signal.shown]

    def go_on(until: int) -> None:
        nonlocal now
        while now < until:
            now += US // 10
            before = signal.shown
            if (change := signal.turn(now)) is not None:
                changes.append(change)
                assert before.light != change.light or before.stage != change.stage

    for pause, phase, begin, lasts, is_given_back in wishes:
        go_on(now + round(pause * US))
        if is_given_back:
            signal.give_back("a")
        else:
            signal.ask("a", phase, now + round(begin * US), now + round(max(begin, 0) * US) + round(lasts * US), now)
    go_on(now + 60 * US)
    for one, following in itertools.pairwise(changes):
        keeps_its_limits(one, following)


def test_a_controller_that_stood_still_shows_every_light_that_it_missed_in_full() -> None:
    signal = SignalPlan(STAGES, Limits(150, 120, late_s=0.25), BEGIN)
    assert run(signal, 0, 20.1)[-1] == (20, 0, "yellow")
    assert run(signal, 23.2, 23.2) == [(23, 0, "red")]  # a little late: as it was due
    assert run(signal, 40, 48) == [(40, 1, "green")]  # fifteen seconds late: from when it is seen
    assert run(signal, 70, 80) == [(70, 1, "clearing"), (74, 1, "yellow"), (77, 1, "red"), (79, 2, "green")]
