"""Strangers at a real broker: what they may say with a provisioning key, for how long, and what the operator makes of them."""

from __future__ import annotations

import datetime
import json
import time
from typing import Any

import httpx
import psycopg
import pytest

from chelu import verifiers
from chelu.api import Client, NewDevice, Site
from chelu.errors import RefusedError
from chelu.provisioning import ProvisioningKey
from chelu.topics import Kind
from tests.integration.registry.conftest import KEY, SITE, Place
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.fix_joining import Connect, MakeKey, connect, hello, make_key, say, waiting
from tests.waiting import until

__all__ = ["connect", "make_key", "registry_account"]


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


def test_a_serial_that_is_claimed_on_two_sites_is_each_operators_own(
    client: Client, make_key: MakeKey, connect: Connect, place: Place
) -> None:
    client.add_site(Site(site_id="across", latitude_deg=0, longitude_deg=0))
    for site in (SITE, "across"):
        key = make_key(f"of-{site}", site_id=site)
        account = key.account("both", 0)
        peer = connect(account.user, key.secret)
        say(peer, f"join/both/{account.place}/data/bsm", site.encode())
        say(peer, f"join/both/{account.place}/hello/up", hello())
    until(lambda: sum(each["kept"] for each in claims(client).values()) == 2, 5, "both, and what they said")
    role = {"site": "across", "role": "operator"}
    client.people("POST", "users", json={"user_name": "there", "password": "a long password", "roles": [role]})
    with Client(place.url, client.people("POST", "keys", json={"name": "k", "owner": "there"})["key"]) as theirs:
        (said,) = theirs.people("GET", "inbox", "both")["data"]
        assert bytes.fromhex(said["payload"]) == b"across"
        theirs.people("DELETE", "inbox", "both")
        with pytest.raises(RefusedError, match="operator on site"):
            theirs.people("POST", "inbox", "both", "register", json={})
    assert claims(client).keys() == {SITE}
    (kept,) = client.people("GET", "inbox", "both", params={"fingerprint": claims(client)[SITE]["fingerprint"]})["data"]
    assert bytes.fromhex(kept["payload"]) == SITE.encode()


def claims(client: Client) -> dict[str, dict[str, Any]]:
    """Those who wait under the serial ``both``, by site."""
    return {row["site_id"]: row for row in client.people("GET", "inbox") if row["serial"] == "both"}


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
    client.add_devices([NewDevice(device_id="hill-1", kind=Kind.RSU, site_id=SITE)])
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
        for wanted in ({"site_id": SITE}, {"replaces": "hill-1"}):
            with pytest.raises(RefusedError, match=r"needed is operator on site 'hillside'"):
                other.people("POST", "inbox", "mine", "register", json=wanted)
        assert other.people("POST", "inbox", "mine", "register", json={})["device_id"] == "mine"
    assert waiting(client)["theirs"]["state"] == "waiting"
    assert client.device("mine").site_id == "elsewhere"
