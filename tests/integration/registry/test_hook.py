"""The endpoints that a broker asks by HTTP, as EMQX 5 asks them; -s shows the answers a second that docs/registry.md has."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import httpx
import pytest

from chelu.api import Client
from chelu.errors import RefusedError
from chelu.local.ports import LOOPBACK
from chelu.provisioning import ProvisioningKey
from chelu.topics import Kind
from tests.integration.registry.conftest import ACCOUNTS, HOOK_SECRET, KEY, SITE, AddDevice, Place
from tests.waiting import until

ASKERS = 8
QUESTIONS = 1000


def ask(place: Place, what: str, *, secret: str = HOOK_SECRET, **body: Any) -> httpx.Response:
    """As EMQX does with the templates that docs/registry.md has; `peerhost`, `qos` and `retain` are its own additions."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    document = {"peerhost": "192.0.2.1", "proto_name": "MQTT", "qos": 1, "retain": "false", **body}
    return httpx.post(f"{place.url}/api/broker/{what}", json=document, headers=headers, timeout=30)


def admits(place: Place, user: str, password: str | None, client_id: str | None = None) -> bool:
    answer = ask(place, "authentication", username=user, password=password, clientid=user if client_id is None else client_id)
    assert (answer.status_code, answer.json()["is_superuser"]) == (200, False), answer.text
    assert answer.headers["content-type"] == "application/json"
    return bool(answer.json()["result"] == "allow")


def allows(place: Place, user: str, action: str, topic: str) -> bool:
    answer = ask(place, "authorization", username=user, clientid=user, action=action, topic=topic)
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["result"] == "allow")


def test_devices_services_and_strangers_are_let_in_under_their_own_client_id(
    place: Place, client: Client, add_device: AddDevice
) -> None:
    device, other = add_device("hooked", Kind.RSU), add_device("other", Kind.RSU)
    assert admits(place, "hooked", device.secret)
    assert not admits(place, "hooked", other.secret)
    assert not admits(place, "hooked", None)
    assert not admits(place, "hooked", device.secret, "other")
    assert not admits(place, "nobody", "x")
    assert admits(place, "ingest", ACCOUNTS["ingest"])
    made = client.people("POST", "provisioning-keys", json={"name": "emqx", "site_id": SITE, "max_joins": 2})
    key = ProvisioningKey.read(made["key"])
    account = key.account("s", 0)
    assert admits(place, account.user, key.secret)
    assert allows(place, account.user, "publish", f"join/s/{account.place}/hello/up")
    assert not allows(place, account.user, "publish", "join/s/hello")
    client.people("DELETE", "provisioning-keys", "emqx")
    assert not admits(place, account.user, key.secret)
    assert not allows(place, account.user, "publish", f"join/s/{account.place}/hello/up")


def test_ones_own_topics_are_allowed_and_no_others(place: Place, add_device: AddDevice) -> None:
    add_device("mine", Kind.RSU)
    for action, topic, expected in (
        ("publish", "rsu/mine/bsm/up", True),
        ("subscribe", "rsu/mine/config/down", True),
        ("publish", "rsu/mine/config/down", False),
        ("subscribe", "rsu/mine/bsm/up", False),
        ("publish", "rsu/yours/bsm/up", False),
        ("subscribe", "rsu/+/config/down", False),
        ("subscribe", "#", False),
        ("publish", "rsu/mine/nonsense/up", False),
    ):
        assert allows(place, "mine", action, topic) is expected, (action, topic)
    assert allows(place, "ingest", "subscribe", "$share/workers/rsu/#")


def test_a_change_counts_as_soon_as_the_registry_has_answered(place: Place, client: Client, add_device: AddDevice) -> None:
    for number in range(5):
        device = add_device(f"quick-{number}")
        assert admits(place, device.device_id, device.secret)
        client.revoke_credential(device.device_id)
        assert not admits(place, device.device_id, device.secret)
        assert not allows(place, device.device_id, "publish", f"obu/{device.device_id}/bsm/up")


def test_both_secrets_count_until_the_new_one_is_used(place: Place, client: Client, add_device: AddDevice) -> None:
    old = add_device("overlaps").secret
    new = client.people("POST", "devices", "overlaps", "rotation", json={"by": "hand"})["secret"]
    assert admits(place, "overlaps", old)
    assert admits(place, "overlaps", new)
    until(lambda: not admits(place, "overlaps", old), 5, "the old one to end")
    assert admits(place, "overlaps", new)
    with pytest.raises(RefusedError, match="there is no rotation"):
        client.people("GET", "devices", "overlaps", "rotation")
    assert list(client.audit(what="credential"))[-1]["actor"] == "registry"


@pytest.mark.parametrize("secret", ["-", "wrong", KEY])
def test_who_has_not_the_brokers_secret_is_told_nothing(place: Place, secret: str) -> None:
    for what in ("authentication", "authorization"):
        answer = ask(place, what, secret=secret, username="a", password="b", clientid="a", topic="t", action="publish")
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.json()["errors"][0]["allowed"] == "the broker's secret"
    assert httpx.get(f"{place.url}/api/me", headers={"Authorization": f"Bearer {HOOK_SECRET}"}).status_code == 401


def test_a_question_that_is_none_names_its_field(place: Place) -> None:
    for body, field in (
        ({"username": "a", "clientid": "a", "topic": "t", "action": "read"}, "action"),
        ({"username": "a", "clientid": "a", "action": "publish"}, "topic"),
    ):
        answer = ask(place, "authorization", **body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_thousands_of_questions_a_second_are_answered(place: Place, add_device: AddDevice) -> None:
    device = add_device("asked-often", Kind.OBU)
    questions = {
        "authentication": f'{{"username": "asked-often", "clientid": "asked-often", "password": "{device.secret}"}}',
        "authorization": '{"username": "asked-often", "clientid": "asked-often", "topic": "obu/asked-often/bsm/up", '
        '"action": "publish", "qos": "0", "retain": "false", "peerhost": "192.0.2.1"}',
    }
    for what, body in questions.items():
        found = max(rate(place.port, what, body) for _ in range(2))
        print(f"\n{what}: {found:.0f} answers/s over {ASKERS} connections")
        assert found > 500


def rate(port: int, what: str, body: str) -> float:
    """Answers a second to `ASKERS` connections that each ask one question after the other."""
    request = (
        f"POST /api/broker/{what} HTTP/1.1\r\nHost: registry\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {HOOK_SECRET}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    allowed: list[int] = []

    def work() -> None:
        with socket.create_connection((LOOPBACK, port), timeout=30) as connection:
            count = 0
            for _ in range(QUESTIONS):
                connection.sendall(request)
                answer = b""
                while not answer.endswith(b"}"):
                    answer += connection.recv(4096)
                count += b'"allow"' in answer
            allowed.append(count)

    threads = [threading.Thread(target=work) for _ in range(ASKERS)]
    started_s = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == ASKERS * QUESTIONS
    return ASKERS * QUESTIONS / (time.monotonic() - started_s)
