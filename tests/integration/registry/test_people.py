"""People, roles, keys and sessions over HTTP; every route is denied to every role that is too low."""

from __future__ import annotations

import datetime
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from chelu.api import Client, NewDevice, Site
from chelu.errors import RefusedError
from chelu.local.ports import free_port
from chelu.topics import Kind
from services.registry.access import ANYWHERE
from services.registry.roles import NEEDS, Need, Role, Scope, Where
from tests.integration.registry.conftest import KEY, SITE, Place, chelu
from tests.waiting import until

OTHER = "valley"
VALUES = {
    "site_id": SITE,
    "device_id": "guarded",
    "stream": "bsm",
    "organisation_id": "o",
    "user_name": "u",
    "owner": "u",
    "name": "n",
    "serial": "s",
    "area_id": "a",
    "booking_id": "1",
    "permit_id": "1",
    "stop_id": "1",
    "event_id": "1",
    "month": "2026-05",
    "day": "2026-05-01",
    "kind": "rsu",
    "dispatch_id": "1",
    "alarm_id": "1",
    "threshold_id": "1",
    "maintenance_id": "1",
    "package_id": "1",
    "rule_id": "1",
    "campaign_id": "c",
    "run_id": "1",
    "test_id": "1",
    "export_id": "1",
    "zone_id": "z",
    "case_id": "1",
    "proposal_id": "1",
    "version": "1",
    "warning_id": "3f2a9c01-5f0e-4c1e-8a55-0d3f6f1f2b7a",
}
MakeKey = Callable[..., str]


@pytest.fixture(scope="module")
def make_key(client: Client) -> MakeKey:
    """Makes a person with roles by site, and a key for them."""
    client.add_site(Site(site_id=OTHER, latitude_deg=0, longitude_deg=0))
    client.add_devices(
        [NewDevice(device_id="guarded", kind=Kind.RSU, site_id=SITE), NewDevice(device_id="far", kind=Kind.RSU, site_id=OTHER)]
    )
    numbers = iter(range(10_000))

    made: dict[str, str] = {}

    def make(roles: Mapping[str | None, Role], scopes: list[Scope] | None = None, **fields: object) -> str:
        wanted = str((roles, scopes, fields))
        if wanted in made:
            return made[wanted]
        name = f"p{next(numbers)}"
        given = [{"site": site, "role": role} for site, role in roles.items()]
        client.people("POST", "users", json={"user_name": name, "password": "a long password", "roles": given})
        key = client.people("POST", "keys", json={"name": "k", "owner": name, "scopes": scopes, **fields})
        made[wanted] = str(key["key"])
        return made[wanted]

    return make


def ask(place: Place, method: str, path: str, key: str, **request: object) -> httpx.Response:
    url = place.url + re.sub(r"{(\w+)}", lambda match: VALUES[match[1]], path)
    return httpx.request(method, url, headers={"Authorization": f"Bearer {key}"}, timeout=30, **request)  # type: ignore[arg-type]


def too_low(need: Need) -> list[Mapping[str | None, Role]]:
    """Roles that do not suffice: each lower one on all sites, and, where the site counts, the highest on another site only."""
    lower: list[Mapping[str | None, Role]] = [{}]
    lower.extend({None: role} for role in list(Role)[: list(Role).index(need.role)])
    elsewhere: list[Mapping[str | None, Role]] = [] if need.where in ANYWHERE else [{OTHER: Role.ADMINISTRATOR}]
    return [*lower, *elsewhere]


GUARDED = {route: need for route, need in NEEDS.items() if need.where is not Where.ONESELF}


def test_every_route_is_denied_to_every_role_that_is_too_low(place: Place, make_key: MakeKey) -> None:
    count = 0
    for (method, path), need in GUARDED.items():
        for roles in too_low(need):
            answer = ask(place, method, path, make_key(roles))
            assert answer.status_code == 403, (method, path, roles, answer.text)
            (error,) = answer.json()["errors"]
            assert (error["field"], str(need.role) in error["allowed"]) == ("role", True)
            count += 1
    print(f"\n{count} denials of {len(GUARDED)} routes")
    assert count > 2 * len(GUARDED)


