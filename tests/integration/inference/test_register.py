"""The register as inference reads it, with rows that a newer version wrote."""

from __future__ import annotations

import logging

import psycopg
import pytest

from chelu.clock import SystemClock
from chelu.store import Database, migrate
from services.inference.watch import Watch
from services.registry.prepare import MIGRATIONS
from tests.waiting import until

ADD = "INSERT INTO register.device (device_id, kind, site_id, envelope) VALUES (%s, %s, 's', %s)"


def test_devices_this_version_does_not_know_are_passed_over_and_said_once(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        migrate(connection, "register", MIGRATIONS)
        connection.execute(
            "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES ('s', 's', 29.5, 106.5)"
        )
        connection.execute(ADD, ("good", "obu", "auto"))
        connection.execute(ADD, ("drone", "drone", "auto"))
        watch = Watch(Database(database_url), SystemClock())
        assert set(watch.first().devices) == {"good"}
        connection.execute(ADD, ("wrapped", "obu", "an envelope of tomorrow"))
        connection.execute(ADD, ("also good", "rsu", "deployed"))
        newer = until(watch.newer, 10, "the change")
        while newer and "also good" not in newer.devices:
            newer = until(watch.newer, 10, "the next change")
    watch.stop()
    assert newer
    assert set(newer.devices) == {"good", "also good"}
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert [sum(f"device {name} is passed over" in line for line in said) for name in ("drone", "wrapped")] == [1, 1]
