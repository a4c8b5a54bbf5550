"""Steps that bring a component's schema up to date: numbered SQL files, each applied once, one process at a time."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from chelu.errors import CannotStartError

_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file ``NNN_what.sql``; its digest tells whether it was changed after it had been applied."""

    number: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def read(directory: Path) -> tuple[Migration, ...]:
    """The migrations of a directory in order; CannotStartError unless they are numbered 001, 002 … without a gap."""
    files = sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    found = tuple(Migration(int(path.name[:3]), path.name, path.read_text(encoding="utf-8")) for path in files)
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise CannotStartError(f"the migrations in {directory} are numbered {numbers}", "number them 001, 002 … without a gap")
    return found


def migrate(connection: Connection[Any], component: str, directory: Path) -> tuple[str, ...]:
    """Apply what is new in `directory` to the schema `component`; returns the names applied.

    Everything happens in one transaction under an advisory lock, so that components starting at once wait for each other
    and a failing step leaves nothing behind. CannotStartError when the schema is newer than the directory or a step was changed.
    """
    migrations = read(directory)
    table = sql.Identifier(component, "migration")
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('chelu migration'), hashtext(%s))", (component,))
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(component)))
        connection.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {} (number integer PRIMARY KEY, name text NOT NULL,"
                " digest text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
            ).format(table)
        )
        applied = dict(connection.execute(sql.SQL("SELECT number, digest FROM {}").format(table)).fetchall())
        _check(component, migrations, applied)
        new = [migration for migration in migrations if migration.number not in applied]
        for migration in new:
            log.info("schema %s: %s", component, migration.name)
            connection.execute(sql.SQL(migration.text))  # our own file
            insert = sql.SQL("INSERT INTO {} (number, name, digest) VALUES (%s, %s, %s)").format(table)
            connection.execute(insert, (migration.number, migration.name, migration.digest))
    return tuple(migration.name for migration in new)


def _check(component: str, migrations: tuple[Migration, ...], applied: dict[int, str]) -> None:
    newest = max(applied, default=0)
    if newest > len(migrations):
        raise CannotStartError(
            f"schema {component} is at step {newest}, and this version of Chelu knows {len(migrations)}",
            "install the newer version",
        )
    for migration in migrations:
        if applied.get(migration.number, migration.digest) != migration.digest:
            raise CannotStartError(
                f"{migration.name} of schema {component} was changed after it had been applied", "restore it, and add a new step"
            )
