"""Packages over HTTP: only what a trusted maker signed is taken, and only the device that was told to may fetch it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from chelu.api import Client, Organisation
from chelu.errors import RefusedError
from chelu.signing import Signer, Statement
from services.registry.packages import rows
from tests.integration.registry.conftest import ACCOUNTS, KEY, AddDevice, Place, chelu
from tests.integration.registry.test_orders import Talker, newest, state_is, talk
from tests.waiting import until

__all__ = ["talk"]

CONTENT = b"0123456789" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
Talk = Callable[..., Talker]
WAITING = """SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND classid::bigint = hashtext('chelu package')::bigint & 4294967295
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
Headers = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def registry_account() -> str:
    return f"registry:{ACCOUNTS['registry']}@"


@pytest.fixture(scope="module")
def signer(client: Client) -> Signer:
    made = Signer.new()
    client.people("POST", "signing-keys", json={"name": "acme", "public_key": made.public_key})
    return made


def send(place: Place, signer: Signer, content: bytes = CONTENT, **change: str) -> httpx.Response:
    about = {"component": "firmware", "name": "os", "version": "1.0", **change}
    digest = hashlib.sha256(content).hexdigest()
    signed = Statement(about["component"], about["name"], about["version"], len(content), digest)
    query = {"key": "acme", "signature": signer.sign(signed), **about, **change}
    return httpx.post(f"{place.url}/api/packages", params=query, content=content, headers=Headers, timeout=30)


@pytest.fixture(scope="module")
def package(client: Client, place: Place, signer: Signer) -> int:
    answer = send(place, signer, version="2.0")
    assert answer.status_code == 201, answer.text
    return int(answer.json()["package_id"])


def test_what_is_not_signed_by_whom_it_says_is_refused_and_leaves_nothing(client: Client, place: Place, signer: Signer) -> None:
    for change, field, status in (
        ({"signature": "0" * 128}, "signature", 422),
        ({"key": "nobody"}, "key", 422),
        ({"version": "../x"}, "version", 422),
        ({"version": "current"}, "version", 422),
        ({"version": ".current.new"}, "version", 422),
        ({"name": "parts"}, "name", 422),
        ({"name": "installed.json"}, "name", 422),
        ({"component": "toaster"}, "component", 422),
    ):
        answer = send(place, signer, **change)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field), answer.text
    assert send(place, signer, content=b"").json()["errors"][0]["value"] == "nothing"
    stranger = send(place, Signer.new())
    fault = stranger.json()["errors"][0]
    assert (stranger.status_code, fault["field"]) == (422, "signature")
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert fault["allowed"] == f"acme's signature of firmware os 1.0, {len(CONTENT)} bytes with the SHA-256 {digest}"
    assert [each for each in client.people("GET", "packages") if each["version"] == "1.0"] == []
    assert list((place.directory / "packages").glob(".incoming-*")) == []


def test_a_package_is_kept_once_listed_and_deleted_with_its_file(client: Client, place: Place, signer: Signer) -> None:
    first = send(place, signer, version="5.0", content=b"five").json()
    second = send(place, signer, version="5.1", content=b"five").json()
    assert send(place, signer, version="5.0", content=b"other").status_code == 409
    file = place.directory / "packages" / first["sha256"]
    client.people("DELETE", "packages", str(first["package_id"]))
    assert file.read_bytes() == b"five"  # the other one's, too
    client.people("DELETE", "packages", str(second["package_id"]))
    assert not file.exists()
    with pytest.raises(RefusedError, match="there is no package"):
        client.people("GET", "packages", str(second["package_id"]))


def test_the_same_bytes_uploaded_while_they_are_deleted_are_there(client: Client, place: Place, signer: Signer) -> None:
    """The deletion waits, with its row gone and its file still there, while the upload of another version ends."""
    first = send(place, signer, version="7.0", content=b"seven").json()
    deleting = threading.Thread(target=client.people, args=("DELETE", "packages", str(first["package_id"])))
    with psycopg.connect(place.database_url) as connection:
        rows.lock_file(connection, first["sha256"])  # type: ignore[arg-type]
        deleting.start()
        gone = "SELECT 1 FROM register.package WHERE version = '7.0'"
        until(lambda: not observed(place, gone), 10, "its row to be gone")
        uploading = threading.Thread(target=send, args=(place, signer, b"seven"), kwargs={"version": "7.1"})
        uploading.start()
        until(lambda: len(observed(place, WAITING)) == 2, 10, "both to wait for the file")
    deleting.join()
    uploading.join()
    (second,) = [each for each in client.people("GET", "packages") if each["version"] == "7.1"]
    assert second["is_there"]
    assert (place.directory / "packages" / second["sha256"]).read_bytes() == b"seven"


