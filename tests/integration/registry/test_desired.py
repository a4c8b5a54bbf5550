"""What is desired of devices when several change it, and what they report, on a real registry, database and broker."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx
import pytest

from chelu.api import Client
from tests.integration.registry.conftest import KEY, AddDevice, Place
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.test_orders import Talk, configure, state_is, talk
from tests.waiting import until

__all__ = ["registry_account", "talk"]

HEADERS = {"Authorization": f"Bearer {KEY}"}
HOUR_US = 3_600_000_000
CHANGES: list[dict[str, Any]] = [{"heartbeat_s": 5}, {"log_level": "DEBUG"}, {"run_status_s": 30}]


def together(place: Place, path: str, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    """Post all at the same moment, each on a connection of its own."""
    barrier, answers = threading.Barrier(len(bodies)), list[httpx.Response]()

    def post(body: dict[str, Any]) -> None:
        with httpx.Client(base_url=place.url, headers=HEADERS, timeout=30) as own:
            own.get("/health")
            barrier.wait()
            answers.append(own.post(path, json=body))

    threads = [threading.Thread(target=post, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_fresh_device_configured_by_several_at_once_keeps_every_change(
    place: Place, client: Client, add_device: AddDevice, mosquitto_port: int
) -> None:
    for number in range(8):
        device = f"fresh-{number}"
        add_device(device)
        answers = together(place, "/api/config", [{"change": each, "selection": {"devices": [device]}} for each in CHANGES])
        assert [answer.status_code for answer in answers] == [202] * 3
        shown = client.people("GET", "devices", device, "config")
        assert shown["desired"] == {"heartbeat_s": 5, "log_level": "DEBUG", "run_status_s": 30}
        assert shown["version"] == 3
        states = [order["state"] for order in client.people("GET", "devices", device, "orders")]
        assert sorted(states[1:]) == ["superseded"] * 2
        assert states[0] != "superseded"


def test_rolling_a_campaign_back_leaves_what_was_changed_since(client: Client, talk: Talk) -> None:
    device = talk("rolled")
    configure(client, {"run_status_s": 30, "log_level": "INFO"}, "rolled")
    change = {"heartbeat_s": 7, "run_status_s": 20, "log_level": None, "bsmConfig": {"upLimit": 10}}
    body = {"campaign_id": "rolled", "change": change, "selection": {"devices": ["rolled"]}, "waves": [1.0]}
    client.people("POST", "campaigns", json=body)
    device.answer(device.wait(2)["seqNum"])
    until(lambda: client.people("GET", "campaigns", "rolled")["phase"] == "done", 10, "the campaign")
    configure(client, {"heartbeat_s": 3, "log_level": "DEBUG", "muted_streams": ["bsm"]}, "rolled")
    device.wait(3)
    client.people("POST", "campaigns", "rolled", "roll-back")
    told = device.wait(4)
    desired = {"heartbeat_s": 3, "run_status_s": 30, "log_level": "DEBUG", "muted_streams": ["bsm"]}
    assert told == {"seqNum": told["seqNum"], "ack": True, **desired}
    assert client.people("GET", "devices", "rolled", "config")["desired"] == desired


def test_a_campaign_overtaken_by_an_operator_says_so_and_is_rolled_back_all_the_same(client: Client, talk: Talk) -> None:
    device = talk("overtaken")
    body = {"campaign_id": "late", "change": {"heartbeat_s": 7}, "selection": {"devices": ["overtaken"]}, "waves": [1.0]}
    client.people("POST", "campaigns", json=body)
    device.wait()
    configure(client, {"log_level": "DEBUG"}, "overtaken")
    assert device.wait(2)["heartbeat_s"] == 7
    until(lambda: client.people("GET", "campaigns", "late")["phase"] == "done", 10, "the campaign")
    assert client.people("GET", "campaigns", "late")["reason"] == "1 overtaken or taken back"
    client.people("POST", "campaigns", "late", "roll-back")
    device.answer(device.wait(3)["seqNum"])
    until(lambda: client.people("GET", "campaigns", "late")["phase"] == "rolled back", 10, "the way back")
    assert client.people("GET", "devices", "overtaken", "config")["desired"] == {"log_level": "DEBUG"}


def test_old_news_does_not_overwrite_new(client: Client, talk: Talk) -> None:
    device = talk("spools")
    for number, time_us in ((2, time.time_ns() // 1000), (1, time.time_ns() // 1000 - 480 * HOUR_US)):
        device.say("info/up", {"config": {"heartbeat_s": number}, "versions": {"rsu-os": str(number)}, "time_us": time_us})
    device.say("config/down/ack", {"seqNum": 1, "errorCode": 0})
    until(lambda: client.people("GET", "devices", "spools", "config")["strays"], 5, "the last of them")
    shown = client.people("GET", "devices", "spools", "config")
    assert (shown["reported"], shown["versions"], shown["desired"]) == ({"heartbeat_s": 2}, {"rsu-os": "2"}, None)


@pytest.mark.parametrize("back_us", [HOUR_US, 9_000 * HOUR_US])
def test_a_device_whose_clock_was_set_back_is_believed_when_it_answers(client: Client, talk: Talk, back_us: int) -> None:
    name = f"back-{back_us}"
    device = talk(name)

    def shown() -> dict[str, Any]:
        return dict(client.people("GET", "devices", name, "config"))

    now_us = time.time_ns() // 1000
    device.say("info/up", {"config": {"heartbeat_s": 2}, "versions": {"os": "1"}, "time_us": now_us})
    until(lambda: shown()["versions"] == {"os": "1"}, 10, "what it says with the right time")
    configure(client, {"heartbeat_s": 9}, name)
    device.answer(device.wait()["seqNum"], config={"heartbeat_s": 9}, time_us=now_us - back_us)
    state_is(client, name, "applied")
    assert shown()["reported"] == {"heartbeat_s": 9}
    assert shown()["differences"] == []
    device.say("info/up", {"config": {"heartbeat_s": 8}, "versions": {"os": "2"}, "time_us": now_us - back_us + 2})
    until(lambda: shown()["versions"] == {"os": "2"}, 10, "what it says after that")
    assert shown()["reported"] == {"heartbeat_s": 8}


def test_a_late_answer_to_an_older_order_does_not_overwrite_a_newer_one_s(client: Client, talk: Talk) -> None:
    device = talk("overtakes")
    configure(client, {"heartbeat_s": 5}, "overtakes")
    first = device.wait()["seqNum"]
    configure(client, {"heartbeat_s": 6}, "overtakes")
    second = device.wait(2)["seqNum"]
    now_us = time.time_ns() // 1000
    device.answer(second, config={"heartbeat_s": 6}, time_us=now_us)
    device.answer(first, config={"heartbeat_s": 5}, time_us=now_us - HOUR_US)
    until(lambda: client.people("GET", "devices", "overtakes", "orders")[1]["answers"] == 1, 10, "the late word to be counted")
    assert client.people("GET", "devices", "overtakes", "config")["reported"] == {"heartbeat_s": 6}
