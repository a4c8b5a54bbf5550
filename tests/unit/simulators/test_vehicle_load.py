"""What `chelu vehicles` makes of a gateway that refuses, and of one that does not answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

from chelu.clock import SystemClock
from chelu.codec import gbt32960_frame
from chelu.codec.gbt32960_frame import Answer, Frame
from simulators import vehicle_load
from simulators.vehicle_load import Load, Outcome, Plan, reasons
from simulators.vehicle_names import vin_of

Reply = Callable[[Frame], bytes]


def serve(peer: socket.socket, reply: Reply | None) -> None:
    splitter = gbt32960_frame.Splitter()
    with closing(peer):
        while data := peer.recv(4096):
            if reply is not None:
                answers = [reply(gbt32960_frame.read(raw)) for raw in splitter.feed(data)]
                peer.sendall(b"".join(answers))


def accept(server: socket.socket, reply: Reply | None) -> None:
    with suppress(OSError):  # it is shut
        while True:
            peer, _ = server.accept()
            threading.Thread(target=serve, args=(peer, reply), daemon=True).start()


@pytest.fixture
def listening() -> Iterator[Callable[[Reply | None], int]]:
    """A gateway's port: answers each frame of GB/T 32960 with `reply`, or swallows all that comes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def begin(reply: Reply | None) -> int:
            threading.Thread(target=accept, args=(server, reply), daemon=True).start()
            port: int = server.getsockname()[1]
            return port

        yield begin
        server.shutdown(socket.SHUT_RDWR)


def of(answer: Callable[[Frame], Answer]) -> Reply:
    return lambda frame: Frame(frame.edition, frame.command, answer(frame), frame.vin, frame.encryption, frame.data[:6]).encode()


def driven(plan: Plan) -> tuple[Outcome, float]:
    clock = SystemClock()
    begun_s = clock.monotonic_s()
    outcome = Load(plan, clock).run()
    return outcome, clock.monotonic_s() - begun_s


def test_one_that_is_not_listed_is_named_and_not_waited_for(listening) -> None:
    stranger = vin_of(2).encode("ascii")
    port = listening(of(lambda frame: Answer.VIN_UNKNOWN if frame.vin == stranger else Answer.OK))
    plan = Plan("127.0.0.1", port, 3, 1.0, 0.3)
    outcome, lasted_s = driven(plan)
    assert (outcome.logged_in, dict(outcome.refused)) == (2, {"01/04": 1})
    assert lasted_s < vehicle_load.SILENT_S
    assert reasons(plan, outcome) == [
        f"sim-vehicle-2, VIN {vin_of(2)}, was refused: the gateway's list of vehicles has no such VIN (01/04)"
    ]


def test_of_many_that_are_refused_some_are_named_and_nobody_reports(listening) -> None:
    plan = Plan("127.0.0.1", listening(of(lambda _: Answer.VIN_UNKNOWN)), 8, 1.0, 60.0)
    outcome, lasted_s = driven(plan)
    assert lasted_s < vehicle_load.SILENT_S
    assert len(reasons(plan, outcome)) == vehicle_load.SHOWN + 1
    assert reasons(plan, outcome)[-1] == "and 3 more were refused"


def test_a_port_of_another_protocol_is_given_up_in_time_and_said(listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vehicle_load, "SILENT_S", 0.2)
    plan = Plan("127.0.0.1", listening(None), 3, 1.0, 60.0, "jt808", 2019)
    outcome, lasted_s = driven(plan)
    assert lasted_s < 30
    assert (outcome.connected, outcome.logged_in) == (3, 0)
    assert reasons(plan, outcome) == [f"nobody answered at 127.0.0.1:{plan.port} as JT/T 808: is that the gateway's port for it?"]
