"""Changing secrets: the agent does it over its session and is never locked out; by hand the old one counts meanwhile."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chelu import verifiers
from chelu.api import Client
from chelu.clock import SystemClock
from chelu.errors import RefusedError
from chelu.topics import Kind
from edge import settings
from edge.agent import Agent
from edge.credential import CredentialFile
from tests.integration.registry.conftest import ACCOUNTS, AddDevice
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.fix_joining import connect, say
from tests.integration.registry.test_broker import Peer
from tests.waiting import until

__all__ = ["connect", "registry_account"]

AGENT = """
kind = "rsu"
id = "{id}"
broker = "mqtt://127.0.0.1:{port}"
credential_file = "{secret}"
heartbeat_s = 3600
run_status_s = 3600
"""
Connect = Callable[..., Peer]
Start = Callable[..., Agent]


@pytest.fixture
def start(mosquitto_port: int, tmp_path: Path) -> Iterator[Start]:
    """Starts an agent; its secret is beside its configuration."""
    agents: list[Agent] = []

    def start(device_id: str, secret: str | None = None, *, wait: bool = True) -> Agent:
        file = tmp_path / "agent.toml"
        if secret is not None:
            (tmp_path / "secret").write_text(secret)
        file.write_text(AGENT.format(id=device_id, port=mosquitto_port, secret="secret"))
        agents.append(Agent(settings.load(file, {}), SystemClock()))
        agents[-1].start()
        if wait:
            agents[-1].wait_connected(10)
        return agents[-1]

    yield start
    for agent in agents:
        agent.stop()


def is_over(client: Client, device_id: str) -> bool:
    try:
        client.people("GET", "devices", device_id, "rotation")
    except RefusedError:
        return True
    return False


def test_an_agent_changes_its_secret_over_its_session(
    client: Client, add_device: AddDevice, start: Start, connect: Connect, tmp_path: Path
) -> None:
    old = add_device("turns", Kind.RSU).secret
    agent = start("turns", old)
    started_s = time.monotonic()
    begun = client.people("POST", "devices", "turns", "rotation", json={})
    assert (begun["by"], begun["secret"]) == ("device", None)
    until(lambda: is_over(client, "turns"), 10, "the device's verifier")
    until(lambda: not (tmp_path / "secret.next").exists(), 10, "the new secret to count")
    until(lambda: agent.is_connected, 10, "the agent to be back")
    print(f"\nchanged, cut and back in {1000 * (time.monotonic() - started_s):.0f} ms")
    new = (tmp_path / "secret").read_text().strip()
    assert new != old
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    agent.stop()
    assert connect("turns", old).code == "Not authorized"
    assert connect("turns", new).code == "Success"
    actions = [(entry["actor"], entry["action"]) for entry in client.audit(what="credential")][-2:]
    assert actions == [("administrator", "update"), ("registry", "update")]


def test_a_device_that_is_away_is_asked_when_it_comes(
    client: Client, add_device: AddDevice, start: Start, tmp_path: Path
) -> None:
    old = add_device("away", Kind.RSU).secret
    client.people("POST", "devices", "away", "rotation", json={})
    assert not is_over(client, "away")
    start("away", old)
    until(lambda: is_over(client, "away"), 10, "the change")
    until(lambda: (tmp_path / "secret").read_text().strip() != old, 10, "the new secret to be kept")


@pytest.mark.parametrize("has_switched", [False, True])
def test_an_agent_that_died_between_the_two_secrets_gets_in_with_either(
    has_switched: bool, client: Client, add_device: AddDevice, start: Start, tmp_path: Path
) -> None:
    name = f"between-{has_switched}"
    old = add_device(name, Kind.RSU).secret
    assert old is not None
    (tmp_path / "secret").write_text(old)
    CredentialFile(tmp_path / "secret").prepare()  # kept, and then the power went
    if has_switched:
        new = CredentialFile(tmp_path / "secret").next_secret()
        assert new is not None
        client.people("POST", "devices", name, "rotation", json={})
        agent = start(name)  # with the old one: it is asked, and answers
        until(lambda: is_over(client, name), 10, "the change")
        agent.stop()
        for file in tmp_path.glob("secret*"):
            file.unlink()
        (tmp_path / "secret").write_text(old)  # as before it knew
        (tmp_path / "secret.next").write_text(new)
    agent = start(name, wait=False)
    until(lambda: agent.is_connected, 10, "the agent to get in")
    if has_switched:
        until(lambda: (tmp_path / "secret").read_text().strip() == new, 5, "the new one to be the one that counts")


def test_an_agent_that_cannot_keep_a_secret_says_so_and_keeps_the_old_one(
    client: Client, add_device: AddDevice, start: Start, tmp_path: Path, connect: Connect
) -> None:
    old = add_device("full", Kind.RSU).secret
    agent = start("full", old)
    (tmp_path / "secret.next").mkdir()  # where the new one would be kept
    ingest = connect("ingest", ACCOUNTS["ingest"])
    heard: list[bytes] = []
    ingest.mqtt.on_message = lambda *event: heard.append(event[2].payload)
    ingest.hear("rsu/full/command/down/ack")
    client.people("POST", "devices", "full", "rotation", json={})
    answer = json.loads(until(lambda: heard, 5, "an answer")[0])
    assert (answer["errorCode"], "secret.next" in answer["errorDesc"]) == (2, True)
    assert agent.is_connected
    assert not is_over(client, "full")
    client.people("DELETE", "devices", "full", "rotation")
    assert is_over(client, "full")


def test_an_answer_that_was_not_asked_for_changes_nothing(client: Client, add_device: AddDevice, connect: Connect) -> None:
    device, other = add_device("asked"), add_device("unasked")
    begun = client.people("POST", "devices", "asked", "rotation", json={})
    assert begun["device_id"] == "asked"
    line = verifiers.verifier("x")
    peer = connect("unasked", other.secret)
    for number in (0, 1, 2, 3, 2**62, -1, True, None, "1"):
        say(peer, "obu/unasked/command/down/ack", json.dumps({"seqNum": number, "errorCode": 0, "verifier": line}))
    mine = connect("asked", device.secret)
    say(mine, "obu/asked/command/down/ack", json.dumps({"seqNum": 2**40, "errorCode": 0, "verifier": line}))
    say(mine, "obu/asked/command/down/ack", b"\xff")
    mine.hear("obu/asked/command/down")
    say(mine, "obu/asked/state", json.dumps({"state": "online"}))
    until(lambda: mine.heard, 5, "the order, said again")
    assert not is_over(client, "asked")
    assert (peer.ended_s, mine.ended_s) == (0, 0)


def test_by_hand_the_old_secret_counts_until_it_is_told_otherwise(
    client: Client, add_device: AddDevice, connect: Connect
) -> None:
    old = add_device("by-hand").secret
    session = connect("by-hand", old)
    new = client.people("POST", "devices", "by-hand", "rotation", json={"by": "hand"})["secret"]
    assert say(session, "obu/by-hand/bsm/up", b"x") != "Not authorized"
    assert connect("by-hand", new).code == "Not authorized"  # a password file has room for one
    session = connect("by-hand", old)
    client.people("POST", "devices", "by-hand", "rotation", "finish")
    until(lambda: session.ended_s, 5, "the old session to be cut")
    assert connect("by-hand", old).code == "Not authorized"
    assert connect("by-hand", new).code == "Success"
    with pytest.raises(RefusedError, match="there is no rotation"):
        client.people("POST", "devices", "by-hand", "rotation", "finish")


def test_by_hand_the_new_secret_counts_when_its_time_has_come(client: Client, add_device: AddDevice, connect: Connect) -> None:
    old = add_device("in-time").secret
    session = connect("in-time", old)
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1.5)
    new = client.people("POST", "devices", "in-time", "rotation", json={"by": "hand", "until": soon.isoformat()})["secret"]
    until(lambda: session.ended_s, 10, "the old session to be cut")
    assert datetime.datetime.now(datetime.UTC) >= soon
    assert connect("in-time", new).code == "Success"


def test_a_change_that_the_device_did_not_make_in_time_is_given_up(
    client: Client, add_device: AddDevice, connect: Connect
) -> None:
    old = add_device("too-late").secret
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    client.people("POST", "devices", "too-late", "rotation", json={"until": soon.isoformat()})
    until(lambda: is_over(client, "too-late"), 10, "the change to be given up")
    assert connect("too-late", old).code == "Success"


def test_what_cannot_be_changed_is_refused_by_field(client: Client, add_device: AddDevice) -> None:
    add_device("silent", credential=False)
    with pytest.raises(RefusedError, match="silent has no credential that could be changed"):
        client.people("POST", "devices", "silent", "rotation", json={})
    add_device("speaks")
    for until_, said in (("2020-01-01T00:00:00Z", "after now"), ("2999-01-01T00:00:00Z", "within 31 days"), ("soon", "datetime")):
        with pytest.raises(RefusedError, match=said):
            client.people("POST", "devices", "speaks", "rotation", json={"until": until_})
    with pytest.raises(RefusedError, match="there is no device 'nobody'"):
        client.people("POST", "devices", "nobody", "rotation", json={})


def test_a_new_secret_ends_a_change_that_was_under_way(client: Client, add_device: AddDevice, connect: Connect) -> None:
    add_device("overtaken")
    client.people("POST", "devices", "overtaken", "rotation", json={"by": "hand"})
    fresh = client.new_credential("overtaken").secret
    assert is_over(client, "overtaken")
    assert connect("overtaken", fresh).code == "Success"
