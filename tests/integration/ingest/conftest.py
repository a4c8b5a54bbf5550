"""A site with a real broker, a real database that can be killed, and ingest as a process of its own."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from chelu.clock import SystemClock
from chelu.local import postgres
from chelu.local.ports import free_port
from chelu.local.supervisor import Supervisor
from chelu.store import migrate
from services.registry.prepare import MIGRATIONS
from tests.fix_broker import MakeBroker, RunningBroker
from tests.fix_database import FAST
from tests.integration.ingest.proxy import Proxy
from tests.waiting import until

DEVICES = [
    ("o1", "obu", "auto", "YD/T 3709-2020"),
    ("r1", "rsu", "deployed", "YD/T 3709-2020"),
    ("old", "obu", "auto", "T/CSAE 53-2017"),
]


@dataclass
class Site:
    """The running parts; the newest process is the ingest meant. environ: what ingest gets in its environment besides."""

    url: str
    broker: RunningBroker
    databases: Supervisor | None  # None: the server is not ours to kill
    work: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    def register(self, name: str, kind: str, envelope: str = "auto", standard: str = "YD/T 3709-2020") -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "INSERT INTO register.device (device_id, kind, site_id, envelope, standard) VALUES (%s, %s, 's', %s, %s)",
                (name, kind, envelope, standard),
            )

    def start(self) -> subprocess.Popen[bytes]:
        ready = self.work / f"ready-{len(self.processes)}"
        environ = {
            **os.environ,
            "CHELU_DATABASE_URL": self.url,
            "CHELU_MQTT_URL": self.broker.url,
            "CHELU_READY_FILE": str(ready),
            "CHELU_INGEST_SPOOL_DIRECTORY": str(self.work / "spool"),
            **self.environ,
        }
        with (self.work / "ingest.log").open("ab") as log:
            self.processes.append(subprocess.Popen([sys.executable, "-m", "services.ingest"], env=environ, stderr=log))
        process = self.processes[-1]
        until(lambda: ready.exists() or process.poll() is not None, 30, "ingest to be ready")
        assert process.poll() is None, self.log
        return process

    def kill(self) -> None:
        self.processes[-1].kill()
        self.processes[-1].wait()

    def stop(self) -> int:
        self.processes[-1].send_signal(signal.SIGTERM)
        return self.processes[-1].wait(20)

    def kill_database(self) -> Callable[[], int]:
        """``kill -9``; what is returned waits until it is back. Skips where the server is not ours."""
        if self.databases is None:
            pytest.skip("a server that was named is not killed")
        databases, name = self.databases, self.databases.status()[0].name
        return partial(databases.wait_running, name, timeout_s=20, other_than=databases.kill(name))

    @property
    def log(self) -> str:
        return (self.work / "ingest.log").read_text()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        try:
            with psycopg.connect(self.url, connect_timeout=5) as connection:
                return connection.execute(query.encode()).fetchall()
        except psycopg.OperationalError:
            return []

    def one(self, query: str) -> Any:
        rows = self.rows(query)
        return rows[0][0] if rows else None

    def books(self) -> tuple[int, int, dict[str, int]]:
        """Rows received, stored, and dropped by reason."""
        received, stored = self.rows("SELECT coalesce(sum(received), 0), coalesce(sum(stored), 0) FROM stream.account")[0]
        dropped = self.rows("SELECT reason, sum(rows) FROM stream.drop GROUP BY reason")
        return int(received), int(stored), {reason: int(rows) for reason, rows in dropped}


@pytest.fixture
def site(cold_site: Site) -> Site:
    cold_site.start()
    return cold_site


@pytest.fixture
def proxy(cold_site: Site) -> Iterator[Proxy]:
    """Between ingest and the database, for an ingest that is started after it."""
    parts = urlsplit(cold_site.url)
    proxy = Proxy(parts.hostname or "", parts.port or 5432)
    account = parts.netloc.rpartition("@")[0]
    cold_site.environ["CHELU_DATABASE_URL"] = urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{proxy.port}"))
    yield proxy
    proxy.close()


@pytest.fixture
def own_server(request: pytest.FixtureRequest, tmp_path: Path, open_directory: Path) -> Iterator[tuple[str, Supervisor | None]]:
    """A server that may be killed; or, where one is named, a database of it."""
    if os.environ.get("CHELU_TEST_TIMESCALE_URL") or os.environ.get("CHELU_TEST_DATABASE_URL"):
        yield request.getfixturevalue("database_url"), None
        return
    cluster = postgres.prepare(open_directory / f"ingest-{secrets.token_hex(4)}", port=free_port(), password=secrets.token_hex(8))
    supervisor = Supervisor(SystemClock())
    supervisor.start(postgres.program(cluster, log=tmp_path / "postgres.log", settings={**FAST, "fsync": "on"}))
    yield cluster.url_of("postgres"), supervisor
    supervisor.close()


@pytest.fixture
def cold_site(make_broker: MakeBroker, tmp_path: Path, own_server: tuple[str, Supervisor | None]) -> Iterator[Site]:
    url, supervisor = own_server
    sessions = tmp_path / "broker-sessions"
    sessions.mkdir()
    site = Site(url, make_broker(directory=sessions), supervisor, tmp_path)
    try:
        with psycopg.connect(site.url, autocommit=True) as connection:
            migrate(connection, "register", MIGRATIONS)
            connection.execute(
                "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES ('s', 's', 29.5, 106.5)"
            )
        for device in DEVICES:
            site.register(*device)
        yield site
    finally:
        for process in site.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
