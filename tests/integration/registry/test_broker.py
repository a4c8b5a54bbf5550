"""What the files make a real mosquitto do: who gets in, and who may say and hear what."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from chelu.api import Client, NewDevice
from chelu.errors import RefusedError
from chelu.local.ports import LOOPBACK
from chelu.topics import TOPICS, Kind, of_kind
from services.registry.rights import SPOKEN_BY_OTHERS
from tests.integration.registry.conftest import ACCOUNTS, SITE, AddDevice
from tests.waiting import until


class Peer:
    """One MQTT client. paho's thread writes `codes`, `ended_s` and `heard`; the test reads them."""

    def __init__(self, port: int, user: str, password: str | None, *, client_id: str = "") -> None:
        self.codes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.heard: set[str] = set()
        self.ended_s = 0.0
        self.mqtt = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        self.mqtt.username_pw_set(user, password)
        self.mqtt.on_connect = lambda *event: self.codes.put(str(event[3]))
        self.mqtt.on_disconnect = lambda *event: setattr(self, "ended_s", time.monotonic())
        self.mqtt.on_message = lambda client, data, message: self.heard.add(message.topic)
        self.mqtt.connect(LOOPBACK, port)
        self.mqtt.loop_start()
        self.code = self.codes.get(timeout=5)

    def hear(self, *filters: str) -> None:
        done: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.mqtt.on_subscribe = lambda *event: done.put(True)
        self.mqtt.subscribe([(topic, 1) for topic in filters])
        done.get(timeout=5)

    def say(self, topic: str) -> str:
        """Publish at QoS 1; the broker's reason."""
        done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.mqtt.on_publish = lambda *event: done.put(str(event[3]))
        self.mqtt.publish(topic, b"x", qos=1)
        return done.get(timeout=5)

    def close(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


Connect = Callable[..., Peer]


@pytest.fixture
def connect(mosquitto_port: int) -> Iterator[Connect]:
    peers: list[Peer] = []

    def connect(user: str, password: str | None, **options: str) -> Peer:
        peers.append(Peer(mosquitto_port, user, password, **options))
        return peers[-1]

    yield connect
    for peer in peers:
        peer.close()


def test_a_device_gets_in_as_soon_as_it_is_registered(add_device: AddDevice, connect: Connect) -> None:
    for number in range(30):
        added = add_device(f"soon-{number}")
        assert connect(added.device_id, added.secret).code == "Success", number


def test_a_wrong_secret_a_stranger_and_a_nameless_client_are_refused(add_device: AddDevice, connect: Connect) -> None:
    device = add_device("guarded")
    assert connect("guarded", f"{device.secret}x").code == "Not authorized"
    assert connect("stranger", "secret").code == "Not authorized"
    assert connect("ingest", device.secret).code == "Not authorized"
    assert connect("guarded", None).code in {"Not authorized", "Malformed packet", "Bad user name or password"}


@pytest.mark.parametrize("kind", list(Kind))
def test_a_device_says_every_topic_of_its_own_and_no_other(kind: Kind, add_device: AddDevice, connect: Connect) -> None:
    device = add_device(f"own-{kind}", kind)
    other = add_device(f"other-{kind}", kind)
    ingest = connect("ingest", ACCOUNTS["ingest"])
    ingest.hear(*(f"{each}/#" for each in Kind), "V2X/#", "join/#")
    peer = connect(device.device_id, device.secret)
    own = [row.topic(kind, device.device_id) for row in of_kind(kind, from_device=True) if not row.is_by_serial]
    foreign = [row.topic(kind, other.device_id) for row in of_kind(kind, from_device=True)]
    down = [row.topic(kind, device.device_id) for row in of_kind(kind, from_device=False)]
    outside = [
        f"{kind}/{device.device_id}/nonsense/up",
        f"tram/{device.device_id}/info/up",
        "site/hillside/picture",
        f"V2X/RSU/{device.device_id}/RSM/UP",
        device.device_id,
    ]
    for topic in own:
        assert peer.say(topic) in {"Success", "No matching subscribers"}, topic
    for topic in foreign + down + outside:
        assert peer.say(topic) == "Not authorized", topic
    until(lambda: set(own) <= ingest.heard, 5, f"{own} to arrive")
    assert ingest.heard == set(own)


def test_a_device_hears_what_is_said_to_it_and_to_nobody_else(add_device: AddDevice, connect: Connect) -> None:
    mine, other = add_device("hears"), add_device("hears-not")
    down = [row for row in of_kind(Kind.OBU, from_device=False) if row.stream not in SPOKEN_BY_OTHERS]
    peer, foreign = connect(mine.device_id, mine.secret), connect(other.device_id, other.secret)
    peer.hear("obu/#")
    foreign.hear("obu/hears/#", "#")
    registry = connect("registry", ACCOUNTS["registry"])
    for row in down:
        assert registry.say(row.topic(Kind.OBU, "hears")) == "Success"
    assert registry.say("obu/hears-not/command/down") == "Success"
    until(lambda: len(peer.heard) == len(down) and foreign.heard, 5, "the commands to arrive")
    assert foreign.heard == {"obu/hears-not/command/down"}


def test_an_openv2x_roadside_speaks_under_its_esn_and_under_the_new_one_when_that_is_changed(
    client: Client, add_device: AddDevice, connect: Connect
) -> None:
    gateway = add_device("openv2x-gate", Kind.GATEWAY)
    roadside = add_device("north-gate", Kind.RSU, profile="openv2x", serial="R328328", parent="openv2x-gate", credential=True)
    namesake = add_device("R328328", Kind.RSU)
    rows = [row for row in TOPICS if row.is_by_serial]
    peers = {one.device_id: connect(one.device_id, one.secret) for one in (gateway, roadside, namesake)}
    allowed = {"Success", "No matching subscribers"}
    for row in rows:
        topic = row.topic(Kind.RSU, "R328328")
        assert {name for name, peer in peers.items() if peer.say(topic) in allowed} == {"north-gate", "openv2x-gate"}, topic
        assert peers["north-gate"].say(row.topic(Kind.RSU, "north-gate")) == "Not authorized"
    assert peers["north-gate"].say("V2X/RSU/R328328/MAP/UP") == "Not authorized"
    client.change_device("north-gate", {"serial": "R4"})
    until(lambda: peers["north-gate"].say("V2X/RSU/R4/RSM/UP") in allowed, 5, "the new ESN to count")
    assert peers["north-gate"].say("V2X/RSU/R328328/RSM/UP") == "Not authorized"
    with pytest.raises(RefusedError, match="serial = None is not allowed: its ESN"):
        client.change_device("north-gate", {"serial": None})
    client.change_device("north-gate", {"profile": None, "reading": {"speed_factor": 2.0}})
    until(lambda: peers["north-gate"].say("V2X/RSU/R4/RSM/UP") == "Not authorized", 5, "the profile to be gone")
    reading = client.device("north-gate").reading or {}
    assert (reading["is_heading_mirrored"], reading["speed_factor"]) == (False, 2.0)


def test_a_gateway_speaks_and_hears_for_its_children_only(client: Client, add_device: AddDevice, connect: Connect) -> None:
    gateway = add_device("simulator", Kind.GATEWAY)
    stranger = add_device("not-its-child")
    children = [("sim-obu", Kind.OBU, "simulator"), ("sim-rsu", Kind.RSU, "simulator"), ("sim-camera", Kind.SENSOR, "sim-rsu")]
    client.add_devices([NewDevice(device_id=name, kind=kind, site_id=SITE, parent=parent) for name, kind, parent in children])
    peer = connect("simulator", gateway.secret)
    for name, kind, _ in children:
        for row in (row for row in of_kind(kind, from_device=True) if not row.is_by_serial):
            assert peer.say(row.topic(kind, name)) in {"Success", "No matching subscribers"}
    assert peer.say("gateway/simulator/heartbeat/up") in {"Success", "No matching subscribers"}
    for row in of_kind(Kind.OBU, from_device=True):
        assert peer.say(row.topic(Kind.OBU, stranger.device_id)) == "Not authorized"
    assert peer.say("obu/sim-rsu/bsm/up") == "Not authorized"
    assert peer.say("obu/sim-obu/air/down") in {"Success", "No matching subscribers"}
    assert peer.say("obu/not-its-child/air/down") == "Not authorized"
    peer.hear("#")
    inference = connect("inference", ACCOUNTS["inference"])
    inference.say("obu/not-its-child/warning/down")
    inference.say("obu/sim-obu/warning/down")
    until(lambda: peer.heard, 5, "the warning to arrive")
    assert peer.heard == {"obu/sim-obu/warning/down"}


def test_a_gateways_live_session_speaks_for_a_child_as_soon_as_it_is_registered(add_device: AddDevice, connect: Connect) -> None:
    gateway = add_device("grows", Kind.GATEWAY)
    peer = connect("grows", gateway.secret)
    for number in range(30):
        child = add_device(f"grown-{number}", parent="grows")
        assert peer.say(f"obu/{child.device_id}/bsm/up") != "Not authorized", number


def test_service_accounts_have_their_own_rights(connect: Connect) -> None:
    peers = {name: connect(name, password) for name, password in ACCOUNTS.items()}
    assert {peer.code for peer in peers.values()} == {"Success"}
    may = {
        "obu/any/receipt/down": "ingest",
        "obu/any/warning/down": "inference",
        "site/hillside/picture": "inference",
        "obu/any/config/down": "registry",
    }
    for topic, owner in may.items():
        for name, peer in peers.items():
            assert (peer.say(topic) != "Not authorized") == (name == owner), (name, topic)
    for name, peer in peers.items():
        assert peer.say("obu/any/bsm/up") == "Not authorized", name


def test_a_revoked_session_is_cut_within_a_second_and_others_notice_nothing(
    client: Client, add_device: AddDevice, connect: Connect
) -> None:
    revoked, rotated, bystander = add_device("revoked"), add_device("rotated"), add_device("bystander")
    peers = [connect(one.device_id, one.secret) for one in (revoked, rotated, bystander)]
    started_s = time.monotonic()
    client.revoke_credential("revoked")
    until(lambda: peers[0].ended_s, 5, "the revoked session to be cut")
    print(f"\nrevoked session cut {1000 * (peers[0].ended_s - started_s):.0f} ms after the request was sent")
    assert peers[0].ended_s - started_s < 1
    fresh = client.new_credential("rotated")
    until(lambda: peers[1].ended_s, 5, "the rotated session to be cut")
    assert connect("revoked", revoked.secret).code == "Not authorized"
    assert connect("rotated", rotated.secret).code == "Not authorized"
    assert connect("rotated", fresh.secret).code == "Success"
    assert peers[2].say("obu/bystander/bsm/up") != "Not authorized"
    assert not peers[2].ended_s


def test_a_client_id_is_no_way_into_anothers_session(add_device: AddDevice, connect: Connect) -> None:
    victim, thief = add_device("victim"), add_device("thief")
    mine = connect("victim", victim.secret)
    connect("thief", thief.secret, client_id="victim")
    assert mine.say("obu/victim/bsm/up") != "Not authorized"
    assert not mine.ended_s


def test_every_row_of_the_table_is_somebodys_right() -> None:
    assert {row for kind in Kind for is_up in (True, False) for row in of_kind(kind, from_device=is_up)} == {
        row for row in TOPICS if row.kinds
    }
