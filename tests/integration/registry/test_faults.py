"""A database that goes away, and callers that collide."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from chelu.api import Client, NewDevice
from chelu.errors import CheluError, RefusedError, UnreachableError
from chelu.topics import Kind
from tests.fix_database import DatabaseServer
from tests.integration.registry.conftest import KEY, SITE, AddDevice, Place
from tests.waiting import until

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


@contextmanager
def locked_out(server: DatabaseServer, place: Place) -> Iterator[None]:
    """A time in which nobody can use the database."""
    name = urlsplit(place.database_url).path.strip("/")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        connection.execute(CUT, (name,))
        yield
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


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
    assert all(isinstance(error, RefusedError) and "wanted" in str(error) for error in errors), errors


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
