"""Ten thousand devices: how long one evaluation of all of them takes, and what counting their rows costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import psycopg
import pytest

from chelu.bus import Received
from chelu.clock import VirtualClock
from chelu.store import Database, migrate
from services.ingest.tables import prepare_schema
from services.registry.database import Register
from services.registry.health import counts
from services.registry.health.counting import EVERY_S
from services.registry.health.monitor import Monitor, Round
from services.registry.prepare import MIGRATIONS
from tests import processor

S = 1_000_000
NOW = 1_800_000_000 * S
DEVICES = 10_000
HZ = 10
BOUND_S = 1.0
DEVICE = """INSERT INTO register.device (device_id, kind, site_id)
    SELECT 'obu-' || n, 'obu', 'hillside' FROM generate_series(1, %s) AS n"""
REQUIRED = """SELECT column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'stream' AND table_name = 'bsm' AND is_nullable = 'NO'"""
TIME = "to_timestamp({start}) + n * interval '{step} seconds'"


@pytest.fixture
def url(database_url: str) -> str:
    """A register of ten thousand OBUs."""
    with psycopg.connect(database_url) as connection:
        migrate(connection, "register", MIGRATIONS)
        connection.execute("INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES ('hillside', '', 0, 0)")
        connection.execute(DEVICE.encode(), (DEVICES,))
    return database_url


@pytest.fixture
def register(url: str) -> Iterator[Register]:
    with closing(Database(url)) as database:
        yield Register(database)


def beat(number: int, at_us: int) -> Received:
    return said(number, "heartbeat/up", {"time_us": at_us - 10_000, "uptime_s": 5.0, "sent": {"bsm": 100}}, at_us)


def said(number: int, stream: str, document: object, at_us: int) -> Received:
    return Received(f"obu/obu-{number}/{stream}", json.dumps(document).encode(), 0, at_us, 0, None, retained=False)


def cpu_s(register: Register) -> float:
    return processor.taken_s(row["pid"] for row in register.rows(processor.BACKENDS))


def test_all_devices_are_evaluated_at_once(register: Register) -> None:
    clock = VirtualClock(NOW)
    monitor = Monitor(register, clock, is_listening=lambda: True)
    everybody, some = range(1, DEVICES + 1), range(1, DEVICES // 10 + 1)
    taken_s: dict[str, float] = {}

    def evaluate(name: str, heard: list[Received]) -> Round:
        clock.advance(1)
        monitor.take(heard)
        before_s = cpu_s(register)
        found = monitor.evaluate()
        taken_s[name] = cpu_s(register) - before_s
        return found

    def beats(numbers: range) -> list[Received]:
        return [beat(number, clock.wall_us()) for number in numbers]

    evaluate("first", [])
    assert evaluate("all heard for the first time", beats(everybody)).saved == DEVICES
    wills = [said(number, "state", {"state": "offline", "reason": "connection lost"}, clock.wall_us()) for number in everybody]
    assert evaluate("all lost at once", wills).raised == DEVICES
    assert evaluate("all still lost", []).raised == 0
    assert evaluate("all back", beats(everybody)).ended == DEVICES
    for _ in range(10):
        evaluate("a round with a second's heartbeats of a thousand", beats(some))
    evaluate("a round in which nothing is new", [])
    print(f"\n{DEVICES} devices, processor time: " + ", ".join(f"{name} {1000 * one:.0f} ms" for name, one in taken_s.items()))
    assert taken_s["a round with a second's heartbeats of a thousand"] < BOUND_S


def test_a_word_that_breaks_the_round_costs_itself_and_nobody_elses_health(url: str, register: Register) -> None:
    """The database refuses what one device gives as its reason; what is none of any word's stays an error."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE register.health ADD CONSTRAINT taste CHECK (reason <> 'bitter')")
    clock = VirtualClock(NOW)
    monitor = Monitor(register, clock, is_listening=lambda: True)
    monitor.take([beat(number, NOW) for number in range(1, 21)])
    assert monitor.evaluate().saved == 20
    clock.advance(1)
    states = {number: {"state": "offline", "reason": "bitter" if number in {3, 8} else "stopped"} for number in range(1, 11)}
    monitor.take([said(number, "state", document, clock.wall_us()) for number, document in states.items()])
    monitor.evaluate()
    standing = register.rows("SELECT subject FROM register.alarm WHERE kind = 'offline' ORDER BY subject")
    assert {row["subject"] for row in standing} == {f"obu-{number}" for number in (1, 2, 4, 5, 6, 7, 9, 10)}
    clock.advance(1)
    monitor.take([beat(number, clock.wall_us()) for number in range(1, 21)])
    assert monitor.evaluate().ended == 8
    health = register.rows("SELECT status, count(*) AS devices FROM register.health GROUP BY status")
    assert health == [{"status": "healthy", "devices": 20}]


def test_what_came_of_all_devices_is_counted_at_once(url: str, register: Register) -> None:
    """As many rows as ten thousand OBUs send between two counts."""
    rows = round(HZ * EVERY_S)
    with psycopg.connect(url, autocommit=True) as connection:
        series = prepare_schema(connection)
        series["bsm"].ensure(connection, np.array([NOW], np.int64), now_us=NOW)
        names = {name: kind for name, kind in connection.execute(REQUIRED).fetchall() if name != "device_key"}
        time_of = TIME.format(start=NOW // S, step=1 / HZ)
        values = {
            name: time_of if kind.startswith("timestamp") else "false" if kind == "boolean" else "0"
            for name, kind in names.items()
        }
        insert = f"""INSERT INTO stream.bsm (device_key, {", ".join(values)})
            SELECT device_key, {", ".join(values.values())} FROM generate_series(0, {rows - 1}) AS n, register.device"""
        connection.execute(insert.encode())
        connection.execute("INSERT INTO stream.batch (created, committed) VALUES (to_timestamp(%s), now())", (NOW // S + 1,))
        connection.execute("VACUUM ANALYZE stream.bsm")
    before_s = cpu_s(register)
    with register.transaction() as transaction:
        counts.on_one_core(transaction)
        period = {"from_us": NOW, "to_us": NOW + round(EVERY_S * S)}
        plan = transaction.execute(f"EXPLAIN {counts.QUERIES[0]}".encode(), period).fetchall()
        assert "Gather" not in str(plan)
        found = counts.count(transaction, from_us=NOW, to_us=NOW + round(EVERY_S * S))
    taken_s = cpu_s(register) - before_s
    assert found is not None
    assert len(found.frames) == DEVICES
    assert {one["bsm"] for one in found.frames.values()} == {rows}
    print(f"\n{DEVICES * rows} rows of {DEVICES} devices, {EVERY_S:g} s, counted in {1000 * taken_s:.0f} ms of processor time")
    assert taken_s < BOUND_S
