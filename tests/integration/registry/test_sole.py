"""One registry a database, on a real one: the second is refused, a successor waits, the lock is taken anew."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from chelu.clock import SystemClock, VirtualClock
from chelu.errors import CannotStartError
from chelu.store import Database
from services.registry.sole import HOLDER, Sole
from tests.waiting import until


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url, application="chelu registry")) as database:
        yield database


def holder(url: str) -> int | None:
    """The process of the database's that holds the lock."""
    with psycopg.connect(url) as connection:
        row = connection.execute(HOLDER).fetchone()
    return row[0] if row else None


def test_a_second_registry_is_refused_and_told_where_the_first_is(database: Database) -> None:
    with Sole(database, SystemClock()):
        told = (
            r"another registry works on the database at \S+ from \S+ since 20\S+ \S+Z; end that one, or give this one a database"
        )
        with pytest.raises(CannotStartError, match=told), Sole(database, SystemClock(), wait_s=0.3):
            pass
    with Sole(database, SystemClock(), wait_s=0):
        assert holder(database.url) is not None
    assert holder(database.url) is None


def test_a_successor_waits_for_its_predecessor(database: Database) -> None:
    entered = threading.Event()

    def succeed() -> None:
        with Sole(database, SystemClock(), wait_s=30):
            entered.set()

    with Sole(database, SystemClock()):
        first = holder(database.url)
        successor = threading.Thread(target=succeed)
        successor.start()
        assert not entered.wait(0.5)
    assert entered.wait(30)
    successor.join()
    assert holder(database.url) != first


def test_the_lock_is_taken_anew_when_the_database_cut_the_session(database: Database) -> None:
    with Sole(database, SystemClock()):
        first = holder(database.url)
        with psycopg.connect(database.url) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (first,))
        until(lambda: holder(database.url) not in {None, first}, 20, "the lock to be taken anew")


def test_clocks_that_differ_are_said_once(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "services.registry.sole")
    clock = VirtualClock(SystemClock().wall_us() - 3_600_000_000)
    sole = Sole(database, clock, wait_s=0)
    with sole:
        sole._hold()
        assert [record.getMessage()[:58] for record in caplog.records] == [
            "the database's clock is 3600 s ahead of this machine's: key"[:58]
        ]
        clock.advance(3600)
        sole._hold()
        assert caplog.records[-1].getMessage() == "the database's clock is this machine's again"
    assert len(caplog.records) == 2
