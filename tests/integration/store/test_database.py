from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from psycopg import sql

from chelu.clock import SystemClock, VirtualClock
from chelu.errors import ConfigurationError, RefusedError, UnreachableError
from chelu.local.ports import free_port
from chelu.store import Database
from tests.waiting import until


def test_a_block_is_a_transaction(database_url: str) -> None:
    database = Database(database_url)
    with database.connection() as connection:
        connection.execute("CREATE TABLE t (x integer)")
    with pytest.raises(psycopg.errors.DivisionByZero), database.connection() as connection:
        connection.execute("INSERT INTO t VALUES (1); SELECT 1 / 0")
    with database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
    database.close()


def test_no_server_is_unreachable_in_one_sentence() -> None:
    database = Database(f"postgresql://u:secret@127.0.0.1:{free_port()}/x")
    with pytest.raises(UnreachableError) as caught:
        database.connect()
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_waiting_gives_up_after_its_time() -> None:
    clock = VirtualClock(0)
    with pytest.raises(UnreachableError):
        Database(f"postgresql://127.0.0.1:{free_port()}/x").wait(timeout_s=3, clock=clock)
    assert clock.monotonic_s() >= 3


def test_a_wrong_password_is_a_refusal(database_url: str) -> None:
    wrong = psycopg.conninfo.conninfo_to_dict(database_url)
    url = f"postgresql://{wrong['user']}:wrong@{wrong['host']}:{wrong['port']}/{wrong['dbname']}"
    with pytest.raises(RefusedError, match="password authentication failed"):
        Database(url).wait(timeout_s=5, clock=SystemClock())


def test_a_database_that_does_not_exist_is_a_refusal(database_url: str) -> None:
    with pytest.raises(RefusedError, match="does not exist"):
        Database(database_url + "_missing").connect()


def test_a_missing_right_is_a_refusal_with_what_was_tried(database_url: str) -> None:
    database = Database(database_url)
    with database.connection() as connection:
        connection.execute(sql.SQL("CREATE TABLE t (x integer)"))
    with (
        pytest.raises(RefusedError, match="refused reading t: permission denied"),
        database.connection(doing="reading t") as connection,
    ):
        connection.execute("SET LOCAL ROLE pg_monitor; SELECT * FROM t")
    database.close()


def test_a_connection_the_server_cut_is_replaced(database_url: str) -> None:
    database = Database(database_url)
    with database.connection() as connection:
        pid = connection.info.backend_pid
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    with database.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    database.close()


def test_all_connections_that_the_server_cut_are_replaced_at_once(database_url: str) -> None:
    database = Database(database_url, pool_size=4, kept=4)
    with database.connection() as connection:
        connection.execute("SELECT 1")
    cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
    with psycopg.connect(database_url, autocommit=True) as other:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        until(lambda: other.execute(others).fetchone() == (5,), 10, "the pool to be full")
        other.execute(cut, (other.info.backend_pid,))
    started_s = time.monotonic()
    with database.connection(timeout_s=10) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert time.monotonic() - started_s < 5
    database.close()


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="postgresql://"):
        Database("mysql://u:secret@h/x")


def test_threads_that_ask_at_once_for_the_first_connection_share_one_pool(database_url: str) -> None:
    start = threading.Barrier(8)

    def ask(database: Database) -> int:
        start.wait()
        with database.connection() as connection:
            return len(connection.execute("SELECT 1").fetchall())

    for _ in range(5):
        with closing(Database(database_url)) as database, ThreadPoolExecutor(8) as threads:
            assert list(threads.map(ask, [database] * 8)) == [1] * 8
