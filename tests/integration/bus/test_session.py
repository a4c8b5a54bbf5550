"""Sessions against a real mosquitto: who is connected, what is lost, and what comes again; with paho and with the bulk reader."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from chelu.bus import Failure, Received, Session, Will
from chelu.bus.swift import SwiftSession
from chelu.clock import SystemClock, VirtualClock
from chelu.errors import RefusedError, UnreachableError
from chelu.local.ports import free_port
from tests.fix_broker import MakeBroker, RunningBroker
from tests.waiting import until

Connect = Callable[..., Session]
_names = count()


@pytest.fixture(params=[Session, SwiftSession])
def connect(broker: RunningBroker, request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Starts sessions on the shared broker (or `url`), and stops them."""
    sessions: list[Session] = []

    def make(*, url: str = "", client_id: str = "", wait: bool = True, **arguments: Any) -> Session:
        name = client_id or f"session-{next(_names)}"
        session: Session = request.param(
            url or broker.url, client_id=name, clock=arguments.pop("clock", SystemClock()), **arguments
        )
        sessions.append(session)
        session.start()
        if wait:
            session.wait_connected(10)
        return session

    yield make
    for session in sessions:
        session.stop(flush_s=0.2)


@pytest.fixture
def topic() -> str:
    return f"bus/{next(_names)}"


def collect(session: Session, wanted: int, *, acknowledge: bool = True) -> list[Received]:
    """Drain until there are that many."""
    found: list[Received] = []

    def enough() -> bool:
        taken = session.drain(10_000, 0.1)
        if acknowledge:
            session.acknowledge(taken)
        found.extend(taken)
        return len(found) >= wanted

    until(enough, 10, f"{wanted} messages")
    return found


def test_a_message_arrives_with_its_sequence_and_the_clock_s_time(connect: Connect, topic: str) -> None:
    receiver = connect(subscriptions=[topic], clock=VirtualClock(1_700_000_000_000_000))
    publication = connect().publish(topic, b"hello", qos=1, sequence=42)
    assert publication.wait(5)
    (message,) = collect(receiver, 1)
    assert (message.topic, message.payload, message.qos, message.sequence) == (topic, b"hello", 1, 42)
    assert message.arrival_us == 1_700_000_000_000_000
    assert not message.retained


def test_a_message_without_a_sequence_has_none(connect: Connect, topic: str) -> None:
    receiver = connect(subscriptions=[(topic, 0)])
    assert connect().publish(topic, b"x").wait(5)
    assert collect(receiver, 1)[0].sequence is None


def test_ten_thousand_messages_keep_their_order(connect: Connect, topic: str) -> None:
    receiver, sender = connect(subscriptions=[topic]), connect()
    publications = [sender.publish(topic, b"%d" % number, qos=1, sequence=number) for number in range(10_000)]
    found = collect(receiver, 10_000)
    assert [message.sequence for message in found] == list(range(10_000))
    assert all(publication.wait(5) for publication in publications)


def test_what_is_not_acknowledged_goes_to_the_successor_and_what_is_does_not(connect: Connect, topic: str) -> None:
    arguments = {"client_id": "worker-1", "subscriptions": [topic], "clean": False, "session_expiry_s": 60}
    first = connect(**arguments)
    sender = connect()
    for number in range(10):
        assert sender.publish(topic, b"%d" % number, qos=1).wait(5)
    found = collect(first, 10, acknowledge=False)
    first.acknowledge(found[:4])
    first.stop()
    assert sender.publish(topic, b"10", qos=1).wait(5)
    successor = connect(**arguments)
    assert [message.payload for message in collect(successor, 7)] == [b"%d" % number for number in range(4, 11)]
    successor.stop()
    assert connect(client_id="worker-1", clean=True, wait=True).is_connected  # forget the session


