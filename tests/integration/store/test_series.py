from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import sql

from chelu.messages import Batch
from chelu.store import compress_before, copy_rows, create_series, drop_before, ensure_partitions, summarise
from chelu.store.schema import TableColumn, add_missing_columns, definitions
from chelu.store.series import BY_DEVICE, BY_TIME, US_PER_DAY, US_PER_HOUR, Series, partitions

COLUMNS = (TableColumn("time", "timestamptz", "time_us"), TableColumn("device_key", "integer", "key"))
NOW_US = 1_700_000_000_000_000
TABLE = "stream.bsm"


def batch(*time_us: int) -> Batch:
    return Batch({"time_us": np.array(time_us, np.int64), "key": np.arange(len(time_us), dtype=np.int32)})


def connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True, options="-c timezone=UTC")


def make(connection: psycopg.Connection[Any]) -> Series:
    connection.execute("CREATE SCHEMA IF NOT EXISTS stream")
    return create_series(connection, TABLE, definitions(COLUMNS))


def count(connection: psycopg.Connection[Any], table: str = TABLE) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split(".")))).fetchone()
    assert row
    return int(row[0])


def test_rows_of_every_time_are_stored_and_read_by_the_same_sql(database_url: str) -> None:
    with connect(database_url) as connection:
        series = make(connection)
        rows = batch(NOW_US, NOW_US + 1_000_000, NOW_US - US_PER_DAY, 1, NOW_US + 40_000 * US_PER_DAY)
        series.ensure(connection, rows["time_us"], now_us=NOW_US)
        copy_rows(connection, TABLE, rows, COLUMNS)
        bins = connection.execute(
            "SELECT date_bin('1 hour', time, 'epoch') AS bin, count(*) FROM stream.bsm GROUP BY bin ORDER BY bin"
        ).fetchall()
    assert [row[1] for row in bins] == [1, 1, 2, 1]


def test_creating_a_series_again_finds_it(database_url: str) -> None:
    with connect(database_url) as connection:
        first, second = make(connection), make(connection)
        available = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    assert first.is_hypertable == second.is_hypertable == bool(available)
    if "CHELU_TEST_TIMESCALE_URL" in os.environ:
        assert first.is_hypertable


def test_a_day_known_costs_no_query(database_url: str) -> None:
    with connect(database_url) as connection:
        series = make(connection)
        times = batch(NOW_US)["time_us"]
        made = series.ensure(connection, times, now_us=NOW_US)
        assert made == (0 if series.is_hypertable else 1)
    assert series.ensure(connection, times, now_us=NOW_US) == 0  # the connection is closed


def test_rows_that_waited_in_the_default_partition_move_when_their_day_comes(database_url: str) -> None:
    tomorrow = NOW_US + 5 * US_PER_DAY
    with connect(database_url) as connection:
        make(connection)
        ensure_partitions(connection, TABLE, batch(tomorrow)["time_us"], now_us=NOW_US)
        copy_rows(connection, TABLE, batch(tomorrow), COLUMNS)
        ensure_partitions(connection, TABLE, batch(tomorrow)["time_us"], now_us=tomorrow)
        copy_rows(connection, TABLE, batch(tomorrow), COLUMNS)
        assert count(connection) == 2


def test_writers_that_need_the_same_days_at_once_all_get_them(database_url: str) -> None:
    with connect(database_url) as connection:
        make(connection)
    days = [NOW_US - day * US_PER_DAY for day in range(6)]
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with connect(database_url) as connection:
                rows = batch(*days, 0)
                ensure_partitions(connection, TABLE, rows["time_us"], now_us=NOW_US)
                copy_rows(connection, TABLE, rows, COLUMNS)
        except psycopg.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with connect(database_url) as connection:
        assert count(connection) == 4 * 7


def test_retention_drops_whole_days_and_absurdly_old_rows(database_url: str) -> None:
    with connect(database_url) as connection:
        series = make(connection)
        rows = batch(NOW_US, NOW_US - 3 * US_PER_DAY, NOW_US - 4 * US_PER_DAY, 1)
        series.ensure(connection, rows["time_us"], now_us=NOW_US)
        copy_rows(connection, TABLE, rows, COLUMNS)
        assert len(drop_before(connection, series, NOW_US - 2 * US_PER_DAY)) >= 2
        assert count(connection) == 1
        series.ensure(connection, rows["time_us"], now_us=NOW_US)
        assert copy_rows(connection, TABLE, rows, COLUMNS) == 4


