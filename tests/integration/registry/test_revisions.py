"""Whether the register has changed, on a real database: nothing is missed, whatever order changes are committed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.store import Database, migrate
from services.registry.database import Register
from services.registry.prepare import MIGRATIONS
from services.registry.revisions import Revisions

SITE = "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES (%s, '', 0, 0)"
ORGANISATION = "INSERT INTO register.organisation (organisation_id, name, role) VALUES (%s, '', 'vendor')"


@pytest.fixture
def register(database_url: str) -> Iterator[Register]:
    with psycopg.connect(database_url) as connection:
        migrate(connection, "register", MIGRATIONS)
    with closing(Database(database_url)) as database:
        yield Register(database)


@pytest.fixture
def other(database_url: str, register: Register) -> Iterator[Connection[DictRow]]:
    """Somebody else's connection, who commits when he likes."""
    with closing(psycopg.connect(database_url, row_factory=psycopg.rows.dict_row)) as connection:
        yield connection


def look(revisions: Revisions, register: Register) -> bool:
    """Whether there is something new, which then is read."""
    with register.transaction() as connection:
        has_changed = revisions.have_changed(connection)
        revisions.were_read()
    return has_changed


def add(register: Register, sql: str, name: str) -> None:
    with register.transaction("somebody") as connection:
        connection.execute(sql.encode(), (name,))


def test_the_first_look_finds_all_and_the_next_only_what_is_new_of_its_own_tables(register: Register) -> None:
    revisions = Revisions(["site"])
    assert (revisions.is_first, look(revisions, register), revisions.is_first) == (True, True, False)
    assert not look(revisions, register)
    add(register, ORGANISATION, "somebody")
    assert not look(revisions, register), "that is another table"
    add(register, SITE, "a")
    assert look(revisions, register)
    assert not look(revisions, register)


def test_what_was_not_read_is_still_new(register: Register) -> None:
    revisions = Revisions(["site"])
    look(revisions, register)
    add(register, SITE, "a")
    for _ in range(2):
        with register.transaction() as connection:
            assert revisions.have_changed(connection)  # and whoever wanted to read it failed
    assert look(revisions, register)
    assert not look(revisions, register)


def test_a_long_change_that_is_committed_behind_a_later_one_is_not_missed(register: Register, other: Connection[DictRow]) -> None:
    revisions = Revisions(["site"])
    look(revisions, register)
    other.execute(SITE, ("long",))  # it has its number of the log now
    add(register, SITE, "short")
    add(register, ORGANISATION, "somebody")
    assert look(revisions, register)
    assert not look(revisions, register)
    other.commit()
    assert look(revisions, register), "its number is below those that were seen"
    assert not look(revisions, register)


def test_a_change_that_was_undone_is_none(register: Register, other: Connection[DictRow]) -> None:
    revisions = Revisions(["site"])
    look(revisions, register)
    other.execute(SITE, ("never",))
    assert not look(revisions, register)
    other.rollback()
    assert not look(revisions, register)
