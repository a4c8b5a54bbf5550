"""Judging devices: what they say, what counts for whom, and what is wrong with which, all at once."""

from __future__ import annotations

import gc
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chelu.bus import Received
from chelu.messages import STREAMS
from services.registry.alarms import kinds, signing
from services.registry.alarms.deliveries import LONGEST_WAIT_S, MOST_ATTEMPTS, wait_s
from services.registry.alarms.rules import Rules, Scope
from services.registry.health import counts, judgement, profiles, words
from services.registry.health.columns import STATUSES, Book, Known, Status
from services.registry.health.counting import _measure
from services.registry.health.counts import Counts, together
from services.registry.health.words import Beat, Introduction, Running, State

S = 1_000_000
NOW = 1_800_000_000 * S
DEVICE = Known(1, "obu-1", "obu", "hillside", is_supervised=True, beat_s=math.nan, expected_hz={"bsm": 10.0})


def book(*devices: Known) -> Book:
    return Book(devices or [DEVICE])


def beat(device_id: str = "obu-1", at_us: int = NOW, delay_s: float = 0.01) -> Beat:
    return Beat(device_id, at_us, delay_s, 5.0, {"bsm": 100}, {})


def judged(found: Book, now_us: int, *, rules: Rules | None = None, listening_us: int = 0, **opened: bool) -> dict[str, bool]:
    """Which kinds are so for the book's first device; opened: by kind, with _ for -."""
    masks = {(kind.replace("_", "-"), "bsm" if kind == "rate_low" else ""): np.array([was]) for kind, was in opened.items()}
    limits = judgement.limits_of(found, rules or Rules([]))
    each = judgement.judge(found, limits, masks, now_us=now_us, listening_us=listening_us)
    return {one.kind: bool(one.is_so[0]) for one in each}


def test_three_missed_heartbeats_and_no_fewer_are_offline() -> None:
    found = book()
    found.take([Introduction("obu-1", NOW, 10.0), beat()])
    assert not judged(found, NOW + 30 * S)["offline"]
    assert judged(found, NOW + 31 * S)["offline"]


def test_a_last_will_counts_at_once_and_a_heartbeat_ends_it() -> None:
    found = book()
    assert found.take([beat(), State("obu-1", is_online=False, at_us=NOW, reason="connection lost")])
    assert judged(found, NOW)["offline"]
    assert found.take([beat(at_us=NOW + S)])
    assert not judged(found, NOW + S)["offline"]


def test_what_the_broker_has_kept_is_no_sign_of_life() -> None:
    found = book()
    found.take([State("obu-1", is_online=True, at_us=NOW, is_retained=True)])
    assert found.integers["heard_us"][0] == 0


def test_silence_counts_only_while_we_listen() -> None:
    found = book()
    found.take([Introduction("obu-1", NOW, 1.0), beat()])
    late = NOW + 100 * S
    assert not judged(found, late, listening_us=late - 2 * S)["offline"]
    assert judged(found, late, listening_us=late - 2 * S, offline=True)["offline"], "and what was so stays so"
    assert judged(found, late, listening_us=late - 4 * S)["offline"]


def test_a_device_that_has_no_heartbeats_is_not_blamed_for_missing_them() -> None:
    found = book()
    found.integers["heard_us"][0] = NOW  # by its rows
    assert not judged(found, NOW + 3600 * S)["offline"]
    seen = judgement.presence(found, now_us=NOW + 3600 * S, listening_us=0)
    each = judgement.judge(found, judgement.limits_of(found, Rules([])), {}, now_us=NOW + 3600 * S, listening_us=0)
    assert STATUSES[judgement.statuses(found, each, seen)[0][0]] == Status.OFFLINE


