"""Configuration and commands on a real registry, database and broker: what a device says decides, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from chelu.api import Client, Site
from chelu.errors import RefusedError
from chelu.topics import Kind
from tests.integration.registry.conftest import KEY, SITE, AddDevice, Place, chelu
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.test_broker import Peer
from tests.waiting import until

__all__ = ["registry_account"]

Say = Callable[..., None]


class Talker:
    """A device at the broker that does nothing by itself: the test says for it."""

    def __init__(self, port: int, name: str, secret: str | None, kind: Kind = Kind.RSU) -> None:
        self.name, self.kind = name, kind
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.peer = Peer(port, name, secret)
        self.peer.mqtt.on_message = lambda *event: self.told.append((event[2].topic, json.loads(event[2].payload)))
        told = ("config", "command", "upgrade", *(("event", "traffic", "om-config") if kind is Kind.RSCU else ()))
        self.peer.hear(*(f"{kind}/{name}/{what}/down" for what in told))

    def say(self, topic: str, document: object) -> None:
        payload = document if isinstance(document, bytes) else json.dumps(document)
        info = self.peer.mqtt.publish(f"{self.kind}/{self.name}/{topic}", payload, qos=1)
        until(info.is_published, 5, f"{topic} to be taken")

    def wait(self, count: int = 1) -> dict[str, Any]:
        """What the device was told as the count-th."""
        until(lambda: len(self.told) >= count, 10, f"{self.name} to be told {count} things")
        return self.told[count - 1][1]

    def answer(self, number: int, code: int = 0, what: str = "config", **more: object) -> None:
        self.say(f"{what}/down/ack", {"seqNum": number, "errorCode": code, **more})


@pytest.fixture
def talk(client: Client, mosquitto_port: int, add_device: AddDevice, place: Place) -> Iterator[Callable[..., Talker]]:
    talkers: list[Talker] = []
    log = place.directory / "registry.log"
    until(lambda: "devices that want to join are heard" in log.read_text(), 30, "the registry to be at the broker")

    def talk(name: str, kind: Kind = Kind.RSU, **fields: object) -> Talker:
        talkers.append(Talker(mosquitto_port, name, add_device(name, kind, **fields).secret, kind))
        return talkers[-1]

    yield talk
    for talker in talkers:
        talker.peer.close()


Talk = Callable[..., Talker]


def configure(client: Client, change: dict[str, Any], *devices: str, **more: Any) -> dict[str, Any]:
    body = {"selection": {"devices": list(devices)}, "change": change, **more}
    return dict(client.people("POST", "config", json=body))


def command(client: Client, name: str, *devices: str, **more: Any) -> dict[str, Any]:
    return dict(client.people("POST", "commands", json={"selection": {"devices": list(devices)}, "command": name, **more}))


def newest(client: Client, device: str) -> dict[str, Any]:
    return dict(client.people("GET", "devices", device, "orders")[0])


def state_is(client: Client, device: str, *states: str) -> dict[str, Any]:
    return (
        until(lambda: found if (found := newest(client, device))["state"] in states else None, 10, f"{device} to be {states}")
        or {}
    )


def test_a_configuration_is_queued_sent_and_applied_and_each_is_said_when_it_is_so(client: Client, talk: Talk) -> None:
    device = talk("whole")
    dispatch = configure(client, {"heartbeat_s": 5, "muted_streams": ["spat", "bsm"]}, "whole")
    assert (dispatch["devices"], dispatch["topic"], sum(dispatch["states"].values())) == (1, "config", 1)
    told = device.wait()
    assert told == {"seqNum": told["seqNum"], "ack": True, "heartbeat_s": 5, "muted_streams": ["bsm", "spat"]}
    sent = state_is(client, "whole", "sent")
    assert (sent["number"], sent["answers"], sent["delivered"]) == (told["seqNum"], 0, None)
    device.answer(told["seqNum"], config={"heartbeat_s": 5.0, "muted_streams": ["spat", "bsm"], "log_level": "INFO"})
    applied = state_is(client, "whole", "applied")
    assert (applied["code"], applied["is_late"], applied["due"]) == (0, False, None)
    shown = client.people("GET", "devices", "whole", "config")
    assert (shown["version"], shown["state"], shown["differences"]) == (1, "applied", [])
    assert shown["reported"]["log_level"] == "INFO"


def test_an_order_is_sent_again_until_it_is_answered(client: Client, talk: Talk) -> None:
    device = talk("deaf")
    configure(client, {"heartbeat_s": 5}, "deaf")
    device.wait(2)  # after 2 s
    assert device.told[0] == device.told[1]
    device.answer(device.told[0][1]["seqNum"])
    assert state_is(client, "deaf", "applied")["attempts"] == 2


def test_a_newer_configuration_takes_the_older_one_s_place_and_a_late_word_changes_nothing(client: Client, talk: Talk) -> None:
    device = talk("twice")
    configure(client, {"heartbeat_s": 5}, "twice")
    first = device.wait()
    configure(client, {"run_status_s": 30}, "twice")
    second = device.wait(2)
    assert second == {"seqNum": second["seqNum"], "ack": True, "heartbeat_s": 5, "run_status_s": 30}
    device.answer(first["seqNum"])
    device.answer(second["seqNum"])
    state_is(client, "twice", "applied")
    states = [(it["number"], it["state"]) for it in client.people("GET", "devices", "twice", "orders")]
    assert states == [(second["seqNum"], "applied"), (first["seqNum"], "superseded")]
    until(lambda: client.people("GET", "devices", "twice", "orders")[1]["answers"] == 1, 5, "the late word to be counted")
    configure(client, {"heartbeat_s": None}, "twice")
    assert device.wait(3) == {"seqNum": device.told[2][1]["seqNum"], "ack": True, "run_status_s": 30}


def test_a_refusal_is_a_failure_with_the_device_s_reason(client: Client, talk: Talk) -> None:
    device = talk("refuses")
    configure(client, {"heartbeat_s": 5}, "refuses")
    device.answer(device.wait()["seqNum"], 2, errorDesc="no room")
    failed = state_is(client, "refuses", "failed")
    assert (failed["code"], failed["detail"]) == (2, "no room")


def test_a_device_that_says_done_and_reports_otherwise_has_failed(client: Client, talk: Talk) -> None:
    device, other = talk("liar"), talk("honest")
    configure(client, {"heartbeat_s": 5}, "liar", "honest")
    device.answer(device.wait()["seqNum"], config={"heartbeat_s": 60})
    other.answer(other.wait()["seqNum"], config={"heartbeat_s": 5})
    state_is(client, "honest", "applied")
    failed = state_is(client, "liar", "failed")
    assert failed["detail"] == "it reports heartbeat_s = 60 where 5 was sent"
    shown = client.people("GET", "devices", "liar", "config")
    assert shown["differences"] == [{"field": "heartbeat_s", "desired": 5, "reported": 60}]
    page = client.people("GET", "config", params={"differing": True, "site": SITE})
    assert "liar" in {row["device_id"] for row in page["configurations"]}
    assert "honest" not in {row["device_id"] for row in page["configurations"]}


def test_who_answers_what_it_was_never_sent_is_counted_and_not_believed(client: Client, talk: Talk) -> None:
    mine, other = talk("asked-2"), talk("not-asked")
    configure(client, {"heartbeat_s": 5}, "asked-2")
    number = mine.wait()["seqNum"]
    for stray in (number, 2**40, 1):
        other.answer(stray)
    mine.answer(number, what="command")  # it was no command
    for rubbish in (b"\xff", b"[]", {"seqNum": True, "errorCode": 0}, {"seqNum": -1}, {"seqNum": 2**70}, {"seqNum": "1"}):
        mine.say("config/down/ack", rubbish)
    until(lambda: client.people("GET", "devices", "not-asked", "config")["strays"] == 3, 5, "the strays to be counted")
    until(lambda: client.people("GET", "devices", "asked-2", "config")["strays"] == 1, 5, "the wrong topic to be counted")
    assert newest(client, "asked-2")["state"] == "sent"
    mine.answer(number, 7**30)  # no code at all: some failure
    assert state_is(client, "asked-2", "failed")["code"] == 2


def test_of_two_answers_the_first_counts_and_a_late_one_counts_as_late(client: Client, talk: Talk) -> None:
    device = talk("slow")
    command(client, "ping", "slow", lasting_s=1)
    number = device.wait()["seqNum"]
    timed_out = state_is(client, "slow", "timed out")
    assert timed_out["answers"] == 0
    device.answer(number, what="command", time_us=5)
    late = state_is(client, "slow", "applied")
    assert (late["is_late"], late["answer"]) == (True, {"errorCode": 0, "time_us": 5})
    device.answer(number, 2, what="command")
    until(lambda: newest(client, "slow")["answers"] == 2, 5, "the second answer")
    assert (newest(client, "slow")["state"], newest(client, "slow")["code"]) == ("applied", 0)


def test_a_device_that_is_at_it_has_it_and_when_it_restarts_is_told_again(client: Client, talk: Talk) -> None:
    device = talk("busy")
    command(client, "capture", "busy", parameters={"seconds": 30})
    number = device.wait()["seqNum"]
    device.answer(number, what="command", state="received")
    assert state_is(client, "busy", "delivered")["due"] is None
    device.say("state", {"state": "online"})
    assert device.wait(2)["seqNum"] == number
    device.answer(number, what="command", file="capture.ndjson")
    assert state_is(client, "busy", "applied")["answer"]["file"] == "capture.ndjson"


def test_a_device_that_was_away_is_told_when_it_comes(
    client: Client, talk: Talk, mosquitto_port: int, add_device: AddDevice
) -> None:
    secret = add_device("away-2", Kind.RSU).secret
    configure(client, {"heartbeat_s": 5}, "away-2")
    until(lambda: newest(client, "away-2")["attempts"] == 2, 10, "two attempts in vain")
    device = Talker(mosquitto_port, "away-2", secret)
    try:
        device.say("state", {"state": "online"})
        until(lambda: device.told, 2, "the order, long before its next turn")
    finally:
        device.peer.close()


def test_an_order_that_is_taken_back_is_not_sent_any_more(client: Client, talk: Talk) -> None:
    device = talk("spared")
    dispatch = command(client, "ping", "spared")
    device.wait()
    taken = client.people("DELETE", "dispatches", str(dispatch["dispatch_id"]))
    assert taken["states"] == {"superseded": 1}
    assert newest(client, "spared")["detail"] == "taken back"


def test_labels_make_a_group_and_one_request_is_one_dispatch(client: Client, talk: Talk, place: Place) -> None:
    talkers = [talk(f"bay-{n}", labels={"bay": "9"}) for n in range(3)]
    body = {"selection": {"labels": {"bay": "9"}, "kind": "rsu"}, "command": "ping"}
    dispatch = client.people("POST", "commands", json=body)
    for talker in talkers:
        talker.answer(talker.wait()["seqNum"], what="command")
    number = str(dispatch["dispatch_id"])
    until(lambda: client.people("GET", "dispatches", number)["states"] == {"applied": 3}, 5, "all three")
    assert [it["device_id"] for it in client.people("GET", "dispatches", number, "orders")["orders"]] == [
        "bay-0",
        "bay-1",
        "bay-2",
    ]
    (entry,) = client.audit(subject=number, what="dispatch")
    assert (entry["actor"], entry["after"]["devices"], entry["after"]["selection"]) == ("administrator", 3, body["selection"])
    with psycopg.connect(place.database_url) as connection:
        noted = connection.execute("SELECT action FROM register.history WHERE subject = %s", (f"dispatch {number}",)).fetchall()
    assert noted == [("order command",)]


def test_a_device_that_is_told_nothing_is_refused_by_its_state(client: Client, add_device: AddDevice) -> None:
    add_device("laid-off", Kind.RSU)
    client.step_device("laid-off", "retired")
    with pytest.raises(RefusedError, match="device 'laid-off' is retired: it is told nothing"):
        command(client, "ping", "laid-off")


@pytest.fixture(scope="module")
def unasked(add_device: AddDevice) -> None:
    """A roadside unit and a computer that are told nothing."""
    add_device("unasked", Kind.RSU)
    add_device("untold", Kind.RSCU)


@pytest.mark.parametrize(
    ("path", "body", "field", "status"),
    [
        ("config", {"selection": {"devices": ["unasked"]}, "change": {"heartbeat_s": 0}}, "change.heartbeat_s", 422),
        ("config", {"selection": {"devices": ["unasked"]}, "change": {"colour": "red"}}, "change", 422),
        (
            "config",
            {"selection": {"devices": ["unasked"]}, "change": {"bsmConfig": {"upLimit": 10**6}}},
            "change.bsmConfig.upLimit",
            422,
        ),
        ("config", {"selection": {"devices": ["unasked"]}, "change": {"x": "\0"}}, "change", 422),
        ("config", {"selection": {}, "change": {}}, "selection", 422),
        ("config", {"selection": {"devices": ["nobody"]}, "change": {}}, "device", 404),
        ("commands", {"selection": {"devices": ["unasked"]}, "command": "explode"}, "command", 422),
        ("commands", {"selection": {"devices": ["unasked"]}, "command": "capture"}, "parameters", 422),
        (
            "commands",
            {"selection": {"devices": ["unasked"]}, "command": "capture", "parameters": {"seconds": 0}},
            "parameters.seconds",
            422,
        ),
        ("commands", {"selection": {"devices": ["unasked"]}, "command": "ping", "lasting_s": 0}, "lasting_s", 422),
    ],
)
@pytest.mark.usefixtures("unasked")
def test_what_is_not_allowed_is_refused_by_field(place: Place, path: str, body: Any, field: str, status: int) -> None:
    answer = httpx.post(f"{place.url}/api/{path}", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["errors"][0]["allowed"]


def test_a_selection_that_names_no_device_is_said(client: Client) -> None:
    with pytest.raises(
        RefusedError, match=r'selection = {"labels": {"bay": "none"}} is not allowed: what names at least one device'
    ):
        client.people("POST", "commands", json={"selection": {"labels": {"bay": "none"}}, "command": "ping"})


def test_an_operator_of_another_site_neither_sees_nor_orders(client: Client, talk: Talk, place: Place) -> None:
    device = talk("theirs-2")
    dispatch = command(client, "ping", "theirs-2")
    device.wait()
    client.add_site(Site(site_id="far", latitude_deg=0, longitude_deg=0))
    roles = [{"site": "far", "role": "operator"}]
    client.people("POST", "users", json={"user_name": "qian", "password": "a long password", "roles": roles})
    number = str(dispatch["dispatch_id"])
    with Client(place.url, client.people("POST", "keys", json={"name": "k", "owner": "qian"})["key"]) as other:
        assert other.people("GET", "dispatches")["dispatches"] == []
        assert other.people("GET", "dispatches", number, "orders")["orders"] == []
        assert other.people("GET", "config")["configurations"] == []
        for call in (("GET", "dispatches", number), ("DELETE", "dispatches", number), ("GET", "devices", "theirs-2", "orders")):
            with pytest.raises(RefusedError, match=r"needed is (viewer|operator) on site 'hillside'"):
                other.people(*call)
        with pytest.raises(RefusedError, match="needed is operator on site 'hillside'"):
            command(other, "ping", "theirs-2")
        with pytest.raises(RefusedError, match="what names at least one device"):
            other.people("POST", "commands", json={"selection": {"kind": "rsu"}, "command": "ping"})


def test_the_commands_do_it_too(client: Client, talk: Talk, place: Place) -> None:
    device = talk("typed-9")
    late = chelu(place, "command", "send", "ping", "--device", "typed-9", "--wait", "0.5")
    assert (late.returncode, "1 of 1 devices have not answered dispatch" in late.stderr) == (1, True)
    device.answer(device.wait()["seqNum"], what="command", time_us=7)
    assert "applied" in chelu(place, "orders", "list", "--device", "typed-9").stdout
    sent = chelu(place, "config", "set", "heartbeat_s=2.5", "log_level=DEBUG", "--device", "typed-9", "--wait", "0")
    assert sent.returncode == 0, sent.stderr
    assert device.wait(2)["log_level"] == "DEBUG"
    shown = chelu(place, "config", "show", "typed-9").stdout
    assert "heartbeat_s: nothing where 2.5 is desired" in shown
    assert "typed-9" in chelu(place, "config", "list", "--differing", "--kind", "rsu").stdout
    assert json.loads(chelu(place, "config", "schema", "rsu").stdout)["properties"]["heartbeat_s"]["maximum"] == 3600
    assert "seconds" in chelu(place, "command", "list").stdout
    dispatch = client.people("GET", "dispatches")["dispatches"][0]["dispatch_id"]
    assert "typed-9" in chelu(place, "orders", "show", str(dispatch)).stdout
    taken_back = chelu(place, "orders", "take-back", str(dispatch)).stdout
    assert "superseded=1" in taken_back
    gone = chelu(place, "command", "send", "ping", "--device", "typed-9", "--lasting", "0.1")
    assert (gone.returncode, "1 timed out" in gone.stderr) == (1, True)
    assert "selection" not in taken_back, "it may be thousands"
    nobody = chelu(place, "command", "send", "ping")
    assert (nobody.returncode, "say which devices" in nobody.stderr) == (1, True)


EVENTS = {"eventList": [{"eventType": 904, "longitude": 106.57, "latitude": 29.53}]}


def tell(client: Client, document: object, *devices: str, about: str = "event") -> dict[str, Any]:
    body = {"selection": {"devices": list(devices)}, "about": about, "document": document}
    return dict(client.people("POST", "tellings", json=body))


def test_a_roadside_computer_is_told_under_its_own_serial_number(client: Client, talk: Talk) -> None:
    computer = talk("numbered", Kind.RSCU)
    client.change_device("numbered", {"serial": "CQ-RSCU-0007"})
    tell(client, EVENTS, "numbered")
    assert computer.wait(1)["rscuSn"] == "CQ-RSCU-0007"


def test_a_roadside_computer_is_told_of_events_until_it_answers(client: Client, talk: Talk) -> None:
    computer = talk("computer", Kind.RSCU)
    tell(client, EVENTS, "computer")
    told, again = computer.wait(1), computer.wait(2)  # after 2 s
    assert told == again
    assert (told["eventList"], told["rscuSn"], told["ack"]) == (EVENTS["eventList"], "computer", True)
    assert told["timeStamp"] > 1_700_000_000_000
    computer.answer(told["seqNum"], 1, what="event", errorDesc="no such place")
    failed = state_is(client, "computer", "failed")
    assert (failed["topic"], failed["code"], failed["detail"]) == ("event", 1, "no such place")
    tell(client, {"periodTime": 4, "startTime": 1_790_000_000_000, "endTime": 1_790_000_060_000,
                  "laneFlowData": [{"branchId": "E", "laneId": "1"}]}, "computer", about="traffic")  # fmt: skip
    until(lambda: any(topic.endswith("traffic/down") for topic, _ in computer.told), 10, "the traffic to be told")
    number = next(said["seqNum"] for topic, said in computer.told if topic.endswith("traffic/down"))
    computer.answer(number, what="traffic")
    assert state_is(client, "computer", "applied")["topic"] == "traffic"
    tell(client, {"time": 0, "power": 2, "hbRate": 10}, "computer", about="om-config")
    until(lambda: computer.told[-1][0].endswith("om-config/down"), 10, "the settings to be told")
    computer.answer(computer.told[-1][1]["seqNum"], what="om-config")
    assert state_is(client, "computer", "applied")["topic"] == "om-config"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "document = nothing is not allowed: one of eventList"),
        (
            {"eventList": [{"eventType": -1, "longitude": 1, "latitude": 1}]},
            "eventList[0].eventType = -1 is not allowed: 0 … 65535",
        ),
        ({"eventList": [{"eventType": 1, "longitude": 1}]}, "eventList[0].latitude = nothing is not allowed: a value"),
        ({"eventList": 5}, "eventList = 5 is not allowed: a list"),
    ],
)
@pytest.mark.usefixtures("unasked")
def test_what_no_computer_could_read_is_not_sent(client: Client, document: object, said: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(said)):
        tell(client, document, "untold")


def test_only_roadside_computers_are_told_of_events(client: Client, talk: Talk) -> None:
    talk("no-computer")
    with pytest.raises(RefusedError, match="roadside computers only"):
        tell(client, EVENTS, "no-computer")
