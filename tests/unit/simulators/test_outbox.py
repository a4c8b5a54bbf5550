from __future__ import annotations

import threading

import numpy as np
import pytest

from chelu.bus import Failure, Posts, Publication, TopicNames
from chelu.clock import VirtualClock
from chelu.errors import UnreachableError
from simulators.outbox import Outbox

NONE = np.zeros(1, np.int64)
ONE = Posts(TopicNames.of(["t"]), NONE, np.zeros(1, np.uint8), NONE, NONE)


class Slow:
    """A session with room for a few messages, which writes one whenever somebody waits, and may lose its connection."""

    def __init__(self, room: int) -> None:
        self.room, self.open, self.written, self.failures, self.most = room, [], 0, [], 0  # type: ignore[var-annotated]
        self.waits = 0

    def publish_all(self, posts: Posts) -> Publication:
        condition = threading.Condition()
        if self.failures:
            return Publication(condition, self.failures.pop())
        waiting = [one for one in self.open if not one.is_settled]
        if len(waiting) >= self.room:
            return Publication(condition, Failure.OUTBOX_FULL)
        publication = Waited(condition)
        self.open.append(publication)
        self.most = max(self.most, len(waiting) + 1)
        return publication

    def wait_connected(self, timeout_s: float) -> None:
        self.waits += 1


class Waited(Publication):
    """Written as soon as somebody waits for it."""

    def wait(self, timeout_s: float) -> bool:
        self.is_acknowledged = self.failure is None
        return self.is_acknowledged


def outbox(in_flight: int) -> Outbox:
    return Outbox(VirtualClock(0), in_flight=in_flight, streams=("bsm",))


def test_no_more_messages_are_under_way_than_allowed() -> None:
    session = Slow(room=100)
    box = outbox(in_flight=5)
    for _ in range(40):
        box.send(session, ONE, {"bsm": 1})
    assert session.most <= 6
    box.flush()
    assert (box.published, box.messages, box.unsent) == ({"bsm": 40}, 40, 0)


def test_a_full_session_is_waited_for() -> None:
    session = Slow(room=3)
    box = outbox(in_flight=50)
    for _ in range(20):
        box.send(session, ONE, {"bsm": 2})
    box.flush()
    assert box.published == {"bsm": 40}


def test_a_connection_that_is_away_is_waited_for() -> None:
    session = Slow(room=9)
    session.failures = [Failure.NOT_CONNECTED, Failure.NOT_CONNECTED]
    box = outbox(in_flight=5)
    box.send(session, ONE, {"bsm": 1})
    box.flush()
    assert (session.waits, box.published, box.unsent) == (2, {"bsm": 1}, 0)


def test_what_a_lost_connection_took_with_it_is_counted_as_unsent() -> None:
    session = Slow(room=9)
    box = outbox(in_flight=5)
    for _ in range(3):
        box.send(session, ONE, {"bsm": 1})
    for publication in session.open[1:]:
        publication.failure = Failure.CONNECTION_LOST
    box.flush()
    assert (box.published, box.unsent) == ({"bsm": 1}, 2)


def test_a_broker_that_takes_nothing_ends_the_replay_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Waited, "wait", lambda *_: False)
    session, box = Slow(room=9), Outbox(VirtualClock(0), in_flight=5, streams=("bsm",), patience_s=0.01)
    box.send(session, ONE, {"bsm": 1})
    with pytest.raises(UnreachableError, match=r"it took no message for 0\.01 s"):
        box.flush()
