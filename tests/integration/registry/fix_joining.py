"""What tests of joining share: keys, sessions and agents of strangers, around a registry that hears them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chelu import verifiers
from chelu.api import Client
from chelu.clock import SystemClock
from chelu.provisioning import ProvisioningKey
from edge import joining, settings
from tests.integration.registry.conftest import SITE, Place
from tests.integration.registry.test_broker import Peer
from tests.waiting import until

Join = Callable[[Path], list[bool]]
MakeKey = Callable[..., ProvisioningKey]
Connect = Callable[..., Peer]
JOIN = """
kind = "rsu"
id = "{wish}"
subtype = "gantry"
broker = "mqtt://127.0.0.1:{port}"
credential_file = "secret"
heartbeat_s = 3600
run_status_s = 3600
[position]
latitude_deg = 29.5
longitude_deg = 106.5
[join]
key_file = "key"
serial = "{serial}"
hello_s = 0.5
"""


@pytest.fixture
def make_key(client: Client, mosquitto_port: int, place: Place) -> MakeKey:
    """Makes provisioning keys of the site, once the registry hears strangers."""
    numbers = iter(range(100))
    log = place.directory / "registry.log"
    until(lambda: "devices that want to join are heard" in log.read_text(), 30, "the registry to be at the broker")

    def make(name: str | None = None, **fields: Any) -> ProvisioningKey:
        name = name or f"key-{time.monotonic_ns()}-{next(numbers)}"
        made = client.people("POST", "provisioning-keys", json={"name": name, "site_id": SITE} | fields)
        return ProvisioningKey.read(made["key"])

    return make


@pytest.fixture
def connect(mosquitto_port: int) -> Iterator[Connect]:
    """Opens sessions at the broker, closed at the end."""
    peers: list[Peer] = []

    def connect(user: str, password: str | None, **options: str) -> Peer:
        peers.append(Peer(mosquitto_port, user, password, **options))
        return peers[-1]

    yield connect
    for peer in peers:
        peer.close()


@pytest.fixture
def join() -> Iterator[Join]:
    """Lets a device join in a thread of its own; what it answers has True once it has."""
    leaving, threads = threading.Event(), list[threading.Thread]()

    def join(file: Path) -> list[bool]:
        answers: list[bool] = []
        read = settings.load(file, {})
        assert joining.is_waiting(read)
        threads.append(threading.Thread(target=lambda: answers.append(joining.join(read, SystemClock(), leaving))))
        threads[-1].start()
        return answers

    yield join
    leaving.set()
    for thread in threads:
        thread.join()


def hello(kind: str = "obu", **said: object) -> str:
    """What a stranger says of itself, with a secret that nobody needs."""
    return json.dumps({"kind": kind, "verifier": verifiers.verifier(verifiers.new_secret()), **said})


def say(peer: Peer, topic: str, payload: str | bytes) -> str:
    """Publish, and answer what the broker answers."""
    codes: list[str] = []
    peer.mqtt.on_publish = lambda *event: codes.append(str(event[3]))
    peer.mqtt.publish(topic, payload, qos=1)
    return until(lambda: codes, 5, f"an answer to {topic}")[0]


def waiting(client: Client, state: str = "waiting") -> dict[str, dict[str, Any]]:
    """The inbox by serial."""
    return {row["serial"]: row for row in client.people("GET", "inbox", params={"state": state})}


def configure(directory: Path, port: int, key: ProvisioningKey, serial: str, wish: str = "") -> Path:
    """An agent's settings and key in a directory of its own."""
    directory.mkdir(exist_ok=True)
    (directory / "key").write_text(f"{key}\n")
    file = directory / "agent.toml"
    file.write_text(JOIN.format(port=port, serial=serial, wish=wish))
    return file
