"""The embedded broker with the registry's files: what mosquitto refuses, it refuses."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from chelu.api import Client
from chelu.clock import SystemClock
from chelu.local import broker
from chelu.local.broker import Choice
from chelu.local.mosquitto import Configuration
from chelu.local.ports import LOOPBACK
from chelu.local.supervisor import Supervisor
from chelu.provisioning import ProvisioningKey
from chelu.topics import Kind, of_kind
from tests.integration.registry.conftest import ACCOUNTS, SITE, AddDevice, Place
from tests.waiting import until

REFUSED = "Not authorized"


class Peer:
    """One MQTT 3.1.1 client. paho's thread writes `codes`, `ended_s` and `heard`; the test reads them."""

    def __init__(
        self, port: int, user: str, password: str | None, *, client_id: str = "", will: str = "", clean: bool = True
    ) -> None:
        self.codes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.heard: list[str] = []
        self.ended_s = 0.0
        self.mqtt = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id or user, clean_session=clean, reconnect_on_failure=False
        )
        self.mqtt.username_pw_set(user, password)
        if will:
            self.mqtt.will_set(will, b"x", qos=1)
        self.mqtt.on_connect = lambda *event: self.codes.put(str(event[3]))
        self.mqtt.on_disconnect = lambda *event: setattr(self, "ended_s", time.monotonic())
        self.mqtt.on_message = lambda client, data, message: self.heard.append(message.topic)
        self.mqtt.connect(LOOPBACK, port)
        self.mqtt.loop_start()
        self.code = self.codes.get(timeout=10)

    def hear(self, *filters: str) -> None:
        done: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.mqtt.on_subscribe = lambda *event: done.put(True)
        self.mqtt.subscribe([(topic, 1) for topic in filters])
        done.get(timeout=10)

    def say(self, topic: str, *, retain: bool = False) -> None:
        self.mqtt.publish(topic, b"x", qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


Connect = Callable[..., Peer]


@pytest.fixture(scope="module")
def amqtt_port(place: Place, client: Client) -> Iterator[int]:
    """amqtt on the registry's files and told by it, as `chelu up` has it where there is no mosquitto."""
    configuration = Configuration(port=place.broker_port, password_file=place.password_file, acl_file=place.acl_file)
    name, program = broker.program(Choice.AMQTT, configuration, directory=place.directory, log_file=place.directory / "amqtt.log")
    assert name == "amqtt"
    supervisor = Supervisor(SystemClock())
    supervisor.start(program)
    yield place.broker_port
    supervisor.close()
    assert "Traceback" not in (place.directory / "amqtt.log").read_text()


@pytest.fixture
def connect(amqtt_port: int) -> Iterator[Connect]:
    peers: list[Peer] = []

    def connect(user: str, password: str | None, **options: object) -> Peer:
        peers.append(Peer(amqtt_port, user, password, **options))  # type: ignore[arg-type]
        return peers[-1]

    yield connect
    for peer in peers:
        peer.close()


def test_a_wrong_password_and_a_stranger_are_refused(add_device: AddDevice, connect: Connect) -> None:
    device = add_device("em-guarded")
    assert connect("em-guarded", device.secret).code == "Success"
    for user, password in (("em-guarded", "wrong"), ("em-guarded", None), ("nobody", device.secret), ("ingest", device.secret)):
        assert connect(user, password).code == REFUSED, (user, password)


@pytest.mark.parametrize("kind", [Kind.OBU, Kind.RSU])
def test_foreign_topics_are_refused_and_own_ones_pass(kind: Kind, add_device: AddDevice, connect: Connect) -> None:
    device, other = add_device(f"em-{kind}", kind), add_device(f"em-other-{kind}", kind)
    ingest = connect("ingest", ACCOUNTS["ingest"])
    ingest.hear(f"{kind}/#", "V2X/#")
    peer = connect(device.device_id, device.secret)
    own = [row.topic(kind, device.device_id) for row in of_kind(kind, from_device=True) if not row.is_by_serial]
    for topic in (
        *(row.topic(kind, other.device_id) for row in of_kind(kind, from_device=True)),
        *(row.topic(kind, device.device_id) for row in of_kind(kind, from_device=False)),
        f"{kind}/{device.device_id}/nonsense/up",
        *own,
    ):
        peer.say(topic)
    until(lambda: own[-1] in ingest.heard, 10, "the last topic")
    assert ingest.heard == own


def test_a_device_hears_only_what_is_said_to_it_retained_or_not(add_device: AddDevice, connect: Connect) -> None:
    mine, other = add_device("em-hears"), add_device("em-hears-not")
    registry = connect("registry", ACCOUNTS["registry"])
    speaker = connect("em-hears-not", other.secret)
    speaker.say("obu/em-hears-not/state", retain=True)
    registry.say("obu/em-hears/config/down", retain=True)
    registry.hear("obu/+/state")
    until(lambda: "obu/em-hears-not/state" in registry.heard, 10, "what is retained for those who may hear it")
    peer = connect("em-hears", mine.secret)
    peer.hear("#", "obu/#")
    registry.say("obu/em-hears-not/config/down")
    registry.say("obu/em-hears/command/down")
    until(lambda: "obu/em-hears/command/down" in peer.heard, 10, "the command")
    assert set(peer.heard) == {"obu/em-hears/config/down", "obu/em-hears/command/down"}


def test_a_last_will_needs_the_right_to_say_it(add_device: AddDevice, connect: Connect) -> None:
    device = add_device("em-will")
    assert connect("em-will", device.secret, will="obu/em-victim/state").code == REFUSED
    assert connect("em-will", device.secret, will="obu/em-will/state").code == "Success"


@pytest.mark.parametrize("clean", [True, False])
def test_a_client_id_is_no_way_into_anothers_session(clean: bool, add_device: AddDevice, connect: Connect) -> None:
    victim, thief = add_device(f"em-victim-{clean}"), add_device(f"em-thief-{clean}")
    name = victim.device_id
    mine = connect(name, victim.secret, clean=clean)
    mine.hear(f"obu/{name}/command/down")
    assert connect(thief.device_id, thief.secret, client_id=name, clean=clean).code == "Success"
    assert connect(thief.device_id, "wrong", client_id=name, clean=clean).code == REFUSED
    assert connect(name, "wrong", clean=clean).code == REFUSED
    connect("registry", ACCOUNTS["registry"]).say(f"obu/{name}/command/down")
    until(lambda: mine.heard, 10, "the command, for the session that was there first")
    assert not mine.ended_s


def test_a_revoked_session_is_cut_within_a_second_and_others_live_on(
    client: Client, add_device: AddDevice, connect: Connect
) -> None:
    names = [f"em-cut-{number}" for number in range(10)]
    peers = [connect(name, add_device(name).secret) for name in names]
    started_s = time.monotonic()
    client.revoke_credential(names[0])
    until(lambda: peers[0].ended_s, 10, "the revoked session to be cut")
    print(f"\nrevoked session cut {1000 * (peers[0].ended_s - started_s):.0f} ms after the request was sent")
    assert peers[0].ended_s - started_s < 1
    for peer in peers[1:]:
        peer.say("obu/x/bsm/up")
        assert not peer.ended_s


def test_a_stranger_speaks_at_its_place_and_nowhere_else(client: Client, connect: Connect) -> None:
    made = client.people("POST", "provisioning-keys", json={"name": "embedded", "site_id": SITE, "max_joins": 2})
    key = ProvisioningKey.read(made["key"])
    account = key.account("s", 0)
    ingest = connect("ingest", ACCOUNTS["ingest"])
    ingest.hear("join/#", "obu/#")
    peer = connect(account.user, key.secret)
    for topic in ("join/s/other.0/hello/up", "obu/s/bsm/up", "join/s", f"join/s/{account.place}/hello/up"):
        peer.say(topic)
    until(lambda: f"join/s/{account.place}/hello/up" in ingest.heard, 10, "the hello")
    heard = [topic for topic in ingest.heard if topic.startswith(("join/", "obu/s/"))]
    assert heard == [f"join/s/{account.place}/hello/up"]
