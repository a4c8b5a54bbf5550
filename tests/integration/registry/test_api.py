"""The register over HTTP, on a real database."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from chelu.api import Client, NewDevice, Site
from chelu.errors import RefusedError, UnreachableError
from chelu.topics import Kind
from tests.integration.registry.conftest import KEY, SITE, AddDevice, Place

NETWORK = gzip.compress(b'<?xml version="1.0"?>\n<net version="1.20"></net>')


def post(place: Place, path: str, body: str) -> httpx.Response:
    """A request with a body as it stands."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    return httpx.post(place.url + path, content=body.encode("utf-8", "surrogatepass"), headers=headers, timeout=60)


def device(**fields: object) -> dict[str, object]:
    return {"device_id": "obu-bad", "kind": "obu", "site_id": SITE, **fields}


def test_registered_devices_are_read_back(client: Client, add_device: AddDevice) -> None:
    added = add_device(
        "rsu-1",
        Kind.RSU,
        name="北碚 Nord",
        latitude_deg=29.5,
        longitude_deg=106.5,
        labels={"lane": "3"},
        vehicle_id="FFFFFFFFFFFFFFFF",
    )
    found = client.device("rsu-1")
    assert (found.device_key, found.kind, found.name) == (added.device_key, Kind.RSU, "北碚 Nord")
    assert (found.latitude_deg, found.longitude_deg) == (29.5, 106.5)
    assert (found.vehicle_id, found.labels, found.has_credential) == ("ffffffffffffffff", {"lane": "3"}, True)
    assert added.secret is not None
    assert len(added.secret) == 43


def test_the_page_of_documents_needs_no_outside_address(place: Place, client: Client) -> None:
    assert client.health()
    page = httpx.get(place.url + "/docs")
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert wanted
    assert all(address.startswith("/") for address in wanted)
    assert all(httpx.get(place.url + address).status_code == 200 for address in wanted)


def test_devices_are_listed_in_pages(client: Client, add_device: AddDevice) -> None:
    ids = [f"page-{number}" for number in range(5)]
    for device_id in ids:
        add_device(device_id, Kind.SENSOR, subtype="camera")
    assert [found.device_id for found in client.devices(kind=Kind.SENSOR, site=SITE, limit=2)] == ids


def test_children_follow_parents_of_the_same_request_and_have_no_secret(client: Client) -> None:
    child = NewDevice(device_id="child-1", kind=Kind.OBU, site_id=SITE, parent="gateway-1")
    registered = client.add_devices([child, NewDevice(device_id="gateway-1", kind=Kind.GATEWAY, site_id=SITE)])
    assert [one.device_id for one in registered] == ["child-1", "gateway-1"]
    assert registered[0].secret is None
    assert client.device("child-1").parent == "gateway-1"
    assert not client.device("child-1").has_credential


def test_ten_thousand_devices_with_credentials_take_less_than_twenty_seconds(client: Client) -> None:
    devices = [NewDevice(device_id=f"bulk-{number:05d}", kind=Kind.OBU, site_id=SITE) for number in range(10_000)]
    started_s = time.monotonic()
    registered = client.add_devices(devices)
    took_s = time.monotonic() - started_s
    print(f"\n10,000 devices with credentials: {took_s:.2f} s")
    assert len({one.secret for one in registered}) == 10_000
    assert took_s < 20


def test_a_change_is_announced_by_notify(place: Place, client: Client, add_device: AddDevice) -> None:
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("LISTEN register")
        add_device("announced")
        heard = {notify.payload for notify in connection.notifies(timeout=5, stop_after=2)}
    assert heard == {"device", "credential"}


def test_nothing_is_announced_while_nothing_changes(place: Place, client: Client) -> None:
    assert client.health()["status"] == "ok"
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("LISTEN register")
        assert [notify.payload for notify in connection.notifies(timeout=2.5)] == []