def test_a_stream_that_grew_a_field_gets_its_column(database_url: str) -> None:
    with connect(database_url) as connection:
        make(connection)
        grown = (*COLUMNS, TableColumn("lane", "smallint", "lane"))
        add_missing_columns(connection, TABLE, grown)
        rows = batch(NOW_US).with_columns(lane=np.array([3], np.uint8))
        assert copy_rows(connection, TABLE, rows, grown) == 1


def test_a_table_that_does_not_exist_is_named(database_url: str) -> None:
    with connect(database_url) as connection, pytest.raises(LookupError, match=r"stream\.nothing"):
        ensure_partitions(connection, "stream.nothing", np.array([1]), now_us=NOW_US)


def test_hours_follow_days_and_days_follow_hours(database_url: str) -> None:
    """The width of partitions may be changed while there are some: what is not covered yet is filled."""
    start_us = NOW_US // US_PER_DAY * US_PER_DAY
    with connect(database_url) as connection:
        make(connection)
        rows = batch(*(start_us + day * US_PER_DAY + 5 * US_PER_HOUR for day in range(3)))
        for hours, day in ((24, 0), (6, 1), (24, 1), (24, 2), (1, 2), (1, 0)):
            series = create_series(connection, TABLE, definitions(COLUMNS), hours=hours)
            series.ensure(connection, rows["time_us"][day : day + 1], now_us=NOW_US)
            copy_rows(connection, TABLE, rows.take(np.array([day])), COLUMNS)
        assert count(connection) == 6
        if not series.is_hypertable:
            spans = [(part.start_us - start_us, part.stop_us - start_us) for part in partitions(connection, TABLE)]
            hours_of = [(start // US_PER_HOUR, stop // US_PER_HOUR) for start, stop in spans]
            assert hours_of == [(0, 24), (24, 30), (30, 48), (48, 72)]


def test_an_index_that_was_wanted_later_is_made(database_url: str) -> None:
    with connect(database_url) as connection:
        make(connection)
        for _ in range(2):
            create_series(connection, TABLE, definitions(COLUMNS), indexes=(BY_TIME, BY_DEVICE))
        query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'stream' AND tablename = 'bsm'"
        indexes = [row[0] for row in connection.execute(query).fetchall()]
    assert sorted(index.partition(" USING ")[2].partition(" ")[0] for index in indexes) == ["brin", "btree"]


def test_retention_gives_way_to_a_reader_and_comes_again(database_url: str) -> None:
    with connect(database_url) as connection, connect(database_url) as reader:
        series = make(connection)
        rows = batch(NOW_US, NOW_US - 3 * US_PER_DAY)
        series.ensure(connection, rows["time_us"], now_us=NOW_US)
        copy_rows(connection, TABLE, rows, COLUMNS)
        with reader.transaction():
            assert count(reader) == 2
            assert drop_before(connection, series, NOW_US - US_PER_DAY) == []
        assert count(connection) == 2
        assert len(drop_before(connection, series, NOW_US - US_PER_DAY)) == 1
        assert count(connection) == 1


def test_old_chunks_become_a_columnstore_that_still_takes_rows_and_is_dropped(database_url: str) -> None:
    with connect(database_url) as connection:
        series = make(connection)
        rows = batch(NOW_US, *(NOW_US - 3 * US_PER_DAY + second for second in range(1000)))
        series.ensure(connection, rows["time_us"], now_us=NOW_US)
        copy_rows(connection, TABLE, rows, COLUMNS)
        compressed = compress_before(connection, series, NOW_US - US_PER_DAY)
        assert len(compressed) == (1 if series.is_hypertable else 0)
        assert compress_before(connection, series, NOW_US - US_PER_DAY) == []
        copy_rows(connection, TABLE, rows, COLUMNS)
        assert count(connection) == 2002
        assert len(drop_before(connection, series, NOW_US - US_PER_DAY)) == 1
        assert count(connection) == 2


def test_new_blocks_are_summarised_once(database_url: str) -> None:
    with connect(database_url) as connection:
        series = make(connection)
        rows = batch(*range(NOW_US, NOW_US + 200_000))
        series.ensure(connection, rows["time_us"], now_us=NOW_US)
        copy_rows(connection, TABLE, rows, COLUMNS)
        assert summarise(connection, series) > 10
        assert summarise(connection, series) == 0