@pytest.mark.parametrize(
    ("kind", "profile", "is_below_gateway", "beat_s"),
    [
        ("rsu", "openv2x", False, 10.0),
        ("rsu", None, False, 60.0),
        ("rscu", None, False, 60.0),
        ("rsu", "openv2x", True, None),
        ("obu", None, False, None),
    ],
)
def test_a_roadside_is_heard_as_often_as_its_standard_says(
    kind: str, profile: str | None, is_below_gateway: bool, beat_s: float | None
) -> None:
    row = {"device_key": 1, "device_id": "gate", "kind": kind, "site_id": "hillside", "lifecycle": "active"}
    row |= {"profile": profile, "is_below_gateway": is_below_gateway, "heartbeat_s": None, "rates_hz": None}
    found = book(profiles.known(row))
    found.integers["heard_us"][0] = NOW  # by its rows: the registry hears nothing of its own of it
    if beat_s is None:
        found.counted_us = NOW + 3600 * S
        assert not judged(found, NOW + 3600 * S)["offline"]
        return
    silent_us = round(3 * beat_s + 1) * S
    assert not judged(found, NOW + silent_us)["offline"], "rows are not counted up to then"
    found.counted_us = NOW + silent_us
    found.counting_us = NOW + 2 * S
    assert not judged(found, NOW + silent_us)["offline"], "they were not counted for a while"
    found.counting_us = 0
    assert not judged(found, NOW + round(3 * beat_s) * S)["offline"]
    assert judged(found, NOW + silent_us)["offline"]
    found.take([Introduction("gate", NOW, 100.0)])
    assert not judged(found, NOW + 299 * S)["offline"], "what it says itself goes before"


def test_a_rate_has_to_come_back_to_the_clear_bound() -> None:
    found = book()
    found.take([beat()])
    for hz, was, so in ((7.9, False, True), (8.1, False, False), (8.1, True, True), (8.9, True, True), (9.1, True, False)):
        found.rates_hz["bsm"][0] = hz
        assert judged(found, NOW, rate_low=was)["rate-low"] is so, (hz, was)
    found.rates_hz["bsm"][0] = np.nan
    assert judged(found, NOW, rate_low=True)["rate-low"], "what is not known stays as it was"
    assert not judged(found, NOW, rate_low=False)["rate-low"]


def test_a_device_that_is_away_has_one_problem() -> None:
    found = book()
    found.take([beat(), Running("obu-1", NOW, 100.0, 100.0, 100.0, 0, 0)])
    found.rates_hz["bsm"][0] = 0
    assert {name for name, so in judged(found, NOW).items() if so} == {"rate-low", "processor-high", "memory-high", "disk-full"}
    found.take([State("obu-1", is_online=False, at_us=NOW)])
    assert {name for name, so in judged(found, NOW, rate_low=True).items() if so} == {"offline"}


def test_nobody_is_told_of_a_device_that_is_not_supervised() -> None:
    found = book(replace(DEVICE, is_supervised=False))
    found.take([State("obu-1", is_online=False, at_us=NOW)])
    assert not any(judged(found, NOW).values())


def test_a_clock_is_wrong_on_either_side_and_a_late_heartbeat_is_none() -> None:
    for delays, wrong in (([2, 2, 2], True), ([-2, 0.1, 0.1], True), ([2, 0.1, 2], False), ([0.1, 0.2, 0.1], False)):
        found = book()
        found.take([beat(delay_s=delay) for delay in delays])
        assert judged(found, NOW)["clock-skew"] is wrong, delays


def test_a_stream_that_is_expected_no_more_has_no_alarm() -> None:
    found = book(replace(DEVICE, expected_hz={}))
    found.take([beat()])
    assert judged(found, NOW, rate_low=True)["rate-low"] is False


def test_a_book_that_follows_knows_what_was_known() -> None:
    found = book()
    found.take([beat(), State("obu-1", is_online=False, at_us=NOW, reason="stopped")])
    found.rates_hz["bsm"][0] = 9.5
    found.problems = {"offline": np.array([True])}
    other = replace(DEVICE, key=2, device_id="obu-2")
    after = found.following([other, DEVICE])
    assert (after.is_off.tolist(), after.reason, after.integers["heard_us"].tolist()) == ([False, True], {1: "stopped"}, [0, NOW])
    assert after.rates_hz["bsm"][1] == 9.5
    assert after.tallies["sent"] == {1: {"bsm": 100}}
    assert after.problems_of(1) == ["offline"]
    assert after.problems_of(0) == []
    assert after.following([other]).is_off.tolist() == [False]


