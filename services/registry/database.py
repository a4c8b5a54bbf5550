"""The register's transactions as the handlers use them, and its notes in the history."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb, set_json_loads

from chelu.store import Database
from services.registry import stored_json

CONNECTION_S = 2.0  # a caller is rather told to try again than kept waiting
ITSELF = "registry"  # the actor of what the registry does by itself, all the time; it changes nobody's rights
Rows = list[dict[str, Any]]


class Register:
    """Transactions on the database, whose rows are dictionaries. Owned by the application; any thread may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers = itertools.count(1)  # next() is one step, whatever the other threads do
        self.changes = 0  # that somebody asked for here; what was read before the last may be out of date

    @contextmanager
    def transaction(self, actor: str = "") -> Iterator[Connection[DictRow]]:
        """A connection whose changes are committed at the end, or undone by an exception; the audit log has them from `actor`.

        UnreachableError or RefusedError when the database is away or says no; wrong SQL raises psycopg's errors.
        """
        with self._database.connection(doing="a request of the API", timeout_s=CONNECTION_S) as connection:
            _prepare(connection)
            if actor:
                connection.execute("SELECT set_config('chelu.actor', %s, true)", (actor,))
            yield connection
        if actor not in {"", ITSELF}:
            self.changes = next(self._numbers)

    @contextmanager
    def reading(self) -> Iterator[Connection[DictRow]]:
        """A connection for queries that need not see one state: each is a transaction of its own, two round trips less."""
        with self._database.connection(doing="a request of the API", timeout_s=CONNECTION_S) as connection:
            _prepare(connection)
            connection.autocommit = True
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> Rows:
        """All rows of one query."""
        with self.reading() as connection:
            return connection.execute(sql.encode(), parameters).fetchall()


def _prepare(connection: Connection[Any]) -> None:
    """What the pool's connections keep, once they have it."""
    if connection.row_factory is not dict_row:
        connection.row_factory = dict_row
        set_json_loads(stored_json.read, connection)


def remember(connection: Connection[DictRow], actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
    """Note a change in the history, in the change's own transaction."""
    sql = "INSERT INTO register.history (actor, action, subject, detail) VALUES (%s, %s, %s, %s)"
    connection.execute(sql, (actor, action, subject, Jsonb(detail)))
