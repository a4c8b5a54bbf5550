"""What rights cost a real mosquitto with 10,000 devices registered; run with -s to see the numbers that docs/registry.md has."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from chelu.api import Client, NewDevice, Registered
from chelu.local.ports import LOOPBACK
from chelu.topics import Kind
from tests.integration.registry.conftest import SITE, AddDevice

DEVICES = 10_000
SESSIONS = 1_000
MESSAGES = 50_000
PAYLOAD = b"x" * 60
ACCEPTED = b"\x20\x02\x00\x00"


def text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def packet(kind: int, body: bytes) -> bytes:
    head, length = bytes([kind]), len(body)
    while True:
        length, digit = divmod(length, 128)
        head += bytes([digit | (0x80 if length else 0)])
        if not length:
            return head + body


def connect(port: int, device: Registered) -> socket.socket:
    """A bare MQTT 3.1.1 session."""
    assert device.secret is not None
    connection = socket.create_connection((LOOPBACK, port), timeout=60)
    names = text(device.device_id) + text(device.device_id) + text(device.secret)
    connection.sendall(packet(0x10, b"\x00\x04MQTT\x04\xc2\x00\x00" + names))
    assert connection.recv(4) == ACCEPTED
    return connection


def is_alive(session: socket.socket) -> bool:
    session.sendall(b"\xc0\x00")
    return session.recv(2) == b"\xd0\x00"


def rate(port: int, device: Registered, topics: Sequence[str]) -> float:
    """Messages a second that the broker takes from one session that says all `topics` in turn."""
    with connect(port, device) as session:
        burst = b"".join(packet(0x30, text(topic) + PAYLOAD) for topic in topics)
        rounds = -(-MESSAGES // len(topics))
        started_s = time.monotonic()
        for _ in range(rounds):
            session.sendall(burst)
        assert is_alive(session)
        return rounds * len(topics) / (time.monotonic() - started_s)


@contextlib.contextmanager
def watched(sessions: Sequence[socket.socket]) -> Iterator[list[float]]:
    """Asks one session after the other whether it is alive, until the end; the seconds that each answer took."""
    answers_s: list[float] = []
    has_ended = threading.Event()

    def ask() -> None:
        for session in itertools.cycle(sessions):
            started_s = time.monotonic()
            assert is_alive(session)
            answers_s.append(time.monotonic() - started_s)
            if has_ended.is_set():
                return

    thread = threading.Thread(target=ask)
    thread.start()
    yield answers_s
    has_ended.set()
    thread.join()


@pytest.fixture(scope="module")
def fleet(client: Client, mosquitto_port: int) -> list[Registered]:
    return client.add_devices(
        [NewDevice(device_id=f"fleet-{number:05d}", kind=Kind.OBU, site_id=SITE) for number in range(DEVICES)]
    )


@pytest.fixture
def sessions(mosquitto_port: int, fleet: list[Registered]) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(mosquitto_port, device)) for device in fleet[:SESSIONS]]


def test_a_change_among_many_devices_and_sessions_is_known_at_once_and_disturbs_nobody(
    client: Client, add_device: AddDevice, mosquitto_port: int, sessions: list[socket.socket], fleet: list[Registered]
) -> None:
    started_s = time.monotonic()
    added = add_device("latecomer")
    added_s = time.monotonic() - started_s
    connect(mosquitto_port, added).close()
    with watched(sessions[1:]) as answers_s:
        started_s = time.monotonic()
        client.revoke_credential(fleet[0].device_id)
        assert sessions[0].recv(1) == b""
        cut_s = time.monotonic() - started_s
    assert all(is_alive(session) for session in sessions[1:])
    print(
        f"\n{DEVICES} devices, {SESSIONS} sessions: one more registered in {1000 * added_s:.0f} ms, cut in {1000 * cut_s:.0f} ms;"
        f" the slowest of {len(answers_s)} answers that others had meanwhile took {1000 * max(answers_s):.0f} ms"
    )
    assert max(added_s, cut_s, *answers_s) < 1


@pytest.mark.parametrize("children", [1, 100, 500])
def test_a_gateway_of_this_size_is_kept_up_with(
    client: Client, mosquitto_port: int, add_device: AddDevice, children: int
) -> None:
    name = f"gateway-{children}"
    gateway = add_device(name, Kind.GATEWAY)
    ids = [f"{name}-obu-{number:05d}" for number in range(children)]
    client.add_devices([NewDevice(device_id=each, kind=Kind.OBU, site_id=SITE, parent=name) for each in ids])
    found = rate(mosquitto_port, gateway, [f"obu/{each}/bsm/up" for each in ids])
    print(f"\na gateway of {children} children: {found:.0f} messages/s")
    assert found > 10_000


def test_a_device_of_its_own_is_kept_up_with(mosquitto_port: int, fleet: list[Registered]) -> None:
    name = fleet[1].device_id
    print()
    for tail in ("bsm/up", "upgrade-status/up"):
        found = rate(mosquitto_port, fleet[1], [f"obu/{name}/{tail}"])
        print(f"a device on {tail}: {found:.0f} messages/s")
        assert found > 10_000
