"""The register as inference reads it, with rows that a newer version wrote."""

from __future__ import annotations

import datetime
import gzip
import logging
import time

import psycopg
import pytest

from chelu.clock import SystemClock
from chelu.store import Database, migrate
from services.inference.register import Register, SiteValues, load, roads_as_of, values_as_of
from services.inference.watch import Watch
from services.registry.prepare import MIGRATIONS
from tests.unit.inference.signal_roads import town_file
from tests.unit.roads.lanelet2_files import crossing_with_lights, file_of
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


MAP = """INSERT INTO register.map (site_id, version, file, format, sha256, bytes, said, added_by)
    VALUES ('s', %(version)s, %(file)s, '', %(version)s::text, 0, '{}', 'somebody')"""
FILE = "INSERT INTO register.map_file (site_id, version, content) VALUES ('s', %(version)s, %(content)s)"
VALID = "INSERT INTO register.map_change (site_id, since, version, actor) VALUES ('s', clock_timestamp() + %s, %s, 'somebody')"


def test_a_site_drives_on_the_map_that_is_valid_and_on_the_next_one_when_its_time_has_come(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        migrate(connection, "register", MIGRATIONS)
        connection.execute(
            "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES ('s', 's', 29.5, 106.5)"
        )
        put = "INSERT INTO register.road_network (site_id, version, format, content) VALUES ('s', 1, 'sumo', %s)"
        connection.execute(put, (gzip.compress(town_file()),))
        for version, (file, content) in enumerate(
            [("crossing.osm", file_of(*crossing_with_lights())), ("broken.osm", b"<osm"), ("town.net.xml", town_file())], 1
        ):
            connection.execute(MAP.encode(), {"version": version, "file": file})
            connection.execute(FILE, {"version": version, "content": content})
        watch = Watch(Database(database_url), SystemClock())
        seen = [in_force(watch.first())]
        began_us = time.time_ns() // 1000

        def follow(change: datetime.timedelta, version: int | None) -> None:
            connection.execute(VALID, (change, version))
            newer = until(watch.newer, 10, "the change")
            while newer and in_force(newer) == seen[-1]:
                newer = until(watch.newer, 10, "the next change")
            assert newer
            seen.append(in_force(newer))

        now = datetime.timedelta()
        follow(now, 1)
        follow(datetime.timedelta(seconds=1.2), 3)  # planned: nobody tells when its time has come
        follow(now, 2)
        follow(now, None)
        was = roads_as_of(connection, load(connection).sites["s"], began_us)
    watch.stop()
    town_lanes = 8
    assert seen == [(False, 1, town_lanes), (True, 1, 9), (True, 3, town_lanes), (True, 2, 0), (False, 1, town_lanes)]
    assert (was.is_map, was.roads_version) == (False, 1)


def in_force(register: Register) -> tuple[bool, int, int]:
    entry = register.sites["s"]
    return entry.is_map, entry.roads_version, 0 if entry.roads is None else len(entry.roads.network.lanes.id)


CHANGED = """INSERT INTO register.parameter_change (site_id, version, at, actor, application, parameter, former, latter, note)
    VALUES ('s', %s, clock_timestamp(), 'somebody', %s, %s, NULL, %s, 'why')"""


def test_a_sites_parameters_are_followed_and_those_of_an_instant_are_found_again(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        migrate(connection, "register", MIGRATIONS)
        connection.execute(
            "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES ('s', 's', 29.5, 106.5)"
        )
        watch = Watch(Database(database_url), SystemClock())
        assert watch.first().values == {}
        instants = [time.time_ns() // 1000]
        for version, application, parameter, latter in (
            (1, "fcw", "warn_mps2", 4.2),
            (2, "fcw", "hold_share", 0.6),
            (2, "life", "clear_s", 1.0),
            (3, "fcw", "warn_mps2", None),
        ):
            connection.execute(CHANGED, (version, application, parameter, latter))
            instants.append(time.time_ns() // 1000 + 1)
        connection.execute("INSERT INTO register.site_parameters VALUES ('s', 3, '{\"fcw\": {\"hold_share\": 0.6}}')")
        newer = until(watch.newer, 10, "the change")
        was = [values_as_of(connection, "s", instant) for instant in instants]
    watch.stop()
    assert newer
    assert newer.values == {"s": SiteValues(3, {"fcw": {"hold_share": 0.6}})}
    assert was[0] == SiteValues()
    assert was[1] == SiteValues(1, {"fcw": {"warn_mps2": 4.2}})
    assert was[3] == SiteValues(2, {"fcw": {"warn_mps2": 4.2, "hold_share": 0.6}, "life": {"clear_s": 1.0}})
    assert was[4] == SiteValues(3, {"fcw": {"hold_share": 0.6}, "life": {"clear_s": 1.0}})
