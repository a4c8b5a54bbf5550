"""Joining on a real registry, database and broker: from a provisioning key to a device that speaks under its own id."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from chelu import verifiers
from chelu.api import Client, NewDevice, Site
from chelu.clock import SystemClock
from chelu.errors import RefusedError
from chelu.provisioning import ProvisioningKey
from chelu.topics import Kind
from edge import joining, settings
from edge.agent import Agent
from edge.credential import CredentialFile
from tests.integration.registry.conftest import ACCOUNTS, KEY, SITE, Place
from tests.integration.registry.test_broker import Peer
from tests.integration.registry.test_commands import chelu
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


@pytest.fixture(scope="module")
def registry_account() -> str:
    return f"registry:{ACCOUNTS['registry']}@"


@pytest.fixture
def make_key(client: Client, mosquitto_port: int, place: Place) -> MakeKey:
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
    return json.dumps({"kind": kind, "verifier": verifiers.verifier(verifiers.new_secret()), **said})


def say(peer: Peer, topic: str, payload: str | bytes) -> str:
    codes: list[str] = []
    peer.mqtt.on_publish = lambda *event: codes.append(str(event[3]))
    peer.mqtt.publish(topic, payload, qos=1)
    return until(lambda: codes, 5, f"an answer to {topic}")[0]


def waiting(client: Client, state: str = "waiting") -> dict[str, dict[str, Any]]:
    return {row["serial"]: row for row in client.people("GET", "inbox", params={"state": state})}


def configure(directory: Path, port: int, key: ProvisioningKey, serial: str, wish: str = "") -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "key").write_text(f"{key}\n")
    file = directory / "agent.toml"
    file.write_text(JOIN.format(port=port, serial=serial, wish=wish))
    return file


def test_an_agent_joins_and_speaks_under_its_own_id(
    client: Client, make_key: MakeKey, mosquitto_port: int, tmp_path: Path, connect: Connect, join: Join
) -> None:
    file = configure(tmp_path, mosquitto_port, make_key("crew", max_joins=2), "R0017", wish="rsu-17")
    joined = join(file)
    found = until(lambda: waiting(client).get("R0017"), 10, "the hello") or {}
    assert (found["key"], found["site_id"], found["said"]["subtype"]) == ("crew", SITE, "gantry")
    assert found["address"] == "127.0.0.1"
    _, line = CredentialFile(tmp_path / "secret").proposal()
    assert found["fingerprint"] == verifiers.fingerprint(line)
    assert "verifier" not in found["said"]
    started_s = time.monotonic()
    registered = client.people("POST", "inbox", "R0017", "register", json={"name": "the gantry"})
    until(lambda: joined, 10, "the device to be told")
    print(f"\nregistered and told in {1000 * (time.monotonic() - started_s):.0f} ms")
    assert (joined, registered["device_id"], registered["secret"]) == ([True], "rsu-17", None)
    device = client.device("rsu-17")
    assert (device.kind, device.serial, device.subtype, device.latitude_deg, device.name) == (
        *(Kind.RSU, "R0017", "gantry", 29.5, "the gantry"),
    )
    again = settings.load(file, {})
    assert (again.id, joining.is_waiting(again), (tmp_path / "secret").stat().st_mode & 0o777) == ("rsu-17", False, 0o600)
    ingest = connect("ingest", ACCOUNTS["ingest"])
    ingest.hear("rsu/#")
    agent = Agent(again, SystemClock())
    agent.start()
    try:
        agent.wait_connected(10)
        until(lambda: "rsu/rsu-17/info/up" in ingest.heard, 10, "the device's info")
        until(lambda: "R0017" in waiting(client, "joined"), 10, "the registry to hear of it")
    finally:
        agent.stop()
    entries = list(client.audit(subject="R0017", what="joining"))
    assert [(each["after"]["state"], each["after"]["key_name"]) for each in entries] == [
        ("registered", "crew"),
        ("joined", "crew"),
    ]
    assert entries[0]["actor"] == "administrator"
    assert "verifier" not in entries[0]["after"]
    (listed,) = [key for key in client.people("GET", "provisioning-keys") if key["name"] == "crew"]
    assert (listed["joins"], listed["is_live"], "key" in listed) == (1, True, False)


def test_twenty_devices_with_one_key_wait_at_once_and_none_loses_its_place_for_good(
    client: Client, make_key: MakeKey, mosquitto_port: int, tmp_path: Path, join: Join
) -> None:
    key = make_key(max_joins=20)
    serials = [f"many-{number}" for number in range(20)]
    files = [configure(tmp_path / serial, mosquitto_port, key, serial) for serial in serials]
    answers = [join(file) for file in files]
    until(lambda: set(serials) <= set(waiting(client)), 30, "twenty hellos")
    for serial in serials:
        client.people("POST", "inbox", serial, "register", json={})
    until(lambda: all(answers), 30, "all to be told")
    assert answers == [[True]] * 20
    assert [settings.load(file, {}).id for file in files] == serials
    assert len({client.device(serial).device_key for serial in serials}) == 20


def test_a_stranger_speaks_at_its_place_and_nowhere_else(make_key: MakeKey, connect: Connect) -> None:
    key = make_key(max_joins=2)
    mine, other = key.account("s", 0), next(a for n in range(99) if (a := key.account("s", n)) != key.account("s", 0))
    peer, neighbour = connect(mine.user, key.secret), connect(other.user, key.secret, client_id=mine.user)
    assert (peer.code, neighbour.code) == ("Success", "Success")
    assert say(peer, f"join/some/{mine.place}/data/bsm", b"x") in {"Success", "No matching subscribers"}
    for topic in (
        f"join/some/{other.place}/hello/up",
        f"join/some/{mine.place}/registered/down",
        f"join/some/{mine.place}/other/up",
        "join/some/hello",
        "join/some",
        "obu/some/bsm/up",
        "rsu/some/state",
        "site/hillside/picture",
    ):
        assert say(peer, topic, b"x") == "Not authorized", topic
    assert not peer.ended_s  # the neighbour asked for its client id
    assert connect(mine.user, "wrong").code == "Not authorized"


def test_an_answer_is_heard_at_its_place_only(client: Client, make_key: MakeKey, connect: Connect) -> None:
    key = make_key(max_joins=3)
    mine, other = key.account("s", 0), next(a for n in range(99) if (a := key.account("s", n)) != key.account("s", 0))
    peer, neighbour = connect(mine.user, key.secret), connect(other.user, key.secret)
    for each in (peer, neighbour):
        each.hear("join/#", "#")
    say(peer, f"join/answered/{mine.place}/hello/up", hello())
    until(lambda: "answered" in waiting(client), 5, "the hello")
    client.people("POST", "inbox", "answered", "register", json={})
    until(lambda: peer.heard, 5, "the answer")
    assert peer.heard == {f"join/answered/{mine.place}/registered/down"}
    say(neighbour, f"join/elsewhere/{other.place}/hello/up", hello())
    until(lambda: "elsewhere" in waiting(client), 5, "the neighbour's hello")
    assert not neighbour.heard


def test_two_that_claim_one_serial_are_two_and_the_operator_says_which(
    client: Client, make_key: MakeKey, connect: Connect
) -> None:
    key = make_key(max_joins=2)
    account = key.account("claimed", 0)
    peer = connect(account.user, key.secret)
    for _ in range(2):
        say(peer, f"join/claimed/{account.place}/hello/up", hello())
    rows = (
        until(
            lambda: r if len(r := [row for row in client.people("GET", "inbox") if row["serial"] == "claimed"]) == 2 else None,
            5,
            "both",
        )
        or []
    )
    with pytest.raises(RefusedError, match="several devices call themselves 'claimed'"):
        client.people("POST", "inbox", "claimed", "register", json={})
    client.people("POST", "inbox", "claimed", "register", json={"fingerprint": rows[1]["fingerprint"]})
    assert waiting(client)["claimed"]["fingerprint"] == rows[0]["fingerprint"]
    client.people("DELETE", "inbox", "claimed")
    say(peer, f"join/claimed/{account.place}/hello/up", hello())
    until(lambda: "claimed" in waiting(client), 5, "a third one")
    assert waiting(client, "refused")["claimed"]["fingerprint"] == rows[0]["fingerprint"]


def test_nothing_is_half_done(client: Client, make_key: MakeKey, connect: Connect, place: Place) -> None:
    key = make_key(max_joins=2)
    account = key.account("half", 0)
    peer = connect(account.user, key.secret)
    say(peer, f"join/half/{account.place}/hello/up", hello(kind="sensor"))
    until(lambda: "half" in waiting(client), 5, "the hello")
    client.add_devices([NewDevice(device_id="taken", kind=Kind.OBU, site_id=SITE)])
    for body, status, field in (
        ({"device_id": "taken"}, 409, "device_id"),
        ({"device_id": "a b"}, 422, "device_id"),
        ({"vin": "X"}, 422, "vin"),
        ({"site_id": "nowhere"}, 422, "site_id"),
        ({"replaces": "nobody"}, 404, "device"),
        ({"nonsense": 1}, 422, "nonsense"),
        ({"fingerprint": "0"}, 404, "waiting device"),
    ):
        answer = httpx.post(
            f"{place.url}/api/inbox/half/register", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=30
        )
        assert answer.status_code == status, (body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        error = answer.json()["errors"][0]
        assert (error["field"].split(".")[-1], bool(error["allowed"])) == (field, True), (body, answer.text)
    assert waiting(client)["half"]["state"] == "waiting"
    (listed,) = [each for each in client.people("GET", "provisioning-keys") if each["name"] == key.name]
    assert listed["joins"] == 0


def test_a_device_that_lost_its_secret_gets_the_new_one_in_its_place(client: Client, make_key: MakeKey, connect: Connect) -> None:
    old = client.add_devices([NewDevice(device_id="lost", kind=Kind.OBU, site_id=SITE)])[0]
    session = connect("lost", old.secret)
    key = make_key()
    account, secret = key.account("again", 0), verifiers.new_secret()
    peer = connect(account.user, key.secret)
    say(peer, f"join/again/{account.place}/hello/up", json.dumps({"verifier": verifiers.verifier(secret)}))
    until(lambda: "again" in waiting(client), 5, "the hello")
    assert client.people("POST", "inbox", "again", "register", json={"replaces": "lost"})["device_key"] == old.device_key
    until(lambda: session.ended_s, 5, "the old session to be cut")
    assert connect("lost", secret).code == "Success"


def test_a_key_ends_by_number_by_time_and_by_hand(client: Client, make_key: MakeKey, connect: Connect, place: Place) -> None:
    key = make_key(max_joins=1)
    account = key.account("one", 0)
    peer = connect(account.user, key.secret)
    secret = verifiers.new_secret()
    say(peer, f"join/one/{account.place}/hello/up", json.dumps({"kind": "obu", "verifier": verifiers.verifier(secret)}))
    say(peer, f"join/two/{account.place}/hello/up", hello())
    until(lambda: {"one", "two"} <= set(waiting(client)), 5, "the hellos")
    client.people("POST", "inbox", "one", "register", json={})
    assert not peer.ended_s  # its answer goes over this session
    with pytest.raises(RefusedError, match="no longer counts"):
        client.people("POST", "inbox", "two", "register", json={})
    device = connect("one", secret)
    say(device, "obu/one/state", json.dumps({"state": "online"}))
    until(lambda: peer.ended_s, 5, "the used-up key's session to be cut")

    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    short = make_key(expires=soon.isoformat())
    waits = connect(short.account("x", 0).user, short.secret)
    assert waits.code == "Success"
    until(lambda: waits.ended_s, 5, "the expired key's session to be cut")
    assert datetime.datetime.now(datetime.UTC) - soon < datetime.timedelta(seconds=2.5)

    revoked = make_key(max_joins=5)
    waits = connect(revoked.account("x", 0).user, revoked.secret)
    started_s = time.monotonic()
    client.people("DELETE", "provisioning-keys", revoked.name)
    until(lambda: waits.ended_s, 5, "the revoked key's session to be cut")
    assert waits.ended_s - started_s < 1
    assert connect(revoked.account("x", 0).user, revoked.secret).code == "Not authorized"
    for name in (key.name, short.name, revoked.name):
        (listed,) = [each for each in client.people("GET", "provisioning-keys") if each["name"] == name]
        assert not listed["is_live"]


def test_what_a_stranger_says_is_kept_within_bounds_and_the_oldest_goes(
    client: Client, make_key: MakeKey, connect: Connect, place: Place
) -> None:
    key = make_key(max_joins=2)
    account = key.account("talks", 0)
    peer = connect(account.user, key.secret)
    say(peer, f"join/talks/{account.place}/hello/up", hello())
    for number in range(130):
        say(peer, f"join/talks/{account.place}/data/bsm", f"message {number}".encode())
    say(peer, f"join/talks/{account.place}/hello/up", b"rubbish \x00\xff")

    def newest() -> list[dict[str, str]]:
        data: list[dict[str, str]] = client.people("GET", "inbox", "talks")["data"]
        return data

    until(lambda: "talks" in waiting(client) and newest() and newest()[0]["topic"].endswith("hello/up"), 5, "the last message")
    data = newest()
    assert len(data) == 100
    assert bytes.fromhex(data[1]["payload"]) == b"message 129"
    assert bytes.fromhex(data[-1]["payload"]) == b"message 31"
    for _ in range(6):
        say(peer, f"join/large/{account.place}/data/bsm", bytes(60_000))
    sizes = "SELECT count(*), sum(octet_length(payload)) FROM register.quarantine WHERE serial = 'large'"
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        until(lambda: connection.execute(sizes).fetchone() == (4, 240_000), 5, "no more than 256 KiB")
    client.people("DELETE", "inbox", "talks")
    with pytest.raises(RefusedError, match="there is no waiting device 'none'"):
        client.people("GET", "inbox", "none")
    assert client.people("GET", "inbox", "talks")["data"] == []


def test_no_word_of_a_stranger_stops_the_registry(client: Client, make_key: MakeKey, connect: Connect) -> None:
    key = make_key(max_joins=2)
    account = key.account("bad", 0)
    peer = connect(account.user, key.secret)
    good = verifiers.verifier("s")
    for said in (
        b"",
        b"[" * 4000,
        b'{"verifier": 1}',
        json.dumps({"verifier": "$7$101$AAAA$AAAA"}).encode(),
        json.dumps({"verifier": good.replace("$101$", "$999999999$")}).encode(),
        json.dumps({"verifier": good, "x": "\0"}).encode(),
        json.dumps({"verifier": good, "x": "\ud800"}).encode(),
        json.dumps({"verifier": good, "x": float("nan")}).encode(),
        json.dumps({"verifier": good, "kind": "tram"}).encode(),
        json.dumps({"verifier": good, "x": "y" * 5000}).encode(),
    ):
        say(peer, f"join/bad/{account.place}/hello/up", said)
    say(peer, f"join/{'s' * 65}/{account.place}/hello/up", hello())
    say(peer, f"join/fine/{account.place}/hello/up", hello())
    until(lambda: "fine" in waiting(client), 5, "the good hello")
    assert "bad" not in waiting(client)
    assert not {serial for serial in waiting(client) if len(serial) > 64}


def test_the_commands_and_the_agent_as_a_process_do_all_of_it(
    place: Place, client: Client, make_key: MakeKey, mosquitto_port: int, tmp_path: Path
) -> None:
    make_key()  # the registry is at the broker
    added = chelu(place, "provisioning", "add", "typed", "--site", SITE, "--joins", "3", "--json")
    assert added.returncode == 0, added.stderr
    key = ProvisioningKey.read(json.loads(added.stdout)["key"])
    assert str(key) not in chelu(place, "provisioning", "list").stdout
    file = configure(tmp_path, mosquitto_port, key, "T1")
    environment = {**os.environ, "CHELU_READY_FILE": str(tmp_path / "ready")}
    with subprocess.Popen(
        [sys.executable, "-m", "edge", "--config", str(file)], env=environment, stderr=subprocess.PIPE
    ) as agent:
        try:
            until(lambda: "T1" in chelu(place, "inbox", "list").stdout, 20, "the device in the list")
            assert "gantry" in chelu(place, "inbox", "show", "T1").stdout
            registered = chelu(place, "inbox", "register", "T1", "--id", "typed-1", "--set", "heading_deg=90", "--json")
            assert json.loads(registered.stdout)["device_id"] == "typed-1", registered.stderr
            until(lambda: "T1" in waiting(client, "joined"), 20, "the device under its own id")
            before = (tmp_path / "secret").read_text()
            rotated = chelu(place, "device", "rotate", "typed-1")
            assert rotated.stdout == "typed-1 has a new secret\n", rotated.stderr
            until(lambda: (tmp_path / "secret").read_text() != before, 10, "the new secret to count")
        finally:
            agent.terminate()
            assert agent.wait(15) == 0
    assert client.device("typed-1").heading_deg == 90
    by_hand = json.loads(chelu(place, "device", "rotate", "typed-1", "--by-hand", "--json").stdout)
    assert len(by_hand["secret"]) == 43
    assert chelu(place, "device", "rotate", "typed-1", "--finish").returncode == 0
    late = chelu(place, "device", "rotate", "typed-1", "--wait", "0.5")
    assert (late.returncode, "keeps its old secret" in late.stderr) == (1, True)
    assert chelu(place, "device", "rotate", "typed-1", "--give-up").returncode == 0
    nobody = chelu(place, "inbox", "register", "nobody")
    assert (nobody.returncode, nobody.stderr.count("\n")) == (1, 1)
    assert chelu(place, "provisioning", "revoke", "typed").returncode == 0
    assert [entry["what"] for entry in client.audit(subject="typed")] == ["provisioning_key"] * 3


def test_a_site_is_deleted_with_its_keys_and_who_waits_with_them(client: Client, make_key: MakeKey, connect: Connect) -> None:
    client.add_site(Site(site_id="passing", latitude_deg=0, longitude_deg=0))
    key = make_key(site_id="passing", max_joins=2)
    account = key.account("gone", 0)
    peer = connect(account.user, key.secret)
    say(peer, f"join/gone/{account.place}/hello/up", hello())
    until(lambda: "gone" in waiting(client), 5, "the hello")
    client.delete_site("passing")
    until(lambda: peer.ended_s, 5, "its session to be cut")
    assert "gone" not in waiting(client)


def test_a_key_for_a_thousand_devices_is_made_and_revoked_at_once(client: Client, make_key: MakeKey, connect: Connect) -> None:
    started_s = time.monotonic()
    key = make_key(max_joins=1000)
    made_s = time.monotonic() - started_s
    peers = [connect(key.account("x", attempt).user, key.secret) for attempt in range(20)]
    started_s = time.monotonic()
    client.people("DELETE", "provisioning-keys", key.name)
    until(lambda: all(peer.ended_s for peer in peers), 5, "the sessions to be cut")
    cut_s = max(peer.ended_s for peer in peers) - started_s
    print(f"\na key of {key.places} places made in {1000 * made_s:.0f} ms, its sessions cut in {1000 * cut_s:.0f} ms")
    assert max(made_s, cut_s) < 1


def test_an_operator_of_another_site_neither_sees_nor_decides(
    client: Client, make_key: MakeKey, connect: Connect, place: Place
) -> None:
    client.add_site(Site(site_id="elsewhere", latitude_deg=0, longitude_deg=0))
    user = {"user_name": "zhao", "password": "a long password", "roles": [{"site": "elsewhere", "role": "operator"}]}
    client.people("POST", "users", json=user)
    key = make_key(max_joins=2)
    account = key.account("theirs", 0)
    peer = connect(account.user, key.secret)
    say(peer, f"join/theirs/{account.place}/hello/up", hello())
    until(lambda: "theirs" in waiting(client), 5, "the hello")
    with Client(place.url, client.people("POST", "keys", json={"name": "k", "owner": "zhao"})["key"]) as other:
        assert (waiting(other), other.people("GET", "provisioning-keys")) == ({}, [])
        for call in (
            ("GET", "inbox", "theirs"),
            ("DELETE", "inbox", "theirs"),
            ("POST", "inbox", "theirs", "register"),
            ("DELETE", "provisioning-keys", key.name),
        ):
            body = {"site_id": "elsewhere"} if call[0] == "POST" else None
            with pytest.raises(RefusedError, match="needed is operator on site 'hillside'"):
                other.people(*call, json=body)
        made = other.people("POST", "provisioning-keys", json={"name": "own", "site_id": "elsewhere", "max_joins": 2})
        own = ProvisioningKey.read(made["key"])
        place_ = own.account("mine", 0)
        say(connect(place_.user, own.secret), f"join/mine/{place_.place}/hello/up", hello())
        until(lambda: "mine" in waiting(other), 5, "their own")
        for wanted in ({"site_id": SITE}, {"replaces": "rsu-17"}):
            with pytest.raises(RefusedError, match=r"operator on|there is no device"):
                other.people("POST", "inbox", "mine", "register", json=wanted)
        assert other.people("POST", "inbox", "mine", "register", json={})["device_id"] == "mine"
    assert waiting(client)["theirs"]["state"] == "waiting"
    assert client.device("mine").site_id == "elsewhere"