def test_a_killed_process_s_session_is_resumed(connect: Connect, broker: RunningBroker, topic: str) -> None:
    program = (
        "import sys, time\n"
        "from chelu.bus import Session\nfrom chelu.clock import SystemClock\n"
        "session = Session(sys.argv[1], client_id='worker-2', clock=SystemClock(), subscriptions=[sys.argv[2]],"
        " clean=False, session_expiry_s=60)\n"
        "session.start()\nsession.wait_connected(10)\nprint('ready', flush=True)\n"
        "while not session.drain(100, 1.0): pass\nprint('got', flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, broker.url, topic], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert connect().publish(topic, b"precious", qos=1).wait(5)
    assert process.stdout.readline() == "got\n"
    process.kill()
    process.wait()
    process.stdout.close()
    successor = connect(client_id="worker-2", subscriptions=[topic], clean=False, session_expiry_s=60)
    assert [message.payload for message in collect(successor, 1)] == [b"precious"]
    successor.stop()
    connect(client_id="worker-2", clean=True)


def test_a_successor_s_new_subscriptions_count_even_when_the_session_was_kept(connect: Connect, topic: str) -> None:
    connect(client_id="worker-3", subscriptions=[topic], clean=False, session_expiry_s=60).stop()
    successor = connect(client_id="worker-3", subscriptions=[topic, topic + "/new"], clean=False, session_expiry_s=60)
    assert connect().publish(topic + "/new", b"x", qos=1).wait(5)
    assert collect(successor, 1)[0].topic == topic + "/new"
    successor.stop()
    connect(client_id="worker-3", clean=True)


def test_a_broker_that_dies_is_found_again_and_subscribed_to_anew(connect: Connect, make_broker: MakeBroker, topic: str) -> None:
    broker = make_broker()
    greetings: list[int] = []
    receiver = connect(url=broker.url, subscriptions=[topic], on_connect=lambda session: greetings.append(session.connections))
    broker.kill()
    until(lambda: len(greetings) > 1 and receiver.is_connected, 10, "the session to come back")
    assert connect(url=broker.url).publish(topic, b"again", qos=1).wait(5)
    assert collect(receiver, 1)[0].payload == b"again"


def test_an_acknowledgement_of_an_earlier_connection_is_not_sent(connect: Connect, make_broker: MakeBroker, topic: str) -> None:
    broker = make_broker()
    receiver = connect(url=broker.url, subscriptions=[topic])
    assert connect(url=broker.url).publish(topic, b"old", qos=1).wait(5)
    (old,) = collect(receiver, 1, acknowledge=False)
    broker.kill()
    until(lambda: not receiver.is_connected or receiver.connections > 1, 10, "the loss to be seen")
    until(lambda: receiver.is_connected, 10, "the session to come back")
    assert connect(url=broker.url).publish(topic, b"new", qos=1).wait(5)
    (new,) = collect(receiver, 1, acknowledge=False)
    assert new.mid == old.mid
    assert new.connection > old.connection
    receiver.acknowledge([old])
    receiver.acknowledge([new])


def test_a_publication_while_disconnected_is_not_accepted(connect: Connect) -> None:
    session = connect(url=f"mqtt://127.0.0.1:{free_port()}", wait=False)
    publication = session.publish("a", b"b", qos=1)
    assert (publication.is_accepted, publication.failure) == (False, Failure.NOT_CONNECTED)
    assert not publication.wait(0)


def test_nobody_there_is_an_unreachable_error_with_the_address(connect: Connect) -> None:
    port = free_port()
    session = connect(url=f"mqtt://127.0.0.1:{port}", wait=False)
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{port} cannot be reached"):
        session.wait_connected(0.3)
    assert not session.is_connected


PASSWORD_FILE = (
    "rsu-1:$7$101$/nzzAr2yAfgyJeCv$cmTfx40jj1iHLdHrfFvJ9B0KGUZkeb7hq8KMxJ4r+iU2uqLVdWuKjnrXzD6q0p4kHn6WbGu6Ny4Bz2bqkCbPXw==\n"
)


@pytest.fixture
def guarded(make_broker: MakeBroker, tmp_path: Path) -> RunningBroker:
    """A broker that lets nobody in."""
    file = tmp_path / "passwords"
    file.write_text(PASSWORD_FILE)
    file.chmod(0o600)
    return make_broker(password_file=file)


def test_a_wrong_password_is_refused_with_the_broker_s_reason_and_never_connected(
    connect: Connect, guarded: RunningBroker
) -> None:
    greetings: list[Session] = []
    session = connect(url=guarded.url_for("rsu-1", "wrong"), client_id="rsu-1", wait=False, on_connect=greetings.append)
    with pytest.raises(RefusedError, match=r"(?i)refused client 'rsu-1': (not authori|bad user)"):
        session.wait_connected(10)
    until(lambda: session.connections > 2, 10, "two more attempts")
    assert not session.is_connected
    assert greetings == []


def test_a_last_will_is_said_when_the_process_dies_and_not_when_it_leaves(
    connect: Connect, topic: str, broker: RunningBroker
) -> None:
    receiver = connect(subscriptions=[topic + "/#"])
    connect(will=Will(topic + "/left", b"gone")).stop()
    program = (
        "import sys, time\nfrom chelu.bus import Session, Will\nfrom chelu.clock import SystemClock\n"
        "session = Session(sys.argv[1], client_id='mortal', clock=SystemClock(), will=Will(sys.argv[2], b'gone'))\n"
        "session.start()\nsession.wait_connected(10)\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, broker.url, topic + "/died"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert [message.topic for message in collect(receiver, 1)] == [topic + "/died"]
    connect().publish(topic + "/died", b"", qos=1, retain=True).wait(5)


def test_a_full_inbox_drops_and_counts_qos_0_and_leaves_qos_1_at_the_broker(connect: Connect, topic: str) -> None:
    receiver = connect(subscriptions=[topic], inbox_limit=10, receive_maximum=5)
    sender = connect()
    for number in range(30):
        sender.publish(topic, b"%d" % number)
    assert sender.publish(topic, b"first of QoS 1", qos=1).wait(5)
    until(lambda: receiver.inbox_dropped == 20, 5, "20 messages to be dropped")
    for number in range(30):
        assert sender.publish(topic, b"q%d" % number, qos=1).wait(5)
    found = receiver.drain(1000, 1)
    assert len(found) == 15
    assert [message.qos for message in found] == [0] * 10 + [1] * 5
    receiver.acknowledge(found)
    later = collect(receiver, 26)
    assert [message.payload for message in [*found[10:], *later]] == [
        b"first of QoS 1",
        *(b"q%d" % number for number in range(30)),
    ]
    assert receiver.inbox_dropped == 20


def test_a_full_outbox_is_reported_and_does_not_grow(connect: Connect, topic: str) -> None:
    session = connect(outbox_limit=100)
    fates = [session.publish(topic, b"x" * 1000, qos=1).failure for _ in range(20_000)]
    assert Failure.OUTBOX_FULL in fates
    assert set(fates) <= {None, Failure.OUTBOX_FULL}
    until(lambda: session.publish(topic, b"x", qos=1).wait(1), 5, "room again")


def test_what_was_queued_is_sent_before_the_session_stops(connect: Connect, topic: str) -> None:
    receiver, sender = connect(subscriptions=[topic]), connect()
    publications = [sender.publish(topic, b"%d" % number, qos=number % 2) for number in range(2000)]
    sender.stop()
    assert all(publication.is_acknowledged for publication in publications)
    assert len(collect(receiver, 2000)) == 2000


def test_publications_in_flight_when_the_broker_dies_are_reported_as_failed(connect: Connect, topic: str) -> None:
    """A broker that accepts the client and then never answers again, which mosquitto does not do on purpose."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_connect_then_hang_up, args=(server,))
        thread.start()
        session = connect(url=f"mqtt://127.0.0.1:{server.getsockname()[1]}")
        publication = session.publish(topic, b"x", qos=1)
        assert not publication.wait(5)
        assert publication.failure is Failure.CONNECTION_LOST  # taken, and lost
        thread.join()


def _answer_connect_then_hang_up(server: socket.socket) -> None:
    client, _ = server.accept()
    with client:
        client.recv(4096)
        client.sendall(b"\x20\x03\x00\x00\x00")
        client.recv(4096)


def test_a_message_the_broker_could_never_take_is_a_permanent_failure(connect: Connect, topic: str) -> None:
    """The broker says in its CONNACK that it takes 100 bytes (property 0x27)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = b"\x20\x08\x00\x00\x05\x27\x00\x00\x00\x64"
        thread = threading.Thread(target=_answer, args=(server, answer))
        thread.start()
        session = connect(url=f"mqtt://127.0.0.1:{server.getsockname()[1]}")
        failure = session.publish(topic, b"x" * 101, qos=1).failure
        assert failure is Failure.TOO_LARGE
        assert failure.is_permanent
        session.stop()
        thread.join()


def _answer(server: socket.socket, answer: bytes) -> None:
    client, _ = server.accept()
    with client:
        client.recv(4096)
        client.sendall(answer)
        while client.recv(4096):
            pass


def test_a_broker_that_speaks_3_1_1_only_is_spoken_to_in_3_1_1(connect: Connect, broker: RunningBroker, topic: str) -> None:
    """A relay that answers MQTT 5 with code 1, as such brokers do, and hands everything else to mosquitto."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_relay_3_1_1, args=(server, broker.port), daemon=True).start()
        session = connect(url=f"mqtt://127.0.0.1:{server.getsockname()[1]}", subscriptions=[topic])
        assert not session.speaks_5
        assert session.publish(topic, b"x", qos=1, sequence=7).wait(5)
        assert [(message.payload, message.sequence) for message in collect(session, 1)] == [(b"x", None)]
        session.stop()


def _relay_3_1_1(server: socket.socket, port: int) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        first = client.recv(4096)
        if first[8] == 5:
            client.sendall(b"\x20\x02\x00\x01")
            client.close()
            continue
        upstream = socket.create_connection(("127.0.0.1", port))
        upstream.sendall(first)
        back = threading.Thread(target=_pump, args=(upstream, client), daemon=True)
        back.start()
        _pump(client, upstream)
        back.join()
        client.close()
        upstream.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(4096):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)
