"""A roadside unit, as small as one can be: it says in RSM and SPAT what its sensors detect. Copy it, put yours in.

    python -m simulators.scenario.dut.example_roadside --hears 127.0.0.1:5005 --says 127.0.0.1:5006

`Unit` is what is tested; docs/dut.md says what each message is.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.endpoint import host_and_port
from chelu.messages import PARTICIPANT, SPAT, Batch, Frames, filled
from simulators.scenario.dut.example import LARGEST_DATAGRAM, wire_parser
from simulators.scenario.roads import LIGHTS

Document = dict[str, Any]
TYPES = {"pedestrian": 3, "bicycle": 2, "robot": 2}  # ParticipantType; all others have engines: 1
MOST = 16  # participants of one RSM
NUMBER = 7  # of this unit on the air

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
        self._count = 0
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
        answer = {"stream": "command/ack", "seqNum": command["seqNum"], "errorCode": 0, "time_us": time.time_ns() // 1000}
        yield json.dumps(answer).encode()

    def tell(self, detected: Document) -> Iterator[bytes]:
        """RSMs of everybody, SPATs of all signals."""
        self._count = (self._count + 1) % 128
        objects: list[Document] = detected["objects"]
        for first in range(0, len(objects), MOST):
            yield from _each(
                cv2x.encode_rsm(self._rsm(objects[first : first + MOST], detected["time_us"]), reference_position=self._place)
            )
        for light in detected["lights"]:
            yield from _each(cv2x.encode_spat(self._spat(light, detected["time_us"])))

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
            message_count=np.full(n, self._count, np.uint8),
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
            message_count=np.array([self._count], np.uint8),
            frame=np.zeros(1, np.int64),
        )


def _each(frames: Frames) -> Iterator[bytes]:
    for number in range(len(frames)):
        yield frames.frame(number)


def run(unit: Unit, hears: str, says: str) -> None:
    """On a bench: frames and commands come as datagrams, answers and frames go as such. Until it is ended."""
    ear, mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), host_and_port(says)
    ear.bind(host_and_port(hears))
    while True:
        datagram = ear.recv(LARGEST_DATAGRAM)
        said: Iterable[bytes] = unit.obey(json.loads(datagram)) if datagram.startswith(b"{") else unit.hear(datagram)
        for one in said:
            ear.sendto(one, mouth)


if __name__ == "__main__":
    given = wire_parser("a roadside unit that says what its sensors detect").parse_args()
    run(Unit(), given.hears, given.says)
