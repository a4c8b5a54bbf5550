"""The register saved and brought back: into an empty site, in the place of another, or not at all."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest

from chelu.api import Client, NewDevice, Organisation
from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.errors import RefusedError
from chelu.local.ports import LOOPBACK, free_port
from chelu.topics import Kind
from tests.integration.registry.conftest import KEY, SITE, Place, chelu
from tests.waiting import until

ROADS = gzip.compress(b'<net version="1.20"></net>')


@contextmanager
def running(place: Place) -> Iterator[Client]:
    """Another registry, on a place of its own."""
    process = subprocess.Popen([sys.executable, "-m", "services.registry"], env=place.environment(), stderr=subprocess.DEVNULL)
    try:
        until(lambda: place.ready_file.exists() or process.poll() is not None, 20, "the registry to be ready")
        with Client(place.url, KEY) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@pytest.fixture
def other(place: Place, make_database: Callable[[], str], tmp_path: Path) -> Place:
    """An empty site."""
    return replace(place, directory=tmp_path, database_url=make_database(), port=free_port(), broker_port=free_port())


@pytest.fixture(scope="module")
def secret(client: Client) -> str:
    """Of a device; the register holds something of everything."""
    client.add_organisation(Organisation(organisation_id="crew", role="vehicle team", name="重庆车队"))
    client.put_roads(SITE, ROADS)
    client.add_devices([NewDevice(device_id=name, kind=Kind.RSU, site_id=SITE) for name in ("first", "second")])
    client.change_device(
        "first", {"parent": "second", "labels": {"bay": "3"}, "latitude_deg": 29.533333333333335, "longitude_deg": 106.5}
    )
    client.add_devices([NewDevice(device_id="gone", kind=Kind.RSU, site_id=SITE)])
    client.delete_device("gone")
    client.people("POST", "users", json={"user_name": "li", "password": "a long password", "team": "crew"})
    square = {"type": "Polygon", "coordinates": [[[106.5, 29.5], [106.6, 29.5], [106.6, 29.6], [106.5, 29.5]]]}
    client.people("POST", "sites", SITE, "areas", json={"area_id": "oval", "polygon": square, "name": "环道"})
    starts = datetime.datetime.now(datetime.UTC).replace(minute=0, second=0, microsecond=0) + datetime.timedelta(hours=1)
    booking = {"area_id": "oval", "team": "crew", "starts": starts.isoformat()}
    booking["ends"] = (starts + datetime.timedelta(hours=1)).isoformat()
    client.people("POST", "sites", SITE, "bookings", json=booking)
    return client.new_credential("first").secret or ""


def rows(place: Place, table: str, columns: str = "*") -> list[tuple[object, ...]]:
    with psycopg.connect(place.database_url) as connection:
        return connection.execute(f"SELECT {columns} FROM register.{table} ORDER BY 1, 2".encode()).fetchall()


def refused(client: Client, content: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        client.restore(io.BytesIO(content), replace=True)
    return caught.value


def saved(client: Client) -> bytes:
    target = io.BytesIO()
    client.backup(target)
    return target.getvalue()


def test_an_empty_site_becomes_the_one_that_was_saved(
    place: Place, client: Client, secret: str, other: Place, tmp_path: Path
) -> None:
    key = client.people("POST", "keys", json={"name": "ci", "owner": "li", "scopes": ["register:read"]})["key"]
    file = tmp_path / "register.tar"
    done = chelu(place, "backup", str(file))
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    with running(other) as restored:
        done = chelu(other, "restore", str(file), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"]["device"] == 2
        for table in ("site", "organisation", "device", "credential", "lifecycle", "person", "road_network", "site_role"):
            assert rows(other, table) == rows(place, table), table
        for table in ("area", "booking", "track_log"):
            assert rows(other, table) == rows(place, table) != [], table
        log = restored.people("GET", "sites", SITE, "track", "log", "check")
        assert (log["is_whole"], log["entries"]) == (True, 2), "what was hashed came back byte for byte"
        audit = len(rows(place, "audit"))
        assert rows(other, "audit")[:audit] == rows(place, "audit")
        assert restored.roads(SITE) == ROADS
        mine = httpx.get(f"{other.url}/api/me", headers={"Authorization": f"Bearer {key}"})
        assert (mine.json()["user"], restored.login("li", "a long password")["token"] != "") == ("li", True)
        added = restored.add_devices([NewDevice(device_id="new", kind=Kind.RSU, site_id=SITE)])[0]
        assert added.device_key == 4, "a key that was given once is never given again"
        assert next(row for row in restored.audit(subject="new", what="device"))["audit_id"] > audit
        assert rows(other, "history", "history_id, actor, action")[-2][1:] == ("administrator", "restore")
    verifiers = (other.directory / "passwords").read_text()
    assert str(rows(place, "credential", "device_key, verifier")[0][1]) in verifiers
    assert "live:$7$" in verifiers, "the services' accounts stay those of the installation"


def test_what_was_changed_since_is_put_back_and_the_broker_follows(
    place: Place, client: Client, secret: str, mosquitto_port: int
) -> None:
    content = saved(client)
    client.revoke_credential("first")
    client.delete_device("first")
    later = client.add_devices([NewDevice(device_id="later", kind=Kind.RSU, site_id=SITE)])[0]
    with pytest.raises(
        RefusedError, match=r"this register is not empty \(sites: 1, organisations: 1, devices: 2\): with replace=true"
    ):
        client.restore(io.BytesIO(content))
    client.restore(io.BytesIO(content), replace=True)
    assert [device.device_id for device in client.devices()] == ["first", "second"]
    assert client.device("first").labels == {"bay": "3"}
    session = Session(f"mqtt://first:{secret}@{LOOPBACK}:{mosquitto_port}", client_id="first", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    session.stop()
    fresh = client.add_devices([NewDevice(device_id="fresh", kind=Kind.RSU, site_id=SITE)])[0]
    assert fresh.device_key > later.device_key, "rows of the one that is gone are not the new one's"
    client.delete_device("fresh")


def test_nothing_is_restored_in_a_stop_and_orders_of_afterwards_are_newer_than_any_that_was_given_since_the_backup(
    place: Place, client: Client, secret: str
) -> None:
    content = saved(client)
    stop = "INSERT INTO register.stop (site_id, reason, pressed, pressed_by) VALUES (%s, '', now(), 'wang')"
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(stop, (SITE,))
        with pytest.raises(RefusedError, match=f"stop of '{SITE}' is in force: allowed is the register to end with"):
            client.restore(io.BytesIO(content), replace=True)
        connection.execute("UPDATE register.stop SET released = now(), released_by = 'wang', release_note = ''")
        given = connection.execute("SELECT max(nextval('register.rotation')) FROM generate_series(1, 50)").fetchone()
        client.restore(io.BytesIO(content), replace=True)
        after = connection.execute("SELECT nextval('register.rotation')").fetchone()
    assert given is not None
    assert after is not None
    assert after[0] > given[0] + 1_000_000, "a new installation does not know what was given since, so it leaves room"


def test_what_devices_have_said_of_themselves_is_of_today_and_no_backup_takes_it_back(
    place: Place, client: Client, secret: str
) -> None:
    client.add_devices([NewDevice(device_id="car", kind=Kind.VEHICLE, site_id=SITE)])
    content = saved(client)
    client.add_devices([NewDevice(device_id="newcomer", kind=Kind.VEHICLE, site_id=SITE)])
    tables = ("health", "vehicle_clock", "vehicle_state", "mode_span", "vehicle_event")
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        for statement in SINCE:
            connection.execute(statement.encode())
        before = {table: rows(place, table) for table in tables}
        assert [len(before[table]) for table in tables] == [2, 2, 2, 2, 4]
        client.restore(io.BytesIO(content), replace=True)
        known = [(device.device_key,) for device in client.devices()]
        for table in tables[:-1]:
            assert rows(place, table) == [row for row in before[table] if row[:1] in known] != [], table
        # Of whom the backup does not know as of who was deleted.
        events = [("car", False, "kept")] * 2 + [("newcomer", True, "kept")] * 2
        assert rows(place, "vehicle_event", "vehicle, device_key IS NULL, capture") == events
        assert connection.execute("SELECT count(*) FROM run.capture").fetchone() == (4,)
        assert connection.execute("SELECT site_id FROM run.scenario_run").fetchall() == [(SITE,)]
        client.restore(io.BytesIO(content), replace=True)
        assert rows(place, "vehicle_event", "vehicle, device_key IS NULL, capture") == events
        content = saved(client)
        connection.execute("DELETE FROM register.vehicle_event WHERE vehicle = 'car' AND detail ->> 'code' = 'L2'")
        client.restore(io.BytesIO(content), replace=True)
        assert rows(place, "vehicle_event", "vehicle, device_key IS NULL, capture") == events, "two faults of one instant are two"
        connection.execute("DELETE FROM register.vehicle_event WHERE vehicle = 'car'")
        assert connection.execute("SELECT count(*) FROM run.capture").fetchone() == (2,), "an event still goes with its captures"
        connection.execute("DELETE FROM register.vehicle_event")
        connection.execute("DELETE FROM run.scenario_run")
    client.delete_device("car")


SINCE = (
    """INSERT INTO register.health (device_key, status, since_us, heard_us, is_off)
        SELECT device_key, 'offline', 5, 7, true FROM register.device WHERE kind = 'vehicle'""",
    """INSERT INTO register.vehicle_clock (device_key, speaker, shift_us)
        SELECT device_key, device_id, 18000000000 FROM register.device WHERE kind = 'vehicle'""",
    """INSERT INTO register.vehicle_state (device_key, time, heard, mode, since)
        SELECT device_key, now(), now(), 'automated', now() FROM register.device WHERE kind = 'vehicle'""",
    """INSERT INTO register.mode_span (device_key, starts, ends, mode)
        SELECT device_key, now(), now(), 'automated' FROM register.device WHERE kind = 'vehicle'""",
    """INSERT INTO register.vehicle_event (site_id, device_key, vehicle, time, what, detail, capture, capture_due)
        SELECT site_id, device_key, device_id, now(), 'fault', json_build_object('code', code), 'kept', now()
        FROM register.device, unnest(ARRAY['B1', 'L2']) AS code WHERE kind = 'vehicle'""",
    "INSERT INTO run.capture (event_id, stream, rows, content) SELECT event_id, 'bsm', 1, 'x' FROM register.vehicle_event",
    f"""INSERT INTO run.scenario_run (site_id, kept_by, began, scenario, title, mode, under_test, build, evidence, verdict, cases,
            outcomes, requirements, hashes, seeds, versions)
        VALUES ('{SITE}', 'wang', now(), 'cut-in', '', 'memory', '', '', '', 'pass', 1, '{{}}', '[]', '{{}}', '{{}}', '{{}}')""",
)


def test_a_restore_waits_for_who_is_changing_something_and_holds_nothing_meanwhile(
    place: Place, client: Client, secret: str
) -> None:
    content = saved(client)
    with psycopg.connect(place.database_url) as busy, ThreadPoolExecutor(1) as pool:
        busy.execute("UPDATE register.device SET name = 'busy' WHERE device_id = 'first'")
        restoring = pool.submit(client.restore, io.BytesIO(content), replace=True)
        with psycopg.connect(place.database_url, autocommit=True) as looking:
            until(lambda: looking.execute(TRIES).fetchone() != (0,), 10, "the restore to try")
        busy.execute("UPDATE register.site SET name = 'busy'")  # in the order in which a restore would not lock them
        assert not restoring.done()
        busy.commit()
        assert restoring.result(20)["rows"]["device"] == 2
    assert client.device("first").name == ""


TRIES = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"


def test_a_file_that_does_not_fit_is_refused_and_changes_nothing(place: Place, client: Client, secret: str) -> None:
    content = saved(client)
    before = {table: rows(place, table) for table in ("device", "person", "audit", "history", "credential")}
    damaged = bytearray(content)
    damaged[content.rindex(b"tables/device.ndjson.gz") + 600] ^= 1
    assert "tables/device.ndjson.gz is not whole" in str(refused(client, bytes(damaged)))
    assert "is not whole" in str(refused(client, content[: len(content) // 2]))
    assert "at most step" in str(refused(client, remade(content, schema_step=999)))
    assert "a row that does not fit" in str(refused(client, remade(content, empty="site")))
    assert {table: rows(place, table) for table in before} == before


def remade(content: bytes, *, empty: str = "", **fields: object) -> bytes:
    """The backup with other fields in its manifest, or with a table without rows: whole, but wrong."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = {name: (tar.extractfile(name) or io.BytesIO()).read() for name in tar.getnames()}
    manifest = {**json.loads(members["manifest.json"]), **fields}
    for part in manifest["parts"]:
        if part["table"] == empty:
            members[part["name"]] = gzip.compress(b"")
            part |= {"bytes": len(members[part["name"]]), "sha256": hashlib.sha256(members[part["name"]]).hexdigest()}
    members["manifest.json"] = json.dumps(manifest).encode()
    members["manifest.json.sha256"] = f"{hashlib.sha256(members['manifest.json']).hexdigest()}  manifest.json\n".encode()
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return target.getvalue()


def test_a_backup_is_of_one_instant_and_holds_no_key_of_the_installation(place: Place, client: Client, secret: str) -> None:
    content = saved(client)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        names = tar.getnames()
        keys = tar.extractfile("tables/api_key.ndjson.gz")
        assert keys is not None
        owners = {json.loads(line)["owner"] for line in gzip.decompress(keys.read()).splitlines()}
    assert None not in owners
    assert "tables/service_account.ndjson.gz" not in names
    assert f"roads/{SITE}/1.net.xml.gz" in names
