"""A roadside unit, as small as one can be: it says what its sensors detect, and what it is given to tell of its road. Copy it.

    python -m simulators.scenario.dut.example_roadside --broker mqtt://127.0.0.1:1883 --id bench-rsu --secret-file rsu.secret
    python -m simulators.scenario.dut.example_roadside --hears 127.0.0.1:5005 --says 127.0.0.1:5006

`Unit` is what is tested; docs/dut.md says what each message is.
"""

from __future__ import annotations

import argparse
import json
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.codec.cv2x_spec import KINDS
from chelu.endpoint import host_and_port
from chelu.messages import PARTICIPANT, SPAT, Batch, Frames, filled
from chelu.road_events.message import Point, RoadEvent, Sending, frame_of
from simulators.scenario.dut.example import LARGEST_DATAGRAM, at_broker, wire_parser
from simulators.scenario.roads import LIGHTS

Document = dict[str, Any]
TYPES = {"pedestrian": 3, "bicycle": 2, "robot": 2}  # ParticipantType; all others have engines: 1
MOST = 16  # participants of one RSM
NUMBER = 7  # of this unit on the air
NAME = "bench-rsu"  # in its RSI
HOLDS_US = 3600 * 1_000_000  # an event, from when it is told
EVERY_US = 1_000_000  # from one MAP or RSI to the next

SOMEBODY = {"kind": "car", "number": 1, "latitude_deg": 0.0, "longitude_deg": 0.0, "elevation_m": 0.0}
FIRST: Document = {
    "time_us": 0,
    "objects": [{**SOMEBODY, "speed_mps": 0.0, "heading_deg": 0.0, "length_m": 4.8, "width_m": 1.9}],
    "lights": [{"intersection_id": 1, "phase_id": 1, "shows": "red"}],
}


class Unit:
    """Hears frames and commands one at a time, and answers with datagrams."""

    def __init__(self) -> None:
        self._place = np.zeros((1, 3))
        self._count, self._next_us = 0, 0
        self._maps: list[bytes] = []
        self._events: list[Document] = []
        list(Unit.tell(self, FIRST))  # the codec's first frame of a kind takes longer than a tenth of a second

    def hear(self, frame: bytes) -> Iterator[bytes]:  # noqa: ARG002
        """A vehicle's own message: this unit goes by its sensors alone."""
        yield from ()

    def obey(self, command: Document) -> Iterator[bytes]:
        """A command, which gets an answer; but what is detected is said on."""
        if command.get("action") == "detects":
            yield from self.tell(command)
            return
        if "within_m" in command:  # a run begins
            self._place = np.array([[command["latitude_deg"], command["longitude_deg"], command["elevation_m"]]])
            self._maps, self._events = [bytes.fromhex(one) for one in command["maps"]], command["events"]
            self._next_us = 0
        answer = {"stream": "command/ack", "seqNum": command["seqNum"], "errorCode": 0, "time_us": time.time_ns() // 1000}
        yield json.dumps(answer).encode()

    def tell(self, detected: Document) -> Iterator[bytes]:
        """RSMs of everybody, SPATs of all signals; now and then its MAP, and RSIs of all events."""
        self._count += 1
        if detected["time_us"] >= self._next_us:
            self._next_us = detected["time_us"] + EVERY_US
            yield from self.road(detected["time_us"])
        objects: list[Document] = detected["objects"]
        for first in range(0, len(objects), MOST):
            yield from _each(
                cv2x.encode_rsm(self._rsm(objects[first : first + MOST], detected["time_us"]), reference_position=self._place)
            )
        for light in detected["lights"]:
            yield from _each(cv2x.encode_spat(self._spat(light, detected["time_us"])))

    def road(self, time_us: int) -> Iterator[bytes]:
        """What it was given to tell of its road: its MAP as it is, each event as an RSI."""
        yield from self._maps
        for one in self._events:
            sending = Sending(
                unit=NAME, number=one["number"], count=self._count, made_us=time_us, start_us=None, end_us=time_us + HOLDS_US
            )
            yield frame_of(event_of(one), sending)

    def _rsm(self, objects: list[Document], time_us: int) -> Batch:
        names = ("latitude_deg", "longitude_deg", "elevation_m", "speed_mps", "heading_deg", "length_m", "width_m")
        n = len(objects)
        return filled(
            PARTICIPANT,
            n,
            **{name: np.array([one[name] for one in objects], np.float64) for name in names},
            time_us=np.full(n, time_us),
            sec_mark_ms=np.full(n, time_us // 1000 % 60_000, np.uint16),
            height_m=np.full(n, 1.5),
            participant_type=np.array([TYPES.get(one["kind"], 1) for one in objects], np.uint8),
            participant_id=np.array([one["number"] for one in objects], np.uint16),
            source=np.full(n, 7, np.uint8),  # fused from several sensors
            message_count=np.full(n, self._count % 128, np.uint8),
            rsu_id=np.full(n, NUMBER, np.uint64),
            frame=np.zeros(n, np.int64),
        )

    def _spat(self, light: Document, time_us: int) -> Batch:
        return filled(
            SPAT,
            1,
            time_us=np.array([time_us]),
            intersection_id=np.array([light["intersection_id"]], np.uint16),
            phase_id=np.array([light["phase_id"]], np.int16),
            light=np.array([int(LIGHTS[light["shows"]])], np.uint8),
            start_s=np.zeros(1),
            message_count=np.array([self._count % 128], np.uint8),
            frame=np.zeros(1, np.int64),
        )


def event_of(one: Document) -> RoadEvent:
    """An event as it is given."""
    fields = {name: value for name, value in one.items() if name != "number"}
    place, path = one["place"], tuple(Point(**each) for each in one["path"])
    return RoadEvent(**{**fields, "place": None if place is None else Point(**place), "path": path})


def _each(frames: Frames) -> Iterator[bytes]:
    for number in range(len(frames)):
        yield frames.frame(number)


def said_to(unit: Unit, payload: bytes) -> Iterable[bytes]:
    """What it says to a document, or to a frame."""
    return unit.obey(json.loads(payload)) if payload.startswith(b"{") else unit.hear(payload)


def over_udp(unit: Unit, hears: str, says: str) -> None:
    """On a bench: frames and commands come as datagrams, answers and frames go as such. Until it is ended."""
    ear, mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), host_and_port(says)
    ear.bind(host_and_port(hears))
    while True:
        for one in said_to(unit, ear.recv(LARGEST_DATAGRAM)):
            ear.sendto(one, mouth)


def over_mqtt(unit: Unit, given: argparse.Namespace) -> None:
    """As a roadside unit at the site's broker. Until it is ended."""

    def heard(_topic: str, payload: bytes) -> Iterator[tuple[str, bytes, int]]:
        for one in said_to(unit, payload):
            if one.startswith(b"{"):
                yield "command/down/ack", one, 1
            else:
                kind = KINDS[one[0] >> 4]
                yield f"{kind}/up", one, int(kind in {"map", "rsi"})

    at_broker(given, "rsu", [("command/down", 1), ("air/down", 0)], heard)


def run(unit: Unit, given: argparse.Namespace) -> None:
    """Until it is ended."""
    if given.hears:
        over_udp(unit, given.hears, given.says)
    else:
        over_mqtt(unit, given)


if __name__ == "__main__":
    run(Unit(), wire_parser("a roadside unit that says what its sensors detect").parse_args())
