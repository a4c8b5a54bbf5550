"""What a simulated vehicle says over TCP, in each of the protocols: its greeting, its reports, and what it makes of answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chelu.codec import gbt32960_frame, jt808_frame
from chelu.codec.gbt32960_encode import encode
from chelu.codec.gbt32960_frame import Answer, Command, Encryption, Frame, encode_time
from chelu.codec.jt808_encode import encode as encode_locations
from chelu.codec.jt808_frame import Message
from chelu.codec.jt808_talk import (
    Registered,
    Registration,
    Result,
    Say,
    encode_authentication,
    read_general_answer,
    read_registration_answer,
)
from chelu.errors import MalformedError
from chelu.messages import Batch
from simulators.vehicle_names import phone_of, vin_of

CELLS, PROBES = 96, 24
ICCID = b"89860000000000000000"
ANSWERS: Mapping[int, str] = {
    Answer.ERROR: "it is not set up as the gateway expects",
    Answer.VIN_DUPLICATE: "its VIN is logged in on another connection",
    Answer.VIN_UNKNOWN: "the gateway's list of vehicles has no such VIN",
    Answer.SIGNATURE: "its signature is not right",
    Answer.STRUCTURE: "what it said is built otherwise than the standard has it",
    Answer.DECRYPTION: "what it said cannot be opened",
}
REGISTRATIONS: Mapping[int, str] = {
    Registered.VEHICLE_TAKEN: "its vehicle is registered already",
    Registered.NO_VEHICLE: "the gateway knows no such vehicle",
    Registered.TERMINAL_TAKEN: "its terminal is registered already",
    Registered.NO_TERMINAL: "the gateway's list of vehicles has no such phone number",
}
RESULTS: Mapping[int, str] = {
    Result.FAILED: "the gateway could not do it",
    Result.WRONG: "the message was wrong",
    Result.UNSUPPORTED: "the gateway does not know the message",
}
PLATE_COLOUR = 0  # no plate yet: the VIN stands in its place


@dataclass(frozen=True, slots=True)
class Report:
    """A frame; key: what its acknowledgement says of it; moment: its time as on the wire."""

    key: bytes
    moment: bytes
    frame: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer. code: how the protocol calls it; reply: what the vehicle says next; key: the report that it acknowledges.

    why: of one that is no good news, in words; is_final: the vehicle will not be let in.
    """

    code: str
    is_good: bool
    key: bytes | None = None
    is_logged_in: bool = False
    reply: bytes = b""
    why: str = ""
    is_final: bool = False


class Splitter(Protocol):
    """Frames out of a vehicle's connection."""

    def feed(self, piece: bytes) -> Iterator[bytes]: ...


class Speech(Protocol):
    """One protocol in one edition; vehicles are numbers. For one thread."""

    def splitter(self) -> Splitter: ...

    def greet(self, number: int, now_us: int) -> bytes:
        """What is said first; when all is well, answers lead to one that `is_logged_in`."""

    def reports(self, rows: Batch, numbers: Sequence[int], random: np.random.Generator) -> list[Report]:
        """One report a row."""

    def hear(self, number: int, raw: bytes) -> Heard:
        """An answer to this vehicle."""


