"""What tests of a registry that has its own account at the broker share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chelu.api import Client
from chelu.topics import Kind
from tests.integration.registry.conftest import ACCOUNTS, SITE, AddDevice, Place
from tests.integration.registry.test_broker import Peer
from tests.waiting import until

Send = Callable[..., Any]


class Unit:
    """A roadside unit at the broker that hears frames on one topic and says nothing by itself."""

    def __init__(self, port: int, name: str, secret: str | None, topic: str) -> None:
        self.name, self.topic, self.told = name, topic, list[bytes]()
        self.peer = Peer(port, name, secret)
        self.peer.mqtt.on_message = lambda *event: self.told.append(bytes(event[2].payload))
        self.peer.hear(f"rsu/{name}/{topic}")

    def say(self, topic: str, document: object) -> None:
        info = self.peer.mqtt.publish(f"rsu/{self.name}/{topic}", json.dumps(document), qos=1)
        until(info.is_published, 5, f"{topic} to be taken")

    def wait(self, count: int) -> bytes:
        until(lambda: len(self.told) >= count, 10, f"{self.name} to be told {count} times")
        return self.told[count - 1]

    def answer(self, frame: bytes, code: int = 0, **more: object) -> None:
        self.say(f"{self.topic}/ack", {"errorCode": code, "sha256": hashlib.sha256(frame).hexdigest(), **more})


MakeUnit = Callable[..., Unit]


@pytest.fixture(scope="module")
def registry_account() -> str:
    """The registry's own, so that it hears devices and speaks to them."""
    return f"registry:{ACCOUNTS['registry']}@"


@pytest.fixture(scope="module")
def send(client: Client, mosquitto_port: int, place: Place) -> Send:
    """A request below the site's address, once the registry is at the broker."""
    log = place.directory / "registry.log"
    until(lambda: "devices that want to join are heard" in log.read_text(), 30, "the registry to be at the broker")

    def send(method: str, *path: str, **request: Any) -> Any:
        return client.people(method, "sites", SITE, *path, **request)

    return send


@pytest.fixture
def unit_hearing(send: Send, mosquitto_port: int, add_device: AddDevice) -> Iterator[MakeUnit]:
    """Makes registered units that are connected, and hear the topic named first."""
    units: list[Unit] = []

    def unit(topic: str, name: str, **fields: object) -> Unit:
        units.append(Unit(mosquitto_port, name, add_device(name, Kind.RSU, **fields).secret, topic))
        return units[-1]

    yield unit
    for each in units:
        each.peer.close()
