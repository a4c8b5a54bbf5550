"""The life of one order to one device: events in, state out. Pure.

An order is sent again after 2, 4, 8 … s until the device has answered (T/ITS 0180.1: at most 4096 s), so it may arrive twice, and
a device has to know a number that it has had. No state says more than what is known: `SENT` is the broker's word,
`DELIVERED` and `APPLIED` the device's. What a device says of an order that never left us is not believed.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2, 4096
NOT_TAKEN_S = 1  # the broker was away: try again soon


class State(enum.StrEnum):
    """States in the order in which an order goes through them; the last four end it."""

    QUEUED = "queued"  # the broker does not have it yet
    SENT = "sent"  # the broker has it
    DELIVERED = "delivered"  # the device says that it has it, and is at it
    APPLIED = "applied"  # the device says that it has done it, and nothing else that it says is against that
    FAILED = "failed"  # the device says that it has not, or says both
    TIMED_OUT = "timed out"  # no answer in time; a late one still counts
    SUPERSEDED = "superseded"  # a newer order has taken its place, or somebody took it back


OPEN = frozenset({State.QUEUED, State.SENT, State.DELIVERED})
Moment = datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order. due: when it is to be sent next, None for not at all; answers: how often the device has spoken of it."""

    number: int
    queued: Moment
    expires: Moment
    due: Moment | None
    state: State = State.QUEUED
    attempts: int = 0
    pause_s: int = FIRST_PAUSE_S
    sent: Moment | None = None
    delivered: Moment | None = None
    settled: Moment | None = None
    code: int | None = None
    detail: str = ""
    answer: Mapping[str, Any] | None = None
    answers: int = 0
    is_late: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Attempted:
    """It is about to be handed to the broker."""

    at: Moment


@dataclass(frozen=True, slots=True)
class Taken:
    """The broker has it."""

    at: Moment


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The broker does not have it, or has not said so."""

    at: Moment


@dataclass(frozen=True, slots=True)
class CameOnline:
    """The device has connected anew: what it was sent before may be lost."""

    at: Moment


@dataclass(frozen=True, slots=True)
class Progressed:
    """The device says that it has the order and is at it."""

    at: Moment
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """The device says how it ended: code 0 for done (T/ITS 0117, annex A). against: what else it says that is not so."""

    at: Moment
    code: int
    detail: str = ""
    answer: Mapping[str, Any] | None = None
    against: str = ""


@dataclass(frozen=True, slots=True)
class Expired:
    """Its time is over."""

    at: Moment


@dataclass(frozen=True, slots=True)
class Superseded:
    """Another order has taken its place, or somebody took it back."""

    at: Moment
    detail: str = ""


Event = Attempted | Taken | NotTaken | CameOnline | Progressed | Answered | Expired | Superseded


def is_known_to_device(order: Order) -> bool:
    """Whether the device can know of the order at all: it has left us."""
    return order.attempts > 0


def after(order: Order, event: Event) -> Order:
    """The order after one event."""
    if isinstance(event, Answered | Progressed):
        return _heard(order, event) if is_known_to_device(order) else order
    if not order.is_open:
        return replace(order, sent=order.sent or event.at) if isinstance(event, Taken) else order
    return _moved(order, event)


def after_all(order: Order, events: Iterable[Event]) -> Order:
    """The order after events in their order."""
    for event in events:
        order = after(order, event)
    return order


def _moved(order: Order, event: Attempted | Taken | NotTaken | CameOnline | Expired | Superseded) -> Order:
    """An open order after something that is not the device's word on it."""
    match event:
        case Attempted(at):
            pause_s = min(2 * order.pause_s, LONGEST_PAUSE_S)
            due = None if order.state is State.DELIVERED else at + datetime.timedelta(seconds=order.pause_s)
            return replace(order, attempts=order.attempts + 1, due=due, pause_s=pause_s)
        case Taken(at):
            state = State.SENT if order.state is State.QUEUED else order.state
            return replace(order, state=state, sent=order.sent or at)
        case NotTaken(at):
            soon = at + datetime.timedelta(seconds=NOT_TAKEN_S)
            return replace(order, due=soon, pause_s=max(FIRST_PAUSE_S, order.pause_s // 2))
        case CameOnline(at):
            return replace(order, due=at, pause_s=FIRST_PAUSE_S)
        case Expired(at):
            return replace(order, state=State.TIMED_OUT, settled=at, due=None)
        case Superseded(at, detail):
            return replace(order, state=State.SUPERSEDED, settled=at, due=None, detail=detail)


def _heard(order: Order, event: Answered | Progressed) -> Order:
    """An order after the device's word on it."""
    order = replace(order, answers=order.answers + 1)
    if not order.is_open and order.state is not State.TIMED_OUT:
        return order  # said twice, or of what has been taken back: the first word, and the newer order, stand
    order = replace(order, sent=order.sent or event.at, delivered=order.delivered or event.at, answer=event.answer)
    if isinstance(event, Progressed):
        return replace(order, state=State.DELIVERED, due=None) if order.is_open else order
    is_done = event.code == 0 and not event.against
    return replace(
        order,
        state=State.APPLIED if is_done else State.FAILED,
        is_late=order.state is State.TIMED_OUT,
        settled=event.at,
        due=None,
        code=event.code,
        detail=event.against or event.detail,
    )