def observed(place: Place, sql: str) -> list[Any]:
    with psycopg.connect(place.database_url) as connection:
        return connection.execute(sql.encode()).fetchall()


def test_a_vendor_that_a_rule_names_is_kept_and_the_rule_is_named(client: Client, package: int) -> None:
    client.add_organisation(Organisation(organisation_id="named", role="vendor"))
    rule = client.people("POST", "packages", str(package), "rules", json={"vendor": "named"})
    with pytest.raises(RefusedError, match=f"these depend on it: rules of packages {package}"):
        client.delete_organisation("named")
    client.people("DELETE", "packages", str(package), "rules", str(rule["rule_id"]))
    client.delete_organisation("named")


def test_a_key_that_is_revoked_signs_nothing_more(client: Client, place: Place) -> None:
    old = Signer.new()
    client.people("POST", "signing-keys", json={"name": "old", "public_key": old.public_key})
    assert send(place, old, version="6.0", key="old").status_code == 201
    client.people("DELETE", "signing-keys", "old")
    assert send(place, old, version="6.1", key="old").status_code == 422
    with pytest.raises(RefusedError, match="a name that no signing key has had"):
        client.people("POST", "signing-keys", json={"name": "old", "public_key": old.public_key})


def test_only_who_was_told_to_may_fetch_and_only_while_it_is(client: Client, talk: Talk, place: Place, package: int) -> None:
    device, other = talk("fetches"), talk("looks-on")
    client.people("POST", "packages", str(package), "rules", json={})
    body = {"campaign_id": "fetch", "selection": {"devices": ["fetches"]}, "package_id": package, "waves": [1.0]}
    client.people("POST", "campaigns", json=body)
    order = device.wait()
    assert order["url"] == f"{place.url}/api/packages/{package}/content"
    assert "token" not in json.dumps(newest(client, "fetches"))

    def get(token: str, wanted: str | None = None, url: str = order["url"]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", **({"Range": wanted} if wanted else {})}
        return httpx.get(url, headers=headers, timeout=30)

    for token in (
        "x",
        "1.0",
        KEY,
        f"{int(order['seqNum']) + 1}.{order['token'].partition('.')[2]}",
        "9" * 19 + "." + "0" * 64,
    ):
        assert get(token).status_code == 401, token
    assert get(order["token"], url=f"{place.url}/api/packages/{package + 1000}/content").status_code == 404
    for wanted in ("bytes=10000-", "bytes=5-4", "lines=1-2", "bytes=-5", "bytes=" + "9" * 30 + "-"):
        assert get(order["token"], wanted).status_code == 416, wanted
    piece = get(order["token"], "bytes=0-2")
    assert (piece.status_code, piece.content, piece.headers["content-range"]) == (206, b"012", "bytes 0-2/10000")
    done = {"state": "done", "versions": {"os": "2.0"}}
    device.say("upgrade-status/up", {"seqNum": order["seqNum"], "errorCode": 0, **done})
    failed = state_is(client, "fetches", "failed")
    assert failed["detail"] == "it has fetched 3 of 10000 bytes"
    answer = get(order["token"])
    assert (answer.status_code, answer.json()["detail"]) == (404, f"order {order['seqNum']} has ended: failed")
    assert other.told == []


def fetched(order: dict[str, Any], start: int, count: int) -> bytes:
    """What comes of a package from `start` on until so many bytes are there; then the connection is cut."""
    address = urlsplit(order["url"])
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        asked = (
            f"GET {address.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {order['token']}\r\nRange: bytes={start}-\r\n\r\n"
        )
        connection.sendall(asked.encode())
        found = b""
        while len(found.partition(b"\r\n\r\n")[2]) < count:
            found += connection.recv(2048)
    assert found.startswith(b"HTTP/1.1 206")
    return found.partition(b"\r\n\r\n")[2]


@pytest.fixture(scope="module")
def large(client: Client, place: Place, signer: Signer) -> tuple[int, bytes]:
    content = os.urandom(700_000)
    package = int(send(place, signer, content, version="8.0").json()["package_id"])
    client.people("POST", "packages", str(package), "rules", json={})
    return package, content


def test_what_was_never_taken_is_not_counted(client: Client, talk: Talk, large: tuple[int, bytes]) -> None:
    device = talk("cuts")
    body = {"campaign_id": "cuts", "selection": {"devices": ["cuts"]}, "package_id": large[0], "waves": [1.0]}
    client.people("POST", "campaigns", json=body)
    order = device.wait()
    for start in (0, 1 << 18, 1 << 19):
        fetched(order, start, 10)
    done = {"state": "done", "versions": {"os": "8.0"}}
    device.say("upgrade-status/up", {"seqNum": order["seqNum"], "errorCode": 0, **done})
    has = re.fullmatch(r"it has fetched (\d+) of 700000 bytes", state_is(client, "cuts", "failed")["detail"])
    assert has is not None
    assert 0 < int(has[1]) < 1 << 17


def test_who_was_cut_off_goes_on_with_what_it_has(client: Client, talk: Talk, large: tuple[int, bytes]) -> None:
    device = talk("resumes")
    body = {"campaign_id": "resumes", "selection": {"devices": ["resumes"]}, "package_id": large[0], "waves": [1.0]}
    client.people("POST", "campaigns", json=body)
    order, has = device.wait(), b""
    while len(has) < len(large[1]):
        has += fetched(order, len(has), min(150_000, len(large[1]) - len(has)))
    assert has == large[1]
    done = {"state": "done", "versions": {"os": "8.0"}}
    device.say("upgrade-status/up", {"seqNum": order["seqNum"], "errorCode": 0, **done})
    state_is(client, "resumes", "applied")


def test_a_device_is_believed_when_it_reports_the_version(client: Client, talk: Talk, place: Place, package: int) -> None:
    device = talk("two-words")
    body = {"campaign_id": "words", "selection": {"devices": ["two-words"]}, "package_id": package, "waves": [1.0]}
    client.people("POST", "campaigns", json=body)
    order = device.wait()
    content = httpx.get(order["url"], headers={"Authorization": f"Bearer {order['token']}"}, timeout=30)
    assert hashlib.sha256(content.content).hexdigest() == order["sha256"] == DIGEST
    device.say("upgrade/down/ack", {"seqNum": order["seqNum"], "errorCode": 0})
    assert state_is(client, "two-words", "delivered")["due"] is None
    device.say("upgrade-status/up", {"seqNum": order["seqNum"], "errorCode": 0, "state": "done"})
    until(lambda: (newest(client, "two-words")["answer"] or {}).get("state") == "done", 5, "the claim")
    assert newest(client, "two-words")["state"] == "delivered"  # it has not said of which version it is
    device.say("versions/up", {"versions": {"os": "2.0"}})
    state_is(client, "two-words", "applied")


def test_a_device_that_says_done_and_reports_another_version_has_failed(client: Client, talk: Talk, package: int) -> None:
    device = talk("old-version")
    body = {"campaign_id": "old", "selection": {"devices": ["old-version"]}, "package_id": package, "waves": [1.0]}
    client.people("POST", "campaigns", json=body)
    number = device.wait()["seqNum"]
    device.say("upgrade-status/up", {"seqNum": number, "errorCode": 0, "state": "done", "versions": {"os": "1.0"}})
    failed = state_is(client, "old-version", "failed")
    assert failed["detail"] == "it says that it is done, and reports os 1.0 where 2.0 was sent"


def test_models_are_packages_too_and_the_commands_do_it(client: Client, place: Place, add_device: AddDevice) -> None:
    key = place.directory / "maker.pem"
    public = chelu(place, "firmware", "keygen", str(key)).stdout.strip()
    assert key.stat().st_mode & 0o777 == 0o600
    assert chelu(place, "firmware", "trust", "lab", public).returncode == 0
    file = place.directory / "motion.onnx"
    file.write_bytes(b"a model")
    named = ("--name", "motion", "--version", "7", "--key", str(key), "--maker", "lab", "--model", "--json")
    added = json.loads(chelu(place, "firmware", "upload", str(file), *named).stdout)
    assert (added["component"], added["key"]) == ("model", "lab")
    assert "motion" in chelu(place, "firmware", "list").stdout
    rule = json.loads(chelu(place, "firmware", "allow", str(added["package_id"]), "--from", "6", "--json").stdout)
    assert rule["from_version"] == "6"
    emptied = chelu(place, "firmware", "rules", str(added["package_id"]), "--delete", str(rule["rule_id"]))
    assert "6" not in emptied.stdout
    assert public in chelu(place, "firmware", "keys").stdout
    assert chelu(place, "firmware", "delete", str(added["package_id"])).returncode == 0
    assert chelu(place, "firmware", "distrust", "lab").returncode == 0
    again = chelu(place, "firmware", "keygen", str(key))
    assert (again.returncode, "a new file" in again.stderr) == (1, True)
