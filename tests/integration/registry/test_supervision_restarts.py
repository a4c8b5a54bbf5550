"""Vehicles under supervision over a restart: by how much clocks are off and where alarms are open is known. A real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from psycopg.types.json import Jsonb

from chelu.bus import Received
from chelu.clock import SystemClock
from chelu.store import Database, migrate
from services.ingest.tables import prepare_schema
from services.registry.alarms.rows import clear_by_hand
from services.registry.database import Register
from services.registry.prepare import MIGRATIONS
from services.registry.revisions import note_replaced
from services.registry.supervision.api import list_vehicles
from services.registry.supervision.desk import MOST_AT_ONCE, Supervision
from tests.waiting import until

S = 1_000_000
SLOW_US = 600 * S
REPORT = """INSERT INTO stream.report (time, arrival, device_key, batch_id, flags, stream, topic, body)
    SELECT to_timestamp(%s), to_timestamp(%s), device_key, 1, 0, 'mode', '', %s FROM register.device WHERE device_id = 'car'"""
REPORTS = """INSERT INTO stream.report (time, arrival, device_key, batch_id, flags, stream, topic, body)
    SELECT to_timestamp(said_us / 1e6), to_timestamp(arrival_us / 1e6), device_key, 1, 0, 'mode', '',
        json_build_object('time_us', said_us, 'mode', 'automated')
    FROM (SELECT %s::bigint + n * 10000::bigint AS said_us, %s::bigint AS arrival_us FROM generate_series(1, %s) AS n) AS said
        JOIN register.device ON device_id = 'car'"""
BROUGHT_BACK = """INSERT INTO register.alarm OVERRIDING SYSTEM VALUE
    SELECT * FROM jsonb_populate_record(NULL::register.alarm, %s)"""


@pytest.fixture
def url(database_url: str) -> str:
    """A car on one of two sites."""
    with psycopg.connect(database_url) as connection:
        migrate(connection, "register", MIGRATIONS)
        prepare_schema(connection)
        for name in ("hillside", "dale"):
            connection.execute(
                "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES (%s, '', 0, 0)", (name,)
            )
        connection.execute("INSERT INTO register.device (device_id, kind, site_id) VALUES ('car', 'obu', 'hillside')")
    return database_url


@pytest.fixture
def register(url: str) -> Iterator[Register]:
    with closing(Database(url)) as database:
        yield Register(database)


def word(arrival_us: int, mode: str, *, slow_us: int = 0, **more: Any) -> Received:
    document = {"time_us": arrival_us - slow_us, "mode": mode, **more}
    return Received("obu/car/mode/up", json.dumps(document).encode(), 1, arrival_us, 0, None, retained=False)


def events(register: Register) -> list[tuple[str, str | None, str]]:
    rows = register.rows("SELECT what, cause, reason FROM register.vehicle_event ORDER BY event_id")
    return [(row["what"], row["cause"], row["reason"]) for row in rows]


def raised(register: Register) -> set[tuple[str, str]]:
    rows = register.rows("SELECT kind, site_id FROM register.alarm WHERE state = 'raised'")
    return {(row["kind"], row["site_id"]) for row in rows}


def mode(register: Register) -> str:
    return "".join(row["mode"] for row in register.rows("SELECT mode FROM register.vehicle_state"))


@pytest.mark.parametrize(
    ("cause", "what", "slow_us"),
    [("planned", "mode changed", SLOW_US), ("system", "disengagement", SLOW_US), ("system", "disengagement", 8 * 3600 * S)],
)
def test_what_was_said_by_a_slow_clock_while_the_registry_was_away_keeps_its_cause_and_reason(
    url: str, register: Register, cause: str, what: str, slow_us: int
) -> None:
    clock = SystemClock()
    begin_us = clock.wall_us() - 25 * S
    with Supervision(register, clock) as desk:
        desk.take([word(begin_us, "automated")])
        desk.take([word(begin_us + n * 3 * S, "automated", slow_us=slow_us) for n in range(1, 4)])
        until(lambda: mode(register) == "automated", 10, "its state")
        until(lambda: register.rows("SELECT 1 AS one FROM register.vehicle_clock"), 10, "its clock")
    said_us = begin_us + 15 * S
    body = json.dumps({"time_us": said_us - slow_us, "mode": "manual", "cause": cause, "reason": "while it was away"})
    with psycopg.connect(url) as connection:
        connection.execute(REPORT, ((said_us - slow_us) / S, said_us / S, body))
    with Supervision(register, clock) as desk:
        until(lambda: mode(register) == "manual", 10, "what was stored to be read")
        desk.take([word(begin_us + 20 * S, "manual", slow_us=slow_us)])
        desk.take([word(begin_us + 23 * S, "manual", slow_us=slow_us, in_odd=True)])
        until(lambda: register.rows("SELECT 1 AS one FROM register.vehicle_state WHERE in_odd"), 10, "the last word")
    assert events(register) == [(what, cause, "while it was away")]


def test_what_a_clock_that_was_slow_from_the_first_word_on_said_while_the_registry_was_away_is_read(
    url: str, register: Register
) -> None:
    clock, slow_us = SystemClock(), 5 * 3600 * S
    begin_us = clock.wall_us() - 25 * S
    with Supervision(register, clock) as desk:
        desk.take([word(begin_us, "automated", slow_us=slow_us)])
        until(lambda: mode(register) == "automated", 10, "its state")
    said_us = begin_us + 15 * S
    body = json.dumps({"time_us": said_us - slow_us, "mode": "manual", "cause": "system", "reason": "while it was away"})
    with psycopg.connect(url) as connection:
        connection.execute(REPORT, ((said_us - slow_us) / S, said_us / S, body))
    with Supervision(register, clock):
        until(lambda: mode(register) == "manual", 10, "what was stored to be read")
    assert events(register) == [("disengagement", "system", "while it was away")]


def test_of_a_long_outage_every_page_comes_before_what_is_heard_now(url: str, register: Register) -> None:
    """More words than are read at once, most of which came in one instant; the last one says that the change was planned."""
    clock = SystemClock()
    begin_us = clock.wall_us() - 100 * S
    with Supervision(register, clock) as desk:
        desk.take([word(begin_us, "automated")])
        until(lambda: mode(register) == "automated", 10, "its state")
    with psycopg.connect(url) as connection:
        connection.execute(REPORTS, (begin_us, begin_us + 90 * S, MOST_AT_ONCE + 100))
        planned = json.dumps({"time_us": begin_us + 60 * S, "mode": "manual", "cause": "planned"})
        connection.execute(REPORT, (begin_us / S + 60, begin_us / S + 91, planned))
    desk = Supervision(register, clock)
    desk.take([word(begin_us + 95 * S, "manual", in_odd=True)])
    with desk:
        until(lambda: register.rows("SELECT 1 AS one FROM register.vehicle_state WHERE in_odd"), 20, "what is heard now")
    assert events(register) == [("mode changed", "planned", "")]
    (span,) = register.rows(
        "SELECT extract(epoch FROM ends - starts)::float AS s FROM register.mode_span WHERE mode = 'automated'"
    )
    assert span["s"] == pytest.approx(60), "no word is missing"


def test_what_was_missed_in_the_middle_of_a_night_is_read(url: str, register: Register) -> None:
    clock = SystemClock()
    begin_us = clock.wall_us() - 12 * 3600 * S
    with Supervision(register, clock) as desk:
        desk.take([word(begin_us, "automated")])
        until(lambda: mode(register) == "automated", 10, "its state")
    said_us = begin_us + 6 * 3600 * S
    with psycopg.connect(url) as connection:
        planned = json.dumps({"time_us": said_us, "mode": "manual", "cause": "planned"})
        connection.execute(REPORT, (said_us / S, said_us / S, planned))
    desk = Supervision(register, clock)
    desk.take([word(clock.wall_us(), "manual", in_odd=True)])
    with desk:
        until(lambda: register.rows("SELECT 1 AS one FROM register.vehicle_state WHERE in_odd"), 20, "what is heard now")
    assert events(register) == [("mode changed", "planned", "")]


def test_a_vehicle_that_was_moved_right_before_a_crash_leaves_no_alarm_behind(url: str, register: Register) -> None:
    clock = SystemClock()
    with Supervision(register, clock) as desk:
        desk.take([word(clock.wall_us() - 2 * S, "automated"), word(clock.wall_us() - S, "manual", cause="system")])
        until(lambda: raised(register) == {("disengagement", "hillside")}, 10, "the alarm")
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE register.device SET site_id = 'dale'")
    with Supervision(register, clock):
        until(lambda: raised(register) == {("disengagement", "dale")}, 10, "the alarm where it is now, and there alone")


def test_an_alarm_that_somebody_ended_does_not_come_back_with_a_restart_but_when_it_has_changed(register: Register) -> None:
    clock = SystemClock()
    with Supervision(register, clock) as desk:
        desk.take([word(clock.wall_us() - 9 * S, "automated"), word(clock.wall_us() - 8 * S, "manual", cause="system")])
        until(lambda: raised(register) == {("disengagement", "hillside")}, 10, "the alarm")
        with register.transaction("anna") as connection:
            (alarm,) = register.rows("SELECT alarm_id FROM register.alarm")
            assert clear_by_hand(connection, alarm["alarm_id"], comment="seen to", now_us=clock.wall_us())
        desk.take([word(clock.wall_us() - 7 * S, "manual", odometer_m=7)])
        until(lambda: register.rows("SELECT 1 AS one FROM register.vehicle_state WHERE odometer_m = 7"), 10, "its next word")
    with Supervision(register, clock) as desk:
        desk.take([word(clock.wall_us() - 6 * S, "manual", odometer_m=8)])
        until(lambda: register.rows("SELECT 1 AS one FROM register.vehicle_state WHERE odometer_m = 8"), 10, "the word after")
        assert not raised(register)
        desk.take([word(clock.wall_us() - 5 * S, "remote")])
        until(lambda: raised(register) == {("disengagement", "hillside")}, 10, "it anew, since it has changed")


def test_a_vehicle_that_is_retired_has_no_alarm_and_is_in_no_list_any_more(register: Register) -> None:
    clock, parts = SystemClock(), cast("Any", SimpleNamespace(register=register))
    with Supervision(register, clock) as desk:
        desk.take([word(clock.wall_us() - 9 * S, "automated"), word(clock.wall_us() - 8 * S, "manual", cause="system")])
        until(lambda: raised(register) == {("disengagement", "hillside")}, 10, "the alarm")
        assert [state.vehicle for state in list_vehicles("hillside", parts)] == ["car"]
        with register.transaction("anna") as connection:
            connection.execute("UPDATE register.device SET lifecycle = 'retired'")
        until(lambda: not raised(register), 10, "the alarm to end")
        desk.take([word(clock.wall_us() - 7 * S, "remote", odometer_m=7)])
        until(lambda: register.rows("SELECT 1 AS one FROM register.vehicle_state WHERE odometer_m = 7"), 10, "what it still says")
    with Supervision(register, clock) as desk:
        desk.take([word(clock.wall_us() - 6 * S, "remote", odometer_m=8)])
        until(lambda: register.rows("SELECT 1 AS one FROM register.vehicle_state WHERE odometer_m = 8"), 10, "the word after")
    assert not raised(register)
    assert list_vehicles("hillside", parts) == []


def test_when_a_backup_is_restored_what_was_heard_since_still_holds(url: str, register: Register) -> None:
    clock = SystemClock()
    with Supervision(register, clock) as desk:
        desk.take([word(clock.wall_us() - 9 * S, "automated"), word(clock.wall_us() - 8 * S, "manual", cause="system")])
        until(lambda: raised(register) == {("disengagement", "hillside")}, 10, "the alarm")
        saved = register.rows("SELECT row_to_json(alarm) AS line FROM register.alarm")
        desk.take([word(clock.wall_us() - 7 * S, "automated")])
        until(lambda: not raised(register), 10, "the alarm to end")
        with register.transaction() as connection:  # what `chelu restore` does
            connection.execute("DELETE FROM register.alarm")
            connection.execute(BROUGHT_BACK, (Jsonb(saved[0]["line"]),))
            note_replaced(connection, "wang")
        until(lambda: not raised(register), 10, "the alarm of the backup to end")
        assert mode(register) == "automated"
