"""Alarms, thresholds, maintenance and webhooks over the API and as they are typed; who may, and what is refused."""

from __future__ import annotations

import datetime
import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from chelu.api import Client, Endpoint, NewDevice, Site
from chelu.clock import SystemClock
from chelu.errors import RefusedError
from chelu.live import Watch
from chelu.topics import Kind
from services.registry.alarms import rows
from tests.integration.registry.conftest import KEY, SITE, Place, chelu

OTHER = "valley"
Raise = Callable[..., int]
numbers = itertools.count()


@pytest.fixture(scope="module")
def everything(client: Client) -> Client:
    client.add_site(Site(site_id=OTHER, latitude_deg=0, longitude_deg=0))
    client.add_devices(
        [NewDevice(device_id="rsu-1", kind=Kind.RSU, site_id=SITE), NewDevice(device_id="far", kind=Kind.RSU, site_id=OTHER)]
    )
    return client


@pytest.fixture
def raise_alarm(place: Place, everything: Client) -> Raise:
    """As another part of the registry raises one; answers its number."""

    def raise_(subject: str, site: str = SITE, kind: str = "offline") -> int:
        with psycopg.connect(place.database_url, row_factory=dict_row) as connection:
            rows.raise_alarm(connection, kind, subject, site_id=site, now_us=SystemClock().wall_us())
            row = connection.execute("SELECT max(alarm_id) AS alarm_id FROM register.alarm").fetchone()
        assert row is not None
        return int(row["alarm_id"])

    return raise_


@pytest.fixture
def someone(place: Place, everything: Client) -> Iterator[Callable[..., Client]]:
    """A client of a new person with these roles."""
    clients: list[Client] = []

    def make(**roles: str) -> Client:
        name = f"person-{next(numbers)}"
        given = [{"site": site, "role": role} for site, role in roles.items()]
        everything.people("POST", "users", json={"user_name": name, "password": "a long password", "roles": given})
        clients.append(Client(place.url, everything.people("POST", "keys", json={"name": "k", "owner": name})["key"]))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_an_alarm_goes_its_way_as_it_is_typed(place: Place, raise_alarm: Raise) -> None:
    alarm_id = str(raise_alarm("typed"))
    assert "typed" in chelu(place, "alarms", "list", "--site", SITE, "--kind", "offline", "--severity", "major").stdout
    assert "typed" not in chelu(place, "alarms", "list", "--severity", "critical").stdout
    assert chelu(place, "alarms", "ack", alarm_id, "--comment", "on my way").stdout == (
        f"{alarm_id} offline typed: raised, acknowledged by administrator\n"
    )
    shown = chelu(place, "alarms", "show", alarm_id).stdout
    assert "on my way" in shown
    assert "acknowledged" in shown
    assert chelu(place, "alarms", "clear", alarm_id, "--comment", "found it").stdout == f"{alarm_id} offline typed: cleared\n"
    assert "typed" not in chelu(place, "alarms", "list").stdout
    assert "typed" in chelu(place, "alarms", "list", "--state", "cleared").stdout
    again = chelu(place, "alarms", "ack", alarm_id)
    assert again.returncode == 1
    assert again.stderr.strip().endswith(f"alarm {alarm_id} is cleared: there is nothing to do about it")
    assert "clock-skew" in chelu(place, "alarms", "kinds").stdout


def test_what_people_do_is_in_the_audit_log(client: Client, raise_alarm: Raise) -> None:
    alarm_id = raise_alarm("audited")
    client.people("POST", "alarms", str(alarm_id), "acknowledge", json={"comment": "seen"})
    (entry,) = client.audit(what="alarm", subject=str(alarm_id))
    assert (entry["actor"], entry["after"]["comment"]) == ("administrator", "seen")
    client.people("PUT", "thresholds", json={"kind": "clock-skew", "device": "rsu-1", "bound": 3})
    assert [entry["action"] for entry in client.audit(what="threshold")][-1] == "insert"


def test_ones_own_sites_alarms_are_seen_and_handled(raise_alarm: Raise, someone: Callable[..., Client]) -> None:
    here, there = raise_alarm("here"), raise_alarm("far", OTHER)
    operator = someone(hillside="operator", valley="viewer")
    seen = {alarm["alarm_id"] for alarm in operator.people("GET", "alarms")["alarms"]}
    assert {here, there} <= seen
    assert operator.people("POST", "alarms", str(here), "acknowledge", json={})["acknowledged_by"].startswith("person-")
    with pytest.raises(RefusedError, match="operator on site 'valley'"):
        operator.people("POST", "alarms", str(there), "acknowledge", json={})
    only_here = someone(hillside="operator")
    assert there not in {alarm["alarm_id"] for alarm in only_here.people("GET", "alarms")["alarms"]}
    for attempt in (lambda: only_here.people("GET", "alarms", str(there)), lambda: _clear(only_here, there)):
        with pytest.raises(RefusedError, match="on site 'valley'"):
            attempt()
    viewer = someone(hillside="viewer")
    with pytest.raises(RefusedError, match="operator"):
        _clear(viewer, here)


