"""A car of GB/T 32960 as a test speaks it, byte for byte."""

from __future__ import annotations

import socket
from collections.abc import Callable

from chelu.codec import jt808_frame
from chelu.codec.gbt32960_frame import Answer, Command, Frame, Splitter, encode_time, read
from chelu.codec.jt808_frame import MARK
from chelu.codec.jt808_talk import Say
from simulators.vehicle_names import vin_of

NOW_US = 1_700_000_000_000_000
VIN = vin_of(0).encode()
TIME = encode_time(NOW_US)
OWN = b"\x80\xea\x00" + bytes(0xEA00)  # a maker's own item of 60 kB
LOGIN = TIME + b"\x00\x01" + b"8" * 20 + b"\x00\x00"


def request(command: int, data: bytes = b"", *, vin: bytes = VIN, edition: int = 2016, encryption: int = 1) -> bytes:
    return Frame(edition, command, Answer.REQUEST, vin, encryption, data).encode()


class Car:
    """A terminal at the end of a cable."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.splitter = Splitter()
        self.answers: list[Frame] = []

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.sock.sendall(piece)

    def answer(self) -> Frame:
        """The next answer; raises when none comes in ten seconds."""
        while not self.answers:
            data = self.sock.recv(4096)
            if not data:
                raise EOFError
            self.answers += map(read, self.splitter.feed(data))
        return self.answers.pop(0)

    def ask(self, command: int, data: bytes = b"", **more: object) -> tuple[int, int, bytes]:
        self.send(request(command, data, **more))  # type: ignore[arg-type]
        found = self.answer()
        return found.command, found.answer, found.data


def named(device: str, payload: bytes) -> tuple[str, str] | None:
    """Device and time as sent, of a report."""
    if payload[:1] == MARK:
        message = jt808_frame.read(payload)
        return (device, message.body[22:28].hex()) if message.message == Say.LOCATION else None
    frame = read(payload)
    return (device, frame.data[:6].hex()) if frame.command == Command.REALTIME else None


Cars = Callable[..., Car]
