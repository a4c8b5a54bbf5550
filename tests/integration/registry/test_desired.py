"""What is desired of devices when several change it, and what they report, on a real registry, database and broker."""

from __future__ import annotations

import threading
from typing import Any

import httpx

from chelu.api import Client
from tests.integration.registry.conftest import KEY, AddDevice, Place
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.test_orders import Talk, configure, talk
from tests.waiting import until

__all__ = ["registry_account", "talk"]

HEADERS = {"Authorization": f"Bearer {KEY}"}
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
