"""A device under test, as small as one can be: it warns of whoever it would touch within some seconds. Copy it, put yours in.

    python -m simulators.scenario.dut.example --broker mqtt://127.0.0.1:1883 --id bench-obu --secret-file bench-obu.secret
    python -m simulators.scenario.dut.example --hears 127.0.0.1:5005 --says 127.0.0.1:5006

`Warner` is what is tested; the rest is how it hears and speaks. docs/dut.md says what each message is.
"""

from __future__ import annotations

import argparse
import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from chelu.bus.messages import Address
from chelu.codec import cv2x
from chelu.endpoint import host_and_port
from chelu.geo import LocalFrame
from chelu.messages import BSM, filled, frames_of
from chelu.motion.conflict import ttc_plane_s

Document = dict[str, Any]
Heard = Callable[[str, bytes], Iterable[tuple[str, bytes, int]]]  # what it says, to a topic and with a QoS, to what it hears
LARGEST_DATAGRAM = 65_507


class Warner:
    """Hears frames and commands one at a time, and answers with documents to be sent: (stream, document)."""

    def __init__(self, ttc_s: float = 3.2, application: str = "fcw") -> None:
        self._ttc_s, self._application = ttc_s, application
        self._own_id = 0
        self._own: Document | None = None
        self._raised = set[str]()
        cv2x.decode(cv2x.encode_bsm(filled(BSM, 1)))  # the codec's first frame takes longer than a run would wait for

    def hear(self, frame: bytes) -> Iterator[tuple[str, Document]]:
        """A UPER MessageFrame from the air; the own vehicle's BSM stands for its GNSS and bus."""
        bsm = cv2x.decode(frames_of([frame], time.time_ns() // 1000)).bsm
        for one in (dict(zip(bsm, (bsm[name][row] for name in bsm), strict=True)) for row in range(len(bsm))):
            if int(one["vehicle_id"]) == self._own_id:
                self._own = one
            elif self._own is not None:
                yield from self._judge(self._own, one)

    def obey(self, command: Document) -> tuple[str, Document]:
        """A command, which always gets an answer."""
        if "vehicle_id" in command:  # a run begins: nothing of the one before counts
            self._own_id, self._own, self._raised = int(command["vehicle_id"], 16), None, set()
        return "command/ack", {"seqNum": command["seqNum"], "errorCode": 0, "time_us": time.time_ns() // 1000}

    def told(self, message: Document) -> Iterator[tuple[str, Document]]:  # noqa: ARG002
        """A message of cooperation: this one only warns."""
        yield from ()

    def _judge(self, own: Document, other: Document) -> Iterator[tuple[str, Document]]:
        ttc_s, name = self.ttc_s(own, other), f"{int(other['vehicle_id']):016x}"
        is_near = ttc_s <= self._ttc_s
        if is_near == (name in self._raised):
            return
        self._raised ^= {name}
        yield (
            "warning",
            {
                "application": self._application,
                "state": "raised" if is_near else "cleared",
                "time_us": time.time_ns() // 1000,
                "other": {"vehicle_id": name},
                "ttc_s": ttc_s if np.isfinite(ttc_s) else None,
                "cause": {"vehicle_id": name, "sec_mark_ms": int(other["sec_mark_ms"])},
            },
        )

    @staticmethod
    def ttc_s(own: Document, other: Document) -> float:
        """Time to collision of both boxes if both keep their velocities."""
        frame = LocalFrame(own["latitude_deg"], own["longitude_deg"])
        offset = frame.to_local(other["latitude_deg"], other["longitude_deg"])[:, :2]
        heading = np.radians([[own["heading_deg"], other["heading_deg"]]])
        speed = np.array([[own["speed_mps"], other["speed_mps"]]])
        velocity = np.stack([speed * np.sin(heading), speed * np.cos(heading)], axis=-1)
        sizes = np.array([[[one["length_m"], one["width_m"]] for one in (own, other)]])
        return float(ttc_plane_s(offset, velocity[:, 0], velocity[:, 1], np.degrees(heading), sizes)[0])


class Device(Protocol):
    """What both ways of speaking ask of a device."""

    def hear(self, frame: bytes) -> Iterable[tuple[str, Document]]:
        """What it says to a frame from the air."""

    def obey(self, command: Document) -> tuple[str, Document]:
        """Its answer to a command."""

    def told(self, message: Document) -> Iterable[tuple[str, Document]]:
        """What it says to a message of cooperation."""


def answers(tested: Device, document: Document) -> Iterable[tuple[str, Document]]:
    """To a document: a command, or a message of cooperation, which has a type."""
    return tested.told(document) if "type" in document else [tested.obey(document)]


def at_broker(given: argparse.Namespace, kind: str, filters: Iterable[tuple[str, int]], heard: Heard) -> None:
    """As a device of this kind at the site's broker, until it is ended. filters, and heard's topics: below the device's own."""
    address, root = Address.read(given.broker), f"{kind}/{given.id}"
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=given.id, protocol=mqtt.MQTTv5)
    client.username_pw_set(given.id, given.secret_file.read_text("utf-8").strip())
    client.will_set(f"{root}/state", json.dumps({"state": "offline", "reason": "connection lost"}), qos=1, retain=True)
    if address.has_tls:
        client.tls_set(str(address.ca_file) if address.ca_file else None)

    def connected(*_: Any) -> None:
        client.subscribe([(f"{root}/{name}", qos) for name, qos in filters])
        client.publish(f"{root}/state", json.dumps({"state": "online"}), qos=1, retain=True)

    def received(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        for topic, payload, qos in heard(message.topic.removeprefix(f"{root}/"), bytes(message.payload)):
            client.publish(f"{root}/{topic}", payload, qos=qos)

    client.on_connect, client.on_message = connected, received
    client.connect_async(address.host, address.port)
    client.loop_forever(retry_first_connection=True)


def over_mqtt(tested: Device, given: argparse.Namespace, kind: str = "obu") -> None:
    """As a device of this kind at the site's broker."""

    def heard(topic: str, payload: bytes) -> Iterator[tuple[str, bytes, int]]:
        for stream, document in tested.hear(payload) if topic == "air/down" else answers(tested, json.loads(payload)):
            yield "command/down/ack" if stream == "command/ack" else f"{stream}/up", json.dumps(document).encode(), 1

    own = [("air/down", 0), ("coop/down", 1)] if kind == "obu" else []
    at_broker(given, kind, [("command/down", 1), *own], heard)


def over_udp(tested: Device, hears: str, says: str) -> None:
    """On a bench without a broker: frames and commands come as datagrams, answers and warnings go as such."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(host_and_port(hears))
    while True:
        datagram = ear.recv(LARGEST_DATAGRAM)
        said = answers(tested, json.loads(datagram)) if datagram.startswith(b"{") else tested.hear(datagram)
        for stream, document in said:
            ear.sendto(json.dumps({"stream": stream, **document}).encode(), host_and_port(says))


def wire_parser(what: str) -> argparse.ArgumentParser:
    """How a device is reached, on the command line."""
    made = argparse.ArgumentParser(description=f"Under test: {what}.")
    made.add_argument("--broker", metavar="URL", help="mqtt[s]://HOST:PORT[?ca=FILE] of the site")
    made.add_argument("--id", help="the device's id in the register")
    made.add_argument("--secret-file", type=Path, help="the file with its secret")
    made.add_argument("--hears", metavar="HOST:PORT", help="without a broker: where frames and commands come")
    made.add_argument("--says", metavar="HOST:PORT", help="without a broker: where answers and warnings go")
    return made


def parser() -> argparse.ArgumentParser:
    """Of the one that warns."""
    made = wire_parser("a device that warns by time to collision")
    made.add_argument("--ttc", type=float, default=3.2, help="warn below so many seconds (default 3.2)")
    return made


def run(tested: Device, options: argparse.Namespace, kind: str = "obu") -> None:
    """Until it is ended."""
    if options.hears:
        over_udp(tested, options.hears, options.says)
    else:
        over_mqtt(tested, options, kind)


if __name__ == "__main__":
    given = parser().parse_args()
    run(Warner(given.ttc), given)
