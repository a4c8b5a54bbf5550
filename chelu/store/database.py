"""A PostgreSQL database by its URL: single connections for long work, a pool for short work, errors in one sentence."""

from __future__ import annotations

import contextlib
import select
import threading
import time
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
    """Safe for several threads; a connection belongs to the thread that took it. kept: how many stay open while nobody asks."""

    def __init__(self, url: str, *, application: str = "chelu", pool_size: int = 4, kept: int = 1) -> None:
        if urlsplit(url).scheme not in {"postgresql", "postgres"}:
            raise ConfigurationError("CHELU_DATABASE_URL", address_of(url), "it must begin with postgresql://")
        self.url = url
        self._parameters = {**PARAMETERS, "application_name": application}
        self._pool_size, self._kept = pool_size, kept
        self._pool: ConnectionPool[Connection[Any]] | None = None
        self._opening = threading.Lock()

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
        pool = self._opened()
        with failures(self.url, doing):
            taken = _take(pool, time.monotonic() + timeout_s)
            try:
                with taken as connection:  # commits or rolls back; one that is a pool's is not closed
                    yield connection
            finally:
                pool.putconn(taken)

    def close(self) -> None:
        """Close the pool. Connections of `connect` are their owners'."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _opened(self) -> ConnectionPool[Connection[Any]]:
        """The pool, which the first who asks opens, and nobody else."""
        if self._pool is None:
            self.connect(autocommit=True).close()  # the pool itself would only say that it timed out
        with self._opening:
            if self._pool is None:
                self._pool = self._open_pool()
            return self._pool

    def _open_pool(self) -> ConnectionPool[Connection[Any]]:
        return ConnectionPool(
            self.url,
            min_size=self._kept,
            max_size=self._pool_size,
            kwargs=self._parameters,
            open=True,
        )


def _take(pool: ConnectionPool[Connection[Any]], deadline_s: float) -> Connection[Any]:
    """A connection that lives; PoolTimeout when there is none by then.

    The pool's own `check` waits after each that was cut, longer each time: after a restart of the database it would say for
    many seconds that there is none.
    """
    while True:
        connection = pool.getconn(deadline_s - time.monotonic())
        if _lives(connection):
            return connection
        connection.close()
        pool.putconn(connection)  # which makes another


def _lives(connection: Connection[Any]) -> bool:
    """Whether the server is still there. It is asked only when something came over the idle connection, such as its end.

    A round trip each time would be half of what a short query costs.
    """
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if not poll.poll(0):
        return True
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.OperationalError:
        return False
    return True