def test_a_book_has_no_object_for_each_device_that_the_garbage_collector_would_walk() -> None:
    many = 5000
    gc.collect()
    before = len(gc.get_objects())
    found = Book(replace(DEVICE, key=key, device_id=f"obu-{key}") for key in range(many))
    found = found.following(replace(DEVICE, key=key, device_id=f"obu-{key}") for key in range(1, many))
    gc.collect()
    assert len(found) == many - 1
    assert len(gc.get_objects()) - before < many / 10


def threshold(kind: str = "offline", site_id: Any = None, device_kind: Any = None, device_key: Any = None, **given: Any) -> Any:
    empty = dict.fromkeys(("bound", "clear_bound", "raise_after_s", "clear_after_s", "severity", "is_enabled"))
    return {"kind": kind, "site_id": site_id, "device_kind": device_kind, "device_key": device_key, **empty, **given}


def test_the_most_specific_threshold_wins_field_by_field() -> None:
    rules = Rules(
        [
            threshold(device_key=7, bound=9),
            threshold(bound=5, raise_after_s=1, severity="info"),
            threshold(site_id="a", device_kind="obu", bound=8),
            threshold(site_id="a", bound=7, raise_after_s=3),
            threshold(device_kind="obu", bound=6, raise_after_s=2),
        ]
    )
    asked = {
        Scope("b", "rsu", 1): (5, 1),
        Scope("b", "obu", 2): (6, 2),
        Scope("a", "rsu", 3): (7, 3),
        Scope("a", "obu", 4): (8, 3),
        Scope("a", "obu", 7): (9, 3),
    }
    for scope, limits in asked.items():
        rule = rules.of("offline", scope)
        assert (rule.bound, rule.raise_after_s, rule.severity) == (*limits, "info"), scope
    assert rules.of("clock-skew", Scope("a", "obu", 7)).bound == kinds.KINDS["clock-skew"].bound


@pytest.mark.parametrize(
    ("kind", "bound", "clear_bound"),
    [
        ("latency-high", 100, 100),
        ("latency-high", 900, 300),
        ("rate-low", 0.5, 0.9),
        ("rate-low", 0.95, 0.95),
        ("offline", 7, None),
    ],
)
def test_a_bound_beyond_the_wider_clear_bound_takes_it_along(kind: str, bound: float, clear_bound: float | None) -> None:
    rule = Rules([threshold(kind, bound=bound)]).of(kind, Scope())
    assert (rule.bound, rule.clear_bound) == (bound, clear_bound)


def test_limits_of_many_devices_are_those_of_each() -> None:
    devices = [replace(DEVICE, key=key, device_id=f"d{key}", site_id="ab"[key % 2]) for key in range(1, 21)]
    rules = Rules([threshold(device_key=7, bound=9), threshold(site_id="a", bound=4, is_enabled=False)])
    limits = judgement.limits_of(Book(devices), rules)["offline"]
    for place, device in enumerate(devices):
        rule = rules.of("offline", Scope(device.site_id, device.kind, device.key))
        assert (limits.bound[place], bool(limits.is_enabled[place])) == (rule.bound, rule.is_enabled)


def message(topic: str, document: object, *, retained: bool = False) -> Received:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Received(topic, payload, 1, NOW, 1, None, retained)


def test_words_are_read() -> None:
    assert words.read(message("obu/o/state", {"state": "offline", "reason": "gone\0"})) == State(
        "o", is_online=False, at_us=NOW, reason="gone"
    )
    said = words.read(message("obu/o/heartbeat/up", {"time_us": NOW - S, "sent": {"bsm": 7, "x": "y"}, "uptime_s": 3}))
    assert said == Beat("o", NOW, 1.0, 3.0, {"bsm": 7}, {})
    assert words.read(message("obu/o/heartbeat/up", {"time_us": NOW}, retained=True)) is None
    running = {"cpu": {"uti": 30}, "mem": {"total": 4, "free": 1}, "disk": {"total": 4, "free": 5}, "net": {"rxByte": 9}}
    read = words.read(message("rsu/r/run-status/up", {"runningInfo": running}))
    assert isinstance(read, Running)
    assert (read.cpu_percent, read.memory_percent, read.rx_bytes) == (30, 75, 9)
    assert math.isnan(read.disk_percent), "no disk has more room than it has"


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["state", "heartbeat/up", "info/up", "run-status/up"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["state", "time_us", "sent", "runningInfo", "cpu", "uti", "mem", "total", "free", "net", "heartbeat_s"]
                ),
                inner,
            )
        ),
        max_leaves=20,
    ),
)
@example("state", {"state": []})
def test_whatever_a_device_says_breaks_nothing(stream: str, said: object) -> None:
    word = words.read(message(f"obu/obu-1/{stream}", json.dumps(said).encode()))
    found = book()
    found.take([word] if word else [])
    judged(found, NOW)


