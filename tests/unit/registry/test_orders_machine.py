"""The life of an order under every sequence of events: no state says more than what is known."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.orders.machine import (
    OPEN,
    Answered,
    Attempted,
    CameOnline,
    Event,
    Expired,
    NotTaken,
    Order,
    Progressed,
    State,
    Superseded,
    Taken,
    after,
    after_all,
)

START = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
RANK = {state: rank for rank, state in enumerate(State)}


def at(seconds: float) -> datetime.datetime:
    return START + datetime.timedelta(seconds=seconds)


NEW = Order(number=7, queued=START, expires=START + HOUR, due=START)
KINDS: tuple[st.SearchStrategy[Event], ...] = (
    st.builds(Attempted, st.just(START)),
    st.builds(Taken, st.just(START)),
    st.builds(NotTaken, st.just(START)),
    st.builds(CameOnline, st.just(START)),
    st.builds(Progressed, st.just(START), st.just({"state": "received"})),
    st.builds(Answered, st.just(START), st.integers(0, 2), st.text(max_size=3), st.none(), st.sampled_from(("", "no"))),
    st.builds(Expired, st.just(START)),
    st.builds(Superseded, st.just(START)),
)
EVENTS = st.lists(st.one_of(*KINDS), max_size=20).map(lambda found: [_timed(event, n) for n, event in enumerate(found)])


def _timed(event: Event, second: int) -> Event:
    return replace(event, at=at(second))


def trace(events: list[Event]) -> list[Order]:
    orders = [NEW]
    for event in events:
        orders.append(after(orders[-1], event))
    return orders


def believed(events: list[Event], kind: type) -> list[int]:
    """Where an event of this kind comes after the order has left us."""
    left = next((n for n, event in enumerate(events) if isinstance(event, Attempted)), len(events))
    return [n for n, event in enumerate(events) if isinstance(event, kind) and n > left]


@given(EVENTS)
def test_applied_means_that_the_device_said_so_of_an_order_that_had_left_us(events: list[Event]) -> None:
    order = after_all(NEW, events)
    good = [n for n in believed(events, Answered) if (e := events[n]).code == 0 and not e.against]  # type: ignore[union-attr]
    if order.state is State.APPLIED:
        assert good
        assert order.code == 0
    if order.state is State.FAILED:
        assert set(believed(events, Answered)) - set(good)
    if order.state is State.DELIVERED:
        assert believed(events, Progressed)
    if order.state is State.SENT:
        assert any(isinstance(event, Taken) for event in events)
    if order.state is State.TIMED_OUT:
        assert any(isinstance(event, Expired) for event in events)
    if order.state is State.SUPERSEDED:
        assert any(isinstance(event, Superseded) for event in events)


@given(EVENTS)
def test_an_end_is_an_end_but_that_a_late_answer_counts(events: list[Event]) -> None:
    orders = trace(events)
    for before, now, event in zip(orders, orders[1:], events, strict=False):
        if before.state in OPEN:
            assert RANK[now.state] >= RANK[before.state]
        elif before.state is State.TIMED_OUT and now.state is not before.state:
            assert isinstance(event, Answered)
            assert now.is_late
        else:
            assert (now.state, now.settled, now.code, now.detail) == (before.state, before.settled, before.code, before.detail)


@given(EVENTS)
def test_an_open_order_is_due_or_the_device_is_at_it_and_an_ended_one_never_is(events: list[Event]) -> None:
    order = after_all(NEW, events)
    if not order.is_open:
        assert order.due is None
        assert order.settled is not None
    else:
        assert order.settled is None
        assert order.due is not None or order.state is State.DELIVERED


@given(EVENTS)
def test_instants_follow_each_other(events: list[Event]) -> None:
    order = after_all(NEW, events)
    known = [moment for moment in (order.queued, order.sent, order.delivered) if moment is not None]
    assert known == sorted(known)
    assert (order.state is State.QUEUED) == (order.is_open and order.sent is None)
    assert order.answers <= sum(isinstance(event, Answered | Progressed) for event in events)


def test_it_is_sent_again_after_2_4_8_seconds_and_never_later_than_4096() -> None:
    order, pauses = NEW, []
    for _ in range(14):
        assert order.due is not None
        now = order.due
        order = after_all(order, [Attempted(now), Taken(now)])
        assert order.due is not None
        pauses.append((order.due - now).total_seconds())
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096]


def test_what_was_never_sent_cannot_have_been_done() -> None:
    assert after(NEW, Answered(at(1), 0)) == NEW
    assert after(NEW, Progressed(at(1), {})) == NEW


def test_of_two_answers_the_first_counts() -> None:
    order = after_all(NEW, [Attempted(at(0)), Taken(at(0)), Answered(at(1), 0), Answered(at(2), 2, "no room")])
    assert (order.state, order.code, order.settled, order.answers) == (State.APPLIED, 0, at(1), 2)


def test_a_late_answer_is_told_as_late() -> None:
    order = after_all(NEW, [Attempted(at(0)), Expired(at(5)), Answered(at(6), 0)])
    assert (order.state, order.is_late, order.settled) == (State.APPLIED, True, at(6))


def test_who_says_done_and_reports_something_else_has_failed() -> None:
    order = after_all(NEW, [Attempted(at(0)), Answered(at(1), 0, against="it reports version 1")])
    assert (order.state, order.detail) == (State.FAILED, "it reports version 1")


@pytest.mark.parametrize("event", [Expired(at(1)), Superseded(at(1))])
def test_an_answer_before_the_broker_s_word_is_an_answer(event: Event) -> None:
    order = after_all(NEW, [Attempted(at(0)), Answered(at(1), 0), event, Taken(at(2))])
    assert (order.state, order.sent) == (State.APPLIED, at(1))


def test_a_device_that_restarts_is_sent_at_once_what_it_was_at() -> None:
    order = after_all(NEW, [Attempted(at(0)), Taken(at(0)), Progressed(at(1), {}), CameOnline(at(9))])
    assert (order.state, order.due) == (State.DELIVERED, at(9))
    assert after(order, Attempted(at(9))).due is None
