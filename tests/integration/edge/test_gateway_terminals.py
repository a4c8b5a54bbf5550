"""JT/T 808 terminals over TCP on a real broker: from registration to logout, bad input, and long messages in parts."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from chelu.codec import jt808_parts
from chelu.codec.jt808_frame import Message, Splitter, read
from chelu.codec.jt808_parts import split
from chelu.codec.jt808_talk import (
    Registered,
    Registration,
    Result,
    Say,
    encode_authentication,
    read_general_answer,
    read_registration_answer,
)
from edge.vehicles import server
from simulators.vehicle_names import device_of, phone_of, vin_of
from tests.integration.edge.gateways import Ears, Running, Start
from tests.waiting import until

LOCATION = bytes(22) + bytes.fromhex("231115061320")
BOTH = pytest.mark.parametrize("edition", [2013, 2019])


class Terminal:
    """A terminal at the end of a cable."""

    def __init__(self, port: int, number: int = 0, edition: int = 2019) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.number, self.edition, self.serial = number, edition, 0
        self.splitter = Splitter()
        self.answers: list[Message] = []

    def message(self, kind: int, body: bytes = b"") -> Message:
        self.serial += 1
        phone = phone_of(self.number, self.edition)
        return Message(self.edition, kind, phone, self.serial, body, version=int(self.edition == 2019))

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.sock.sendall(piece)

    def answer(self) -> Message:
        """The next answer; raises when none comes in ten seconds."""
        while not self.answers:
            data = self.sock.recv(4096)
            if not data:
                raise EOFError
            self.answers += map(read, self.splitter.feed(data))
        return self.answers.pop(0)

    def ask(self, kind: int, body: bytes = b"") -> int:
        """The result of the general answer."""
        self.send(self.message(kind, body).encode())
        to, serial, result = read_general_answer(self.answer().body)
        assert (to, serial) == (kind, self.serial)
        return result

    def register(self) -> tuple[int, bytes]:
        who = Registration(50, 112, "CHELU", "X1", "T1", 0, vin_of(self.number))
        self.send(self.message(Say.REGISTER, who.encode(self.edition)).encode())
        _, result, code = read_registration_answer(self.answer().body)
        return result, code

    def log_in(self) -> bytes:
        """Register and authenticate; returns the code."""
        result, code = self.register()
        assert result == Registered.OK
        assert self.ask(Say.AUTHENTICATE, encode_authentication(self.edition, code)) == Result.OK
        return code


Dial = Callable[..., Terminal]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Connects terminals, and hangs up afterwards."""
    made: list[Terminal] = []

    def make(running: Running, **values: int) -> Terminal:
        made.append(Terminal(running.gateway.port, **values))
        return made[-1]

    yield make
    for terminal in made:
        terminal.sock.close()


@BOTH
def test_a_terminal_is_answered_as_the_standard_says_and_its_reports_go_up(
    start: Start, dial: Dial, ears: Ears, edition: int
) -> None:
    running = start(protocol="jt808")
    terminal = dial(running, edition=edition)
    code = terminal.log_in()
    assert terminal.ask(Say.HEARTBEAT) == Result.OK
    wanted = terminal.message(Say.LOCATION, LOCATION)
    terminal.send(wanted.encode())
    assert read_general_answer(terminal.answer().body) == (Say.LOCATION, wanted.serial, Result.OK)
    terminal.send(terminal.message(Say.TIME).encode())
    answer = terminal.answer()
    assert (answer.message, len(answer.body)) == (Say.TIME_ANSWER, 6)
    assert terminal.ask(Say.LOGOUT) == Result.OK
    assert terminal.ask(Say.AUTHENTICATE, encode_authentication(edition, code)) == Result.FAILED  # the code has ended
    until(lambda: wanted.encode() in ears.frames(device_of(0)), 10, "its report on its topic")
    kinds = {read(frame).message for frame in ears.frames(device_of(0))}
    assert kinds == {Say.REGISTER, Say.LOCATION, Say.LOGOUT}  # no code leaves the gateway


@BOTH
def test_a_code_holds_for_the_next_connection_too(start: Start, dial: Dial, edition: int) -> None:
    running = start(protocol="jt808")
    code = dial(running, edition=edition).log_in()
    again = dial(running, edition=edition)
    assert again.ask(Say.AUTHENTICATE, encode_authentication(edition, code)) == Result.OK
    assert again.ask(Say.LOCATION, LOCATION) == Result.OK
    assert running.counted("replaced_by_a_second_login") == 1