def test_every_route_is_denied_to_every_key_without_its_scope(place: Place, make_key: MakeKey) -> None:
    for scope in Scope:
        key = make_key({None: Role.ADMINISTRATOR}, [each for each in Scope if each is not scope])
        for (method, path), need in NEEDS.items():
            if need.scope is scope:
                answer = ask(place, method, path, key)
                assert (answer.status_code, answer.json()["errors"][0]["field"]) == (403, "scope"), (method, path)


def test_reading_routes_let_in_who_has_the_role(place: Place, make_key: MakeKey) -> None:
    for (method, path), need in GUARDED.items():
        if method == "GET":
            is_local = need.where in {Where.SITE, Where.DEVICE, *ANYWHERE}
            answer = ask(place, method, path, make_key({SITE if is_local else None: need.role}))
            assert answer.status_code in {200, 404, 422, 426, 503}, (path, answer.text)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "If-Match": "*"}


def test_one_sees_and_changes_only_ones_own_sites(place: Place, make_key: MakeKey) -> None:
    key = make_key({OTHER: Role.OPERATOR, SITE: Role.VIEWER})
    only = make_key({OTHER: Role.OPERATOR})
    assert [site["site_id"] for site in ask(place, "GET", "/api/sites", only).json()] == [OTHER]
    assert [each["device_id"] for each in ask(place, "GET", "/api/devices", only).json()["devices"]] == ["far"]
    assert "guarded" not in ask(place, "GET", "/api/export/devices", only).text
    new = [{"device_id": "smuggled", "kind": "rsu", "site_id": SITE}]
    refused = ask(place, "POST", "/api/devices", key, json=new)
    assert (refused.status_code, refused.json()["errors"][0]["allowed"]) == (403, f"operator on site '{SITE}'")
    taken = [{"device_id": "smuggled", "kind": "vehicle", "site_id": OTHER, "carries": ["guarded"]}]
    assert ask(place, "POST", "/api/devices", key, json=taken).status_code == 403
    for name in ("parent", "on_vehicle"):  # who is below a gateway, or on a vehicle, speaks for it
        hung = [{"device_id": "smuggled", "kind": "obu", "site_id": OTHER, name: "guarded"}]
        assert ask(place, "POST", "/api/devices", key, json=hung).status_code == 403, name
        hanging = httpx.patch(f"{place.url}/api/devices/far", json={name: "guarded"}, headers=bearer(key))
        assert hanging.status_code == 403, name
    content = f"device_id,kind,site_id\nsmuggled,rsu,{SITE}\n"
    url = f"{place.url}/api/import/devices"
    assert httpx.post(url, content=content, headers={**bearer(key), "Content-Type": "text/csv"}).status_code == 403
    moved = httpx.patch(f"{place.url}/api/devices/far", json={"site_id": SITE}, headers=bearer(key))
    assert moved.status_code == 403
    assert ask(place, "GET", "/api/streams/bsm", key, params={"device": "far"}).status_code == 503  # let in; nothing is stored


def test_a_session_begins_and_ends(place: Place, client: Client) -> None:
    user = client.people("POST", "users", json={"user_name": "li", "roles": [{"site": SITE, "role": "viewer"}]})
    token = client.login("li", user["password"])["token"]
    with Client(place.url, token) as mine:
        assert (mine.me()["name"], mine.me()["roles"]) == ("li", [{"site": SITE, "role": "viewer"}])
        with pytest.raises(
            RefusedError, match="li may not do this: role = viewer on hillside, needed is operator on site 'hillside'"
        ):
            mine.people("PUT", "sites", SITE, "roads", content=b"x")
        mine.people("PUT", "me", "password", json={"old": user["password"], "new": "an even longer one"})
        mine.people("POST", "logout")
        with pytest.raises(RefusedError, match="not known"):
            mine.me()
    token = client.login("li", "an even longer one")["token"]
    client.change_user("li", {"is_active": False})
    assert ask(place, "GET", "/api/me", token).status_code == 401
    with pytest.raises(RefusedError, match="name or the password is wrong"):
        client.login("li", "an even longer one")