class Electric:
    """GB/T 32960.3: an electric car with one pack of cells."""

    def __init__(self, edition: int) -> None:
        self._edition = edition

    def splitter(self) -> Splitter:
        """As `Speech`."""
        return gbt32960_frame.Splitter()

    def greet(self, number: int, now_us: int) -> bytes:
        """As `Speech`: a login."""
        packs = b"\x01\x01P" if self._edition == 2016 else b"\x00"
        data = encode_time(now_us) + b"\x00\x01" + ICCID + packs
        vin = vin_of(number).encode("ascii")
        return Frame(self._edition, Command.LOGIN, Answer.REQUEST, vin, Encryption.NONE, data).encode()

    def reports(self, rows: Batch, numbers: Sequence[int], random: np.random.Generator) -> list[Report]:
        """As `Speech`."""
        n = len(numbers)
        cells, probes = random.uniform(3.5, 3.7, (n, CELLS)), random.uniform(20, 30, (n, PROBES))
        frames = encode(rows, [vin_of(number) for number in numbers], edition=self._edition, cells_v=cells, probes_c=probes)
        moments = [encode_time(int(time_us)) for time_us in rows["time_us"]]
        return [Report(moment, moment, frames.frame(row)) for row, moment in enumerate(moments)]

    def hear(self, number: int, raw: bytes) -> Heard:  # noqa: ARG002 - the answer says it
        """As `Speech`: an answer holds the request's time."""
        frame = gbt32960_frame.read(raw)
        code, is_good = f"{frame.command:02x}/{frame.answer:02x}", frame.answer == Answer.OK
        why = "" if is_good else ANSWERS.get(frame.answer, "it gave no reason that the standard knows")
        if frame.command == Command.LOGIN:
            return Heard(code, is_good, is_logged_in=is_good, why=why, is_final=not is_good)
        return Heard(code, is_good, frame.data[:6], why=why)


class Terminal:
    """JT/T 808: registers, authenticates itself with the code it is given, and says where it is."""

    def __init__(self, edition: int) -> None:
        self._edition = edition
        self._serials: dict[int, int] = {}

    def splitter(self) -> Splitter:
        """As `Speech`."""
        return jt808_frame.Splitter()

    def greet(self, number: int, now_us: int) -> bytes:  # noqa: ARG002 - a registration has no time
        """As `Speech`: a registration."""
        who = Registration(50, 112, "CHELU", "SIM", f"S{number:06d}", PLATE_COLOUR, vin_of(number))
        return self._message(number, Say.REGISTER, who.encode(self._edition))[1]

    def reports(self, rows: Batch, numbers: Sequence[int], random: np.random.Generator) -> list[Report]:  # noqa: ARG002
        """As `Speech`: a location."""
        found = []
        for number, body in zip(numbers, encode_locations(rows), strict=True):
            serial, frame = self._message(number, Say.LOCATION, body)
            found.append(Report(serial, body[22:28], frame))
        return found

    def hear(self, number: int, raw: bytes) -> Heard:
        """As `Speech`: an answer names the serial number."""
        message = jt808_frame.read(raw)
        if message.message == Say.REGISTER_ANSWER:
            _, result, code = read_registration_answer(message.body)
            is_good = result == Registered.OK
            if not is_good:
                why = REGISTRATIONS.get(result, "it gave no reason that the standard knows")
                return Heard(f"0100/{result}", is_good, why=why, is_final=True)
            body = encode_authentication(self._edition, code)
            return Heard(f"0100/{result}", is_good, reply=self._message(number, Say.AUTHENTICATE, body)[1])
        if message.message != Say.PLATFORM_ANSWER:
            raise MalformedError("undecodable", f"a platform does not say {message.message:04x} to us")
        to, serial, result = read_general_answer(message.body)
        is_good, is_login = result == Result.OK, to == Say.AUTHENTICATE
        return Heard(
            f"{to:04x}/{result}",
            is_good,
            serial.to_bytes(2, "big"),
            is_logged_in=is_login and is_good,
            why="" if is_good else RESULTS.get(result, "it gave no reason that the standard knows"),
            is_final=is_login and not is_good,
        )

    def _message(self, number: int, kind: Say, body: bytes) -> tuple[bytes, bytes]:
        """The serial number, and the frame."""
        serial = self._serials.get(number, 0)
        self._serials[number] = (serial + 1) & 0xFFFF
        phone, version = phone_of(number, self._edition), int(self._edition == 2019)
        return serial.to_bytes(2, "big"), Message(self._edition, kind, phone, serial, body, version=version).encode()


EDITIONS = {"gbt32960": (2016, 2025), "jt808": (2013, 2019)}


def speech(protocol: str, edition: int) -> Speech:
    """Of a protocol in one of its `EDITIONS`."""
    return Electric(edition) if protocol == "gbt32960" else Terminal(edition)
