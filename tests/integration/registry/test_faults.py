"""A database that goes away, and callers that collide."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from chelu.api import Client, NewDevice, Site
from chelu.errors import CheluError, RefusedError, UnreachableError
from chelu.topics import Kind
from tests.fix_database import DatabaseServer
from tests.integration.registry.conftest import KEY, SITE, AddDevice, Place
from tests.waiting import until

CUT = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


@contextmanager
def locked_out(server: DatabaseServer, place: Place) -> Iterator[None]:
    """A time in which nobody can use the database."""
    name = urlsplit(place.database_url).path.strip("/")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        connection.execute(CUT, (name,))
        yield
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


def waiting_sessions(place: Place) -> bool:
    """Whether some session of the database waits for another one's lock."""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return connection.execute(sql).fetchone() is not None


def test_cut_connections_are_replaced_unnoticed(database_server: DatabaseServer, place: Place, client: Client) -> None:
    name = urlsplit(place.database_url).path.strip("/")
    with psycopg.connect(database_server.url, autocommit=True) as connection:
        connection.execute(CUT, (name,))
    assert client.site(SITE).site_id == SITE


def test_a_database_that_is_away_is_said_to_be_and_comes_back(
    database_server: DatabaseServer, place: Place, client: Client, add_device: AddDevice
) -> None:
    def is_well() -> bool:
        return bool(client.health()["status"] == "ok")

    with locked_out(database_server, place):
        assert client.health()["database"] == "away"
        with pytest.raises(UnreachableError):
            client.sites()
    until(is_well, 30, "the registry to find its database again")
    assert add_device("after-the-fault").secret is not None


def test_of_many_who_want_one_id_one_gets_it(place: Place, client: Client) -> None:
    def want(number: int) -> CheluError | None:
        with Client(place.url, KEY) as mine:
            try:
                mine.add_devices([NewDevice(device_id="wanted", kind=Kind.OBU, site_id=SITE, name=str(number))])
            except CheluError as error:
                return error
        return None

    with ThreadPoolExecutor(12) as pool:
        errors = [error for error in pool.map(want, range(12)) if error]
    assert len(errors) == 11
    assert all(isinstance(error, RefusedError) and "device_id = 'wanted'" in str(error) for error in errors), errors


def test_of_many_who_change_one_version_one_does(place: Place, client: Client, add_device: AddDevice) -> None:
    add_device("changed")
    url, headers = f"{place.url}/api/devices/changed", {"Authorization": f"Bearer {KEY}", "If-Match": '"1"'}

    def change(number: int) -> int:
        return httpx.patch(url, json={"name": str(number)}, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(change, range(12))) == [200] + [412] * 11
    assert len(list(client.audit(subject="changed", what="device"))) == 2


def test_what_is_deleted_while_it_is_being_named_is_a_conflict_and_no_fault(
    place: Place, client: Client, add_device: AddDevice
) -> None:
    client.add_site(Site(site_id="leaving", latitude_deg=0, longitude_deg=0))
    with psycopg.connect(place.database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("DELETE FROM register.site WHERE site_id = 'leaving'")
        adding = pool.submit(client.add_devices, [NewDevice(device_id="late", kind=Kind.OBU, site_id="leaving")])
        until(lambda: waiting_sessions(place), 10, "the request to meet the other's lock")
        other.commit()
        with pytest.raises(RefusedError, match="site_id = 'leaving' was changed meanwhile by another request"):
            adding.result()
    client.add_site(Site(site_id="staying", latitude_deg=0, longitude_deg=0))
    with psycopg.connect(place.database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("INSERT INTO register.device (device_id, kind, site_id) VALUES ('early', 'obu', 'staying')")
        deleting = pool.submit(client.delete_site, "staying")
        until(lambda: waiting_sessions(place), 10, "the request to meet the other's lock")
        other.commit()
        with pytest.raises(RefusedError, match=r"site_id = 'staying' was changed meanwhile|'staying' cannot be deleted"):
            deleting.result()
    assert client.site("staying").site_id == "staying"


def test_every_change_is_remembered_with_who_made_it(place: Place, client: Client, add_device: AddDevice) -> None:
    add_device("remembered")
    client.new_credential("remembered")
    client.revoke_credential("remembered")
    with psycopg.connect(place.database_url) as connection:
        rows = connection.execute(
            "SELECT actor, action, subject FROM register.history ORDER BY history_id DESC LIMIT 3"
        ).fetchall()
    assert rows == [
        ("administrator", "revoke credential", "remembered"),
        ("administrator", "new credential", "remembered"),
        ("administrator", "add devices", "1 devices"),
    ]
