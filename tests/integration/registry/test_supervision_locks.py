"""A vehicle is deleted while supervision writes of it: neither is in the other's way. A real database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from chelu.store import Database, migrate
from services.registry.database import Register
from services.registry.devices import delete_device
from services.registry.prepare import MIGRATIONS
from tests.waiting import until

STATE = """INSERT INTO register.vehicle_state (device_key, time, heard, mode, since)
    SELECT device_key, now(), now(), 'automated', now() FROM register.device"""
HEARD = "UPDATE register.vehicle_state SET heard = now()"
SPAN = """INSERT INTO register.mode_span (device_key, starts, ends, mode, metres)
    SELECT device_key, now(), now(), 'manual', 0 FROM register.vehicle_state"""
WAITING = "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"


@pytest.fixture
def register(database_url: str) -> Iterator[Register]:
    """With a car that drives by itself."""
    with psycopg.connect(database_url) as connection:
        migrate(connection, "register", MIGRATIONS)
        connection.execute("INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES ('hillside', '', 0, 0)")
        connection.execute("INSERT INTO register.device (device_id, kind, site_id) VALUES ('car', 'obu', 'hillside')")
        connection.execute(STATE)
    with closing(Database(database_url)) as database:
        yield Register(database)


def test_a_vehicle_that_is_deleted_while_supervision_writes_of_it_waits_and_neither_is_undone(register: Register) -> None:
    parts = cast("Any", SimpleNamespace(register=register, broker=SimpleNamespace(announce=lambda: None)))
    with ThreadPoolExecutor(1) as threads:
        with register.transaction() as connection:
            connection.execute(HEARD)
            deleted = threads.submit(delete_device, "car", parts, "anna", "*")
            until(lambda: register.rows(WAITING), 10, "the deletion to wait")
            connection.execute(SPAN)
        deleted.result(10)
    assert not register.rows("SELECT 1 AS one FROM register.device")
