"""Joining on a real registry, database and broker: from a provisioning key to a device that speaks under its own id."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from chelu import verifiers
from chelu.api import Client, NewDevice
from chelu.clock import SystemClock
from chelu.provisioning import ProvisioningKey
from chelu.topics import Kind
from edge import joining, settings
from edge.agent import Agent
from edge.credential import CredentialFile
from tests.integration.registry.conftest import ACCOUNTS, SITE, Place, chelu
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.fix_joining import (
    Connect,
    Join,
    MakeKey,
    configure,
    connect,
    join,
    make_key,
    say,
    waiting,
)
from tests.waiting import until

__all__ = ["connect", "join", "make_key", "registry_account"]


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