def test_logging_in_is_limited(place: Place, client: Client) -> None:
    client.people("POST", "users", json={"user_name": "target", "password": "the right password"})
    body = {"user_name": "target", "password": "wrong"}
    answers = [httpx.post(f"{place.url}/api/login", json=body, timeout=30).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    short = httpx.post(f"{place.url}/api/login", json={"user_name": "target", "password": "s3cret" * 100})
    assert (short.status_code, short.json()["errors"][0]["value"]) == (422, "(not shown)")
    with pytest.raises(RefusedError, match="too many attempts"):
        client.login("target", "the right password")


def test_a_key_expires_and_cannot_make_a_mightier_one(place: Place, client: Client, make_key: MakeKey) -> None:
    now = datetime.datetime.now(datetime.UTC)
    short = make_key({None: Role.VIEWER}, expires=(now + datetime.timedelta(seconds=1.5)).isoformat())
    assert ask(place, "GET", "/api/me", short).status_code == 200
    until(lambda: ask(place, "GET", "/api/me", short).status_code == 401, 5, "the key to expire")
    for end in (now - datetime.timedelta(seconds=1), datetime.datetime.max.replace(tzinfo=datetime.UTC)):
        answer = ask(place, "POST", "/api/keys", KEY, json={"name": "never", "owner": "p0", "expires": end.isoformat()})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expires")
    weak = make_key({None: Role.ADMINISTRATOR}, [Scope.PEOPLE, Scope.READ])
    for scopes in (None, [Scope.WRITE]):
        answer = ask(place, "POST", "/api/keys", weak, json={"name": "more", "scopes": scopes})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (403, "scopes")
    assert ask(place, "POST", "/api/keys", weak, json={"name": "same", "scopes": [Scope.READ]}).status_code == 201
    ends = now + datetime.timedelta(hours=1)
    lasting = make_key({None: Role.ADMINISTRATOR}, expires=ends.isoformat())
    for later in (None, (ends + datetime.timedelta(seconds=1)).isoformat()):
        answer = ask(place, "POST", "/api/keys", lasting, json={"name": "longer", "owner": "p0", "expires": later})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (403, "expires")
    assert ask(place, "POST", "/api/keys", lasting, json={"name": "as-long", "expires": ends.isoformat()}).status_code == 201
    viewer = make_key({None: Role.VIEWER})
    assert ask(place, "POST", "/api/keys", viewer, json={"name": "x", "owner": "p0"}).status_code == 403


def test_an_administrator_cannot_leave_nobody(place: Place, client: Client, make_key: MakeKey) -> None:
    key = make_key({None: Role.ADMINISTRATOR})
    with Client(place.url, key) as mine:
        name = mine.me()["user"]
        for attempt in (lambda: mine.people("DELETE", "users", name), lambda: mine.change_user(name, {"roles": []})):
            with pytest.raises(RefusedError, match="own administration"):
                attempt()


END: Mapping[str, Mapping[str, Any]] = {
    "deactivated": {"method": "PATCH", "json": {"is_active": False}},
    "reduced": {"method": "PATCH", "json": {"roles": [{"site": None, "role": "operator"}]}},
    "deleted": {"method": "DELETE"},
}
WAITING = """SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@pytest.mark.parametrize("end", list(END))
def test_of_administrators_who_end_each_other_at_once_one_is_left(place: Place, client: Client, end: str) -> None:
    names, administers = [f"{end}-{number}" for number in range(2)], {"site": None, "role": "administrator"}
    for name in names:
        client.people("POST", "users", json={"user_name": name, "password": "a long password", "roles": [administers]})
    keys = [client.people("POST", "keys", json={"name": "k", "owner": name})["key"] for name in names]

    def press(me: int) -> int:
        url, headers = f"{place.url}/api/users/{names[1 - me]}", {"Authorization": f"Bearer {keys[me]}", "If-Match": "*"}
        return httpx.request(url=url, headers=headers, timeout=30, **END[end]).status_code

    with ThreadPoolExecutor(2) as threads, psycopg.connect(place.database_url) as other:
        other.execute("SELECT 1 FROM register.person WHERE user_name = ANY(%s) FOR UPDATE", (names,))
        pressed = [threads.submit(press, me) for me in range(2)]
        with psycopg.connect(place.database_url, autocommit=True) as watching:
            until(lambda: (watching.execute(WAITING).fetchone() or [False])[0], 20, "both to be at it")
        other.rollback()
        codes = sorted(one.result() for one in pressed)
    assert codes == [204 if end == "deleted" else 200, 403]
    left = [one for one in client.people("GET", "users") if one["user_name"] in names]
    assert [one["is_active"] and administers in one["roles"] for one in left].count(True) == 1


def test_nothing_of_a_password_or_key_is_kept_in_the_clear(place: Place, client: Client) -> None:
    client.people("POST", "users", json={"user_name": "clear", "password": "not in the clear"})
    key = client.people("POST", "keys", json={"name": "k", "owner": "clear"})["key"]
    with psycopg.connect(place.database_url) as connection:
        tables = ("person", "api_key", "audit", "history")
        text = "".join(str(connection.execute(f"SELECT * FROM register.{table}".encode()).fetchall()) for table in tables)
    assert "not in the clear" not in text
    assert key not in text
    assert "$argon2id$" in text


def test_the_commands_do_the_same(place: Place, client: Client) -> None:
    user = json.loads(
        chelu(place, "user", "add", "wang", "--name", "Wang", "--role", f"operator@{SITE}", "--role", "viewer", "--json").stdout
    )
    assert len(user["password"]) > 16
    assert "operator@hillside, viewer" in chelu(place, "user", "show", "wang").stdout
    token = chelu(place, "login", "wang", "--password", user["password"], key="").stdout.split()[1]
    assert ask(place, "GET", "/api/me", token).json()["user"] == "wang"
    assert "operator@hillside, viewer" in chelu(place, "whoami", key=token).stdout
    assert chelu(place, "password", "--old", user["password"], "--new", "another-long-one", key=token).returncode == 0
    assert chelu(place, "login", "wang", "--password", user["password"], key="").returncode == 1
    assert chelu(place, "logout", key=token).returncode == 0
    assert ask(place, "GET", "/api/me", token).status_code == 401
    added = json.loads(chelu(place, "key", "add", "ci", "--owner", "wang", "--scope", "register:read", "--json").stdout)
    assert ask(place, "GET", "/api/sites", added["key"]).status_code == 200
    assert "wang/ci" in chelu(place, "key", "list").stdout
    assert chelu(place, "key", "delete", "wang/ci").returncode == 0
    assert ask(place, "GET", "/api/sites", added["key"]).status_code == 401
    assert "viewer" in chelu(place, "user", "change", "wang", "--role", "viewer").stdout
    assert chelu(place, "user", "delete", "wang").returncode == 0


def test_the_first_start_makes_an_administrator_and_says_so_once(
    place: Place, make_database: Callable[[], str], tmp_path: Path
) -> None:
    fresh = replace(place, directory=tmp_path, database_url=make_database(), port=free_port())
    environment = {name: value for name, value in fresh.environment().items() if name != "CHELU_REGISTRY_API_KEY"}

    def run() -> str:
        fresh.ready_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "services.registry"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            until(lambda: fresh.ready_file.exists() or process.poll() is not None, 20, "the registry to be ready")
            process.send_signal(signal.SIGTERM)
            return process.communicate(timeout=15)[0]

    assert re.fullmatch(r"administrator 'admin', password \S{20,} \(shown only now\)\n", run())
    assert run() == ""
