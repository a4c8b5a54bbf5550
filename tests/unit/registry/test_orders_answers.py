"""What devices say of their orders, read: whatever the bytes, and whatever is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.bus import Received
from chelu.codec.documents import DEEPEST
from services.registry.orders import answers
from services.registry.orders.machine import Answered, Progressed
from services.registry.packages.tokens import number_of, token_of

NOW_US = 1_795_000_000_000_000
TOPICS = ("config/down/ack", "command/down/ack", "upgrade/down/ack", "upgrade-status/up", "info/up", "versions/up", "state")
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda each: st.lists(each, max_size=3))
NAMES = st.sampled_from(["seqNum", "errorCode", "errorDesc", "state", "config", "versions", "time_us", "verifier"])


def heard(document: object, topic: str = "config/down/ack") -> answers.Said | None:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return answers.read(Received(f"rsu/r/{topic}", payload, 1, NOW_US, 1, None, retained=False))


def said(document: object, topic: str = "config/down/ack") -> answers.Said:
    found = heard(document, topic)
    assert found is not None
    return found


@given(st.binary(max_size=100) | st.dictionaries(NAMES, JSON).map(lambda it: json.dumps(it).encode()), st.sampled_from(TOPICS))
def test_no_bytes_get_further_than_a_word(payload: bytes, topic: str) -> None:
    found = heard(payload, topic)
    if found is not None and found.number is not None:
        assert 0 < found.number < 2**63
        assert isinstance(answers.event(found), Answered | Progressed)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"seqNum": 5, "errorCode": 0}, (5, 0, False)),
        ({"seqNum": 5, "errorCode": "0"}, (5, 2, False)),
        ({"seqNum": 5, "errorCode": True}, (5, 2, False)),
        ({"seqNum": 5, "errorCode": 0, "state": "received"}, (5, 0, True)),
        ({"seqNum": 5, "errorCode": 2, "state": "received"}, (5, 2, False)),
    ],
)
def test_an_answer_has_a_number_and_a_code(document: dict[str, Any], expected: tuple[int, int, bool]) -> None:
    found = said(document)
    assert (found.number, found.code, found.is_progress) == expected


def test_a_changed_secret_is_not_an_order_s_answer() -> None:
    assert heard({"seqNum": 5, "errorCode": 0, "verifier": "$7$…"}, "command/down/ack") is None


def test_a_clock_that_runs_ahead_says_nothing_of_the_future() -> None:
    ahead = said({"config": {}, "time_us": NOW_US + 10**12}, "info/up")
    before = said({"config": {}, "time_us": NOW_US - 10**6}, "info/up")
    assert ahead.said == ahead.at
    assert before.said is not None
    assert before.said < before.at
    assert answers.newest([ahead, before]) == {"r": ahead}


def test_what_is_dated_before_any_order_that_could_be_open_counts_as_of_when_it_was_heard() -> None:
    month_us = 31 * 86_400 * 10**6
    assert said({"config": {}, "time_us": NOW_US - month_us}, "info/up").said == said({"config": {}}, "info/up").at
    late = said({"config": {}, "time_us": NOW_US - month_us + 1}, "info/up")
    assert late.said is not None
    assert late.said < late.at


def test_what_was_said_by_a_clock_before_it_was_set_back_is_older_than_what_was_said_after() -> None:
    before = said({"config": {"heartbeat_s": 1}, "time_us": NOW_US}, "info/up")
    answer = said({"seqNum": 5, "config": {"heartbeat_s": 2}, "time_us": NOW_US - 10**9})
    after = said({"config": {"heartbeat_s": 3}, "time_us": NOW_US - 10**9 + 1}, "info/up")
    assert answers.since([before, answer, after], {("r", 5)}) == [answer, after]
    assert answers.since([before, answer, after], {("q", 5), ("r", 6)}) == [before, answer, after]
    assert answers.newest(answers.since([before, answer, after], {("r", 5)})) == {"r": after}


def test_differences_are_of_values_not_of_how_they_are_written() -> None:
    desired = {"heartbeat_s": 5, "muted_streams": ["spat", "bsm"], "bsmConfig": {"upLimit": 10}}
    assert (
        answers.differences(desired, {"heartbeat_s": 5.0, "muted_streams": ["bsm", "spat"], "bsmConfig": {"upLimit": 10.0}}) == {}
    )
    assert answers.differences(desired, {"muted_streams": ["bsm"]}) == {
        "heartbeat_s": (5, None),
        "muted_streams": (["spat", "bsm"], ["bsm"]),
        "bsmConfig": ({"upLimit": 10}, None),
    }


@given(st.integers(1, 2**62), st.binary(min_size=32, max_size=32), st.text(max_size=90))
def test_a_token_is_good_for_its_number_alone(number: int, key: bytes, other: str) -> None:
    token = token_of(key, number)
    assert number_of(key, token) == number
    assert number_of(key, f"{number + 1}.{token.partition('.')[2]}") is None
    assert number_of(bytes(32) if key != bytes(32) else b"x" * 32, token) is None
    assert other == token or number_of(key, other) is None


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_deeper_than_ingest_takes_is_no_word(topic: str, opens: str, closes: str) -> None:
    def nested(deep: int) -> bytes:  # with the document and its configuration two more
        inner = opens * deep + "1" + closes * deep
        return f'{{"seqNum": 5, "errorCode": 0, "state": "online", "config": {{"heartbeat_s": {inner}}}}}'.encode()

    assert heard(nested(DEEPEST - 2), topic) is not None
    for deep in (DEEPEST - 1, 300, 490, 600, 900, 960, 975, 990, 5000):
        assert heard(nested(deep), topic) is None


@pytest.mark.parametrize(("command", "is_stopped"), [("stop", True), ("release", False)])
def test_who_says_that_it_has_obeyed_and_is_not_as_it_was_told_has_not(command: str, is_stopped: bool) -> None:
    def says(**more: object) -> str:
        return answers.contradiction({"command": command}, said({"seqNum": 5, "errorCode": 0, **more}, "command/down/ack"))

    assert says() == ""
    assert says(is_stopped=is_stopped) == ""
    assert says(is_stopped=not is_stopped, errorCode=3) == ""
    denied = f"it says that it is {'not ' if is_stopped else ''}stopped"
    assert says(is_stopped=not is_stopped) == denied
    assert says(is_stopped=not is_stopped, is_older=True) == f"{denied}, since it knows an order with a higher number"


def test_a_number_beyond_all_floats_is_compared_as_any_other() -> None:
    config = said({"seqNum": 5, "errorCode": 0, "config": {"heartbeat_s": 10**400}})
    assert answers.contradiction({"heartbeat_s": 5}, config).startswith("it reports heartbeat_s = 1000")
    assert answers.contradiction({"heartbeat_s": 10**400}, config) == ""
    assert answers.differences({"a": 5, "b": [1], "c": True}, {"a": 5.0, "b": [1], "c": True}) == {}