def _clear(client: Client, alarm_id: int) -> object:
    return client.people("POST", "alarms", str(alarm_id), "clear", json={})


def test_an_operator_sets_limits_of_the_own_site_only(everything: Client, someone: Callable[..., Client]) -> None:
    operator = someone(hillside="operator")
    for scope in ({"site": SITE}, {"device": "rsu-1"}):
        assert operator.people("PUT", "thresholds", json={"kind": "rate-low", "bound": 0.5, **scope})["bound"] == 0.5
    for scope in ({"site": OTHER}, {"device": "far"}, {}, {"device_kind": "rsu"}):
        with pytest.raises(RefusedError, match="needed is operator"):
            operator.people("PUT", "thresholds", json={"kind": "rate-low", "bound": 0.5, **scope})
    with pytest.raises(RefusedError, match="needed is operator"):
        operator.people("POST", "maintenance", json={"site": OTHER, "ends": "2036-01-01T00:00:00Z"})
    shown = {row["kind"]: row for row in operator.people("GET", "devices", "rsu-1", "thresholds")}
    assert (shown["rate-low"]["bound"], shown["rate-low"]["raise_after_s"]) == (0.5, 15)


def test_limits_as_they_are_typed(place: Place, everything: Client) -> None:
    made = json.loads(
        chelu(place, "thresholds", "set", "latency-high", "--device-kind", "rsu", "--bound", "80", "--off", "--json").stdout
    )
    assert (made["device_kind"], made["bound"], made["is_enabled"]) == ("rsu", 80, False)
    listed = chelu(place, "thresholds", "list", "--kind", "latency-high").stdout
    assert "80" in listed
    shown = json.loads(chelu(place, "thresholds", "show", "rsu-1", "--json").stdout)
    assert [row["is_enabled"] for row in shown if row["kind"] == "latency-high"] == [False]
    assert chelu(place, "thresholds", "remove", str(made["threshold_id"])).returncode == 0
    assert "80" not in chelu(place, "thresholds", "list", "--kind", "latency-high").stdout


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "no-such", "bound": 1}, "kind"),
        ({"kind": "rate-low", "device": "nobody"}, "device"),
        ({"kind": "rate-low", "site": "nowhere"}, "site"),
        ({"kind": "rate-low", "site": SITE, "device": "rsu-1"}, "(document)"),
        ({"kind": "rate-low", "bound": 0.5, "clear_bound": 0.4}, "clear_bound"),
        ({"kind": "rate-low", "bound": 80}, "bound"),
        ({"kind": "disk-full", "bound": 95, "clear_bound": 101}, "clear_bound"),
        ({"kind": "clock-skew", "site": SITE, "clear_bound": 9}, "clear_bound"),
        ({"kind": "rate-low", "raise_after_s": -1}, "raise_after_s"),
        ({"kind": "rate-low", "severity": "dire"}, "severity"),
        ({"kind": "rate-low", "typo": 1}, "typo"),
    ],
)
def test_limits_that_cannot_be_are_refused_by_name(place: Place, everything: Client, body: dict[str, Any], field: str) -> None:
    answer = put(place, "thresholds", body)
    assert answer.status_code in {404, 422}, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert answer.headers["content-type"] == "application/problem+json"


def put(place: Place, path: str, body: object, method: str = "PUT") -> httpx.Response:
    return httpx.request(method, f"{place.url}/api/{path}", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)


