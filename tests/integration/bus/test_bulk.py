"""The session that hands over columns: against a real mosquitto, beside paho, and against a broker that misbehaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

from chelu.bus import BulkSession, Failure, Messages, Session
from chelu.bus.batch import joined
from chelu.clock import SystemClock, VirtualClock
from tests.fix_broker import MakeBroker, RunningBroker
from tests.integration.bus.scripted import scripted
from tests.unit.bus.streams import packet
from tests.unit.bus.test_wire import BAD
from tests.waiting import until

Connect = Callable[..., BulkSession]
_names = count()


@pytest.fixture
def connect(broker: RunningBroker) -> Iterator[Connect]:
    """Starts sessions on the shared broker (or `url`), and stops them."""
    sessions: list[BulkSession] = []

    def make(*, url: str = "", wait: bool = True, **arguments: Any) -> BulkSession:
        arguments = {"client_id": f"bulk-{next(_names)}", "clock": SystemClock(), **arguments}
        session = BulkSession(url or broker.url, **arguments)
        sessions.append(session)
        session.start()
        if wait:
            session.wait_connected(10)
        return session

    yield make
    for session in sessions:
        session.stop(flush_s=0.2)


@pytest.fixture
def sender(broker: RunningBroker) -> Iterator[Session]:
    session = Session(broker.url, client_id=f"sender-{next(_names)}", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


@pytest.fixture
def topic() -> str:
    return f"bulk/{next(_names)}"


def collect(session: BulkSession, wanted: int, *, acknowledge: bool = True) -> Messages:
    """Drain until there are that many."""
    parts: list[Messages] = []

    def enough() -> bool:
        parts.append(session.drain(10_000, 0.1))
        if acknowledge:
            session.acknowledge(parts[-1])
        return sum(map(len, parts)) >= wanted

    until(enough, 10, f"{wanted} messages")
    return joined(parts)


def payloads(messages: Messages) -> list[bytes]:
    return [messages.payload(row) for row in range(len(messages))]


def test_columns_say_what_was_sent(connect: Connect, sender: Session, topic: str) -> None:
    receiver = connect(subscriptions=[topic + "/#"], clock=VirtualClock(1_700_000_000_000_000))
    for number in range(6):
        assert sender.publish(f"{topic}/{number % 3}", b"%d" % number, qos=number % 2, sequence=number or None).wait(5)
    found = collect(receiver, 6)
    order = np.argsort([int(payload) for payload in payloads(found)])  # QoS 0 and 1 may pass each other
    found = found.take(order)
    assert [found.topics[number] for number in found.topic] == [f"{topic}/{number % 3}" for number in range(6)]
    assert found.sequence.tolist() == [-1, 1, 2, 3, 4, 5]
    assert found.qos.tolist() == [0, 1] * 3
    assert ((found.packet_id > 0) == (found.qos > 0)).all()
    assert set(found.arrival_us.tolist()) == {1_700_000_000_000_000}
    assert set(found.connection.tolist()) == {1}
    assert not found.retained.any()


def test_the_same_traffic_comes_as_it_comes_through_paho(
    connect: Connect, sender: Session, broker: RunningBroker, topic: str
) -> None:
    """Mixed sizes, QoS and topics; the same messages in the same order of each topic and QoS."""
    plain = Session(broker.url, client_id=f"beside-{next(_names)}", clock=SystemClock(), subscriptions=[topic + "/#"])
    plain.start()
    plain.wait_connected(10)
    bulk = connect(subscriptions=[topic + "/#"])
    random, total = np.random.default_rng(3), 5000
    for number in range(total):
        body = b"%d " % number + bytes(int(random.choice([5, 90, 130, 300, 20_000], p=[0.3, 0.3, 0.3, 0.09, 0.01])))
        sender.publish(f"{topic}/{random.integers(20)}", body, qos=number % 2, sequence=number)
    theirs: list[Any] = []

    def all_came() -> bool:
        taken = plain.drain(10_000, 0.1)
        plain.acknowledge(taken)
        theirs.extend(taken)
        return len(theirs) >= total

    ours = collect(bulk, total).received()
    until(all_came, 20, "paho to be through")
    plain.stop()
    for one, other in ((ours, theirs), (theirs, ours)):
        by_topic: dict[tuple[str, int], list[Any]] = {}
        for message in one:
            by_topic.setdefault((message.topic, message.qos), []).append((message.payload, message.sequence, message.retained))
        for message in other:
            kept = by_topic[message.topic, message.qos].pop(0)
            assert kept == (message.payload, message.sequence, message.retained)
        assert not any(by_topic.values())


def test_a_message_larger_than_the_buffer_comes_whole(connect: Connect, sender: Session, topic: str) -> None:
    receiver = connect(subscriptions=[topic])
    large = np.random.default_rng(1).bytes(3 << 20)
    for body in (b"before", large, b"after"):
        assert sender.publish(topic, body, qos=1).wait(10)
    assert payloads(collect(receiver, 3)) == [b"before", large, b"after"]


def test_a_retained_message_says_so(connect: Connect, sender: Session, topic: str) -> None:
    assert sender.publish(topic, b"kept", qos=1, retain=True).wait(5)
    assert collect(connect(subscriptions=[topic]), 1).retained.tolist() == [True]
    assert sender.publish(topic, b"", qos=1, retain=True).wait(5)


def test_a_limit_cuts_a_batch_and_nothing_is_lost(connect: Connect, sender: Session, topic: str) -> None:
    receiver = connect(subscriptions=[topic])
    fates = [sender.publish(topic, b"%d" % number, qos=1) for number in range(100)]
    assert all(fate.wait(5) for fate in fates)
    found: list[bytes] = []

    def all_came() -> bool:
        taken = receiver.drain(7, 0.1)
        assert len(taken) <= 7
        receiver.acknowledge(taken)
        found.extend(payloads(taken))
        return len(found) == 100

    until(all_came, 10, "100 messages")
    assert found == [b"%d" % number for number in range(100)]


def test_no_more_than_the_receive_maximum_comes_before_the_first_acknowledgement(
    connect: Connect, sender: Session, topic: str
) -> None:
    """Afterwards mosquitto 2.0 sends up to a window for each PUBACK that comes together with others: all of it is taken."""
    receiver = connect(subscriptions=[topic], receive_maximum=5)
    for number in range(60):
        assert sender.publish(topic, b"%d" % number, qos=1).wait(5)
    first = collect(receiver, 5, acknowledge=False)
    assert sender.publish(topic + "/flush", b"", qos=1).wait(5)  # the broker has been round once more
    assert len(receiver.drain(100, 0.1)) == 0
    receiver.acknowledge(first)
    assert payloads(joined([first, collect(receiver, 55)])) == [b"%d" % number for number in range(60)]
    assert receiver.connections == 1


def test_what_is_not_acknowledged_goes_to_the_successor_and_what_is_does_not(
    connect: Connect, sender: Session, topic: str
) -> None:
    arguments = {"client_id": "bulk-worker", "subscriptions": [topic], "clean": False, "session_expiry_s": 60}
    first = connect(**arguments)
    for number in range(10):
        assert sender.publish(topic, b"%d" % number, qos=1).wait(5)
    found = collect(first, 10, acknowledge=False)
    first.acknowledge(found.take(slice(4)))
    first.stop()
    successor = connect(**arguments)
    assert payloads(collect(successor, 6)) == [b"%d" % number for number in range(4, 10)]
    successor.stop()
    connect(client_id="bulk-worker", clean=True)


def test_a_shared_subscription_gives_each_message_to_one_of_its_members(connect: Connect, sender: Session, topic: str) -> None:
    workers = [connect(subscriptions=[f"$share/crew/{topic}"]) for _ in range(2)]
    fates = [sender.publish(topic, b"%d" % number, qos=1) for number in range(200)]
    found: list[list[bytes]] = [[], []]

    def all_came() -> bool:
        for worker, mine in zip(workers, found, strict=True):
            taken = worker.drain(1000, 0.05)
            worker.acknowledge(taken)
            mine.extend(payloads(taken))
        return sum(map(len, found)) >= 200

    until(all_came, 10, "200 messages")
    assert all(fate.wait(5) for fate in fates)
    assert sorted(map(int, found[0] + found[1])) == list(range(200))
    assert all(found)


def test_a_broker_killed_amid_traffic_is_found_again_and_what_it_did_not_confirm_is_sent_again(
    connect: Connect, make_broker: MakeBroker, topic: str
) -> None:
    """A memory-only broker may lose what it confirmed just before it died, so the first hundred are not asked for."""
    broker = make_broker()
    receiver = connect(url=broker.url, subscriptions=[topic])
    source = connect(url=broker.url)
    seen: set[int] = set()

    def take() -> bool:
        taken = receiver.drain(1000, 0.05)
        receiver.acknowledge(taken)
        seen.update(taken.sequence.tolist())
        return seen >= set(range(100, 400))

    unsent = list(range(400))
    while unsent:
        until(lambda: source.is_connected and receiver.is_connected, 15, "both sessions to be back")
        fates = [(number, source.publish(topic, b"", qos=1, sequence=number)) for number in unsent[:100]]
        if len(unsent) == 400 and receiver.connections == 1:
            broker.kill()
            until(lambda: receiver.connections > 1 and source.connections > 1, 15, "both sessions to see it")
        unsent = [number for number, fate in fates if not fate.wait(5)] + unsent[100:]
        take()
    until(take, 10, "the messages confirmed by the new broker")


def test_publications_wait_for_the_broker_s_receive_maximum(connect: Connect) -> None:
    """The broker takes two at a time (property 0x21) and says nothing: the others stay here."""
    with scripted(b"", answer=b"\x20\x06\0\0\x03\x21\0\x02") as broker:
        session = connect(url=broker.url)
        fates = [session.publish("t", b"p", qos=1) for _ in range(5)]
        two = b"\x32\x07\0\x01t\0\x01\0p" + b"\x32\x07\0\x01t\0\x02\0p"
        until(lambda: broker.heard[0] == two, 5, "two publications")
        session.stop(flush_s=0.1)
        until(lambda: broker.heard[0] == two + b"\xe0\0", 5, "the good-bye")
        assert {fate.failure for fate in fates} == {Failure.CONNECTION_LOST}


@pytest.mark.parametrize("what", BAD)
def test_a_malformed_packet_ends_the_connection_with_its_reason_and_the_session_comes_back(connect: Connect, what: str) -> None:
    stream, reason = BAD[what]
    good = packet(("t", b"good", 0, 0, None, False), 5)
    with scripted(good + stream.ljust(40, b"\0"), packet(("t", b"again", 0, 0, None, False), 5)) as broker:
        session = connect(url=broker.url, wait=False)
        assert payloads(collect(session, 2)) == [b"good", b"again"]
        until(lambda: broker.ended, 5, "the first connection to end")
        assert broker.heard[0] == bytes((0xE0, 1, reason))
        assert session.connections == 2
        session.stop()
        until(lambda: broker.heard[1] == b"\xe0\0", 5, "the good-bye")


@pytest.mark.parametrize("stream", [b"\xd1\0", b"\x50\x02\0\x01", b"\x20\x03\0\0\0", b"\x10\x00", b"\x90\x01\0", b"\x40\x01\0"])
def test_a_packet_no_broker_may_send_ends_the_connection_and_the_session_comes_back(connect: Connect, stream: bytes) -> None:
    with scripted(stream, b"") as broker:
        session = connect(url=broker.url, wait=False)
        until(lambda: session.connections == 2 and session.is_connected, 5, "the second connection")
        assert broker.heard[0][:2] == b"\xe0\x01"
        assert broker.heard[0][2] in (0x81, 0x82)
        session.stop()


def test_the_broker_s_reason_for_its_good_bye_is_told(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    with scripted(b"\xe0\x01\x8e") as broker:
        session = connect(url=broker.url, wait=False)
        until(lambda: session.connections > 1, 10, "the session to come back")
        assert "session taken over" in caplog.text
        session.stop(flush_s=0)


def test_a_broker_that_falls_silent_is_left_after_the_keep_alive(connect: Connect) -> None:
    """It says that it wants to be asked every second (property 0x13), and never answers."""
    with scripted(b"", b"", answer=b"\x20\x06\0\0\x03\x13\0\x01") as broker:
        session = connect(url=broker.url)
        until(lambda: session.connections == 2, 10, "the session to give up")
        assert broker.heard[0].startswith(b"\xc0\0")
        session.stop()


def test_what_is_subscribed_may_change_while_the_session_lives(
    connect: Connect, sender: Session, make_broker: MakeBroker
) -> None:
    session, first, second = connect(), f"bulk/{next(_names)}", f"bulk/{next(_names)}"
    session.want([(first, 0)])
    until(lambda: sender.publish(first, b"1") and len(session.drain(10, 0.05)), 10, "a message of the first topic")
    session.want([(second, 0)])
    until(lambda: sender.publish(second, b"2") and _last(session) == 2, 10, "a message of the second topic")
    sender.publish(first, b"1")
    assert sender.publish(second, b"3", qos=1).wait(10)
    seen = until(lambda: _payloads(session), 10, "the message behind the one no longer wanted")
    assert set(seen) <= {b"2", b"3"}


def test_what_is_subscribed_later_is_subscribed_again_after_a_break(connect: Connect, make_broker: MakeBroker) -> None:
    broker = make_broker()
    session, other = connect(url=broker.url), connect(url=broker.url)
    session.want([("later/1", 0), ("later/2", 0)])
    broker.kill()
    session.wait_connected(15)
    other.wait_connected(15)
    until(lambda: other.publish("later/2", b"7") and _last(session) == 7, 15, "a message after the break")


def _payloads(session: BulkSession) -> list[bytes]:
    messages = session.drain(100, 0.05)
    return [messages.payload(index) for index in range(len(messages))]


def _last(session: BulkSession) -> int | None:
    payloads = _payloads(session)
    return int(payloads[-1]) if payloads else None


def test_the_first_message_waits_for_others_where_that_is_asked(connect: Connect, sender: Session, topic: str) -> None:
    receiver = connect(subscriptions=[topic], clock=VirtualClock(1_700_000_000_000_000))  # by it, no message grows older
    assert sender.publish(topic, b"one", qos=1).wait(5)
    began_s = time.monotonic()
    assert payloads(receiver.drain(10, 5.0, gather_s=0.2)) == [b"one"]
    assert time.monotonic() - began_s >= 0.2


def test_a_message_that_has_waited_already_is_handed_over_at_once(connect: Connect, sender: Session, topic: str) -> None:
    clock = VirtualClock(1_700_000_000_000_000)
    receiver = connect(subscriptions=[topic], clock=clock)
    assert sender.publish(topic, b"one", qos=1).wait(5)
    until(lambda: receiver._inbox, 5, "the message")
    clock.advance(60.0)
    began_s = time.monotonic()
    assert payloads(receiver.drain(10, 5.0, gather_s=60.0)) == [b"one"]
    assert time.monotonic() - began_s < 30.0