@pytest.mark.parametrize("name", ["\ud800", "\0", "b\udfffsm", "\n"])
def test_of_what_a_counter_is_called_only_what_can_be_kept_counts(name: str) -> None:
    said = words.read(message("obu/o/heartbeat/up", {"sent": {name: 1, "rsm": 2}, "received": {name: 3}}))
    assert isinstance(said, Beat)
    json.dumps([dict(said.sent), dict(said.received)], ensure_ascii=False).encode()
    assert said.sent["rsm"] == 2
    assert not {*said.sent, *said.received} & {name}


def test_bytes_that_are_no_json_are_nothing() -> None:
    for payload in (b"", b"\xff", b"[", b"[" * 100_000, b"3", b"x" * 100_000):
        assert words.read(message("obu/o/heartbeat/up", payload)) is None


def test_network_rates_are_those_between_two_reports_and_none_after_a_restart() -> None:
    found = book()
    for second, received in ((0, 1000), (10, 6000), (20, 500)):
        found.take([Running("obu-1", NOW + second * S, 1, 1, 1, received, 0)])
        expected = {0: math.nan, 10: 500.0, 20: math.nan}[second]
        assert found.floats["rx_bytes_per_s"][0] == pytest.approx(expected, nan_ok=True)


def test_rates_are_taken_over_two_periods_and_latency_has_no_skew_in_it() -> None:
    one = Counts(5.0, {1: {"bsm": 40}}, {1: 40}, {1: 40}, {1: 40 * 2.05}, {1: NOW})
    two = Counts(5.0, {1: {"bsm": 50}}, {1: 50}, {1: 50}, {1: 50 * 2.05}, {1: NOW})
    found = book()
    found.take([beat(delay_s=2.0)])
    window = together(one, two)
    assert window is not None
    _measure(found, window)
    assert found.rates_hz["bsm"][0] == 9.0
    assert found.floats["latency_ms"][0] == pytest.approx(50, abs=0.1)
    assert together(one, None) is None
    assert together(None, two) is two


def test_every_series_is_counted_under_the_name_that_its_devices_have_for_it() -> None:
    assert set(counts.TABLES) == set(STREAMS)
    assert counts.stream_of("rsu", "participant") == "rsm"
    assert [counts.stream_of("rscu", name) for name in ("participant", "spat", "event")] == ["participant", "lamp", "event"]
    assert counts.stream_of("sensor", "heartbeat") == "heartbeat"


def test_only_the_secrets_owner_signs_and_only_now() -> None:
    header = signing.sign("a-secret", b"{}", at_s=1000)
    assert signing.is_signed("a-secret", b"{}", header, now_s=1010)
    for secret, body, text, now_s in (
        ("another", b"{}", header, 1010),
        ("a-secret", b"{ }", header, 1010),
        ("a-secret", b"{}", header, 1301),
        ("a-secret", b"{}", header.replace("t=1000", "t=1001"), 1010),
        ("a-secret", b"{}", "nonsense", 1010),
        ("a-secret", b"{}", "", 1010),
    ):
        assert not signing.is_signed(secret, body, text, now_s=now_s)


def test_attempts_are_further_and_further_apart_up_to_a_quarter_of_an_hour() -> None:
    waits = [wait_s(attempts) for attempts in range(1, MOST_ATTEMPTS)]
    assert waits[:4] == [2, 4, 8, 16]
    assert max(waits) == LONGEST_WAIT_S == waits[-1]
    assert 5 * 3600 < sum(waits) < 6 * 3600


def test_every_kind_is_explained_to_operators() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operating.md").read_text(encoding="utf-8")
    assert [name for name in kinds.KINDS if f"| `{name}` |" not in page] == []
