"""The register's connection pool as the handlers use it, and its notes in the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool, PoolTimeout

from chelu.errors import UnreachableError

Rows = list[dict[str, Any]]
POOL_TIMEOUT_S = 5.0


class Register:
    """Transactions on the database. Owned by the application; any thread may use it."""

    def __init__(self, pool: ConnectionPool[Connection[DictRow]]) -> None:
        self._pool = pool

    @contextmanager
    def transaction(self) -> Iterator[Connection[DictRow]]:
        """A connection whose changes are committed at the end, or undone by an exception."""
        try:
            with self._pool.connection(timeout=POOL_TIMEOUT_S) as connection:
                yield connection
        except PoolTimeout as error:
            raise UnreachableError("the database", "CHELU_DATABASE_URL", str(error)) from None

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> Rows:
        """All rows of one query."""
        with self.transaction() as connection:
            return connection.execute(sql.encode(), parameters).fetchall()


def open_pool(url: str, *, size: int = 8) -> ConnectionPool[Connection[DictRow]]:
    """A pool of dictionary-row connections in UTC; not yet open."""
    return ConnectionPool(
        url,
        connection_class=Connection[DictRow],
        kwargs={"row_factory": dict_row, "options": "-c timezone=UTC", "connect_timeout": 10},
        min_size=1,
        max_size=size,
        open=False,
        name="registry",
    )


def remember(connection: Connection[DictRow], actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
    """Note a change in the history, in the change's own transaction."""
    sql = "INSERT INTO register.history (actor, action, subject, detail) VALUES (%s, %s, %s, %s)"
    connection.execute(sql, (actor, action, subject, Jsonb(detail)))
