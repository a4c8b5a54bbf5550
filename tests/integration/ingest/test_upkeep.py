"""Retention and compression by settings, on a real database with or without TimescaleDB."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from chelu.clock import Clock, VirtualClock
from chelu.errors import ConfigurationError
from chelu.messages import BSM, HEADER, Batch
from chelu.store import Database, copy_rows
from chelu.store.series import US_PER_HOUR, partitions
from services.ingest.settings import IngestSettings, load
from services.ingest.tables import COLUMNS, Shape, prepare_schema
from services.ingest.upkeep import Upkeep
from tests.waiting import until

NOW_US = 1_795_000_000_000_000
SHAPE = Shape(partition_hours=1)


def bsms(*time_us: int) -> Batch:
    dtypes = {field.name: np.dtype(field.dtype) for field in HEADER} | BSM.dtypes()
    batch = Batch({name: np.zeros(len(time_us), dtype) for name, dtype in dtypes.items()})
    return batch.with_columns(time_us=np.array(time_us, np.int64))


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


def write(connection: psycopg.Connection[Any], *hours_ago: int) -> None:
    """A BSM, a report and a batch of each age."""
    times = [NOW_US - hours * US_PER_HOUR for hours in sorted(hours_ago, reverse=True)]
    batch = bsms(*times)
    prepare_schema(connection, SHAPE)["bsm"].ensure(connection, batch["time_us"], now_us=NOW_US)
    copy_rows(connection, "stream.bsm", batch, COLUMNS["bsm"])
    for time_us in times:
        at = "'epoch'::timestamptz + %(us)s * interval '1 microsecond'"
        connection.execute(f"INSERT INTO stream.batch (created) VALUES ({at})".encode(), {"us": time_us})
        connection.execute("INSERT INTO stream.account SELECT max(batch_id), 'bsm', 1, 1, 1, 1 FROM stream.batch")
        connection.execute("INSERT INTO stream.drop SELECT max(batch_id), 'bsm', 1, 'late', 1 FROM stream.batch")
        report = f"INSERT INTO stream.report VALUES ({at}, now(), 1, 1, 0, 'info', 't', '{{}}')"
        connection.execute(report.encode(), {"us": time_us})


def upkeep(connection: psycopg.Connection[Any], clock: Clock | None = None, **settings: Any) -> Upkeep:
    url = connection.info.dsn
    parts = dict(part.split("=", 1) for part in url.split())
    address = f"postgresql://{parts['user']}:{connection.info.password}@{parts['host']}:{parts['port']}/{parts['dbname']}"
    return Upkeep(Database(address), IngestSettings(**settings), clock or VirtualClock(NOW_US))


def count(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM stream.{table}".encode()).fetchone()
    assert row
    return int(row[0])


def test_each_table_keeps_what_its_setting_says_and_the_others_everything(connection: psycopg.Connection[Any]) -> None:
    write(connection, 0, 3, 30, 300)
    assert upkeep(connection, keep_hours={"bsm": 24, "books": 100}, compress_after_hours=0).turn()
    assert [count(connection, table) for table in ("bsm", "report", "batch", "account", "drop")] == [2, 4, 3, 3, 3]
    assert upkeep(connection, keep_hours={"report": 1}, compress_after_hours=0).turn()
    assert [count(connection, table) for table in ("bsm", "report", "batch")] == [2, 1, 3]


def numbers(connection: psycopg.Connection[Any], *days_ago: float) -> None:
    """Messages of QoS 1 that were stored so long ago."""
    for number, days in enumerate(days_ago):
        at_us = NOW_US - round(days * 24 * US_PER_HOUR)
        at = "'epoch'::timestamptz + %s * interval '1 microsecond'"
        connection.execute(f"INSERT INTO stream.delivery VALUES (1, 'event', %s, {at})".encode(), (number, at_us))


def letters(connection: psycopg.Connection[Any], number: int) -> None:
    connection.execute(
        "INSERT INTO stream.dead_letter (time, topic, device_id, reason, detail, payload, size_bytes)"
        " SELECT now(), 't', 'd', 'unknown', n::text, '', 0 FROM generate_series(1, %s) n",
        (number,),
    )


def test_numbers_of_deliveries_are_kept_for_their_days_and_the_newest_dead_letters(
    connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.upkeep.PORTION", 3)
    prepare_schema(connection, SHAPE)
    assert upkeep(connection, compress_after_hours=0).turn()
    numbers(connection, 0, 29.9, 30.1, 31, 32, 33, 400)
    letters(connection, 110)
    assert upkeep(connection, delivery_days=30, dead_letters_kept=100, compress_after_hours=0).turn()
    left = connection.execute("SELECT sequence FROM stream.delivery ORDER BY 1").fetchall()
    assert left == [(0,), (1,)]
    kept = connection.execute("SELECT min(detail::int), max(detail::int), count(*) FROM stream.dead_letter").fetchone()
    assert kept == (11, 110, 100)


def test_numbers_of_deliveries_are_looked_through_every_hour(connection: psycopg.Connection[Any]) -> None:
    prepare_schema(connection, SHAPE)
    clock = VirtualClock(NOW_US)
    working = upkeep(connection, clock, compress_after_hours=0)
    for wait_s, left in ((0, 0), (60, 1), (3600, 0)):
        clock.advance(wait_s)
        numbers(connection, *[31] * (wait_s == 60))
        assert working.turn()
        assert count(connection, "delivery") == left


def test_what_people_say_in_the_register_goes_before_ingests_own_settings(connection: psycopg.Connection[Any]) -> None:
    write(connection, 0, 3, 30, 300)
    connection.execute("CREATE SCHEMA IF NOT EXISTS register")
    connection.execute("CREATE TABLE IF NOT EXISTS register.retention (stream text PRIMARY KEY, keep_hours integer)")
    connection.execute("INSERT INTO register.retention VALUES ('bsm', 100), ('report', NULL)")
    try:
        assert upkeep(connection, keep_hours={"bsm": 1, "report": 1, "books": 24}, compress_after_hours=0).turn()
        assert [count(connection, table) for table in ("bsm", "report", "batch")] == [3, 4, 2]
        known = connection.execute("SELECT name, keep_hours, is_set FROM stream.retention").fetchall()
        assert {row for row in known if row[1] is not None or row[2]} == {
            ("bsm", 100, True),
            ("report", None, True),
            ("books", 24, False),
        }
    finally:
        connection.execute("DROP TABLE register.retention")
    assert upkeep(connection, keep_hours={"bsm": 24}, compress_after_hours=0).turn()
    assert count(connection, "bsm") == 2
    row = connection.execute("SELECT keep_hours, is_set FROM stream.retention WHERE name = 'bsm'").fetchone()
    assert row == (24, False)


def test_partitions_are_as_wide_as_the_setting_says(connection: psycopg.Connection[Any]) -> None:
    write(connection, 0, 3, 30)
    series = prepare_schema(connection, SHAPE)["bsm"]
    if series.is_hypertable:
        query = "SELECT extract(epoch FROM range_end - range_start)::int FROM timescaledb_information.chunks"
        widths = [row[0] / 3600 for row in connection.execute(query).fetchall()]
    else:
        widths = [(part.stop_us - part.start_us) / US_PER_HOUR for part in partitions(connection, "stream.bsm")]
    assert widths == [1, 1, 1]


def test_old_chunks_are_compressed_and_stay_readable(connection: psycopg.Connection[Any]) -> None:
    write(connection, 0, 3, 30)
    assert upkeep(connection, compress_after_hours=2).turn()
    assert count(connection, "bsm") == 3
    if prepare_schema(connection, SHAPE)["bsm"].is_hypertable:
        query = "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
        assert connection.execute(query).fetchone() == (2,)
    write(connection, 3)
    assert count(connection, "bsm") == 4


def test_of_two_workers_one_does_it(connection: psycopg.Connection[Any]) -> None:
    write(connection, 300)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_lock(hashtext('chelu upkeep'))")
        assert not upkeep(connection, keep_hours={"bsm": 1}).turn()
    assert count(connection, "bsm") == 1
    connection.execute("SELECT pg_advisory_unlock_all()")
    assert upkeep(connection, keep_hours={"bsm": 1}).turn()
    assert count(connection, "bsm") == 0


def test_its_thread_survives_a_database_that_is_not_ready_yet(connection: psycopg.Connection[Any]) -> None:
    working = upkeep(connection, keep_hours={"bsm": 1}, upkeep_s=0.1)
    working.start()
    write(connection, 300)
    until(lambda: count(connection, "bsm") == 0, 10, "the old row to go")
    working.stop()
    until(lambda: not any(thread.name == "upkeep" for thread in threading.enumerate()), 10, "the thread to end")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [("bsm=0", "bsm=0 is outside 1"), ("tracks=5", "no table"), ("bsm=1 bsm=2", "twice"), ("bsm", "keep_hours.bsm")],
)
def test_a_wrong_period_is_refused_by_name(words: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        load({"CHELU_INGEST_KEEP_HOURS": words})


def test_periods_are_words_in_the_environment() -> None:
    assert load({"CHELU_INGEST_KEEP_HOURS": "bsm=72, books=2160"}).keep_hours == {"bsm": 72, "books": 2160}
    with pytest.raises(ConfigurationError, match="divisor of 24"):
        load({"CHELU_INGEST_PARTITION_HOURS": "5"})
    with pytest.raises(ConfigurationError, match="delivery_days"):
        load({"CHELU_INGEST_DELIVERY_DAYS": "1000000"})  # before any date there is
