"""A PostgreSQL database by its URL: single connections for long work, a pool for short work, errors in one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from chelu.clock import Clock
from chelu.errors import ConfigurationError, UnreachableError
from chelu.store.failures import address_of, failures

CONNECT_TIMEOUT_S = 5
WAIT_POLL_S = 0.2
# Sessions in UTC; a peer that vanished without a word is noticed within a minute.
PARAMETERS: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "options": "-c timezone=UTC -c client_encoding=UTF8",
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 4,
}


class Database:
    """Safe for several threads; a connection belongs to the thread that took it."""

    def __init__(self, url: str, *, application: str = "chelu", pool_size: int = 4) -> None:
        if urlsplit(url).scheme not in {"postgresql", "postgres"}:
            raise ConfigurationError("CHELU_DATABASE_URL", address_of(url), "it must begin with postgresql://")
        self.url = url
        self._parameters = {**PARAMETERS, "application_name": application}
        self._pool_size = pool_size
        self._pool: ConnectionPool[Connection[Any]] | None = None

    @property
    def address(self) -> str:
        """``host:port/database``, for messages."""
        return address_of(self.url)

    def connect(self, *, autocommit: bool = False) -> Connection[Any]:
        """A connection of its own; close it. UnreachableError or RefusedError in one sentence."""
        with failures(self.url, "the connection"):
            return psycopg.connect(self.url, autocommit=autocommit, **self._parameters)

    def wait(self, *, timeout_s: float, clock: Clock) -> None:
        """Return when the database lets us in; the last UnreachableError after `timeout_s`, a RefusedError at once."""
        deadline_s = clock.monotonic_s() + timeout_s
        while True:
            try:
                self.connect(autocommit=True).close()
            except UnreachableError:
                if clock.monotonic_s() >= deadline_s:
                    raise
                clock.sleep(WAIT_POLL_S)
            else:
                return

    @contextlib.contextmanager
    def connection(self, *, doing: str = "the statement", timeout_s: float = 10.0) -> Iterator[Connection[Any]]:
        """A pooled connection in a transaction: committed at the end of the block, rolled back by an error.

        Database errors leave the block as UnreachableError, DiskFullError or RefusedError; wrong SQL stays psycopg's.
        """
        if self._pool is None:
            self.connect(autocommit=True).close()  # the pool itself would only say that it timed out
            self._pool = self._open_pool()
        with failures(self.url, doing), self._pool.connection(timeout=timeout_s) as connection:
            yield connection

    def close(self) -> None:
        """Close the pool. Connections of `connect` are their owners'."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _open_pool(self) -> ConnectionPool[Connection[Any]]:
        return ConnectionPool(
            self.url,
            min_size=1,
            max_size=self._pool_size,
            kwargs=self._parameters,
            check=ConnectionPool.check_connection,
            open=True,
        )
