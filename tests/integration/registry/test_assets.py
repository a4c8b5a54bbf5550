"""Organisations, sites, devices and vehicles: changed, stepped through their lives, found and deleted over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest

from chelu.api import Client, NewDevice, Organisation, Site
from chelu.errors import RefusedError
from chelu.messages import STREAMS
from chelu.topics import Kind
from tests.integration.registry.conftest import KEY, SITE, AddDevice, Place, chelu

HEADERS = {"Authorization": f"Bearer {KEY}"}
AREA = {"type": "Polygon", "coordinates": [[[106.5, 29.5], [106.6, 29.5], [106.6, 29.6], [106.5, 29.5]]]}


@pytest.fixture(scope="module")
def organisations(client: Client) -> None:
    """An operator, a team and a vendor."""
    for name, role in (("city", "operator"), ("crew", "vehicle team"), ("maker", "vendor")):
        client.add_organisation(Organisation(organisation_id=name, role=role))


def patch(place: Place, path: str, body: object, **headers: str) -> httpx.Response:
    return httpx.patch(place.url + path, json=body, headers={**HEADERS, **headers})


def errors(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(error["field"], error["value"]) for error in answer.json()["errors"]]


def test_a_device_keeps_all_it_is_told(client: Client, organisations: None) -> None:
    told = NewDevice(
        device_id="camera-1",
        kind=Kind.SENSOR,
        subtype="camera",
        site_id=SITE,
        vendor="maker",
        model="C 4",
        serial="0012",
        heading_deg=359.5,
        mounting={"on": "gantry", "height_m": 6.5},
        calibration={"at": "2026-01-02T03:04:05+08:00", "parameters": {"focal_px": 1120.5, "rotation": [1.0, 0.0]}},
        profile="T/ITS 0117",
        profile_version="2020",
        lifecycle="commissioned",
    )
    client.add_devices([told])
    found = client.device("camera-1")
    assert (found.vendor, found.model, found.serial, found.heading_deg) == ("maker", "C 4", "0012", 359.5)
    assert found.mounting == {"on": "gantry", "height_m": 6.5, "pitch_deg": None, "roll_deg": None}
    assert found.calibration is not None
    assert found.calibration["parameters"] == {"focal_px": 1120.5, "rotation": [1.0, 0.0]}
    assert (found.profile, found.profile_version, found.lifecycle, found.version) == ("T/ITS 0117", "2020", "commissioned", 1)


def test_a_page_tells_of_a_device_what_the_device_tells_of_itself(place: Place, client: Client, add_device: AddDevice) -> None:
    full = {
        "labels": {"bay": "2"}, "mounting": {"on": "gantry", "height_m": 6.5}, "reading": {"speed_factor": 0.5},
        "calibration": {"at": "2026-01-02T03:04:05+08:00", "parameters": {"focal_px": 1120.5}}, "vehicle_id": "ffffffffffffffff",
        "latitude_deg": 29.5, "longitude_deg": 106.5, "elevation_m": 240.0, "name": "东门",
    }  # fmt: skip
    add_device("paged-1", Kind.RSU, **full)
    add_device("paged-2", Kind.OBU, parent="paged-1")
    page, *alone = (
        httpx.get(f"{place.url}/api/devices{which}", headers=HEADERS).json()
        for which in ("?after=paged&limit=2", "/paged-1", "/paged-2")
    )
    assert page["devices"] == alone
    assert alone[0]["reading"]["speed_factor"] == 0.5


def test_a_change_names_its_version_and_leaves_the_rest(place: Place, client: Client, add_device: AddDevice) -> None:
    add_device(
        "changed", Kind.RSU, latitude_deg=29.5, longitude_deg=106.5, vehicle_id="FFFFFFFFFFFFFFFE", name="old", serial="s-1"
    )
    path = "/api/devices/changed"
    assert patch(place, path, {"name": "new"}).status_code == 428
    first = patch(place, path, {"name": "new", "serial": None}, **{"If-Match": '"1"'})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    late = patch(place, path, {"name": "later"}, **{"If-Match": '"1"'})
    assert (late.status_code, errors(late)) == (412, [("If-Match", '"1"')])
    found = client.device("changed")
    assert (found.name, found.serial, found.latitude_deg, found.vehicle_id) == ("new", None, 29.5, "fffffffffffffffe")
    assert found.has_credential
    assert client.change_device("changed", {"heading_deg": 90}).version == 3


@pytest.mark.parametrize(
    ("path", "body", "what"),
    [
        (f"/api/sites/{SITE}", {"latitude_deg": 29.5332}, "site"),
        ("/api/organisations/maker", {"role": "vendor"}, "organisation"),
        ("/api/devices/same", {"labels": {"bay": "1"}, "calibration": {"at": "2026-01-02T03:04:05+08:00"}}, "device"),
        ("/api/users/same", {"roles": [{"site": SITE, "role": "viewer"}], "password": None}, "person"),
        (f"/api/sites/{SITE}/areas/same", {"shares": 1, "polygon": AREA}, "area"),
    ],
)
@pytest.mark.usefixtures("organisations", "unchanged")
def test_a_change_that_changes_nothing_leaves_the_version(
    place: Place, client: Client, path: str, body: dict[str, object], what: str
) -> None:
    before, logged = httpx.get(place.url + path, headers=HEADERS), len(list(client.audit(what=what)))
    for same in ({}, body):
        answer = patch(place, path, same, **{"If-Match": before.headers["etag"]})
        assert (answer.status_code, answer.headers["etag"]) == (200, before.headers["etag"]), answer.text
        assert answer.json() == before.json()
    assert len(list(client.audit(what=what))) == logged
    field = "full_name" if what == "person" else "name"
    changed = patch(place, path, {field: "another"}, **{"If-Match": before.headers["etag"]})
    assert (changed.json()[field], changed.json()["version"]) == ("another", before.json()["version"] + 1)


@pytest.fixture(scope="module")
def unchanged(client: Client, add_device: AddDevice) -> None:
    """A device, a user and an area."""
    add_device("same", Kind.RSU, labels={"bay": "1"}, calibration={"at": "2026-01-02T03:04:05+08:00"})
    client.people("POST", "users", json={"user_name": "same", "roles": [{"site": SITE, "role": "viewer"}]})
    client.people("POST", "sites", SITE, "areas", json={"area_id": "same", "name": "Same", "polygon": AREA})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"site_id": None}, "site_id"),
        ({"site_id": "nowhere"}, "site_id"),
        ({"kind": "obu"}, "kind"),
        ({"heading_deg": 360}, "heading_deg"),
        ({"parent": "refused"}, "parent"),
        ({"vendor": "crew"}, "vendor"),
        ({"plate": "X"}, "plate"),
        ({"mounting": {"height_m": "high"}}, "mounting.height_m"),
        ({"calibration": {"at": "2026-01-02T03:04:05"}}, "calibration.at"),
    ],
)
def test_a_bad_change_is_refused_by_field_and_changes_nothing(
    place: Place, client: Client, organisations: None, change: dict[str, object], field: str
) -> None:
    if not list(client.devices(q="refused")):
        client.add_devices([NewDevice(device_id="refused", kind=Kind.RSU, site_id=SITE)])
    answer = patch(place, "/api/devices/refused", change, **{"If-Match": "*"})
    assert answer.status_code == 422, answer.text
    assert errors(answer)[0][0] == field
    assert client.device("refused").version == 1


def test_a_device_goes_only_from_state_to_allowed_state(place: Place, client: Client) -> None:
    client.add_devices([NewDevice(device_id="stepping", kind=Kind.RSU, site_id=SITE, lifecycle="planned")])
    assert not client.device("stepping").has_credential
    with pytest.raises(RefusedError, match="a device that is planned"):
        client.new_credential("stepping")
    with pytest.raises(RefusedError, match="to = active is not allowed: after planned: registered, retired"):
        client.step_device("stepping", "active")
    client.step_device("stepping", "registered")
    client.new_credential("stepping")
    assert client.device("stepping").has_credential
    retired = client.step_device("stepping", "retired", note="sold")
    assert (retired.lifecycle, retired.has_credential) == ("retired", False)
    assert "stepping:" not in place.password_file.read_text()
    states = [(entry.former, entry.state, entry.actor, entry.note) for entry in client.lifecycle("stepping")]
    assert states == [
        (None, "planned", "administrator", ""),
        ("planned", "registered", "administrator", ""),
        ("registered", "retired", "administrator", "sold"),
    ]
    with pytest.raises(RefusedError, match="retired is the end"):
        client.step_device("stepping", "registered")


def test_a_vehicle_carries_obus_and_is_found_by_what_it_is(client: Client, organisations: None) -> None:
    vehicle = NewDevice(
        device_id="bus-1",
        kind=Kind.VEHICLE,
        site_id=SITE,
        vin="1M8GDM9AXKP042788",
        plate="渝A·D12345",
        vehicle_kind="bus",
        length_m=12.0,
        automation_level=4,
        team="crew",
    )
    client.add_devices([vehicle, NewDevice(device_id="bus-obu-1", kind=Kind.OBU, site_id=SITE, on_vehicle="bus-1")])
    assert client.device("bus-obu-1").has_credential
    assert [device.device_id for device in client.devices(on_vehicle="bus-1")] == ["bus-obu-1"]
    for query in ({"q": "渝 d123"}, {"q": "1m8gdm"}, {"vin": "1m8gdm9axkp042788"}, {"team": "crew"}, {"vehicle_kind": "bus"}):
        assert [device.device_id for device in client.devices(**query)] == ["bus-1"], query  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="vin = '1M8GDM9AXKP042788' is not allowed: one that is not registered yet"):
        client.add_devices([NewDevice(device_id="bus-2", kind=Kind.VEHICLE, site_id=SITE, vin="1M8GDM9AXKP042788")])
    with pytest.raises(RefusedError, match="these depend on it: devices on it bus-obu-1"):
        client.delete_device("bus-1")


def test_a_vehicle_comes_with_what_is_on_it_or_not_at_all(place: Place, client: Client, add_device: AddDevice) -> None:
    add_device("van-obu")
    version = client.device("van-obu").version
    van = NewDevice(device_id="van", kind=Kind.VEHICLE, site_id=SITE, carries=["van-obu", "nowhere"])
    with pytest.raises(
        RefusedError, match=r"\[0\]\.carries = .*nowhere.* is not allowed: registered devices that are no vehicles"
    ):
        client.add_devices([van])
    assert not list(client.devices(q="van", kind=Kind.VEHICLE))
    assert client.device("van-obu").on_vehicle is None
    client.add_devices([replace(van, carries=["van-obu"])])
    carried = client.device("van-obu")
    assert (carried.on_vehicle, carried.version) == ("van", version + 1)
    assert client.add_devices([NewDevice(device_id="van-2", kind=Kind.VEHICLE, site_id=SITE, carries=["van-obu"])])
    assert client.device("van-obu").on_vehicle == "van-2"


def test_devices_are_filtered_by_words_labels_and_state(client: Client, add_device: AddDevice) -> None:
    add_device("filter.a", Kind.SENSOR, name="North gate", labels={"bay": "3", "owner": "lab"})
    add_device("filter.b", Kind.SENSOR, name="north road", labels={"bay": "4"}, lifecycle="planned")

    def found(**query: str | list[str]) -> list[str]:
        return [device.device_id for device in client.devices(**query)]  # type: ignore[arg-type]

    assert found(q="NORTH filter") == ["filter.a", "filter.b"]
    assert found(q="nor ga") == ["filter.a"]
    assert found(q="orth") == []
    assert found(label=["bay=3", "owner=lab"]) == ["filter.a"]
    assert found(q="filter", lifecycle="planned") == ["filter.b"]
    assert found(q="'|&!:*\\") == []
    with pytest.raises(RefusedError, match="label = 'bay' is not allowed: KEY=VALUE"):
        found(label=["bay"])


def test_deleting_says_what_depends_on_it(place: Place, client: Client, organisations: None) -> None:
    client.add_site(Site(site_id="yard", latitude_deg=0, longitude_deg=0, area=AREA, operator="city"))
    assert client.site("yard").area == AREA
    parent, child = (
        NewDevice(device_id=name, kind=Kind.RSCU, site_id="yard", vendor="maker", parent=above)
        for name, above in (("yard-1", None), ("yard-2", "yard-1"))
    )
    client.add_devices([parent, child])
    for delete, why in (
        (lambda: client.delete_site("yard"), "devices yard-1, yard-2"),
        (lambda: client.delete_device("yard-1"), "child devices yard-2"),
        (lambda: client.delete_organisation("city"), "sites yard"),
        (lambda: client.delete_organisation("maker"), "devices it makes .*yard-1, yard-2"),
        (lambda: client.change_organisation("maker", {"role": "operator"}), "devices it makes"),
    ):
        with pytest.raises(RefusedError, match=f"these depend on it: {why}"):
            delete()
    client.delete_device("yard-2")
    client.delete_device("yard-1")
    assert "yard-1:" not in place.password_file.read_text()
    client.delete_site("yard")
    with pytest.raises(RefusedError, match="no site 'yard'"):
        client.site("yard")


@pytest.mark.parametrize("table", [*STREAMS, "message", "report", "remark", "delivery", "receipt", "drop"])
def test_a_device_with_stored_rows_is_kept(place: Place, client: Client, add_device: AddDevice, table: str) -> None:
    key = add_device("heard").device_key
    with psycopg.connect(place.database_url) as connection:
        connection.execute("CREATE SCHEMA stream")
        connection.execute(f"CREATE TABLE stream.{table} (device_key integer)".encode())
        connection.execute(f"INSERT INTO stream.{table} VALUES (%s)".encode(), (key,))
    try:
        with pytest.raises(RefusedError, match=rf"these depend on it: stored rows stream\.{table}"):
            client.delete_device("heard")
    finally:
        with psycopg.connect(place.database_url) as connection:
            connection.execute("DROP SCHEMA stream CASCADE")
    client.delete_device("heard")


def test_a_site_changes_and_refuses_an_area_that_is_none(place: Place, client: Client, organisations: None) -> None:
    client.add_site(Site(site_id="field", latitude_deg=1, longitude_deg=2))
    changed = client.change_site("field", {"area": AREA, "operator": "city", "name": "Field"})
    assert (changed.area, changed.operator, changed.latitude_deg) == (AREA, "city", 1)
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    border, lake = [[0, 0], [9, 0], [9, 9], [0, 0]], [[4, 1], [8, 1], [8, 4], [4, 1]]
    pond, island = [[6, 2], [7, 2], [7, 3], [6, 2]], [[5, 6], [6, 9], [4, 9], [5, 6]]
    assert client.change_site("field", {"area": {"type": "Polygon", "coordinates": [border, lake]}}).area != AREA
    bad: list[tuple[dict[str, object], str]] = [
        ({"area": bow}, "area.coordinates"),
        ({"area": {"type": "Polygon", "coordinates": [border, island]}}, "area.coordinates"),
        ({"area": {"type": "Polygon", "coordinates": [border, lake, pond]}}, "area.coordinates"),
        ({"area": {"type": "Polygon", "coordinates": [border[:-1]]}}, "area.coordinates"),
        ({"area": {"type": "Point"}}, "area.type"),
        ({"operator": "crew"}, "operator"),
        ({"latitude_deg": None}, "latitude_deg"),
        ({"site_id": "other"}, "site_id"),
    ]
    for change, field in bad:
        answer = patch(place, "/api/sites/field", change, **{"If-Match": "*"})
        assert (answer.status_code, errors(answer)[0][0]) == (422, field)


def typed(place: Place, *arguments: str) -> str:
    """What a command prints; it must succeed."""
    done = chelu(place, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_do_the_same(place: Place, client: Client, tmp_path: Path) -> None:
    (tmp_path / "area.json").write_text(json.dumps(AREA))
    typed(place, "organisation", "add", "racers", "vehicle team", "--name", "Racers")
    typed(place, "organisation", "change", "racers", "--set", "contact=box 7")
    assert "box 7" in typed(place, "organisation", "show", "racers")
    typed(place, "site", "add", "oval", "--latitude", "1", "--longitude", "2", "--area", str(tmp_path / "area.json"))
    typed(place, "site", "change", "oval", "--set", "name=Oval")
    assert client.site("oval").area == AREA
    typed(place, "device", "add", "oval-obu", "obu", "--site", "oval", "--set", "serial=007")
    typed(place, "vehicle", "add", "oval-car", "--site", "oval", "--kind", "car", "--team", "racers", "--obu", "oval-obu")
    assert json.loads(typed(place, "vehicle", "show", "oval-car", "--json"))["devices"] == ["oval-obu"]
    assert "oval-car" in typed(place, "vehicle", "list", "--team", "racers")
    typed(place, "device", "change", "oval-obu", "--set", "heading_deg=90.5", "--set", "serial=null")
    assert (client.device("oval-obu").heading_deg, client.device("oval-obu").serial) == (90.5, None)
    assert "retired" in typed(place, "device", "lifecycle", "oval-obu", "--to", "retired", "--note", "worn")
    assert "oval-obu" in typed(place, "device", "list", "oval", "--lifecycle", "retired")
    for words in (("device", "oval-obu"), ("device", "oval-car"), ("site", "oval"), ("organisation", "racers")):
        typed(place, words[0], "delete", words[1])
