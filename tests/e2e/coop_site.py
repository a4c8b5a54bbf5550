"""A site for cooperation: inference as a process on a real broker and database, small roads, vehicles with real agents."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from chelu.clock import SystemClock
from chelu.geo import LocalFrame
from chelu.store import Database, migrate
from edge.agent import Agent
from edge.settings import EdgeSettings
from simulators.coop.participant import Course, Participant
from tests.fix_broker import RunningBroker
from tests.waiting import until

ROOT = Path(__file__).parents[2]
FRAME = LocalFrame(29.55, 106.57, 250.0)
SITE = "north"


@dataclass(slots=True)
class CoopSite:
    """Devices are registered as they are wanted; `inference` runs between `started` and the end."""

    database_url: str
    broker: RunningBroker
    directory: Path
    parameters: str = ""
    _count: int = 0
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def prepare(self, network: bytes) -> None:
        """The register, with a site and its roads."""
        with Database(self.database_url).connect(autocommit=True) as connection:
            migrate(connection, "register", ROOT / "services" / "registry" / "migrations")
            connection.execute(
                "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg, elevation_m)"
                " VALUES (%s, 'North', %s, %s, %s)",
                (SITE, FRAME.latitude_deg, FRAME.longitude_deg, FRAME.elevation_m),
            )
            connection.execute(
                "INSERT INTO register.road_network (site_id, version, format, content) VALUES (%s, 1, 'sumo', %s)",
                (SITE, network),
            )

    def register(self, name: str, kind: str, **values: Any) -> None:
        columns = {"device_id": name, "kind": kind, "site_id": SITE, "labels": "{}", **values}
        query = f"INSERT INTO register.device ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(query.encode(), list(columns.values()))

    @contextlib.contextmanager
    def inference(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process, ready; ended by SIGTERM, with code 0."""
        self._count += 1
        ready, log = self.directory / f"ready-{self._count}", self.directory / f"inference-{self._count}.log"
        environment = {
            **os.environ,
            "CHELU_DATABASE_URL": self.database_url,
            "CHELU_MQTT_URL": self.broker.url,
            "CHELU_READY_FILE": str(ready),
            "CHELU_INFERENCE_CLIENT_ID": f"coop-{self.directory.name}"[:60],
            "CHELU_INFERENCE_USE_MODEL": "false",
        }
        with log.open("wb") as output:
            process = subprocess.Popen([sys.executable, "-m", "services.inference"], cwd=ROOT, env=environment, stderr=output)
        try:
            until(lambda: ready.exists() or process.poll() is not None, 90, "inference to be ready")
            assert process.poll() is None, log.read_text()
            yield process
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(15) == 0, log.read_text()
            assert "Traceback" not in log.read_text(), log.read_text()
        finally:
            process.kill()
            process.wait()

    def vehicle(self, name: str, course: Course, **values: Any) -> Participant:
        """Registered before: a participant that drives until the site is closed."""
        number = 0xA0 + len(list(self.directory.glob("spool-*")))
        spool = self.directory / f"spool-{name}"
        spool.mkdir()
        made = Participant(name, self.broker.url, course, FRAME, spool, SystemClock(), vehicle_id=number, **values)
        return self._open.enter_context(made)

    def signal(self, name: str, **settings: Any) -> Ear:
        """An agent at a signal, and what it shows."""
        return self.unit(name, "signal", **settings)[1]

    def unit(self, name: str, kind: str, **settings: Any) -> tuple[Agent, Ear]:
        """An agent at the roadside, and what it is told."""
        ear = self._open.enter_context(Ear())
        about = {
            "kind": kind, "id": name, "broker": self.broker.url, "warning_sink": ear.endpoint,
            "spool": {"directory": self.directory / f"spool-{name}"}, **settings,
        }  # fmt: skip
        agent = Agent(EdgeSettings.check(about, source="test"), SystemClock())
        agent.start()
        self._open.callback(agent.stop)
        agent.wait_connected(10)
        return agent, ear

    def close(self) -> None:
        """End all participants and agents."""
        self._open.close()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query.encode(), values).fetchall()


class Ear:
    """Hears JSON lines over UDP."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.documents: list[dict[str, Any]] = []

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def all(self) -> list[dict[str, Any]]:
        """Everything so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.documents.append(json.loads(self._socket.recv(65_536)))
        return self.documents

    def __enter__(self) -> Ear:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
