from __future__ import annotations

import psycopg
from psycopg import errors

from chelu.errors import RefusedError, UnreachableError
from chelu.store.failures import DiskFullError, translate

URL = "postgresql://chelu:secret@db.example:5433/site"


def test_a_full_disk_says_so_and_may_be_tried_again() -> None:
    found = translate(errors.DiskFull("could not extend file: No space left on device"), URL, "a COPY")
    assert isinstance(found, DiskFullError)
    assert isinstance(found, UnreachableError)
    assert str(found).startswith("the database at db.example:5433/site has no room on its disk")


def test_who_was_in_each_other_s_way_may_try_again_and_the_database_is_not_said_to_be_away() -> None:
    found = translate(errors.DeadlockDetected("deadlock detected"), URL, "a change")
    assert isinstance(found, UnreachableError)
    assert str(found) == (
        "the database at db.example:5433/site let others go first who changed the same (deadlock detected): nothing was changed, "
        "try again"
    )


def test_a_missing_right_is_a_refusal() -> None:
    found = translate(errors.InsufficientPrivilege("permission denied for schema stream"), URL, "a COPY")
    assert isinstance(found, RefusedError)
    assert "refused a COPY: permission denied for schema stream" in str(found)


def test_a_server_that_is_starting_is_only_unreachable() -> None:
    error = psycopg.OperationalError('connection to server at "db" failed: FATAL:  the database system is starting up')
    assert isinstance(translate(error, URL, "x"), UnreachableError)


def test_a_wrong_statement_is_not_dressed_up() -> None:
    assert translate(errors.UndefinedColumn("no such column"), URL, "x") is None


def test_the_password_never_shows() -> None:
    for error in (errors.DiskFull("full"), errors.InsufficientPrivilege("no"), psycopg.OperationalError("refused")):
        assert "secret" not in str(translate(error, URL, "x"))
