"""What a campaign does next, simulated to its end with devices that fail as they like."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.campaigns.planner import (
    Back,
    Installed,
    OnFailure,
    Phase,
    Rules,
    Wave,
    decide,
    decide_back,
    passed,
    sizes,
    too_many_failed,
    why_not_back,
    why_not_install,
)

RULES = Rules(most_at_once=3, most_failed=0.2, least_ended=5, on_failure=OnFailure.ROLL_BACK)


def moved(wave: Wave, **change: int) -> Wave:
    return replace(wave, **{name: getattr(wave, name) + by for name, by in change.items()})


@given(
    st.lists(st.integers(1, 8), min_size=1, max_size=4),
    st.integers(1, 10),
    st.floats(0, 1),
    st.integers(1, 6),
    st.sampled_from(OnFailure),
    st.lists(st.sampled_from(["good", "bad", "overtaken", "skipped"]), min_size=40, max_size=40),
)
def test_a_campaign_ends_and_keeps_its_rules_at_every_step(
    counts: list[int], most_at_once: int, most_failed: float, least_ended: int, on_failure: OnFailure, fates: list[str]
) -> None:
    rules = Rules(most_at_once, most_failed, least_ended, on_failure)
    waves = [Wave(waiting=count) for count in counts]
    ended = iter(fates)
    for _ in range(200):
        step = decide(rules, waves)
        if step.phase is not None:
            break
        if step.begin:
            assert all(wave.has_ended for wave in waves[: step.wave])
            waves[step.wave] = moved(waves[step.wave], waiting=-step.begin, open=step.begin)
            assert sum(wave.open for wave in waves) <= most_at_once
            continue
        at = next(index for index, wave in enumerate(waves) if wave.open)
        waves[at] = moved(waves[at], open=-1, **{next(ended): 1})
    good, bad = sum(wave.good for wave in waves), sum(wave.bad for wave in waves)
    if step.phase is Phase.DONE:
        assert all(wave.has_ended for wave in waves)
        assert bad <= most_failed * (good + bad)
    else:
        assert step.phase is (Phase.STOPPED if on_failure is OnFailure.STOP else Phase.ROLLING_BACK)
        assert bad > most_failed * (good + bad)
        assert step.reason == too_many_failed(rules, waves)


def test_a_campaign_that_is_done_says_who_has_not_got_it() -> None:
    whole = Rules(most_at_once=3, most_failed=1, least_ended=1, on_failure=OnFailure.STOP)
    assert decide(whole, [Wave(good=3)]).reason == ""
    assert decide(whole, [Wave(bad=1), Wave(bad=1, good=1)]).reason == "2 failed"
    assert decide(whole, [Wave(overtaken=2)]).reason == "2 overtaken or taken back"
    assert decide(whole, [Wave(overtaken=2, bad=1), Wave(overtaken=1)]).reason == "1 failed, 3 overtaken or taken back"
    assert decide(whole, [Wave(skipped=2), Wave(overtaken=1, good=1)]).reason == "1 overtaken or taken back, 2 skipped"


def test_a_campaign_that_was_taken_back_says_who_was_not() -> None:
    assert decide_back(RULES, Back(good=3)).reason == ""
    assert decide_back(RULES, Back(good=3, skipped=2)).reason == "2 left as they are"
    assert decide_back(RULES, Back(bad=1, skipped=2)).reason == "1 could not be taken back, 2 left as they are"


@pytest.mark.parametrize(
    ("reported", "may_have", "reason"),
    [
        ("1.0", True, ""),
        (None, True, ""),
        ("2.0", True, "it has os 2.0 already"),
        ("2.0", False, "it has os 2.0 already"),
        ("3.0", False, "no rule lets it have os 2.0 from 3.0"),
        (None, False, "no rule lets it have os 2.0 from a version that is not known"),
    ],
)
def test_who_has_it_or_may_not_have_it_at_its_turn_is_skipped(reported: str | None, may_have: bool, reason: str) -> None:
    assert why_not_install("os", "2.0", reported, may_have=may_have) == reason


INSTALLED = Installed(name="os", version="2.0", before="1.0", is_applied=True)


@pytest.mark.parametrize(
    ("reported", "newer", "is_newer_open", "is_applied", "reason"),
    [
        ("2.0", None, False, True, ""),
        ("1.0", None, False, False, ""),  # it failed
        ("2.0-broken", None, False, False, ""),  # and left this
        (None, None, False, True, ""),
        ("3.0", None, False, True, "it has os 3.0, no longer 2.0"),  # somebody has been there
        ("3.0", "3.0", False, True, "it has os 3.0, no longer 2.0"),
        ("3.0", "3.0", False, False, "it has os 3.0, no longer 2.0"),
        (None, "3.0", False, True, "it has os 3.0, no longer 2.0"),
        ("2.0", "3.0", True, True, "os 3.0 is on its way to it"),
        ("2.0", "2.0", False, True, ""),  # the newer one was taken back
        ("3.0", "2.0", True, True, ""),  # and is being
        ("1.0", "1.0", False, True, ""),
    ],
)
def test_only_who_still_has_what_was_installed_is_taken_back(
    reported: str | None, newer: str | None, is_newer_open: bool, is_applied: bool, reason: str
) -> None:
    it = replace(INSTALLED, reported=reported, newer=newer, is_newer_open=is_newer_open, is_applied=is_applied)
    assert why_not_back(it) == reason


@given(st.lists(st.sampled_from(["", "for a reason"]), max_size=20), st.integers(1, 20))
def test_nobody_is_skipped_before_its_turn(reasons: list[str], count: int) -> None:
    by_key = dict(enumerate(reasons))
    kept, skipped = passed(by_key, count)
    assert len(kept) == min(count, reasons.count(""))
    assert sorted([*kept, *skipped]) == list(range(len(kept) + len(skipped)))
    assert all(by_key[key] for key in skipped)
    assert not any(by_key[key] for key in kept)
    if len(kept) < count:
        assert len(kept) + len(skipped) == len(reasons)
    else:
        assert max(kept) >= max(skipped, default=0)


def test_a_few_early_failures_are_not_judged_before_enough_have_ended() -> None:
    assert decide(RULES, [Wave(waiting=10, open=2, bad=1)]).phase is None
    assert decide(RULES, [Wave(waiting=7, open=1, good=3, bad=2)]).phase is Phase.ROLLING_BACK


def test_a_wave_that_has_ended_is_judged_however_small_it_is() -> None:
    step = decide(RULES, [Wave(bad=1), Wave(waiting=50)])
    assert (step.phase, step.reason) == (Phase.ROLLING_BACK, "1 of 1 failed, 20% may")


def test_the_next_wave_waits_for_the_last_device_of_the_one_before() -> None:
    assert decide(RULES, [Wave(good=4, open=1), Wave(waiting=50)]).begin == 0
    step = decide(RULES, [Wave(good=5), Wave(waiting=50)])
    assert (step.begin, step.wave) == (3, 1)


@given(st.integers(0, 30), st.integers(1, 10))
def test_taking_back_ends_with_every_device(count: int, most_at_once: int) -> None:
    rules, back = replace(RULES, most_at_once=most_at_once), Back(waiting=count)
    for _ in range(100):
        step = decide_back(rules, back)
        if step.phase:
            break
        if step.begin:
            back = replace(back, waiting=back.waiting - step.begin, open=back.open + step.begin)
            assert back.open <= most_at_once
        else:
            back = replace(back, open=back.open - 1, good=back.good + 1)
    assert (step.phase, back.good) == (Phase.ROLLED_BACK, count)


@given(st.lists(st.floats(0.001, 1), max_size=4), st.integers(0, 1000))
def test_waves_hold_every_device_once(shares: list[float], count: int) -> None:
    found = sizes([*sorted(shares), 1.0], count)
    assert sum(found) == count
    assert all(size > 0 for size in found)


def test_the_first_wave_of_a_small_campaign_has_one_device() -> None:
    assert sizes([0.01, 0.1, 1.0], 20) == [1, 1, 18]
    assert sizes([0.01, 0.1, 1.0], 1000) == [10, 90, 900]
    assert sizes([0.5, 1.0], 1) == [1]