def test_roads_are_versioned(client: Client, place: Place) -> None:
    first = client.put_roads(SITE, NETWORK)
    assert client.put_roads(SITE, NETWORK) == first + 1
    assert client.roads(SITE) == NETWORK
    headers = {"Authorization": f"Bearer {KEY}", "If-None-Match": f'"{first + 1}"'}
    assert httpx.get(f"{place.url}/api/sites/{SITE}/roads", headers=headers).status_code == 304


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not gzip", "a whole gzip file"),
        (NETWORK[:-9], "a whole gzip file"),
        (gzip.compress(b"<osm></osm>"), "root element is <net>"),
        (b"", "root element|required|whole gzip file"),
    ],
    ids=["not gzip", "cut off", "another root", "empty"],
)
def test_roads_that_are_none_are_refused(client: Client, content: bytes, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        client.put_roads(SITE, content)


def test_roads_need_a_site(client: Client) -> None:
    with pytest.raises(RefusedError, match="no site 'nowhere'"):
        client.put_roads("nowhere", NETWORK)
    with pytest.raises(RefusedError, match="no road network"):
        client.roads("nowhere")


def test_without_a_key_nothing_but_health_answers(place: Place, client: Client) -> None:
    assert httpx.get(place.url + "/health").json()["status"] == "ok"
    paths = httpx.get(place.url + "/openapi.json", timeout=60).json()["paths"]
    assert len(paths) > 10
    for path, methods in paths.items():
        for method in methods if path not in {"/health", "/api/login"} else ():
            url = place.url + re.sub(r"{\w+}", "rsu-1", path.replace("{package_id}", "1"))  # asked before whose key it is
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
                answer = httpx.request(method, url, headers=headers)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "status", "field", "value"),
    [
        ('[{"device_id": "obu-bad", "kind": "obu", "site_id": "hillside", "latitude_deg": NaN}]', 422, "[0].latitude_deg", "nan"),
        (
            '[{"device_id": "obu-bad", "kind": "obu", "site_id": "hillside", "latitude_deg": 1e999}]',
            422,
            "[0].latitude_deg",
            "inf",
        ),
        (json.dumps([device(longitude_deg=180.5)]), 422, "[0].longitude_deg", "180.5"),
        (json.dumps([device(name="x" * 100_000)]), 422, "[0].name", "(100002 characters)"),
        (json.dumps([device(name="bell\a")]), 422, "[0].name", "bell"),
        (json.dumps([device(name="nul\0")]), 422, "[0].name", "nul"),
        (json.dumps([device(labels={"nul\0": "x"})]), 422, "[0].labels.nul\0.[key]", "nul"),
        (json.dumps([device(name="\ud800")]), 422, "[0].name", "ud800"),
        (json.dumps([device(device_id="a/b")]), 422, "[0].device_id", "a/b"),
        (json.dumps([device(device_id="a+")]), 422, "[0].device_id", "a+"),
        (json.dumps([device(device_id="a\n")]), 422, "[0].device_id", "a"),
        (json.dumps([device(device_id="")]), 422, "[0].device_id", "''"),
        (json.dumps([device(device_id="..")]), 422, "[0].device_id", ".."),
        (json.dumps([device(kind="tram")]), 422, "[0].kind", "tram"),
        (json.dumps([device(envelope="brown")]), 422, "[0].envelope", "brown"),
        (json.dumps([device(vehicle_id="12")]), 422, "[0].vehicle_id", "12"),
        (json.dumps([device(colour="red")]), 422, "[0].colour", "red"),
        (json.dumps([device(parent="nobody")]), 422, "[0].parent", "nobody"),
        (json.dumps([device(parent="obu-bad")]), 422, "[0].parent", "obu-bad"),
        (json.dumps([device(site_id="nowhere")]), 422, "[0].site_id", "nowhere"),
        (json.dumps([device(), device()]), 409, "[0].device_id", "obu-bad"),
        (json.dumps([device(device_id="ingest")]), 409, "[0].device_id", "ingest"),
        (json.dumps([device(), device(device_id="obu-2", latitude_deg=91)]), 422, "[1].latitude_deg", "91"),
        ("[]", 422, "(document)", "[]"),
        ("{", 422, "(document)", "character 1"),
        ("", 422, "(document)", "nothing"),
    ],
)
def test_bad_devices_are_refused_by_field_and_value(
    place: Place, client: Client, body: str, status: int, field: str, value: str
) -> None:
    answer = post(place, "/api/devices", body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["errors"][0]["field"] == field
    assert value in problem["errors"][0]["value"]
    assert problem["errors"][0]["allowed"]
    assert len(answer.text) < 2000
    with pytest.raises(RefusedError, match="no device"):
        client.device("obu-bad")


def test_a_circle_of_parents_is_refused(place: Place, client: Client) -> None:
    body = [device(device_id=name, parent=parent) for name, parent in (("c1", "c2"), ("c2", "c3"), ("c3", "c1"))]
    answer = post(place, "/api/devices", json.dumps(body))
    assert answer.status_code == 422
    assert [error["allowed"] for error in answer.json()["errors"]] == ["not below itself"] * 3


def test_a_taken_id_is_a_conflict(client: Client, add_device: AddDevice) -> None:
    add_device("taken")
    with pytest.raises(RefusedError, match=r"\[0\].device_id = 'taken' is not allowed: one that is not registered yet"):
        add_device("taken")
    with pytest.raises(RefusedError, match="site_id = 'hillside' is not allowed"):
        client.add_site(Site(site_id=SITE, latitude_deg=0, longitude_deg=0))


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/api/devices?limit=0", 422, "limit"),
        ("/api/devices?limit=1e3", 422, "limit"),
        ("/api/devices?kind=tram", 422, "kind"),
        ("/api/devices?site=%00", 422, "site"),
        ("/api/devices?after=%00", 422, "after"),
        ("/api/devices/%00", 422, "device_id"),
        ("/api/devices/unknown", 404, "device"),
        ("/api/sites/unknown", 404, "site"),
        ("/api/streams/fog", 404, "stream"),
        ("/api/streams/bsm?device=unknown", 404, "device"),
        ("/api/streams/bsm?from_us=-1", 422, "from_us"),
        ("/api/streams/bsm?to_us=99999999999999999999", 422, "to_us"),
        ("/api/streams/bsm?after=1.2.3", 422, "after"),
        ("/api/warnings?limit=100000000", 422, "limit"),
    ],
)
def test_bad_queries_are_refused_by_field(place: Place, client: Client, path: str, status: int, field: str) -> None:
    answer = httpx.get(place.url + path, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["field"] == field


def test_other_errors_are_problems_too(place: Place, client: Client) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    for method, path, status, fault in (
        ("GET", "/nowhere", 404, {"field": "path", "value": "'/nowhere'", "allowed": "one that /docs lists"}),
        ("DELETE", "/api/sites", 405, {"field": "method", "value": "DELETE", "allowed": "GET, POST"}),
    ):
        answer = httpx.request(method, place.url + path, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"] == [fault]
    assert answer.headers["allow"] == "GET, POST"
    site = {"site_id": "s", "latitude_deg": 0, "longitude_deg": 0, "time_zone": "Mars/Olympus"}
    assert post(place, "/api/sites", json.dumps(site)).json()["errors"][0]["field"] == "time_zone"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_type_is_said_to_be_and_not_sent_back(place: Place, client: Client, media_type: str) -> None:
    body = b'{"user_name": "wang", "password": "correct horse battery"}'
    answer = httpx.post(f"{place.url}/api/login", content=body, headers={"Content-Type": media_type})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "Content-Type", "value": f"'{media_type}'", "allowed": "application/json"}]
    assert "horse" not in answer.text


