"""Campaigns that bring different firmware to the same devices, on a real registry, database and broker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from chelu.api import Client
from chelu.signing import Signer, Statement
from tests.integration.registry.conftest import KEY, Place
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.test_orders import Talk, Talker, talk
from tests.waiting import until

__all__ = ["registry_account", "talk"]

Offer = Callable[..., int]


@pytest.fixture(scope="module")
def offer(client: Client, place: Place) -> Offer:
    """Uploads a version of the operating system, and lets every device have it, or those of one version; the package's id."""
    signer = Signer.new()
    client.people("POST", "signing-keys", json={"name": "acme", "public_key": signer.public_key})

    def offer(version: str, **rule: str) -> int:
        content = version.encode() * 100
        about = {"component": "firmware", "name": "os", "version": version}
        statement = Statement(**about, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        query = {**about, "key": "acme", "signature": signer.sign(statement)}
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = httpx.post(f"{place.url}/api/packages", params=query, content=content, headers=headers, timeout=30)
        assert answer.status_code == 201, answer.text
        package = int(answer.json()["package_id"])
        client.people("POST", "packages", str(package), "rules", json=rule)
        return package

    return offer


def reports(client: Client, device: Talker, version: str) -> None:
    device.say("versions/up", {"versions": {"os": version}})
    shown = ("devices", device.name, "config")
    until(lambda: client.people("GET", *shown)["versions"] == {"os": version}, 10, f"{device.name} to have {version}")


def obeys(client: Client, device: Talker, count: int, action: str, version: str) -> None:
    """The device does what it is told as the count-th, which is this."""
    order = device.wait(count)
    assert (order["action"], order["version"]) == (action, version)
    if action == "install":
        httpx.get(order["url"], headers={"Authorization": f"Bearer {order['token']}"}, timeout=30).raise_for_status()
    done = {"state": "done", "versions": {"os": version}}
    device.say("upgrade-status/up", {"seqNum": order["seqNum"], "errorCode": 0, **done})
    orders = ("devices", device.name, "orders")
    until(lambda: client.people("GET", *orders)[0]["state"] == "applied", 10, f"{device.name} to have applied {version}")


def begin(client: Client, name: str, package: int, *devices: Talker, **more: Any) -> None:
    selection = {"devices": [device.name for device in devices]}
    client.people("POST", "campaigns", json={"campaign_id": name, "package_id": package, "selection": selection, **more})


def ends(client: Client, name: str, phase: str, reason: str) -> dict[str, dict[str, Any]]:
    """Its devices by id, when it has come to this."""
    until(lambda: client.people("GET", "campaigns", name)["phase"] == phase, 10, f"{name} to be {phase}")
    assert client.people("GET", "campaigns", name)["reason"] == reason
    return {each["device_id"]: each for each in client.people("GET", "campaigns", name, "devices")["devices"]}


def test_an_older_campaign_neither_brings_its_version_to_who_has_a_newer_one_nor_takes_it_from_them(
    client: Client, talk: Talk, offer: Offer
) -> None:
    first, second = talk("over-1"), talk("over-2")
    for device in (first, second):
        reports(client, device, "1.0")
    begin(client, "older", offer("2.0", from_version="1.0"), first, second, waves=[0.5, 1.0])
    first.wait()
    client.people("POST", "campaigns", "older", "pause")
    obeys(client, first, 1, "install", "2.0")
    begin(client, "newer", offer("3.0"), first, second, waves=[1.0])
    obeys(client, first, 2, "install", "3.0")
    obeys(client, second, 1, "install", "3.0")
    ends(client, "newer", "done", "")

    client.people("POST", "campaigns", "older", "resume", json={})
    found = ends(client, "older", "done", "1 skipped")["over-2"]
    assert (found["is_skipped"], found["state"], found["detail"]) == (True, None, "no rule lets it have os 2.0 from 3.0")
    waves = client.people("GET", "campaigns", "older")["waves"]
    assert [(wave["good"], wave["waiting"], wave["skipped"]) for wave in waves] == [(1, 0, 0), (0, 0, 1)]

    client.people("POST", "campaigns", "older", "roll-back")
    found = ends(client, "older", "rolled back", "1 left as they are")["over-1"]
    assert (found["back"], found["back_skipped"]) == (None, "it has os 3.0, no longer 2.0")
    assert client.people("GET", "campaigns", "older")["back"] == {"waiting": 0, "open": 0, "good": 0, "bad": 0, "skipped": 1}
    assert (len(first.told), len(second.told)) == (2, 1)


def test_campaigns_are_taken_back_one_after_the_other_the_newest_first(client: Client, talk: Talk, offer: Offer) -> None:
    device = talk("twice-back")
    reports(client, device, "4.0")
    for count, version in enumerate(("5.0", "6.0"), 1):
        begin(client, f"to-{version}", offer(version), device, waves=[1.0])
        obeys(client, device, count, "install", version)
        ends(client, f"to-{version}", "done", "")
    for count, (name, version) in enumerate((("to-6.0", "5.0"), ("to-5.0", "4.0")), 3):
        client.people("POST", "campaigns", name, "roll-back")
        obeys(client, device, count, "rollback", version)
        assert ends(client, name, "rolled back", "")["twice-back"]["back"] == "applied"


def test_who_is_on_the_way_to_a_newer_version_is_left_on_it(client: Client, talk: Talk, offer: Offer) -> None:
    device = talk("midway")
    reports(client, device, "7.0")
    begin(client, "to-8", offer("8.0"), device, waves=[1.0])
    obeys(client, device, 1, "install", "8.0")
    ends(client, "to-8", "done", "")
    begin(client, "to-9", offer("9.0"), device, waves=[1.0])
    device.wait(2)
    client.people("POST", "campaigns", "to-8", "roll-back")
    assert ends(client, "to-8", "rolled back", "1 left as they are")["midway"]["back_skipped"] == "os 9.0 is on its way to it"
    obeys(client, device, 2, "install", "9.0")
    ends(client, "to-9", "done", "")