def test_maintenance_as_it_is_typed(place: Place, everything: Client) -> None:
    made = json.loads(
        chelu(
            place, "maintenance", "add", "--site", SITE, "--device", "rsu-1", "--for", "90min", "--reason", "mast", "--json"
        ).stdout
    )
    begun, ended = (datetime.datetime.fromisoformat(made[name]) for name in ("starts", "ends"))
    assert abs((ended - begun).total_seconds() - 5400) < 60
    assert "mast" in chelu(place, "maintenance", "list").stdout
    assert chelu(place, "maintenance", "end", str(made["maintenance_id"])).returncode == 0
    assert "mast" not in chelu(place, "maintenance", "list").stdout
    assert "mast" in chelu(place, "maintenance", "list", "--over").stdout
    for wrong, why in (("soon", "a number with s, min, h or d"), ("40d", "within 31 days")):
        refused = chelu(place, "maintenance", "add", "--site", SITE, "--for", wrong)
        assert (refused.returncode, why in refused.stderr, "Traceback" in refused.stderr) == (1, True, False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"site": SITE, "ends": "2020-01-01T00:00:00Z"}, "ends"),
        ({"site": SITE, "ends": "2036-01-01T00:00:00"}, "ends"),
        ({"site": SITE, "device": "far", "ends": "2036-01-01T00:00:00Z", "starts": "2035-12-31T00:00:00Z"}, "device"),
        ({"site": SITE, "kinds": [], "ends": "2036-01-01T00:00:00Z"}, "kinds"),
    ],
)
def test_windows_that_cannot_be_are_refused_by_name(place: Place, everything: Client, body: dict[str, Any], field: str) -> None:
    answer = put(place, "maintenance", body, "POST")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text


def test_a_webhook_as_it_is_typed(place: Place, everything: Client) -> None:
    made = json.loads(chelu(place, "webhooks", "add", "desk", "http://127.0.0.1:9/alarms", "--least", "major", "--json").stdout)
    assert len(made["secret"]) > 30
    assert made["secret"] not in chelu(place, "webhooks", "list", "--json").stdout
    assert all(made["secret"] not in str(entry) for entry in everything.audit(what="webhook"))
    assert chelu(place, "webhooks", "off", "desk").returncode == 0
    assert chelu(place, "webhooks", "try", "desk").returncode == 0
    assert "trial" in chelu(place, "webhooks", "deliveries", "desk", "--state", "waiting").stdout
    assert chelu(place, "webhooks", "on", "desk").returncode == 0
    assert chelu(place, "webhooks", "retry", "desk").stdout == "1 deliveries are tried again\n"
    for url in ("ftp://x/y", "http://", "desk.example", "http://a b/", "http://x:99999/"):
        refused = chelu(place, "webhooks", "add", "other", url)
        assert (refused.returncode, "http:// or https:// and a host" in refused.stderr) == (1, True), url
    assert put(place, "webhooks", {"name": "desk", "url": "http://x/"}, "POST").status_code == 409
    assert chelu(place, "webhooks", "remove", "desk").returncode == 0


def test_profiles_and_health_as_they_are_typed(place: Place, everything: Client) -> None:
    assert "bsm=10" in chelu(place, "profiles", "set", "city-obu", "--rate", "bsm=10", "--heartbeat", "5").stdout
    assert "city-obu" in chelu(place, "profiles", "list").stdout
    refused = chelu(place, "profiles", "set", "x", "--rate", "nonsense=10")
    assert (refused.returncode, "a stream that is stored" in refused.stderr) == (1, True)
    assert chelu(place, "profiles", "delete", "city-obu").returncode == 0
    assert "unheard" in chelu(place, "health", "summary").stdout
    assert "far" in chelu(place, "health", "list", "--site", OTHER, "--status", "unheard").stdout
    assert "status" in chelu(place, "health", "show", "rsu-1").stdout


def test_alarms_are_watched_live_by_whoever_may_see_the_site(
    place: Place, everything: Client, raise_alarm: Raise, someone: Callable[..., Client]
) -> None:
    endpoint = Endpoint(place.url, KEY)
    with Watch.site(endpoint, "alarms", SITE) as frames:
        lines = iter(frames)
        assert next(lines) == {"watching": {"stream": "alarms", "site": SITE, "format": "ndjson"}}
        raise_alarm("elsewhere", OTHER)
        begun_s = time.monotonic()
        alarm_id = raise_alarm("watched")
        raised = next(lines)
        print(f"\nseen {1000 * (time.monotonic() - begun_s):.0f} ms after it was raised")
        assert isinstance(raised, dict)
        assert (raised["event"], raised["subject"], raised["alarm_id"]) == ("raised", "watched", alarm_id)
        everything.people("POST", "alarms", str(alarm_id), "acknowledge", json={"comment": "seen"})
        seen = next(lines)
        assert isinstance(seen, dict)
        assert (seen["event"], seen["actor"], seen["comment"]) == ("acknowledged", "administrator", "seen")
    typed = chelu(place, "watch", "alarms")
    assert (typed.returncode, "picture and alarms need --site" in typed.stderr) == (1, True)
    with pytest.raises(RefusedError, match="there is no site"):
        Watch.site(endpoint, "alarms", "nowhere")