@pytest.mark.parametrize("content", [b"x" * (65 * 2**20), (b"x" * 2**20 for _ in range(1000))], ids=["declared", "chunked"])
def test_a_body_that_is_too_large_is_not_read(place: Place, client: Client, content: bytes | Iterator[bytes]) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/gzip"}
    try:
        answer = httpx.put(f"{place.url}/api/sites/{SITE}/roads", content=content, headers=headers)
    except httpx.TransportError:  # the connection was closed while we were still sending
        return
    assert answer.status_code == 413


def test_more_than_a_mebibyte_is_taken_only_from_who_is_known(place: Place, client: Client) -> None:
    body, known = b"[" + b"[]," * 2**19 + b"[]]", {"Authorization": f"Bearer {KEY}"}
    for path, headers, status in (
        ("/api/devices", known, 422),
        ("/api/devices", {"Authorization": "Bearer wrong"}, 401),
        ("/api/devices", {}, 401),
        ("/api/login", {}, 401),
    ):
        for content in (body, iter([body[: 2**20], body[2**20 :]])):
            try:
                sent = {**headers, "Content-Type": "application/json"}
                answer = httpx.post(place.url + path, content=content, headers=sent, timeout=60)
            except httpx.TransportError:  # the connection was closed while we were still sending
                continue
            assert answer.status_code == status, (path, headers, answer.text[:200])
            assert answer.headers["content-type"] == "application/problem+json"


def test_a_document_nested_too_deep_is_said_to_be(place: Place, client: Client) -> None:
    answer = post(place, "/api/sites", "[" * 100_000)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["value"] == "nested deeper than can be read"


def test_tables_that_nobody_made_yet_are_said_to_be_missing(place: Place, client: Client) -> None:
    for path in (
        "streams/spat",
        "accounts",
        "dead-letters",
        "batches",
        "warnings",
        "segments",
        "city/state",
        "city/turns",
        "city/surroundings",
        "city/outlook",
        "messages",
        "reports",
        "observations",
        "coop/sessions",
        "coop/messages",
    ):
        answer = httpx.get(f"{place.url}/api/{path}", headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 503, path
        assert "has to start first" in answer.json()["detail"]
    with pytest.raises(UnreachableError, match="has to start first"):
        client.accounts()


def test_every_operation_is_described(place: Place, client: Client) -> None:
    document = httpx.get(place.url + "/openapi.json", timeout=60).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), (method, path)


def test_an_unreachable_registry_is_said_to_be() -> None:
    with (
        Client("http://127.0.0.1:1", KEY) as client,
        pytest.raises(UnreachableError, match=r"the registry at http://127\.0\.0\.1:1"),
    ):
        client.sites()
