"""What a sender holds back until we acknowledge comes with the read that acknowledges (docs/decisions/010)."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from chelu import native
from chelu.bus.intake import Intake
from chelu.bus.packets import MQTT_5
from tests.unit.bus.streams import packet

ROUNDS = 20


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Who gathers small writes, and who reads."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as reader:
        sender, _ = server.accept()
        with sender:
            reader.setblocking(False)
            yield sender, reader


@pytest.mark.skipif(native.library() is None, reason="the numpy path reads once")
@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="acknowledging at once is Linux's")
def test_what_was_held_back_comes_with_the_first_read(pair: tuple[socket.socket, socket.socket]) -> None:
    sender, reader = pair
    intake = Intake(version=MQTT_5, most=1 << 20, connection=1, wall_us=lambda: 0)
    first_reads, arrived = [], 0
    for number in range(ROUNDS):
        reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)  # what comes now is not acknowledged before it is read
        for part in range(3):
            sender.sendall(packet((f"a/{part}", b"x" * 50, 0, 0, None, False), MQTT_5))
        first_reads.append(_read(intake, reader))
        arrived += first_reads[-1]
        while arrived < 3 * (number + 1):
            arrived += _read(intake, reader)
    assert sum(count == 3 for count in first_reads) > ROUNDS / 2  # the kernel may put its part off now and then


def _read(intake: Intake, reader: socket.socket) -> int:
    """Messages of one read."""
    assert select.select([reader], [], [], 5)[0]
    return len(intake.take(reader)[1].messages)
