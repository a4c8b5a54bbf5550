from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from chelu.errors import CannotStartError
from chelu.store import migrate


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    (tmp_path / "001_site.sql").write_text("CREATE TABLE register.site (site_id text PRIMARY KEY); CREATE TABLE register.b ();")
    (tmp_path / "002_name.sql").write_text("ALTER TABLE register.site ADD COLUMN name text DEFAULT '100%';")
    return tmp_path


def test_steps_are_applied_once(database_url: str, steps: Path) -> None:
    with psycopg.connect(database_url) as connection:
        assert migrate(connection, "register", steps) == ("001_site.sql", "002_name.sql")
        assert migrate(connection, "register", steps) == ()


def test_components_that_start_at_once_do_not_collide(database_url: str, steps: Path) -> None:
    applied: list[tuple[str, ...]] = []

    def run() -> None:
        with psycopg.connect(database_url) as connection:
            applied.append(migrate(connection, "register", steps))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, applied)) == [0, 0, 0, 2]


def test_a_step_that_fails_leaves_nothing_behind(database_url: str, steps: Path) -> None:
    (steps / "003_broken.sql").write_text("CREATE TABLE register.c (); SELECT no_such_function();")
    with psycopg.connect(database_url) as connection:
        with pytest.raises(psycopg.errors.UndefinedFunction):
            migrate(connection, "register", steps)
        assert connection.execute("SELECT to_regclass('register.site')").fetchone() == (None,)


def test_a_step_changed_after_it_was_applied_is_refused(database_url: str, steps: Path) -> None:
    with psycopg.connect(database_url) as connection:
        migrate(connection, "register", steps)
        (steps / "001_site.sql").write_text("SELECT 1")
        with pytest.raises(CannotStartError, match=r"001_site\.sql of schema register was changed"):
            migrate(connection, "register", steps)


def test_a_database_of_a_newer_version_is_refused(database_url: str, steps: Path) -> None:
    with psycopg.connect(database_url) as connection:
        migrate(connection, "register", steps)
        (steps / "002_name.sql").unlink()
        with pytest.raises(CannotStartError, match="at step 2, and this version of Chelu knows 1"):
            migrate(connection, "register", steps)