def test_who_is_not_registered_is_refused_with_the_right_code_and_shown_to_the_operator(start: Start, dial: Dial) -> None:
    running = start(protocol="jt808")
    stranger = dial(running, number=999)
    assert stranger.register() == (Registered.NO_TERMINAL, b"")
    assert stranger.ask(Say.AUTHENTICATE, encode_authentication(2019, b"guess")) == Result.FAILED
    assert stranger.ask(Say.LOCATION, LOCATION) == Result.FAILED
    until(lambda: running.status().get("unknown"), 5, "it is listed")
    assert running.status()["unknown"] == {phone_of(999, 2019): 2}
    assert [running.counted(reason) for reason in ("unknown_terminal", "not_logged_in")] == [2, 1]


def test_bad_input_is_counted_with_its_reason_and_the_connection_goes_on(start: Start, dial: Dial) -> None:
    running = start(protocol="jt808")
    terminal = dial(running)
    terminal.log_in()
    good = terminal.message(Say.LOCATION, LOCATION).encode()
    terminal.send(good[:-2] + bytes([good[-2] ^ 1]) + b"\x7e")  # right length, wrong check
    from tests.unit.codec.test_jt808 import framed, head

    terminal.send(framed(head(2019, 29) + LOCATION), framed(head(2019, 27) + LOCATION))  # wrong length, right check
    assert terminal.ask(Say.LOCATION, LOCATION[:20]) == Result.WRONG
    assert terminal.ask(Say.LOCATION, LOCATION + b"\x01\x04\x00") == Result.WRONG
    assert terminal.ask(0x0900, b"\x00") == Result.UNSUPPORTED
    terminal.send(b"noise", good[:9], good[9:] + good + good[:7])  # half a packet, and two in one
    assert [read_general_answer(terminal.answer().body)[2] for _ in range(2)] == [Result.OK] * 2
    terminal.sock.close()
    until(lambda: running.counted("half_a_frame"), 5, "the half frame counted")
    counts = {
        name: running.counted(name) for name in ("wrong_check", "truncated", "overlong", "unsupported_message", "half_a_frame")
    }
    # The noise stood between two marks, which makes it a frame with a wrong check.
    assert counts == {"wrong_check": 2, "truncated": 3, "overlong": 1, "unsupported_message": 1, "half_a_frame": 1}


@BOTH
def test_a_batch_in_parts_goes_up_whole_and_every_part_is_answered(start: Start, dial: Dial, ears: Ears, edition: int) -> None:
    terminal = dial(start(protocol="jt808"), edition=edition)
    terminal.log_in()
    body = struct.pack(">HB", 200, 1) + (b"\0\x1c" + LOCATION) * 200
    parts = split(terminal.message(Say.BATCH, body))
    assert len(parts) == 6
    terminal.send(*(part.encode() for part in reversed(parts)))
    answers = [read_general_answer(terminal.answer().body) for _ in parts]
    assert answers == [(Say.BATCH, part.serial, Result.OK) for part in parts]
    wanted = b"".join(part.encode() for part in parts)
    until(lambda: wanted in ears.frames(device_of(0)), 10, "the batch on its topic")


@BOTH
def test_a_part_that_was_lost_is_asked_for(start: Start, dial: Dial, monkeypatch: pytest.MonkeyPatch, edition: int) -> None:
    monkeypatch.setattr(jt808_parts, "ASK_S", 0.2)
    monkeypatch.setattr(server, "TEND_S", 0.1)
    terminal = dial(start(protocol="jt808"), edition=edition)
    terminal.log_in()
    parts = split(terminal.message(Say.BATCH, struct.pack(">HB", 90, 1) + (b"\0\x1c" + LOCATION) * 90))
    terminal.send(parts[0].encode(), parts[2].encode())
    asked = terminal.answer()
    assert (asked.message, asked.body[:2], asked.body[-2:]) == (Say.RESEND, parts[0].serial.to_bytes(2), b"\0\2")
    terminal.send(parts[1].encode())
    assert [read_general_answer(terminal.answer().body)[2] for _ in parts] == [Result.OK] * 3


def test_a_batch_with_one_bad_location_is_taken_and_the_bad_one_counted(start: Start, dial: Dial) -> None:
    running = start(protocol="jt808")
    terminal = dial(running)
    terminal.log_in()
    assert terminal.ask(Say.BATCH, b"\0\2\0\0\x1c" + LOCATION + b"\0\3abc") == Result.OK
    assert terminal.ask(Say.BATCH, b"\0\2\0\0\x1c" + LOCATION) == Result.WRONG
    assert running.counted("truncated") == 2
