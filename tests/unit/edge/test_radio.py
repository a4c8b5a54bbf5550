"""Frames for the air: handed over as they are when they are what their topic says, and answered where an answer is expected."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from edge.radio import Radio
from edge.tally import Tally

FRAMES = {stream: bytes((index << 4,)) + b"frame" for index, stream in enumerate(("bsm", "map", "rsm", "spat", "rsi"))}


@pytest.fixture
def software() -> Iterator[socket.socket]:
    """The unit's radio software."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(5)
        yield bound


class Unit:
    """A radio, and what it answered."""

    def __init__(self, endpoint: str | None) -> None:
        self.tally, self.answers = Tally(), list[tuple[str, dict[str, Any]]]()
        self.radio = Radio(endpoint, self.tally, lambda stream, answer: self.answers.append((stream, json.loads(answer))))


@pytest.fixture
def unit(software: socket.socket) -> Iterator[Unit]:
    yield (made := Unit(f"127.0.0.1:{software.getsockname()[1]}"))
    made.radio.close()


@pytest.mark.parametrize("stream", ["map", "rsm", "spat", "rsi"])
def test_a_frame_reaches_the_radio_as_it_is(unit: Unit, software: socket.socket, stream: str) -> None:
    frame = FRAMES[stream]
    unit.radio.take(stream, frame)
    assert software.recv(100) == frame
    digest = hashlib.sha256(frame).hexdigest()
    expected = [(f"{stream}/ack", {"errorCode": 0, "sha256": digest})] if stream in {"map", "rsi"} else []
    assert (unit.answers, unit.radio.passed_on) == (expected, 1)


@pytest.mark.parametrize("frame", [b"", b"\x10", FRAMES["rsm"], b"\xf0rubbish", bytes(70_000)])
def test_what_is_no_map_is_refused_and_counted(unit: Unit, frame: bytes) -> None:
    unit.radio.take("map", frame)
    ((stream, answer),) = unit.answers
    assert (stream, answer["errorCode"], answer["errorDesc"]) == ("map/ack", 1, "it is no map")
    assert unit.tally.by_place() == {"map/down": {"it is no map": 1}}


def test_without_a_radio_it_is_a_local_error() -> None:
    unit = Unit(None)
    unit.radio.take("rsi", FRAMES["rsi"])
    unit.radio.take("rsm", FRAMES["rsm"])
    assert [(stream, answer["errorCode"]) for stream, answer in unit.answers] == [("rsi/ack", 2)]
    assert unit.radio.passed_on == 0
