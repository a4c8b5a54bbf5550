"""A real PostgreSQL for tests: the embedded one, or the one that an environment variable names.

CHELU_TEST_TIMESCALE_URL (a TimescaleDB) goes before CHELU_TEST_DATABASE_URL; either must name a user who may create databases.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from chelu.clock import SystemClock
from chelu.local import postgres
from chelu.local.ports import free_port
from chelu.local.supervisor import Supervisor

_numbers = itertools.count()
# The tests' clusters are thrown away, so nothing needs to survive a power cut.
FAST = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": "200"}


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """Where databases can be created: the URL of one that exists, and the supervised process if it is ours."""

    url: str

    def url_of(self, database: str) -> str:
        """The URL of another database of this server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """A directory that other accounts can enter, for parts that give up root; removed after the session."""
    path = Path(tempfile.mkdtemp(prefix="chelu-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def database_server(open_directory: Path) -> Iterator[DatabaseServer]:
    """One server for the session."""
    named = os.environ.get("CHELU_TEST_TIMESCALE_URL") or os.environ.get("CHELU_TEST_DATABASE_URL")
    if named:
        yield DatabaseServer(named)
        return
    cluster = postgres.prepare(open_directory / "postgres", port=free_port(), password=secrets.token_hex(16))
    supervisor = Supervisor(SystemClock())
    try:
        supervisor.start(postgres.program(cluster, log=open_directory / "postgres.log", settings=FAST))
        yield DatabaseServer(cluster.url_of("postgres"))
    finally:
        supervisor.close()


@pytest.fixture
def make_database(database_server: DatabaseServer) -> Iterator[Callable[[], str]]:
    """Creates fresh, empty databases and answers their URLs; they are dropped after the test, with whoever still uses them."""
    with databases(database_server) as make:
        yield make


@contextmanager
def databases(server: DatabaseServer) -> Iterator[Callable[[], str]]:
    """As `make_database`, for as long as this lasts."""
    names: list[str] = []

    def make() -> str:
        name = f"chelu_test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        names.append(name)
        return server.url_of(name)

    yield make
    with psycopg.connect(server.url, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> str:
    """The URL of a fresh, empty database."""
    return make_database()


def drop_streams(url: str, *, tries: int = 5) -> None:
    """Schema stream goes. A job of TimescaleDB's may be at one of its tables, and each wait for the other: then once more."""
    for left in reversed(range(tries)):
        try:
            with psycopg.connect(url) as connection:
                connection.execute("DROP SCHEMA stream CASCADE")
        except psycopg.errors.DeadlockDetected:
            if not left:
                raise
        else:
            return
