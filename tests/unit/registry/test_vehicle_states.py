"""How a vehicle drives, from word to word: modes, disengagements, ODD, faults, counted time; and what a month comes to."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.errors import MalformedError
from services.registry.supervision import months
from services.registry.supervision.months import Spans, Track
from services.registry.supervision.states import LONGEST_GAP_US, Event, Span, State, What, alarms_of, step
from services.registry.supervision.words import Cause, Mode, ModeWord, read_word

S = 1_000_000
BEGIN_US = 1_790_000_000 * S


def word(second: float, mode: str = "automated", **fields: Any) -> ModeWord:
    return read_word(json.dumps({"time_us": int(BEGIN_US + second * S), "mode": mode, **fields}).encode())


def test_a_check_of_our_own_speaks_in_our_own_words() -> None:
    with pytest.raises(MalformedError, match=r"reason = 'a\\x00b' is not allowed: only printable characters$"):
        word(0, "manual", reason="a\0b")


def driven(*words: ModeWord) -> tuple[State, list[Event], dict[int, Span]]:
    """The last state, all events, and the stretches by their beginning, as the table keeps them."""
    state, events, spans = None, list[Event](), dict[int, Span]()
    for one in words:
        came = step(state, one, one.time_us)
        if came is not None:
            state = came.state
            events += came.events
            spans.update({span.starts_us: span for span in came.spans})
    assert state is not None
    return state, events, spans


@pytest.mark.parametrize(
    ("former", "mode", "cause", "what"),
    [
        ("automated", "manual", "system", What.DISENGAGEMENT),
        ("automated", "manual", None, What.DISENGAGEMENT),
        ("automated", "remote", "system", What.DISENGAGEMENT),
        ("automated", "manual", "driver", What.TAKE_OVER),
        ("automated", "remote", "operator", What.TAKE_OVER),
        ("assisted", "manual", "driver", What.TAKE_OVER),
        ("automated", "manual", "planned", What.MODE),
        ("automated", "manual", "emergency stop", What.MODE),
        ("manual", "automated", "driver", What.MODE),
        ("manual", "automated", None, What.MODE),
        ("assisted", "manual", "system", What.MODE),
    ],
)
def test_what_a_change_of_mode_is(former: str, mode: str, cause: str | None, what: What) -> None:
    _, events, _ = driven(word(0, former), word(1, mode, cause=cause, reason="lidar lost"))
    assert [(event.what, event.former, event.mode, event.reason) for event in events] == [(what, former, mode, "lidar lost")]


def test_a_disengagement_alarms_until_the_vehicle_drives_by_itself_again() -> None:
    words = [word(0), word(1, "manual", cause="system", reason="lidar lost"), word(11, "manual")]
    state, _, _ = driven(*words)
    assert alarms_of(state) == {"disengagement": {"mode": "manual", "reason": "lidar lost"}}
    assert alarms_of(driven(*words, word(12))[0]) == {}
    assert alarms_of(driven(*words, word(12, "off"))[0]) == {}
    assert "disengagement" in alarms_of(driven(*words, word(12, "remote"))[0])


def test_leaving_its_odd_is_an_event_once_and_an_alarm_while_it_drives_by_itself() -> None:
    state, events, _ = driven(word(0, in_odd=True), word(1, in_odd=False), word(2, in_odd=False))
    assert [event.what for event in events] == [What.ODD_LEFT]
    assert "odd" in alarms_of(state)
    assert "odd" not in alarms_of(driven(word(0, in_odd=False), word(1, "manual", cause="driver", in_odd=False))[0])


def test_a_fault_is_an_event_when_it_is_new_and_grave() -> None:
    brake = {"code": "B1", "severity": "severe", "text": "brake pressure"}
    note = {"code": "N1", "severity": "note"}
    state, events, _ = driven(word(0, faults=[note]), word(1, faults=[note, brake]), word(2, faults=[brake]), word(3))
    assert [(event.what, event.reason) for event in events] == [(What.FAULT, "brake pressure")]
    assert alarms_of(state) == {}


def test_a_fault_that_becomes_grave_is_an_event() -> None:
    worn = {"code": "B1", "severity": "note", "text": "worn"}
    _, events, _ = driven(word(0, faults=[worn]), word(1, faults=[worn | {"severity": "severe", "text": "broken"}]))
    assert [(event.what, event.reason) for event in events] == [(What.FAULT, "broken")]


def test_a_fault_that_comes_and_goes_is_an_event_once_a_minute() -> None:
    loose = {"code": "C7", "text": "contact"}
    words = [word(second, faults=[loose] if second % 2 else []) for second in range(120)]
    _, events, _ = driven(*words)
    assert [(event.time_us - BEGIN_US) // S for event in events] == [1, 61]


def test_an_old_or_repeated_word_changes_nothing_and_a_clock_ahead_is_not_believed() -> None:
    state, _, _ = driven(word(10))
    assert step(state, word(10, "manual"), BEGIN_US) is None
    assert step(state, word(9, "manual"), BEGIN_US) is None
    came = step(state, word(90_000, "manual"), BEGIN_US + 11 * S)
    assert came is not None
    assert came.state.time_us == BEGIN_US + 11 * S


def test_time_and_way_count_for_the_mode_of_the_word_before() -> None:
    words = [word(0, odometer_m=100), word(10, odometer_m=150), word(20, "manual", cause="driver", odometer_m=260)]
    _, _, spans = driven(*words, word(25, "manual", odometer_m=300))
    first, second = spans[BEGIN_US], spans[BEGIN_US + 20 * S]
    assert (first.mode, first.ends_us - first.starts_us, first.metres) == (Mode.AUTOMATED, 20 * S, 160)
    assert (second.mode, second.ends_us - second.starts_us, second.metres) == (Mode.MANUAL, 5 * S, 40)


def test_a_silence_and_an_odometer_that_jumps_count_for_nothing() -> None:
    gap = LONGEST_GAP_US / S + 1
    _, _, spans = driven(word(0, odometer_m=0), word(10, odometer_m=90_000), word(10 + gap, odometer_m=90_001))
    lengths = [(span.ends_us - span.starts_us, span.metres) for span in spans.values()]
    assert lengths == [(10 * S, None), (0, None)]


@given(st.lists(st.tuples(st.sampled_from(list(Mode)), st.integers(1, 60)), min_size=1, max_size=30))
def test_stretches_never_overlap_and_hold_all_counted_time(steps: list[tuple[Mode, int]]) -> None:
    second, words, counted = 0, list[ModeWord](), 0
    for mode, pause in steps:
        words.append(word(second, mode, cause="planned"))
        second += pause
    for before, after in itertools.pairwise(words):
        pause_us = after.time_us - before.time_us
        counted += pause_us if pause_us <= LONGEST_GAP_US else 0
    _, _, found = driven(*words)
    spans = sorted(found.values(), key=lambda span: span.starts_us)
    assert all(left.ends_us <= right.starts_us for left, right in itertools.pairwise(spans))
    assert sum(span.ends_us - span.starts_us for span in spans) == counted


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (b"{", "(document)"),
        (b"[]", "(document)"),
        (b'{"mode": "manual"}', "time_us"),
        (b'{"time_us": 1, "mode": "asleep"}', "mode"),
        (b'{"time_us": 1, "mode": "manual", "odometer_m": -1}', "odometer_m"),
        (b'{"time_us": 1, "mode": "manual", "odometer_m": NaN}', "odometer_m"),
        (b'{"time_us": 1, "mode": "manual", "faults": [{"code": ""}]}', "faults.0.code"),
        (b'{"time_us": -1, "mode": "manual"}', "time_us"),
        (b'{"time_us": 1, "mode": "manual", "reason": "a\\u0000b"}', "reason"),
        (b'{"time_us": 1, "mode": "manual", "reason": "\\ud800"}', "(document)"),
        (b'{"time_us": 1, "mode": "manual", "reason": "' + b"x" * 201 + b'"}', "reason"),
    ],
)
def test_a_bad_word_is_refused_by_field(document: bytes, field: str) -> None:
    with pytest.raises(MalformedError, match=rf"{re.escape(field)} = .* is not allowed") as caught:
        read_word(document)
    assert field.partition(".")[0] in caught.value.detail


def test_what_a_word_says_beyond_what_is_known_is_passed_over() -> None:
    assert word(0, "manual", weather="fog", cause="driver").cause is Cause.DRIVER


def test_a_month_is_the_sites_and_has_its_own_length() -> None:
    hours = {zone: (months.bounds(month, zone)[1] - months.bounds(month, zone)[0]) / 3.6e9 for month, zone in
             (("2026-05", "Asia/Shanghai"), ("2026-03", "Europe/Berlin"), ("2026-10", "America/New_York"))}  # fmt: skip
    assert hours == {"Asia/Shanghai": 744, "Europe/Berlin": 743, "America/New_York": 744}
    assert months.bounds("2026-12", "UTC")[1] == months.bounds("2027-01", "UTC")[0]
    for text in ("2026-13", "2026-1", "May", "", "2026-05-01", "1969-01"):
        with pytest.raises(ValueError, match="YYYY-MM"):
            months.bounds(text, "UTC")


def spans(*rows: tuple[str, float, float, float | None]) -> Spans:
    given = [{"mode": mode, "starts_us": int(a * S), "ends_us": int(b * S), "metres": metres} for mode, a, b, metres in rows]
    return months.spans_of(given, 0, 10_000 * S)


def track(source: str, *pairs: tuple[float, float]) -> Track:
    return Track(np.array([int(t * S) for t, _ in pairs], np.int64), np.array([v for _, v in pairs], np.float64), source)


def test_kilometres_come_from_the_odometer_else_from_what_was_reported() -> None:
    told = spans(("automated", 0, 100, 500.0), ("manual", 100, 200, None), ("off", 200, 300, None))
    steady = track("bsm", *[(second, 10.0) for second in range(301)])
    sums = months.summed(told, [track("telemetry"), steady])
    assert sums.kilometres == {"automated": 0.5, "manual": pytest.approx(1.0)}
    assert sums.hours == {"automated": pytest.approx(100 / 3600), "manual": pytest.approx(100 / 3600)}
    assert sums.sources == ["odometer", "bsm"]


def test_what_was_driven_in_no_known_mode_is_said_so_and_standing_is_not_driving() -> None:
    told = spans(("automated", 100, 200, 50.0))
    reported = track("telemetry", *[(second, 10.0 if second < 60 else 0.0) for second in range(0, 300, 10)])
    sums = months.summed(told, [reported, track("bsm")])
    assert sums.kilometres["unknown"] == pytest.approx(0.55)
    assert sums.hours["unknown"] == pytest.approx(60 / 3600)


def test_a_stretch_over_midnight_of_the_month_is_divided_by_time() -> None:
    cut = months.spans_of([{"mode": "manual", "starts_us": 0, "ends_us": 100 * S, "metres": 1000.0}], 25 * S, 50 * S)
    assert (cut.starts_us.tolist(), cut.ends_us.tolist(), cut.metres.tolist()) == ([25 * S], [50 * S], [250.0])
    assert months.spans_of([], 0, 1).mode == ()
    assert months.summed(months.spans_of([], 0, 1), []).hours == {}
